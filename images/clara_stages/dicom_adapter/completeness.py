"""When a study is complete: nobody who brought an instance is still connected, and its quiet period is over."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""How long a study waits that could not be completed (a full disk, a database that does not answer)."""

StudyKey = tuple[str, str]
"""(called AE title, Study Instance UID)."""


@dataclass
class _Receiving:
    due_at: float
    open_associations: set[str] = field(default_factory=set)


class CompletenessClock:
    """Watches the studies that receive and calls ``complete`` for each when it is time.

    Woken by events, not by polling: it sleeps until the earliest due time or until something changes.

    Args:
        quiet_period_s: Called AE title -> seconds since the last instance.
        complete: Makes the arrival. When it raises, the study is tried again after RETRY_S.
    """

    def __init__(self, quiet_period_s: Callable[[str], float], complete: Callable[[str, str], object]) -> None:
        self._quiet_period_s = quiet_period_s
        self._complete = complete
        self._studies: dict[StudyKey, _Receiving] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="completeness", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End after the completion in progress; what is not complete stays awaiting in the ledger."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether it watches."""
        return self._thread.is_alive()

    def received(self, called_ae_title: str, study_instance_uid: str, association_id: str | None) -> None:
        """An instance of a study came; None for an association of an earlier process."""
        with self._changed:
            key = (called_ae_title, study_instance_uid)
            due_at = time.monotonic() + self._quiet_period_s(called_ae_title)
            study = self._studies.setdefault(key, _Receiving(due_at))
            study.due_at = due_at
            if association_id is not None:
                study.open_associations.add(association_id)
            self._changed.notify()

    def association_ended(self, association_id: str) -> None:
        """An association was released or aborted: what it brought counts."""
        with self._changed:
            for study in self._studies.values():
                study.open_associations.discard(association_id)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                key = self._take_due()
                while key is None and not self._stopping:
                    self._changed.wait(self._until_next())
                    key = self._take_due()
                if self._stopping:
                    return
            if key is not None:
                self._complete_one(key)

    def _complete_one(self, key: StudyKey) -> None:
        try:
            self._complete(*key)
        except Exception:  # one study's trouble must not end the service for all
            log.exception("a study of %s could not be completed, next try in %g s", key[0], RETRY_S)
            with self._changed:
                retry = self._studies.setdefault(key, _Receiving(0.0))
                retry.due_at = max(retry.due_at, time.monotonic() + RETRY_S)

    def _take_due(self) -> StudyKey | None:
        now = time.monotonic()
        for key, study in self._studies.items():
            if not study.open_associations and study.due_at <= now:
                del self._studies[key]
                return key
        return None

    def _until_next(self) -> float | None:
        due = [study.due_at for study in self._studies.values() if not study.open_associations]
        return max(0.0, min(due) - time.monotonic()) if due else None
