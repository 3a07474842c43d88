"""The components of an instance: what is started, in which order, and how to tell that it is ready."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from clara_ops.cli.laptop.environment import HOST
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.ports import Ports

PACS_AE_TITLE = "ORTHANC"
"""What the demo PACS calls itself; the example adapter configuration sends there."""

PROBE_TIMEOUT_S = 2.0
"""A component that answers more slowly is not ready; it is asked again."""


@dataclass(frozen=True, kw_only=True)
class Component:
    """One process (with whatever it starts itself).

    Attributes:
        name: Also the name of its pid file and its log.
        arguments: What follows ``python -m``.
        folder: Where it runs.
        needs_database: Whether Airflow's database has to be there first.
        is_ready: Asks it; may raise httpx.HTTPError or OSError, which means not yet.
    """

    name: str
    arguments: tuple[str, ...]
    folder: Path
    needs_database: bool
    is_ready: Callable[[], bool]

    @property
    def command(self) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", *self.arguments]


def build_components(checkout: Checkout, home: Home, ports: Ports, adapter_config: Path) -> tuple[Component, ...]:
    """All components, in the order in which they are started: those that others wait for come first."""
    return (
        _adapter(checkout, home, ports, adapter_config),
        _pacs(checkout, home, ports),
        _airflow("api-server", home, ports, "--host", HOST, "--port", str(ports.airflow)),
        # The servers of task logs listen on every interface; here the api-server reads the files itself.
        _airflow("scheduler", home, ports, "--skip-serve-logs"),
        _airflow("dag-processor", home, ports),
        _airflow("triggerer", home, ports, "--skip-serve-logs"),
    )


def _adapter(checkout: Checkout, home: Home, ports: Ports, config: Path) -> Component:
    folders = {"--config": config, "--home": home.adapter, "--io-root": home.io, "--workflows": checkout.workflows}
    return Component(
        name="adapter",
        arguments=(
            "clara_stages.dicom_adapter",
            *(str(item) for pair in folders.items() for item in pair),
            *("--dicom-port", str(ports.adapter_dicom), "--http-port", str(ports.adapter_http)),
        ),
        folder=checkout.root,
        needs_database=False,
        is_ready=lambda: _get(f"http://{HOST}:{ports.adapter_http}/health/ready").status_code == httpx.codes.OK,
    )


def _pacs(checkout: Checkout, home: Home, ports: Ports) -> Component:
    return Component(
        name="pacs",
        arguments=(
            *("tools.demo.pacs", "--folder", str(home.pacs), "--port", str(ports.pacs_dicom)),
            *("--ae-title", PACS_AE_TITLE),
        ),
        folder=checkout.root,
        needs_database=False,
        is_ready=lambda: _announced_port(home.logs / "pacs.log") == ports.pacs_dicom,
    )


def _airflow(name: str, home: Home, ports: Ports, *options: str) -> Component:
    job = {"api-server": "metadatabase", "dag-processor": "dag_processor"}.get(name, name)

    def is_ready() -> bool:
        health = _get(f"http://{HOST}:{ports.airflow}/api/v2/monitor/health").json()
        # The API that tasks talk to is built at its first request, in two seconds and more: not the first study's.
        tasks_api = name != "api-server" or _get(f"http://{HOST}:{ports.airflow}/execution/health/ping").is_success
        return bool(health[job]["status"] == "healthy") and tasks_api

    return Component(
        name=name,
        arguments=("airflow", name, *options),
        folder=home.airflow,
        needs_database=True,
        is_ready=is_ready,
    )


def _get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=PROBE_TIMEOUT_S, trust_env=False)


def _announced_port(log: Path) -> int | None:
    """The port in the first line of output, ``{"port": n}``."""
    first, newline, _ = log.read_text(errors="replace").partition("\n")
    try:
        return int(json.loads(first)["port"]) if newline else None
    except (ValueError, KeyError, TypeError):
        return None
