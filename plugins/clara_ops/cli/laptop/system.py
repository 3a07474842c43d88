"""Start an instance, know when it is ready, notice what dies, and leave nothing behind."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx

from clara_ops.cli.laptop.adapter_config import served_ae_titles, write_adapter_config
from clara_ops.cli.laptop.airflow_api import AirflowApi
from clara_ops.cli.laptop.components import Component, build_components
from clara_ops.cli.laptop.database import prepare_database
from clara_ops.cli.laptop.environment import airflow_variables, component_environment
from clara_ops.cli.laptop.home import Checkout, Home
from clara_ops.cli.laptop.interruption import interruptible
from clara_ops.cli.laptop.keeper import Keeper
from clara_ops.cli.laptop.ports import PortReservations, Ports
from clara_ops.cli.laptop.processes import end_processes

READY_TIMEOUT_S = 180.0
"""Start-up takes 15 s on two idle cores; a laptop that swaps may need many times that."""

WORKFLOWS_TIMEOUT_S = 60.0
"""After the components are ready; a workflow that Airflow has not read by then is broken, and reported as such."""

POLL_S = 0.2
"""Between two looks at the components."""

LOG_TAIL_LINES = 15
"""What is shown of the log of a component that failed."""

GRACE_S = 8.0
"""From SIGTERM to SIGKILL: more than the six seconds Airflow takes, less than anyone's patience."""

SHORT_GRACE_S = 1.0
"""For a home that is wiped at its next start: nothing in it needs an orderly end."""

LOG_LINE_LENGTH = 240
"""Airflow's lines can be a thousand characters long, and what matters stands in front."""

DISPATCHER = "clara_arrivals"
"""The DAG that turns complete studies into runs."""

Say = Callable[[str], None]


class ComponentFailedError(Exception):
    """A component ended, or did not become ready; the text ends with its last log lines."""


class System:
    """A running instance."""

    def __init__(self, checkout: Checkout, home: Home, ports: Ports, installation: str) -> None:
        self.checkout = checkout
        self.home = home
        self.ports = ports
        self.variables = airflow_variables(checkout, home, ports, installation)
        adapter_config = home.run / "dicom-server-config.yaml"
        write_adapter_config(checkout.adapter_config, adapter_config, ports)
        self.ae_titles = served_ae_titles(adapter_config)
        self._components = build_components(checkout, home, ports, adapter_config)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at = time.monotonic()

    def start(self) -> None:
        """Start every component; Airflow's as soon as its database is there."""
        environment = component_environment(self.home, self.variables)
        for component in self._components:
            if not component.needs_database:
                self._start(component, environment)
        prepare_database(self.checkout, self.home, environment)
        for component in self._components:
            if component.needs_database:
                self._start(component, environment)

    def wait_until_ready(self, say: Say) -> None:
        """Return when every component answers and Airflow has read the workflows.

        Raises:
            ComponentFailedError: One ended or took longer than READY_TIMEOUT_S.
        """
        waiting = {component.name: component for component in self._components}
        deadline = time.monotonic() + READY_TIMEOUT_S
        while waiting:
            self.require_alive()
            for name in [name for name, component in waiting.items() if _is_ready(component)]:
                del waiting[name]
                say(f"  {name:<14} ready after {self.elapsed_s():5.1f} s")
            if waiting and time.monotonic() > deadline:
                name = next(iter(waiting))
                raise ComponentFailedError(f"{name} is not ready after {READY_TIMEOUT_S:.0f} s{self.log_tail(name)}")
            time.sleep(POLL_S)
        self._wait_for_workflows(say)
        ports = {"airflow", "adapter_dicom", "adapter_http", "pacs_dicom"}
        text = json.dumps({name: port for name, port in asdict(self.ports).items() if name in ports})
        partial = self.home.run / ".ports.json"
        partial.write_text(text)
        partial.replace(self.home.ports_file)

    def require_alive(self) -> None:
        """Raise ComponentFailedError when a component has ended."""
        for name, process in self._processes.items():
            code = process.poll()
            if code is not None:
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                raise ComponentFailedError(f"{name} {how}{self.log_tail(name)}")

    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_at

    def reap(self) -> None:
        """Collect the exit codes of ended components."""
        for process in self._processes.values():
            process.wait()

    def _start(self, component: Component, environment: dict[str, str]) -> None:
        with self._log(component.name).open("wb") as log:
            process = subprocess.Popen(
                component.command,
                cwd=component.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal reaches us alone; we stop them in order
            )
        self._processes[component.name] = process
        (self.home.run / f"{component.name}.pid").write_text(f"{process.pid}\n")

    def _wait_for_workflows(self, say: Say) -> None:
        wanted = {path.stem for path in self.checkout.workflows.glob("*.yaml")} | {DISPATCHER}
        deadline = time.monotonic() + WORKFLOWS_TIMEOUT_S
        with AirflowApi(self.home, self.ports) as airflow:
            missing = wanted - airflow.dag_ids()
            while missing and time.monotonic() < deadline and not airflow.import_errors():
                self.require_alive()
                time.sleep(POLL_S)
                missing = wanted - airflow.dag_ids()
            say(f"  {'workflows':<14} ready after {self.elapsed_s():5.1f} s")
            for file, text in airflow.import_errors():
                say(f"  Airflow could not read {file}: {_error_of(text)}")
            if missing:
                say(f"  not in Airflow: {', '.join(sorted(missing))}; see `clara-ops workflows check`")

    def _log(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"

    def log_tail(self, name: str) -> str:
        """The end of a component's log, to be put behind an error."""
        lines = self._log(name).read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f"; the end of {self._log(name)}:\n" + "\n".join(f"    {line[:LOG_LINE_LENGTH]}" for line in lines)


@contextmanager
def running_system(
    checkout: Checkout, home: Home, *, installation: str | None, fresh: bool, say: Say
) -> Iterator[System]:
    """A started instance (not yet a ready one); on leaving, however that happens, all of it is gone.

    SIGINT, SIGTERM and SIGHUP raise ``Interrupted`` inside; a second one ends the orderly stop at once.

    Args:
        checkout: What is run.
        home: Where; it must be free.
        installation: The installation's name; None takes the home's own.
        fresh: Whether to wipe the home first.
        say: Tells the user.

    Raises:
        HomeBusyError: The home is in use.
        OSError: No free port.
        ValueError: A fresh start would empty a folder that is not an instance's.
    """
    checkout.require()
    if fresh:
        home.require_wipeable()
    ports = PortReservations()
    with interruptible() as interruption:
        lock = home.lock()
        try:
            home.clear_run()
            left = end_processes(home.marker, 0.0, lambda _: True)
            if left:
                say(f"  ended {left} processes that an earlier instance in {home.root} had left")
            if fresh:
                home.wipe()
            home.prepare()
            system = System(checkout, home, ports.choose(), installation or home.installation)
            grace_s = SHORT_GRACE_S if fresh else GRACE_S
            keeper = Keeper(home, (lock, *ports.file_descriptors), grace_s)
            interruption.again = keeper.hurry
            try:
                system.start()
                yield system
            finally:
                interruption.stopping()
                keeper.stop()
                end_processes(home.marker, 0.0, lambda _: True)  # should someone have killed the keeper
                system.reap()
        finally:
            ports.release()
            home.unlock()


def _is_ready(component: Component) -> bool:
    try:
        return component.is_ready()
    except (httpx.HTTPError, OSError, ValueError, KeyError):
        return False


def _error_of(traceback: str) -> str:
    """What stands behind the frames of a traceback."""
    lines = traceback.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith(("Traceback", "  "))]
    return "\n    ".join(lines[frames[-1] + 1 :] if frames else lines)
