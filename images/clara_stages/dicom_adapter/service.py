"""The adapter as one: its parts, wired, started and stopped in order."""

import logging
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from clara_stages.dicom_adapter import VERSION
from clara_stages.dicom_adapter.arrivals import ArrivalMaker
from clara_stages.dicom_adapter.completeness import CompletenessClock
from clara_stages.dicom_adapter.config import AdapterConfig, ServedAeTitle
from clara_stages.dicom_adapter.home import Home
from clara_stages.dicom_adapter.ledger import Ledger, intake
from clara_stages.dicom_adapter.ledger import arrivals as ledger_arrivals
from clara_stages.dicom_adapter.ledger.views import view_rejections
from clara_stages.dicom_adapter.matching import Matcher
from clara_stages.dicom_adapter.notify import Notifier
from clara_stages.dicom_adapter.outbox.accept import OutboxIntake
from clara_stages.dicom_adapter.outbox.worker import Outbox
from clara_stages.dicom_adapter.rest.app import create_app
from clara_stages.dicom_adapter.rest.context import RestContext
from clara_stages.dicom_adapter.scp.server import StorageServer
from clara_stages.dicom_adapter.scp.store import InstanceStore
from clara_stages.dicom_adapter.workflow_watch import WorkflowWatch
from clara_stages.dicom_adapter.workflows import WorkflowCatalog
from clara_stages.kit.files import write_json

HTTP_START_S = 15.0
HTTP_STOP_S = 2
"""Open requests get this long on shutdown; long polls are woken first."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line says.

    Attributes:
        dicom_port: None takes the configuration's; 0 a free one.
        database: None is a SQLite file in the home.
    """

    io_root: Path
    workflows: Path
    dicom_host: str = "0.0.0.0"  # noqa: S104 - scanners are on the network
    dicom_port: int | None = None
    http_host: str = "127.0.0.1"
    http_port: int = 0
    database: str | None = None
    installation: str = "clara-ops"


class Adapter:
    """All parts of the service in one process."""

    def __init__(self, config: AdapterConfig, settings: Settings, home: Home, token: str) -> None:
        self.config = config
        self.settings = settings
        self.home = home
        self.offers = Notifier()
        self.receipts = Notifier()
        url = settings.database or f"sqlite:///{home.ledger_file}"
        self.ledger = Ledger(url, installation=settings.installation)
        catalog = WorkflowCatalog(settings.workflows)
        self.matcher = Matcher(config, catalog)
        self.maker = ArrivalMaker(config, self.ledger, home, settings.io_root, self.matcher, self.offers.ring)
        self.clock = CompletenessClock(self._quiet_period_s, self.maker.complete)
        self.watch = WorkflowWatch(catalog, self.ledger, self.maker.judge_held)
        store = InstanceStore(self.ledger, home, reserve_mib=config.reserve_mib, received=self.clock.received)
        self.scp = StorageServer(config.scp, store, self.ledger, self.clock.association_ended)
        self.outbox = Outbox(config.scu, self.ledger, home, self.receipts.ring)
        self.outbox_intake = OutboxIntake(config.scu, self.ledger, home, settings.io_root, self.outbox.wake)
        context = RestContext(
            ledger=self.ledger,
            outbox=self.outbox_intake,
            offers=self.offers,
            receipts=self.receipts,
            overdue_s=config.overdue_s,
            not_ready=self.not_ready,
        )
        self._http = uvicorn.Server(
            uvicorn.Config(
                create_app(context, token),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_graceful_shutdown=HTTP_STOP_S,
            )
        )
        self._http_thread: threading.Thread | None = None

    def start(self) -> None:
        """Take up what an earlier process left, listen on both ports and say where.

        Raises:
            ConfigError: A forced match names a workflow that no file has.
            LedgerError: The ledger cannot be opened.
            OSError: A folder or a port cannot be had.
        """
        self.matcher.check_forced_matches()
        self.home.prepare()
        self.ledger.open()
        self.maker.prepare()
        self.outbox_intake.prepare()
        self._take_up()
        self.clock.start()
        self.watch.start()
        self.outbox.start()
        http_port = self._start_http()
        wanted = self.config.scp.port if self.settings.dicom_port is None else self.settings.dicom_port
        with _naming_port("DICOM", self.settings.dicom_host, wanted):
            dicom_port = self.scp.start(self.settings.dicom_host, wanted)
        write_json(self.home.ports_file, {"dicom": dicom_port, "http": http_port})
        log.info(
            "dicom_adapter %s of %s serves %s on port %d, REST on %s:%d",
            VERSION,
            self.settings.installation,
            ", ".join(title.ae_title for title in self.config.scp.ae_titles),
            dicom_port,
            self.settings.http_host,
            http_port,
        )

    def stop(self) -> None:
        """End in the opposite order; everything acknowledged is in the ledger already."""
        self.home.ports_file.unlink(missing_ok=True)
        self.offers.close()
        self.receipts.close()
        self._http.should_exit = True
        self.scp.stop()
        self.clock.stop()
        self.watch.stop()
        self.outbox.stop()
        if self._http_thread is not None:
            self._http_thread.join(HTTP_STOP_S + 1)
        self.ledger.close()

    def broken(self) -> str:
        """Which part has ended that must not, "" while all is well."""
        if not self.ledger.alive:
            return "the ledger's writer has ended"
        if self._http_thread is None or not self._http_thread.is_alive():
            return "the REST server has ended"
        if not self.clock.alive:
            return "the completeness clock has ended"
        return "" if self.scp.listening else "the DICOM listener has ended"

    def not_ready(self) -> str:
        """Why the adapter cannot take studies just now, "" when it can."""
        if not self.scp.listening:
            return "the DICOM port does not listen, expected it to. Wait for the start, or look at the log."
        free_mib = shutil.disk_usage(self.home.root).free >> 20
        if free_mib < self.config.reserve_mib:
            return f"{free_mib} MiB of disk are free, expected {self.config.reserve_mib}. Free some space."
        try:
            self.ledger.read(lambda c: view_rejections(c, 1))
        except Exception as error:  # whatever the database says, the answer is the same
            return f"the ledger does not answer ({type(error).__name__}), expected rows. Check the database."
        return self.broken()

    def _quiet_period_s(self, called_ae_title: str) -> float:
        served = self.config.scp.served(called_ae_title)
        return served.quiet_period_s if served else ServedAeTitle(ae_title=called_ae_title).quiet_period_s

    def _take_up(self) -> None:
        """Studies that were receiving when the last process ended get one more quiet period, then they are complete."""
        self.ledger.write(intake.close_forgotten_associations)
        for study in self.ledger.read(ledger_arrivals.awaiting_studies):
            self._forget_unacknowledged(study.id)
            self.clock.received(study.called_ae_title, study.study_instance_uid, None)
            log.info("a study of %s was receiving when the adapter ended; it is taken up", study.called_ae_title)

    def _forget_unacknowledged(self, study_id: int) -> None:
        """Drop rows that a power loss kept without their files: such instances were never acknowledged."""
        rows = self.ledger.read(lambda c: ledger_arrivals.counting_instances(c, study_id))
        missing = [row for row in rows if not (self.home.instances / row.file).is_file()]
        # Only the instance in transfer can lack its acknowledgement: the newest of an association that was cut off.
        cut_off = self.ledger.read(intake.cut_off_associations)
        newest = {row.association_id: row.id for row in sorted(rows, key=lambda row: row.id)}
        unacknowledged = [
            row.id for row in missing if row.association_id in cut_off and newest[row.association_id] == row.id
        ]
        if len(missing) > len(unacknowledged):
            log.error(
                "%d acknowledged files are missing below %s; the study waits for them. Mount or restore that folder.",
                len(missing),
                self.home.instances,
            )
        elif unacknowledged:
            self.ledger.write(lambda c: intake.forget_instances(c, unacknowledged))
            log.warning(
                "%d instances were not acknowledged and are forgotten; their sender repeats them", len(unacknowledged)
            )

    def _start_http(self) -> int:
        with _naming_port("REST", self.settings.http_host, self.settings.http_port):
            listener = socket.create_server((self.settings.http_host, self.settings.http_port), backlog=128)
        self._http_thread = threading.Thread(
            target=self._http.run, kwargs={"sockets": [listener]}, name="rest", daemon=True
        )
        self._http_thread.start()
        deadline = time.monotonic() + HTTP_START_S
        while not self._http.started and time.monotonic() < deadline and self._http_thread.is_alive():
            time.sleep(0.01)
        if not self._http.started:
            raise OSError("the REST server did not start, expected it within seconds. See the log.")
        return int(listener.getsockname()[1])


@contextmanager
def _naming_port(what: str, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(
            f"the {what} port {host}:{port} cannot be had: {error.strerror or error}; expected a free port that this "
            "user may open. Choose another, or stop who holds it."
        ) from error
