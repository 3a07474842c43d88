"""The command line: arguments, start, and a clean end on SIGTERM."""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import pydicom.config

from clara_stages.dicom_adapter.config import ConfigError, load_config
from clara_stages.dicom_adapter.home import Home, HomeLockedError, lock_home
from clara_stages.dicom_adapter.ledger import LedgerError
from clara_stages.dicom_adapter.service import Adapter, Settings
from clara_stages.kit.log import configure_logging

TOKEN_VARIABLE = "CLARA_ADAPTER_TOKEN"  # noqa: S105 - the name of the variable, not its value
"""The secret is never an argument: process lists show arguments."""

EXIT_STARTED_BADLY = 2
EXIT_BROKE = 1

_HEALTH_INTERVAL_S = 1.0

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Run the adapter until SIGTERM or SIGINT; the exit status says how it went."""
    configure_logging()
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)  # each failure is reported once, by us
    # pydicom's warnings quote values, and a value may be a patient's; what is wrong with data is ours to say.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
    os.umask(0o027)
    given = _parse(sys.argv[1:] if arguments is None else arguments)
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        log.error("%s is empty, expected a secret that the Airflow side knows too. Set it.", TOKEN_VARIABLE)
        return EXIT_STARTED_BADLY
    home = Home(given.home.resolve())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stop.set())
    try:
        with lock_home(home):
            return _run(given, home, token, stop)
    except ConfigError as error:
        for problem in error.problems:
            log.error("%s", problem)  # noqa: TRY400 - a traceback would bury the line number
    except (HomeLockedError, LedgerError, OSError) as error:
        log.error("%s", error)  # noqa: TRY400 - see above
    return EXIT_STARTED_BADLY


def _run(given: argparse.Namespace, home: Home, token: str, stop: threading.Event) -> int:
    settings = Settings(
        io_root=given.io_root.resolve(),
        workflows=given.workflows.resolve(),
        dicom_host=given.dicom_host,
        dicom_port=given.dicom_port,
        http_host=given.http_host,
        http_port=given.http_port,
        database=given.database,
        installation=given.installation,
    )
    adapter = Adapter(load_config(given.config), settings, home, token)
    try:
        adapter.start()
        while not stop.wait(_HEALTH_INTERVAL_S):
            broken = adapter.broken()
            if broken:
                log.error("%s; the adapter ends, so that it is started afresh", broken)
                return EXIT_BROKE
    finally:
        adapter.stop()
    log.info("stopped")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m clara_stages.dicom_adapter", description="Receives studies, starts workflows, delivers results."
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="dicom-server-config.yaml")
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="the adapter's own folder")
    parser.add_argument("--io-root", type=Path, required=True, metavar="DIR", help="payload tree, shared with stages")
    parser.add_argument("--workflows", type=Path, required=True, metavar="DIR", help="folder of workflow files")
    parser.add_argument("--dicom-host", default="0.0.0.0", metavar="ADDRESS", help="where to listen for DICOM")  # noqa: S104 - scanners are on the network
    parser.add_argument("--dicom-port", type=int, metavar="N", help="instead of dicom.scp.port; 0 takes a free one")
    parser.add_argument("--http-host", default="127.0.0.1", metavar="ADDRESS", help="where to listen for the REST API")
    parser.add_argument("--http-port", type=int, default=8787, metavar="N", help="0 takes a free one")
    parser.add_argument("--database", metavar="URL", help="the ledger; SQLite in the home unless given")
    parser.add_argument("--installation", default="clara-ops", metavar="NAME", help="whose ledger it is")
    return parser.parse_args(arguments)
