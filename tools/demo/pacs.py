"""A small PACS for demonstrations: stores what it receives in a folder, and answers C-ECHO.

``python -m tools.demo.pacs --folder DIR --port N --ae-title ORTHANC [--host 127.0.0.1]``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

if TYPE_CHECKING:
    from pynetdicom.events import Event
    from pynetdicom.transport import ThreadedAssociationServer

LABEL_MAP_SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
"""Not in pynetdicom's list of storage classes."""

TRANSFER_SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"),
    *("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57"),
    *("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90"),
    *("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"),
)
"""Uncompressed, deflated, RLE, JPEG, JPEG-LS, JPEG 2000 and HTJ2K: the node stores bytes, it never decodes them."""

STORED = 0x0000
OUT_OF_RESOURCES = 0xA700
CANNOT_UNDERSTAND = 0xC000
"""C-STORE statuses (PS3.4 table B.2-1)."""

_UNKNOWN_MODALITY = "XX"


def store(event: Event, folder: Path) -> int:
    """Write the instance of one C-STORE request as it came. Returns the status to answer."""
    try:
        dataset = event.dataset
        uid, modality = str(event.request.AffectedSOPInstanceUID), str(dataset.get("Modality") or "")
    except Exception as error:  # whatever the sender made of its data set, it gets an answer
        _say(f"an instance that cannot be read: {type(error).__name__}")
        return CANNOT_UNDERSTAND
    prefix = modality if re.fullmatch(r"[A-Z0-9]{1,16}", modality) else _UNKNOWN_MODALITY
    path = folder / f"{prefix}-{hashlib.sha256(uid.encode()).hexdigest()[:16]}.dcm"
    try:
        _write(path, event)
    except OSError as error:
        _say(f"{path.name} cannot be written: {error.strerror}")
        return OUT_OF_RESOURCES
    _say(f"stored {path.name} from {event.assoc.requestor.ae_title}")
    return STORED


def _write(path: Path, event: Event) -> None:
    """The received bytes behind new file meta information; nobody sees the file before it is whole."""
    partial = path.with_name(f".{path.name}.{threading.get_ident()}.partial")
    try:
        partial.write_bytes(event.encoded_dataset(include_meta=True))
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def start(folder: Path, host: str, port: int, ae_title: str) -> ThreadedAssociationServer:
    """Start the node in threads of its own and return its server; port 0 takes a free one.

    Raises:
        OSError: The address is taken.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ae = AE(ae_title=ae_title)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(context.abstract_syntax, list(TRANSFER_SYNTAXES))
    ae.add_supported_context(LABEL_MAP_SEGMENTATION_STORAGE, list(TRANSFER_SYNTAXES))
    ae.add_supported_context(Verification)
    handlers: list[Any] = [(evt.EVT_C_STORE, store, [folder])]
    return ae.start_server((host, port), block=False, evt_handlers=handlers)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until SIGTERM or SIGINT; the first line on stdout is ``{"port": N}``."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo.pacs", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where received instances go")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free port")
    parser.add_argument("--ae-title", default="ORTHANC")
    parser.add_argument("--host", default="127.0.0.1")
    given = parser.parse_args()
    server = start(given.folder, given.host, given.port, given.ae_title)
    _say(json.dumps({"port": server.server_address[1]}))
    # At once: an open association would make an orderly shutdown wait, and every stored file is whole already.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    threading.Event().wait()


if __name__ == "__main__":
    main()
