"""Taking over a result: its files are ours, on the disk, before the answer goes out."""

import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from sqlalchemy import Connection, select

from clara_stages.dicom_adapter.config import Scu
from clara_stages.dicom_adapter.config.problems import suggest
from clara_stages.dicom_adapter.home import FILE_MODE, Home
from clara_stages.dicom_adapter.ledger import Ledger, deliveries
from clara_stages.dicom_adapter.ledger.deliveries import DeliveryConflictError, OutboxInstance, Result, result_digest
from clara_stages.dicom_adapter.ledger.schema import delivery_instances
from clara_stages.kit.files import sync_folder

_CHUNK_BYTES = 1 << 20

log = logging.getLogger(__name__)


class BadDeliveryError(ValueError):
    """A delivery cannot be accepted as it was posted."""


@dataclass(frozen=True, kw_only=True)
class PostedInstance:
    """One instance as the stage names it; ``digest`` is the SHA-256 of the file's bytes in hex."""

    file: str
    sop_class_uid: str
    sop_instance_uid: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class PostedDelivery:
    """The body of a delivery."""

    result_key: str
    folder: str
    destinations: tuple[str, ...]
    workflow: str
    dag_run_id: str
    instances: tuple[PostedInstance, ...]


@dataclass(frozen=True)
class OutboxIntake:
    """Accepts deliveries.

    Attributes:
        io_root: Only folders below it are read.
        wake: Called with the destinations that have something to do.
    """

    scu: Scu
    ledger: Ledger
    home: Home
    io_root: Path
    wake: Callable[[tuple[str, ...]], None]

    def prepare(self) -> None:
        """Drop copies that no delivery of the ledger refers to."""
        known = self.ledger.read(_folders)
        for folder in self.home.outbox.iterdir():
            if folder.name not in known:
                shutil.rmtree(folder, ignore_errors=True)

    def accept(self, posted: PostedDelivery) -> bool:
        """Take a delivery over, or take up a known one.

        Returns:
            Whether it is new.

        Raises:
            BadDeliveryError: An unknown destination, a folder outside the payload tree, a file that is missing or
                is not what the body says.
            DeliveryConflictError: The key is known with other content.
            OSError: The copy failed; nothing was accepted.
        """
        self._check(posted)
        digest = result_digest([(item.sop_instance_uid, item.digest) for item in posted.instances])
        try:
            known = self.ledger.read(lambda c: deliveries.is_known(c, posted.result_key, digest))
        except DeliveryConflictError:
            self._take_up(posted)  # the stored result wins: it is what goes to these destinations
            raise
        if known:
            self._restore(posted)
            self._take_up(posted)
            return False
        instances = self._copy(posted)
        result = Result(
            result_key=posted.result_key,
            workflow=posted.workflow,
            dag_run_id=posted.dag_run_id,
            destinations=posted.destinations,
            instances=instances,
        )
        # Where the commit fails or is late the copy stays: the row may come yet, and ``prepare`` drops what has none.
        new = self.ledger.write(lambda c: deliveries.record_result(c, result))
        if not new:  # somebody posted the same at the same moment; the first copy is the one referred to
            shutil.rmtree((self.home.outbox / instances[0].file).parent, ignore_errors=True)
        self.wake(posted.destinations)
        return new

    def _restore(self, posted: PostedDelivery) -> None:
        """Copy a known result once more where its files are gone from the outbox and are still to be had."""
        files = self.ledger.read(lambda c: deliveries.stored_files(c, posted.result_key))
        if all((self.home.outbox / file).is_file() for file in files):
            return
        try:
            instances = self._copy(posted)
        except BadDeliveryError as error:
            log.warning("result %s is gone from the outbox and cannot be copied again: %s", posted.result_key, error)
            return  # what is sent stays sent; the receipt of the rest says that its copy is gone
        self.ledger.write(lambda c: deliveries.replace_files(c, posted.result_key, instances))

    def _take_up(self, posted: PostedDelivery) -> None:
        self.ledger.write(lambda c: deliveries.add_destinations(c, posted.result_key, posted.destinations))
        self.wake(posted.destinations)

    def _check(self, posted: PostedDelivery) -> None:
        known = [item.name for item in self.scu.destinations]
        for name in posted.destinations:
            if name not in known:
                raise BadDeliveryError(
                    f"the destination {name!r} is unknown, expected a name of dicom.scu.destinations. "
                    f"{suggest(name, known)}"
                )
        if not posted.destinations or not posted.instances:
            raise BadDeliveryError(
                "a delivery has no destination or no instance, expected at least one of each. Post nothing where there "
                "is nothing to deliver."
            )
        uids = [item.sop_instance_uid for item in posted.instances]
        if len(set(uids)) != len(uids):
            raise BadDeliveryError("a SOP Instance UID is named twice, expected each once. Correct the list.")

    def _copy(self, posted: PostedDelivery) -> tuple[OutboxInstance, ...]:
        source = Path(posted.folder).resolve()
        if not source.is_relative_to(self.io_root.resolve()):
            raise BadDeliveryError(
                f"the folder {posted.folder!r} is not below {self.io_root}, expected a folder of the payload tree. "
                "Write results there; both sides must see it under the same path."
            )
        target = self.home.outbox / uuid.uuid4().hex
        target.mkdir()
        try:
            instances = tuple(
                _copy_instance(source, item, target / f"{number:06d}.dcm")
                for number, item in enumerate(posted.instances, start=1)
            )
            sync_folder(target)
            sync_folder(self.home.outbox)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        return instances


def _copy_instance(source: Path, item: PostedInstance, target: Path) -> OutboxInstance:
    path = (source / item.file).resolve()
    if not path.is_relative_to(source) or not _is_file(path):
        raise BadDeliveryError(
            f"the file {item.file!r} is not in {source}, expected a file of the result. "
            "Post names relative to 'folder'."
        )
    total = hashlib.sha256()
    with path.open("rb") as reader, target.open("xb") as writer:
        while chunk := reader.read(_CHUNK_BYTES):
            total.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fchmod(writer.fileno(), FILE_MODE)
        os.fsync(writer.fileno())
    if total.hexdigest() != item.digest.lower():
        raise BadDeliveryError(
            f"the file {item.file!r} has the SHA-256 {total.hexdigest()}, expected {item.digest!r}. "
            "Post the digest of the file's bytes in hex, after the file is complete."
        )
    return _read_identity(item, target)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False


def _read_identity(item: PostedInstance, target: Path) -> OutboxInstance:
    try:
        dataset = dcmread(target, stop_before_pixels=True, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        found: tuple[Any, Any] = (dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID"))
        transfer_syntax = str(dataset.file_meta.TransferSyntaxUID)
    except (InvalidDicomError, AttributeError, OSError) as error:
        raise BadDeliveryError(
            f"the file {item.file!r} is no DICOM file ({type(error).__name__}), expected one with file meta "
            "information. Correct the writer."
        ) from error
    if found != (item.sop_class_uid, item.sop_instance_uid):
        raise BadDeliveryError(
            f"the file {item.file!r} holds SOP class and instance {found[0]} {found[1]}, expected "
            f"{item.sop_class_uid} {item.sop_instance_uid}. Post the file's own UIDs."
        )
    return OutboxInstance(
        sop_class_uid=item.sop_class_uid,
        sop_instance_uid=item.sop_instance_uid,
        transfer_syntax_uid=transfer_syntax,
        digest=item.digest.lower(),
        file=f"{target.parent.name}/{target.name}",
    )


def _folders(connection: Connection) -> set[str]:
    files = connection.execute(select(delivery_instances.c.file).distinct())
    return {row.file.partition("/")[0] for row in files}
