"""One C-STORE: from the bytes on the wire to a durable acknowledgement."""

import hashlib
import logging
import os
import re
import shutil
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from clara_stages.dicom_adapter.home import FILE_MODE, Home
from clara_stages.dicom_adapter.ledger import Ledger, LedgerError, intake
from clara_stages.dicom_adapter.ledger.intake import ReceivedInstance, Recorded, Verdict
from clara_stages.dicom_adapter.ledger.store import WRITE_TIMEOUT_S
from clara_stages.dicom_adapter.scp.content import same_content
from clara_stages.dicom_adapter.scp.dataset import Header, UnreadableDatasetError, parse_header
from clara_stages.kit.files import sync_folder

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
DOES_NOT_MATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
"""C-STORE statuses (PS3.4 B.2.3); senders repeat on A700 and give up on the others."""

_UID = re.compile(r"[0-9.]{1,64}")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Sender:
    """The association an instance came on."""

    association_id: str
    peer: str
    calling_ae_title: str
    called_ae_title: str


@dataclass(frozen=True, kw_only=True)
class StoreRequest:
    """A C-STORE-RQ.

    Attributes:
        encoded: The data set's bytes as received.
        file_meta: Preamble, prefix and file meta information for it.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    encoded: bytes
    file_meta: bytes


class StoreRefusedError(Exception):
    """The instance is not kept; the sender gets ``status``."""

    def __init__(self, status: int, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.remedy = remedy


class InstanceStore:
    """Keeps instances.

    Args:
        received: Called after an instance that counts was committed: (called AE title, Study Instance UID,
            association id, or None where the sender was told of a failure).
    """

    def __init__(
        self, ledger: Ledger, home: Home, *, reserve_mib: int, received: Callable[[str, str, str | None], None]
    ) -> None:
        self._ledger = ledger
        self._home = home
        self._reserve_bytes = reserve_mib << 20
        self._received = received

    def store(self, sender: Sender, request: StoreRequest) -> int:
        """Keep one instance and answer its status; 0000 only when file and ledger row are on the disk."""
        try:
            self._keep(sender, request)
        except StoreRefusedError as refusal:
            self._report(sender, refusal)
            return refusal.status
        except (OSError, SQLAlchemyError, LedgerError, FutureTimeoutError) as error:
            reason = f"an instance was not stored: {getattr(error, 'strerror', None) or type(error).__name__}"
            self._report(sender, StoreRefusedError(OUT_OF_RESOURCES, reason, "check disk and database of the adapter"))
            return OUT_OF_RESOURCES
        except Exception:
            log.exception("an instance from %s was not stored", sender.calling_ae_title)
            return CANNOT_UNDERSTAND
        return SUCCESS

    def _keep(self, sender: Sender, request: StoreRequest) -> None:
        self._check_space(len(request.encoded))
        header = self._checked_header(request)
        digest = hashlib.sha256(request.encoded).hexdigest()
        instance = ReceivedInstance(
            called_ae_title=sender.called_ae_title,
            calling_ae_title=sender.calling_ae_title,
            study_instance_uid=header.study_instance_uid,
            sop_instance_uid=header.sop_instance_uid,
            sop_class_uid=header.sop_class_uid,
            transfer_syntax_uid=request.transfer_syntax_uid,
            dataset_digest=digest,
            file=build_file_name(sender.called_ae_title, header, digest),
            size_bytes=len(request.encoded),
            association_id=sender.association_id,
            header=header.values,
            own_result=header.own_result,
        )
        known = self._ledger.read(lambda c: intake.find_instance(c, instance))
        # The file is looked for: a power loss may have kept the row of an instance that was never acknowledged.
        if known is not None and known.dataset_digest == digest and (self._home.instances / known.file).is_file():
            recorded = self._ledger.write(lambda c: intake.record_instance(c, instance))
        else:
            recorded = self._write(instance, request)
        if recorded.verdict is Verdict.OTHER_BYTES:
            recorded = self._compare(sender, instance, request, recorded.known_file)
        if recorded.counts:
            self._received(sender.called_ae_title, header.study_instance_uid, sender.association_id)

    def _write(self, instance: ReceivedInstance, request: StoreRequest) -> Recorded:
        path = self._home.instances / instance.file
        write_file(self._home.incoming / uuid.uuid4().hex, path, request)
        committed = self._ledger.submit(lambda c: intake.record_instance(c, instance))
        try:
            sync_folder(path.parent)  # while the ledger commits: both wait for the same disk
            recorded = committed.result(WRITE_TIMEOUT_S)
        except (OSError, FutureTimeoutError):
            # The sender hears of a failure, yet the row may be committed: the study must not wait for ever.
            committed.add_done_callback(lambda done: self._tell_late(instance, done))
            raise
        if recorded.verdict is Verdict.OTHER_BYTES:
            path.unlink(missing_ok=True)  # no row names it; another sender of the same bytes may have been here
        return recorded

    def _tell_late(self, instance: ReceivedInstance, committed: "Future[Recorded]") -> None:
        if committed.exception() is None and committed.result().counts:
            self._received(instance.called_ae_title, instance.study_instance_uid, None)

    def _compare(self, sender: Sender, instance: ReceivedInstance, request: StoreRequest, known_file: str) -> Recorded:
        if same_content(self._home.instances / known_file, BytesIO(request.file_meta + request.encoded)):
            return self._ledger.write(lambda c: intake.record_repeat(c, instance))
        # Named by its content: the same conflict sent again, by whomever, is one file and not many.
        name = Path(instance.file).name
        if not (self._home.quarantine / name).is_file():
            write_file(self._home.incoming / uuid.uuid4().hex, self._home.quarantine / name, request)
            sync_folder(self._home.quarantine)
        self._ledger.write(lambda c: intake.record_conflict(c, instance, sender.peer, name))
        log.warning(
            "instance %s came again with other content; the first is kept, this one is quarantined as %s",
            instance.sop_instance_uid,
            name,
        )
        return Recorded(verdict=Verdict.OTHER_BYTES, counts=False)

    def _checked_header(self, request: StoreRequest) -> Header:
        try:
            header = parse_header(request.encoded, request.transfer_syntax_uid)
        except UnreadableDatasetError as error:
            raise StoreRefusedError(
                CANNOT_UNDERSTAND, f"instance {request.sop_instance_uid}: {error}", "send a complete, valid object"
            ) from error
        _check_identity(header, request)
        return header

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._home.root).free
        if free - needed < self._reserve_bytes:
            raise StoreRefusedError(
                OUT_OF_RESOURCES,
                f"{free >> 20} MiB of disk are free, {self._reserve_bytes >> 20} MiB are kept in reserve",
                "free some space below the adapter's home; the sender may then send again",
            )

    def _report(self, sender: Sender, refusal: StoreRefusedError) -> None:
        log.warning(
            "C-STORE from %s at %s to %s answered %04X: %s; %s",
            sender.calling_ae_title,
            sender.peer,
            sender.called_ae_title,
            refusal.status,
            refusal.reason,
            refusal.remedy,
        )
        self._ledger.submit(
            lambda c: intake.record_rejection(
                c,
                peer=sender.peer,
                calling=sender.calling_ae_title,
                called=sender.called_ae_title,
                reason=f"{refusal.status:04X}: {refusal.reason}",
                remedy=refusal.remedy,
            )
        )


def _check_identity(header: Header, request: StoreRequest) -> None:
    for name, found, expected in (
        ("SOP Class UID", header.sop_class_uid, request.sop_class_uid),
        ("SOP Instance UID", header.sop_instance_uid, request.sop_instance_uid),
    ):
        if found != expected:
            raise StoreRefusedError(
                DOES_NOT_MATCH,
                f"the data set's {name} is {found[:64]!r}, the C-STORE request says {expected!r}",
                "the sender must put the data set's own UIDs into the request",
            )
    for name, uid in (
        ("SOP Instance UID", header.sop_instance_uid),
        ("Study Instance UID", header.study_instance_uid),
    ):
        if not _UID.fullmatch(uid):
            raise StoreRefusedError(
                DOES_NOT_MATCH,
                f"instance {request.sop_instance_uid}: its {name} is {uid[:64]!r}, expected a UID",
                "correct the object at its source",
            )


def build_file_name(called_ae_title: str, header: Header, dataset_digest: str) -> str:
    """A name made of digits we computed: nothing from the wire becomes part of a path."""
    text = "\0".join((called_ae_title, header.study_instance_uid, header.sop_instance_uid, dataset_digest))
    name = hashlib.sha256(text.encode()).hexdigest()
    return f"{name[:2]}/{name}.dcm"


def write_file(partial: Path, path: Path, request: StoreRequest) -> None:
    """Write an instance under its final name, its bytes on the disk; the name is durable once its folder is synced.

    Raises:
        OSError: The disk is full or broken.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(exist_ok=True)
        sync_folder(path.parent.parent)
    try:
        with partial.open("xb") as stream:
            stream.write(request.file_meta)
            stream.write(request.encoded)
            stream.flush()
            os.fchmod(stream.fileno(), FILE_MODE)
            os.fsync(stream.fileno())
        os.rename(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
