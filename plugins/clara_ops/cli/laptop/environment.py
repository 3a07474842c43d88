"""The environment variables by which the components of one instance find each other."""

import json
import os
import sys
from pathlib import Path

from clara_ops.cli.airflow_database import pools
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.ports import Ports

MARKER_VARIABLE = "CLARA_INSTANCE"
"""Carried by every process of an instance: its home folder. This is how the keeper finds them."""

HOST = "127.0.0.1"

SPARE_WORKERS = 2
"""Beyond one for each slot of a pool: long stages in every slot must not keep the dispatcher and ``close`` waiting."""


def airflow_variables(checkout: Checkout, home: Home, ports: Ports, installation: str) -> dict[str, str]:
    """What Airflow and its commands need to know of this instance, beyond the profile."""
    secrets = home.secrets
    url = f"http://{HOST}:{ports.airflow}"
    connection = {
        "conn_type": "clara_adapter",
        "host": f"http://{HOST}",
        "port": ports.adapter_http,
        "password": secrets.adapter_token,
    }
    return {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW_CONFIG": str(checkout.airflow_config),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.database}",
        "AIRFLOW__CORE__DAGS_FOLDER": str(checkout.root / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home.airflow / "plugins"),
        "AIRFLOW__CORE__PARALLELISM": str(sum(pool.slots for pool in pools()) + SPARE_WORKERS),
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.passwords_file),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API__PORT": str(ports.airflow),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.airflow / "logs"),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.trigger_logs),
        "AIRFLOW__CLARA__IO_ROOT": str(home.io),
        "AIRFLOW__CLARA__WORKFLOWS_FOLDER": str(checkout.workflows),
        "AIRFLOW__CLARA__BUNDLE_ROOT": str(checkout.root / "bundles"),
        "AIRFLOW__CLARA__STUDY_ROOTS": "*",
        "AIRFLOW__CLARA__INSTALLATION": installation,
        "AIRFLOW_CONN_CLARA_ADAPTER": json.dumps(connection),
    }


def component_environment(home: Home, variables: dict[str, str]) -> dict[str, str]:
    """The whole environment of a component: ours, this instance's, and nothing of another Airflow."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW_", "AIRFLOW__", "_AIRFLOW", "CLARA_", "MAKE", "MFLAGS"))
    }
    bypass = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), HOST, "localhost"]))
    return {
        **inherited,
        **variables,
        MARKER_VARIABLE: home.marker,
        "CLARA_ADAPTER_TOKEN": home.secrets.adapter_token,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "NO_PROXY": bypass,  # a site's web proxy must not see calls from one component to the next
        "no_proxy": bypass,
        "PYTHONUNBUFFERED": "1",
        "SPT_NOENV": "1",  # setproctitle would overwrite the environment and the marker in it
    }
