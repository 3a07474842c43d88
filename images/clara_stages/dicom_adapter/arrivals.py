"""A complete study becomes an arrival: a read-only folder for the workflows, and a row for each that matches."""

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clara_stages.dicom_adapter.config import AdapterConfig
from clara_stages.dicom_adapter.home import FILE_MODE, Home
from clara_stages.dicom_adapter.ledger import Ledger
from clara_stages.dicom_adapter.ledger import arrivals as ledger_arrivals
from clara_stages.dicom_adapter.ledger.arrivals import HELD, Judgement, NewArrival
from clara_stages.dicom_adapter.matching import Matcher, arrival_destinations
from clara_stages.kit.contract import study_digest
from clara_stages.kit.contract.facts import build_study_facts
from clara_stages.kit.files import link_or_copy, sync_folder, write_json

log = logging.getLogger(__name__)


def build_arrival_id(called_ae_title: str, study_instance_uid: str, digest: str) -> str:
    """Opaque, and the same for the same instances at the same called AE title."""
    text = "\0".join((called_ae_title, study_instance_uid, digest))
    return "a" + hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True)
class ArrivalMaker:
    """Completes studies.

    Attributes:
        on_change: Called after something new may be offered.
    """

    config: AdapterConfig
    ledger: Ledger
    home: Home
    io_root: Path
    matcher: Matcher
    on_change: Callable[[], None]

    def prepare(self) -> None:
        """Make the folder of arrivals, and drop layouts that an earlier process did not finish."""
        self._studies.mkdir(parents=True, exist_ok=True)
        for leftover in self._studies.glob(".*.partial"):
            shutil.rmtree(leftover, ignore_errors=True)

    def complete(self, called_ae_title: str, study_instance_uid: str) -> str | None:
        """Make the arrival of all that a study holds now.

        Returns:
            The arrival id, or None where the study waits for nothing or nothing of it counts.

        Raises:
            Exception: The arrival cannot be made; the study stays awaiting, and its view says why.
        """
        study, rows = self.ledger.read(
            lambda c: ledger_arrivals.study_with_instances(c, called_ae_title, study_instance_uid)
        )
        if study is None or not study.awaiting:  # an earlier completion saw the instance that led here
            return None
        try:
            return self._complete(study, rows)
        except Exception as error:
            trouble = f"cannot be completed: {getattr(error, 'strerror', None) or type(error).__name__}; see the log"
            self.ledger.write(lambda c: ledger_arrivals.note_trouble(c, study.id, trouble))
            raise

    def _complete(self, study: Any, rows: Sequence[Any]) -> str | None:
        called_ae_title = study.called_ae_title
        if not rows:
            self.ledger.write(lambda c: ledger_arrivals.settle_study(c, study.id, study.changes))
            return None
        digest = study_digest(row.sop_instance_uid for row in rows)
        arrival_id = build_arrival_id(called_ae_title, study.study_instance_uid, digest)
        facts = build_study_facts(
            (row.header for row in rows),
            called_ae_title=called_ae_title,
            calling_ae_title=study.calling_ae_title,
        )
        self._lay_out(arrival_id, digest, facts, [row.file for row in rows])
        arrival = NewArrival(
            arrival_id=arrival_id,
            study_id=study.id,
            study_digest=digest,
            instances=len(rows),
            received_at=study.received_at,
            seen_changes=study.changes,
            judgement=self.matcher.judge(facts),
        )
        new = self.ledger.write(lambda c: ledger_arrivals.record_arrival(c, arrival))
        self.on_change()
        _log_arrival(arrival, called_ae_title, new=new)
        return arrival_id

    def judge_held(self) -> None:
        """Ask the workflows again about every held arrival."""
        for arrival_id in self.ledger.read(ledger_arrivals.held_arrivals):
            try:
                text = (self._studies / arrival_id / "study.json").read_text(encoding="utf-8")
                judgement = self.matcher.judge(json.loads(text)["facts"])
            except Exception as error:  # one arrival's trouble must not keep the others held
                log.warning("arrival %s cannot be judged: %s", arrival_id, type(error).__name__)
                judgement = Judgement(verdict=HELD, reason=f"study.json of {arrival_id} cannot be read: {error}")
            self._judge_again(arrival_id, judgement)
        self.on_change()

    def _judge_again(self, arrival_id: str, judgement: Judgement) -> None:
        self.ledger.write(lambda c: ledger_arrivals.judge_again(c, arrival_id, judgement))
        log.info("arrival %s is judged again: %s %s", arrival_id, judgement.verdict, judgement.reason)

    @property
    def _studies(self) -> Path:
        return self.io_root / "studies"

    def _lay_out(self, arrival_id: str, digest: str, facts: dict[str, Any], files: Sequence[str]) -> None:
        """Make ``<io_root>/studies/<arrival_id>``; it appears whole or not at all."""
        target = self._studies / arrival_id
        if (target / "study.json").is_file():
            return
        partial = self._studies / f".{arrival_id}.{uuid.uuid4().hex}.partial"
        try:
            (partial / "instances").mkdir(parents=True)
            for number, name in enumerate(files, start=1):
                file = partial / "instances" / f"{number:06d}.dcm"
                link_or_copy(self.home.instances / name, file)
                file.chmod(FILE_MODE)
            sync_folder(partial / "instances")
            document = {
                "arrival_id": arrival_id,
                "study_digest": digest,
                "facts": facts,
                "destinations": list(arrival_destinations(self.config, facts["called_ae_title"])),
            }
            write_json(partial / "study.json", document)
            (partial / "study.json").chmod(FILE_MODE)
            if target.exists():  # without study.json it is what somebody's clean-up left over
                shutil.rmtree(target)
            os.rename(partial, target)
            sync_folder(self._studies)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _log_arrival(arrival: NewArrival, called_ae_title: str, *, new: bool) -> None:
    judgement = arrival.judgement
    if not new:
        log.info("arrival %s of %s was received again without a change", arrival.arrival_id, called_ae_title)
        return
    log.info(
        "arrival %s of %s: %d instances, %s %s",
        arrival.arrival_id,
        called_ae_title,
        arrival.instances,
        judgement.verdict,
        ", ".join(match.workflow for match in judgement.matches) or judgement.reason,
    )
