"""Sending by hand: C-STORE to one node, without an adapter."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, Association, build_context
from pynetdicom.presentation import PresentationContext

from clara_stages.dicom_sender.instances import Instance
from clara_stages.dicom_sender.receipts import DestinationReceipt, InstanceReceipt
from clara_stages.kit import BadInputError, PeerUnavailableError, StageError, StageIO

CALLING_AE_TITLE = "CLARA_OPS"

NETWORK_TIMEOUT_S = 30.0
"""For connecting, the association's negotiation and each answer: a PACS that thinks longer is stuck."""

_LARGEST_AE_TITLE = 16
"""VR AE (PS3.5 6.2)."""

_UNCOMPRESSED = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True, kw_only=True)
class Node:
    """Where to send: address, port and called AE title."""

    host: str
    port: int
    ae_title: str


def parse_node(text: str) -> Node:
    """A node from ``host:port:AE_TITLE``; an IPv6 address stands in brackets. Raises BadInputError."""
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.%\w]+\]|[^:\s]+):(\d{1,5}):([^:\\]+)", text.strip())
    title = match[3].strip() if match else ""
    if match is None or not 0 < int(match[2]) < 65536 or not 0 < len(title) <= _LARGEST_AE_TITLE:
        raise BadInputError(
            f"parameter 'direct' is {text!r}, expected host:port:AE_TITLE", remedy="for example localhost:11112:ORTHANC"
        )
    return Node(host=match[1].strip("[]"), port=int(match[2]), ae_title=title)


def send_direct(io: StageIO, node: Node, folder: Path, instances: list[Instance]) -> DestinationReceipt:
    """Send every instance on one association.

    Returns:
        The receipt: every instance ``sent``, with its status.

    Raises:
        BadInputError: A file is no DICOM file, or the node refuses an instance.
        PeerUnavailableError: No association, an association that ended, or a node that is out of resources.
    """
    ae = AE(ae_title=CALLING_AE_TITLE)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = NETWORK_TIMEOUT_S
    contexts = _contexts(folder, instances)
    try:
        association = ae.associate(node.host, node.port, contexts=contexts, ae_title=node.ae_title)
    except OSError as error:  # the name does not resolve
        raise PeerUnavailableError(
            f"{node.ae_title} at {node.host}:{node.port} cannot be reached: {error.strerror or error}",
            remedy="check the host name, or give the address",
        ) from None
    if not association.is_established:
        raise _no_association(association, node)
    receipts = []
    try:
        for number, instance in enumerate(instances, start=1):
            receipts.append(_store(association, node, folder / instance.file, instance))
            io.progress(number / len(instances), f"{number} of {len(instances)} instance(s) sent")
    finally:
        association.release()
    return DestinationReceipt(state="sent", instances=receipts)


def _no_association(association: Association, node: Node) -> StageError:
    where = f"{node.ae_title} at {node.host}:{node.port}"
    if association.rejected_contexts and not association.accepted_contexts:
        refused = sorted({str(context.abstract_syntax) for context in association.rejected_contexts})
        return BadInputError(
            f"{where} takes none of our objects, of SOP class {', '.join(refused)}",
            remedy="enable the SOP class and its transfer syntax at the node",
        )
    if association.is_rejected:
        reason = "rejected by the node"
    else:
        reason = "aborted by the node" if association.is_aborted else "nobody answers"
    return PeerUnavailableError(
        f"no association with {where}: {reason}",
        remedy=f"check host, port and AE title, and that the node knows the calling AE title {CALLING_AE_TITLE}",
    )


def _contexts(folder: Path, instances: list[Instance]) -> list[PresentationContext]:
    """One presentation context for each SOP class and transfer syntax in the files.

    An uncompressed file may be converted: its context offers both little endian syntaxes.
    """
    wanted: dict[tuple[str, str], list[str]] = {}
    for instance in instances:
        syntax = _transfer_syntax(folder, instance.file)
        syntaxes = (
            [syntax, *(other for other in _UNCOMPRESSED if other != syntax)] if syntax in _UNCOMPRESSED else [syntax]
        )
        wanted[instance.sop_class_uid, syntax] = syntaxes
    return [build_context(sop_class, syntaxes) for (sop_class, _), syntaxes in wanted.items()]


def _transfer_syntax(folder: Path, file: str) -> str:
    try:
        return str(dcmread(folder / file, stop_before_pixels=True, specific_tags=[]).file_meta.TransferSyntaxUID)
    except (OSError, InvalidDicomError, AttributeError) as error:
        raise BadInputError(
            f"{file} is no DICOM file: {type(error).__name__}", remedy="write the result again"
        ) from None


def _store(association: Association, node: Node, path: Path, instance: Instance) -> InstanceReceipt:
    try:
        answer = association.send_c_store(path)
    except ValueError as error:  # pynetdicom's word for a presentation context that was not accepted
        raise BadInputError(
            f"{node.ae_title} does not take objects of SOP class {instance.sop_class_uid} in this transfer syntax: "
            f"{error}",
            remedy="enable this SOP class at the node",
        ) from None
    except RuntimeError:
        answer = None
    if not answer or "Status" not in answer:
        raise PeerUnavailableError(
            f"{node.ae_title} ended the association without an answer to {path.name}",
            remedy="see the node's log, then send again: what it has is not stored twice",
        )
    status = int(answer.Status)
    if _is_out_of_resources(status):
        raise PeerUnavailableError(
            f"{node.ae_title} is out of resources (status {status:04X})", remedy="free its disk, then send again"
        )
    if not _is_stored(status):
        raise BadInputError(
            f"{node.ae_title} refused {path.name} with status {status:04X}",
            remedy="look up the status in the node's conformance statement, and its log for the reason",
        )
    return InstanceReceipt(sop_instance_uid=instance.sop_instance_uid, state="sent", status=f"{status:04X}", attempts=1)


def _is_stored(status: int) -> bool:
    """Success, or a warning after storing: 0000, or Bxxx (PS3.4 table B.2-1)."""
    return status == 0x0000 or status >> 12 == 0xB


def _is_out_of_resources(status: int) -> bool:
    """A7xx (PS3.4 table B.2-1): it may be better later."""
    return status >> 8 == 0xA7
