import configparser
import json
from pathlib import Path

from clara_ops.cli.laptop.environment import airflow_variables, component_environment
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.ports import Ports

ROOT = Path(__file__).parents[4]


def variables(home: Home, **ports: int) -> dict[str, str]:
    return airflow_variables(Checkout(ROOT), home, Ports(**ports), "demo")


def test_every_component_is_told_the_ports_that_were_chosen(tmp_path):
    found = variables(Home(tmp_path), airflow=8099, adapter_http=5055)
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8099/execution/"
    assert found["AIRFLOW__API__BASE_URL"] == "http://127.0.0.1:8099"
    connection = json.loads(found["AIRFLOW_CONN_CLARA_ADAPTER"])
    assert (connection["conn_type"], connection["port"]) == ("clara_adapter", 5055)
    assert connection["password"] == Home(tmp_path).secrets.adapter_token


def test_nothing_of_another_airflow_or_of_make_reaches_a_component(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere/else")
    monkeypatch.setenv("CLARA_PARENT_PID", "1")
    monkeypatch.setenv("MAKEFLAGS", "w")
    home = Home(tmp_path)
    environment = component_environment(home, variables(home))
    assert environment["AIRFLOW_HOME"] == str(home.airflow)
    assert not {"AIRFLOW__CORE__EXECUTOR", "CLARA_PARENT_PID", "MAKEFLAGS"} & set(environment)


def test_components_carry_the_marker_and_pass_by_the_web_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "intranet.example")
    monkeypatch.delenv("NO_PROXY", raising=False)
    home = Home(tmp_path)
    environment = component_environment(home, variables(home))
    assert environment["CLARA_INSTANCE"] == str(tmp_path)
    assert environment["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"
    assert environment["SPT_NOENV"] == "1"


def test_the_laptop_profile_serves_this_machine_only():
    profile = configparser.ConfigParser(interpolation=None)
    profile.read(ROOT / "config" / "laptop.cfg")
    assert profile["api"]["host"] == "127.0.0.1"
    assert profile["core"]["load_examples"] == "False"


def test_the_laptop_profile_names_only_options_that_airflow_knows():
    from airflow.configuration import conf

    profile = configparser.ConfigParser(interpolation=None)
    profile.read(ROOT / "config" / "laptop.cfg")
    unknown = [
        f"[{section}] {option}"
        for section in profile.sections()
        for option in profile[section]
        if option not in conf.configuration_description.get(section, {}).get("options", {})
    ]
    assert unknown == []
