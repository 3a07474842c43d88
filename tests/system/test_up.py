"""``clara-ops up``: everything starts, a study comes back as a segmentation, and nothing outlives it."""

import json
import os
import signal
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest
import yaml
from pydicom import dcmread

from clara_ops.cli.laptop.processes import processes_of
from tests.support.laptop import ROOT, command, wait_until_gone
from tools.demo.send import send_study
from tools.demo.study import find_study
from tools.phantom import write_study

pytestmark = pytest.mark.system

COMPONENTS = {"api-server", "scheduler", "dag-processor", "triggerer", "adapter", "pacs"}
AIRFLOW_PORTS = ("airflow", "adapter_http")


def up(home: Path) -> list[str]:
    return ["clara_ops.cli", "up", "--checkout", str(ROOT), "--home", str(home)]


def pids(home: Path) -> dict[str, int]:
    return {file.stem: int(file.read_text()) for file in (home / "run").glob("*.pid")}


def test_a_study_sent_to_a_running_system_comes_back_and_sigterm_leaves_nothing(tmp_path):
    home = tmp_path / "home"
    with command(up(home), home, tmp_path / "up.log") as system:
        ports_file = home / "run" / "ports.json"
        system.wait_for(ports_file.exists)
        ports = json.loads(ports_file.read_text())
        assert set(ports) == {"airflow", "adapter_dicom", "adapter_http", "pacs_dicom"}
        assert set(pids(home)) == COMPONENTS
        assert_listening_here_only(home, {ports[name] for name in AIRFLOW_PORTS})

        second = subprocess.run([sys.executable, "-m", *up(home)], capture_output=True, text=True, timeout=60)
        assert (second.returncode, "is already running" in second.stderr) == (1, True)
        assert_another_home_takes_other_ports(tmp_path / "other", ports)

        write_study(tmp_path / "study", slices=8, rows=96)
        study = find_study(tmp_path / "study")
        send_study(study, ports["adapter_dicom"], "TissueSeg", lambda _: None)
        system.wait_for(lambda: any((home / "pacs").glob("SEG-*.dcm")), timeout_s=300)
        (received,) = (home / "pacs").glob("*.dcm")
        assert dcmread(received).StudyInstanceUID == study.study_instance_uid

        assert system.end(signal.SIGTERM) == 0
        assert processes_of(str(home)) == []
        assert "Stopped; nothing is left running." in system.output
        assert not ports_file.exists()
        assert pids(home) == {}


def assert_listening_here_only(home: Path, ports: set[int]) -> None:
    """Airflow and the adapter's REST API are for this machine alone."""
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in processes_of(str(home))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert ports <= {port for _, port in listening}
    dicom = {int(psutil.Process(pids(home)["adapter"]).cmdline()[-3])}
    assert all(ip_address(ip).is_loopback for ip, port in listening if port not in dicom), listening


def assert_another_home_takes_other_ports(home: Path, taken: dict[str, int]) -> None:
    config = home / "run" / "dicom-server-config.yaml"
    with command(up(home), home, home.parent / "other.log") as other:
        other.wait_for(lambda: "pacs" in pids(home))
        dicom = yaml.safe_load(config.read_text())["dicom"]
        chosen = {dicom["scp"]["port"], *(entry["port"] for entry in dicom["scu"]["destinations"])}
        assert not chosen & set(taken.values())
        assert other.end(signal.SIGINT) == 0


def test_when_the_supervisor_is_killed_everything_ends_with_it(tmp_path):
    home = tmp_path / "home"
    with command(up(home), home, tmp_path / "up.log") as system:
        system.wait_for(lambda: set(pids(home)) == COMPONENTS)
        assert system.end(signal.SIGKILL) == -signal.SIGKILL
        wait_until_gone(home)


def test_what_a_killed_supervisor_and_keeper_left_is_ended_by_the_next_start(tmp_path):
    home = tmp_path / "home"
    with command(up(home), home, tmp_path / "first.log") as first:
        first.wait_for(lambda: "pacs" in pids(home))
        for child in psutil.Process(first.process.pid).children():
            if "clara_ops.cli.laptop.keeper" in child.cmdline():
                child.kill()
        first.end(signal.SIGKILL)
        left = pids(home)["pacs"]
        assert psutil.pid_exists(left)
        with command(up(home), home, tmp_path / "second.log") as second:
            second.wait_for(lambda: "that an earlier instance" in second.output)
            assert left not in {process.pid for process in processes_of(str(home))}
            assert second.end(signal.SIGINT) == 0


def test_a_component_that_dies_is_named_with_the_end_of_its_log(tmp_path):
    home = tmp_path / "home"
    with command(up(home), home, tmp_path / "up.log") as system:
        system.wait_for(lambda: set(pids(home)) == COMPONENTS)
        os.kill(pids(home)["pacs"], signal.SIGKILL)
        assert system.process.wait(timeout=60) == 1
        assert "clara-ops up: pacs was killed by signal 9; the end of " in system.output
        assert processes_of(str(home)) == []
