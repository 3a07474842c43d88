"""The listening socket and its associations, on pynetdicom."""

import logging
import select
import socket
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE, _config, evt
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.sop_class import Verification
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from clara_stages.dicom_adapter.config import Scp
from clara_stages.dicom_adapter.ledger import Ledger, intake
from clara_stages.dicom_adapter.scp.admission import Admission, Refusal, plain_address
from clara_stages.dicom_adapter.scp.store import (
    CANNOT_UNDERSTAND,
    OUT_OF_RESOURCES,
    InstanceStore,
    Sender,
    StoreRequest,
)

MAX_PDU_BYTES = 256 << 10
"""Largest PDU we offer to take: fewer, larger reads; dcmtk's senders use up to 128 KiB of it."""

MAX_READ_BYTES = 16 << 20
"""A PDU that announces more is an attack or noise: nobody may send more than MAX_PDU_BYTES of data."""

IDLE_TIMEOUT_S = 120.0
"""A peer that says nothing for this long is cut off; what it sent stays."""

NEGOTIATION_TIMEOUT_S = 30.0
"""Time a new connection has to ask for an association (ARTIM)."""

DRAIN_S = 2.0
"""On shutdown, how long open associations may finish before they are aborted."""

_KNOWN_TRANSFER_SYNTAXES = frozenset(map(str, AllTransferSyntaxes))

log = logging.getLogger(__name__)


class StorageServer:
    """C-ECHO and C-STORE under several called AE titles on one port.

    Args:
        association_ended: Called once for each accepted association, with its id.
    """

    def __init__(
        self, scp: Scp, store: InstanceStore, ledger: Ledger, association_ended: Callable[[str], None]
    ) -> None:
        self._scp = scp
        self._store = store
        self._ledger = ledger
        self._association_ended = association_ended
        self._admission = Admission(scp)
        self._lock = threading.Lock()
        self._open: dict[Any, Sender] = {}
        self._server: ThreadedAssociationServer | None = None
        self._listener: threading.Thread | None = None
        self._ae: Any = None

    def start(self, host: str, port: int) -> int:
        """Listen; port 0 takes a free one.

        Returns:
            The port.

        Raises:
            OSError: The port cannot be had.
        """
        # Storage classes newer than pynetdicom's table, private ones too, are storage like the others.
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"
        self._ae = AE()
        self._ae.maximum_pdu_size = MAX_PDU_BYTES
        self._ae.maximum_associations = 1000  # the limit is ours, in Admission: it must not count dying threads
        self._ae.network_timeout = IDLE_TIMEOUT_S
        self._ae.acse_timeout = NEGOTIATION_TIMEOUT_S
        self._ae.dimse_timeout = IDLE_TIMEOUT_S
        if self._scp.verification.enabled:
            self._ae.add_supported_context(Verification, list(self._scp.verification.transfer_syntaxes))
        handlers = [
            (evt.EVT_REQUESTED, self._on_requested),
            (evt.EVT_C_ECHO, lambda _event: 0x0000),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_RELEASED, self._on_end, ["released"]),
            (evt.EVT_ABORTED, self._on_end, ["aborted"]),
            (evt.EVT_CONN_CLOSE, self._on_end, ["connection closed"]),
        ]
        server = self._ae.make_server(
            (host, port),
            evt_handlers=handlers,
            server_class=_Server,
            request_handler=_Connection,
        )
        server.on_thread_end = self._on_thread_end
        self._ae._servers.append(server)
        self._server = server
        self._listener = threading.Thread(target=server.serve_forever, args=[0.1], name="dicom-listener", daemon=True)
        self._listener.start()
        return int(server.server_address[1])

    @property
    def listening(self) -> bool:
        """Whether new associations are taken."""
        return self._server is not None and self._listener is not None and self._listener.is_alive()

    def stop(self) -> None:
        """Take no new association, give the open ones DRAIN_S, then abort them."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.shutdown()
        deadline = time.monotonic() + DRAIN_S
        while self._open and time.monotonic() < deadline:
            time.sleep(0.02)
        with self._lock:
            left = list(self._open)
        for association in left:
            association.abort()
            self._end(association, "adapter stopped")

    def _on_requested(self, event: Any) -> None:
        association = event.assoc
        request = association.requestor.primitive
        calling, called = str(request.calling_ae_title).strip(), str(request.called_ae_title).strip()
        peer = str(plain_address(association.requestor.address_info.address))
        sender = Sender(association_id=uuid.uuid4().hex, peer=peer, calling_ae_title=calling, called_ae_title=called)
        refusal = self._admission.refuse(peer=peer, calling=calling, called=called)
        if refusal is None:
            with self._lock:
                refusal = self._admission.refuse_surplus(len(self._open))
                if refusal is None:
                    self._open[association] = sender
        if refusal is not None:
            self._reject(association, sender, refusal)
            return
        _prefer_known_transfer_syntaxes(request)
        self._ledger.submit(lambda c: intake.open_association(c, sender.association_id, peer, calling, called))

    def _reject(self, association: Any, sender: Sender, refusal: Refusal) -> None:
        log.warning("association from %s rejected: %s; %s", sender.peer, refusal.reason, refusal.remedy)
        self._ledger.submit(
            lambda c: intake.record_rejection(
                c,
                peer=sender.peer,
                calling=sender.calling_ae_title,
                called=sender.called_ae_title,
                reason=refusal.reason,
                remedy=refusal.remedy,
            )
        )
        association.acse.send_reject(refusal.result, refusal.source, refusal.diagnostic)
        association.kill()  # returns when the rejection is on the wire and the peer has closed, or ARTIM ran out

    def _on_store(self, event: Any) -> int:
        try:
            sender = self._open.get(event.assoc)
            if sender is None:  # the adapter is ending
                return OUT_OF_RESOURCES
            request = StoreRequest(
                sop_class_uid=str(event.request.AffectedSOPClassUID or ""),
                sop_instance_uid=str(event.request.AffectedSOPInstanceUID or ""),
                transfer_syntax_uid=str(event.context.transfer_syntax),
                encoded=event.encoded_dataset(include_meta=False),
                file_meta=b"\0" * 128 + b"DICM" + encode_file_meta(event.file_meta),
            )
            if self._scp.log_dimse_datasets:
                log.info(
                    "C-STORE %s %s in %s, %d bytes",
                    request.sop_class_uid,
                    request.sop_instance_uid,
                    request.transfer_syntax_uid,
                    len(request.encoded),
                )
        except Exception:
            log.exception("a C-STORE request could not be read")
            return CANNOT_UNDERSTAND
        status = self._store.store(sender, request)
        if event.assoc not in self._open:
            # Another thread saw the peer vanish: the end of the association was told before this instance of it.
            self._association_ended(sender.association_id)
        return status

    def _on_end(self, event: Any, how: str) -> None:
        self._end(event.assoc, how)

    def _on_thread_end(self, association: Any) -> None:
        self._end(association, "connection lost")

    def _end(self, association: Any, how: str) -> None:
        with self._lock:
            sender = self._open.pop(association, None)
        if sender is None:
            return
        self._association_ended(sender.association_id)
        self._ledger.submit(lambda c: intake.close_association(c, sender.association_id, how))


class _Socket(AssociationSocket):
    """A socket that reads in one piece: pynetdicom's reads 4 KiB at a time and trusts every length."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly ``nr_bytes``, fewer only where the peer closes."""
        if nr_bytes > MAX_READ_BYTES:
            raise OSError(f"a PDU announces {nr_bytes} bytes, at most {MAX_READ_BYTES} are read")
        data = bytearray(nr_bytes)
        view = memoryview(data)
        done = 0
        while done < nr_bytes:
            count = self.socket.recv_into(view[done:])
            if not count:
                return data[:done]
            done += count
        return data

    @property
    def ready(self) -> bool:
        """Whether data or the peer's end is there; with poll(2), which unlike select(2) knows no largest descriptor."""
        if self.socket is None or not self._is_connected:
            return False
        try:
            poll = select.poll()
            poll.register(self.socket, select.POLLIN | select.POLLPRI)
            return bool(poll.poll(0)) or bool(getattr(self.socket, "pending", int)())
        except (OSError, ValueError):
            self.event_queue.put("Evt17")  # transport connection closed (PS3.8 9.2)
            return False


class _Connection(RequestHandler):
    """Makes each connection's association with our socket, and says when its thread has ended, however it ended."""

    def _create_association(self) -> Any:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # the first socket's Evt5; the second brings its own
        association.dul.socket = _Socket(association, client_socket=self.request)
        run, ended = association.run, self.server.on_thread_end

        def run_and_tell() -> None:
            try:
                run()
            finally:
                ended(association)

        association.run = run_and_tell
        return association


class _Server(ThreadedAssociationServer):
    """Listens with a queue long enough for a burst of senders."""

    request_queue_size = 64
    daemon_threads = True
    on_thread_end: Callable[[Any], None]


def _prefer_known_transfer_syntaxes(request: Any) -> None:
    """Drop unknown transfer syntaxes of a context that also proposes known ones: the first left is accepted."""
    for context in request.presentation_context_definition_list:
        known = [uid for uid in context.transfer_syntax if str(uid) in _KNOWN_TRANSFER_SYNTAXES]
        if known:
            context.transfer_syntax = known
