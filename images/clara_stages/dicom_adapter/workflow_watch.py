"""Looks at the workflow folder while an arrival is held, and judges it again when a file changes."""

import logging
import threading
from collections.abc import Callable

from clara_stages.dicom_adapter.ledger import Ledger
from clara_stages.dicom_adapter.ledger.arrivals import held_arrivals
from clara_stages.dicom_adapter.workflows import WorkflowCatalog

INTERVAL_S = 1.0
"""A person who corrects a file waits at most this long; one stat a file costs microseconds."""

log = logging.getLogger(__name__)


class WorkflowWatch:
    """A thread that compares the folder's stamps."""

    def __init__(self, catalog: WorkflowCatalog, ledger: Ledger, judge_held: Callable[[], None]) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._judge_held = judge_held
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workflow watch", daemon=True)

    def start(self) -> None:
        """Begin; what an earlier process left held is judged at once."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        seen: object = None
        while not self._stopping.is_set():
            try:
                # With the arrivals, so that one judged by a file just before it changed is not forgotten.
                now = (self._ledger.read(held_arrivals), self._catalog.stamp())
                if now[0] and now != seen:
                    self._judge_held()
                seen = now
            except Exception:  # the folder or the database is away for a moment
                log.exception("the workflow folder could not be looked at")
            self._stopping.wait(INTERVAL_S)
