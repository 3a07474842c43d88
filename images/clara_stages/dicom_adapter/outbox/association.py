"""One association to a destination: which contexts are proposed, what each answer means."""

import logging
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.presentation import PresentationContext, build_context

from clara_stages.dicom_adapter.config import Destination
from clara_stages.dicom_adapter.ledger.deliveries import FAILED, PENDING, SENT

MAX_CONTEXTS = 128
"""Presentation context ids are the odd numbers of one byte (PS3.8 9.3.2.2)."""

CONNECT_TIMEOUT_S = 10.0
NEGOTIATION_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 120.0
"""How long a destination may take over one instance; a slow archive writes a large object to tape in less."""

MAX_PDU_BYTES = 256 << 10

_OUT_OF_RESOURCES = range(0xA700, 0xA800)
_WARNINGS = range(0xB000, 0xC000)
_GENERAL_WARNINGS = (0x0001, 0x0107, 0x0116)
"""PS3.7 Annex C."""

_UNCOMPRESSED = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
"""The two encodings that we turn into each other where a destination takes only one of them."""

log = logging.getLogger(__name__)


class DestinationUnavailableError(ConnectionError):
    """No association could be had, or it broke; the same may work later."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of one attempt: ``pending`` is tried again, ``failed`` is not."""

    state: str
    status: int | None
    reason: str = ""


def classify_status(status: int) -> Receipt:
    """What a C-STORE-RSP status means for a delivery (PS3.4 B.2.3, PS3.7 Annex C)."""
    if status == 0x0000 or status in _WARNINGS or status in _GENERAL_WARNINGS:
        return Receipt(state=SENT, status=status)
    if status in _OUT_OF_RESOURCES:
        return Receipt(state=PENDING, status=status, reason=f"the destination is out of resources ({status:04X})")
    return Receipt(state=FAILED, status=status, reason=f"the destination refused the instance ({status:04X})")


def build_contexts(kinds: Iterable[tuple[str, str]]) -> list[PresentationContext]:
    """Presentation contexts for (SOP class, transfer syntax) pairs, at most MAX_CONTEXTS.

    Each file's own syntax has a context of its own, so that the destination cannot prefer another; for uncompressed
    little endian the other VR encoding is proposed besides.
    """
    wanted: dict[tuple[str, str], None] = {}
    for sop_class, syntax in kinds:
        offered = dict.fromkeys((sop_class, item) for item in (syntax, *_alternatives(syntax)))
        if len(wanted | offered) > MAX_CONTEXTS:
            break
        wanted |= offered
    return [build_context(sop_class, syntax) for sop_class, syntax in wanted]


class OutgoingAssociation:
    """An open association; use as a context manager."""

    def __init__(self, calling_ae_title: str, destination: Destination, contexts: list[PresentationContext]) -> None:
        # A file whose own transfer syntax was accepted is sent as it lies on the disk, without decoding.
        _config.STORE_SEND_CHUNKED_DATASET = True
        _config.LOG_HANDLER_LEVEL = "none"
        ae = AE(ae_title=calling_ae_title)
        ae.connection_timeout = CONNECT_TIMEOUT_S
        ae.acse_timeout = NEGOTIATION_TIMEOUT_S
        ae.dimse_timeout = ANSWER_TIMEOUT_S
        ae.network_timeout = ANSWER_TIMEOUT_S
        self._destination = destination
        self._association = _associate(ae, destination, contexts)
        accepted = self._association.accepted_contexts
        self._accepted = {(str(item.abstract_syntax), str(item.transfer_syntax[0])) for item in accepted}
        self._proposed = {(str(item.abstract_syntax), str(item.transfer_syntax[0])) for item in contexts}
        self._message_id = 0

    def __enter__(self) -> "OutgoingAssociation":
        return self

    def __exit__(self, *_: object) -> None:
        if self._association.is_established:
            self._association.release()

    def proposes(self, sop_class: str, syntax: str) -> bool:
        """Whether this association was opened with such instances in mind."""
        return (sop_class, syntax) in self._proposed

    def send(self, path: Path, sop_class: str, syntax: str) -> Receipt:
        """Send one file.

        Raises:
            DestinationUnavailableError: The association is gone or the destination did not answer.
        """
        usable = [item for item in (syntax, *_alternatives(syntax)) if (sop_class, item) in self._accepted]
        if not usable:
            return Receipt(
                state=FAILED,
                status=None,
                reason=f"the destination accepts no presentation context for {sop_class} in {syntax}",
            )
        if not self._association.is_established:
            raise DestinationUnavailableError(f"{self._destination.name} ended the association")
        self._message_id = self._message_id % 0xFFFF + 1
        try:
            dataset: Any = path if usable[0] == syntax else _load(path)
            answer = self._association.send_c_store(dataset, msg_id=self._message_id)
        except RuntimeError as error:
            raise DestinationUnavailableError(f"{self._destination.name} ended the association") from error
        except OSError as error:
            reason = f"its copy in the outbox cannot be read: {error.strerror or type(error).__name__}"
            return Receipt(state=PENDING, status=None, reason=reason)
        except Exception as error:  # broken elements raise many kinds; the other instances are to go on
            reason = f"the instance cannot be encoded: {type(error).__name__}"
            return Receipt(state=FAILED, status=None, reason=reason)
        if "Status" not in answer:
            raise DestinationUnavailableError(
                f"{self._destination.name} did not answer a C-STORE within {ANSWER_TIMEOUT_S:g} s or broke off"
            )
        return classify_status(int(answer.Status))


def _associate(ae: Any, destination: Destination, contexts: list[PresentationContext]) -> Any:
    where = f"{destination.name} ({destination.ae_title} at {destination.host_ip}:{destination.port})"
    try:
        association = ae.associate(
            destination.host_ip,
            destination.port,
            contexts=contexts,
            ae_title=destination.ae_title,
            max_pdu=MAX_PDU_BYTES,
            evt_handlers=[(evt.EVT_CONN_OPEN, _send_at_once)],
        )
    except OSError as error:  # the name does not resolve
        raise DestinationUnavailableError(f"{where} cannot be reached: {error}") from error
    if association.is_established:
        return association
    if association.is_rejected:
        answer = association.acceptor.primitive
        raise DestinationUnavailableError(
            f"{where} rejected the association: {answer.result_str}, {answer.reason_str}; "
            "check both AE titles and what the destination knows of us"
        )
    if association.rejected_contexts:
        return association  # accepted without a single context: send() says so for each instance
    raise DestinationUnavailableError(f"{where} cannot be reached")


def _send_at_once(event: Any) -> None:
    event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _alternatives(syntax: str) -> tuple[str, ...]:
    return tuple(item for item in _UNCOMPRESSED if item != syntax) if syntax in _UNCOMPRESSED else ()


def _load(path: Path) -> Any:
    from pydicom import dcmread

    return dcmread(path)
