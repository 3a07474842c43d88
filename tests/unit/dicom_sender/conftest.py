"""A result to send, the stage in this process, and a small adapter that speaks docs/adapter-api.md."""

import importlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SegmentationStorage

TOKEN = "test-token"


def segmentation(number):
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = SegmentationStorage, f"1.2.3.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2", "1.2.3", "SEG"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "SECRET"
    dataset.Rows, dataset.Columns, dataset.BitsAllocated, dataset.SamplesPerPixel = 4, 4, 8, 1
    dataset.PixelData = np.arange(16, dtype=np.uint8).tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    return dataset


@pytest.fixture
def instances(tmp_path):
    """A folder of kind dicom_instances with two segmentations."""
    folder = tmp_path / "instances"
    folder.mkdir()
    entries = []
    for number in (1, 2):
        dcmwrite(folder / f"{number}.dcm", segmentation(number), enforce_file_format=True)
        uid = f"1.2.3.{number}"
        entries.append({"file": f"{number}.dcm", "sop_class_uid": SegmentationStorage, "sop_instance_uid": uid})
    (folder / "instances.json").write_text(json.dumps({"instances": entries}))
    return folder


@pytest.fixture
def stage(monkeypatch, tmp_path, instances):
    """Runs the stage on ``instances`` in this process; params become the command line's."""
    main = importlib.import_module("clara_stages.dicom_sender.__main__")
    kit = importlib.import_module("clara_stages.kit.stage")
    outbox = importlib.import_module("clara_stages.dicom_sender.outbox")
    monkeypatch.setattr(outbox, "OUTAGE_PAUSE_S", 0.05)
    monkeypatch.setattr(outbox, "POLL_PAUSE_S", 0.0)
    monkeypatch.delenv("CLARA_ADAPTER_URL", raising=False)
    monkeypatch.delenv("CLARA_ADAPTER_TOKEN", raising=False)

    def run(adapter=None, token=TOKEN, output="out", **params):
        if adapter is not None:
            monkeypatch.setenv("CLARA_ADAPTER_URL", adapter if isinstance(adapter, str) else adapter.url)
            monkeypatch.setenv("CLARA_ADAPTER_TOKEN", token)
        options = [
            f"--param={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in params.items()
        ]
        arguments = ["x", "--input", f"instances={instances}", "--output", str(tmp_path / output), *options]
        monkeypatch.setattr(sys, "argv", arguments)
        return kit._attempt(main.main, "dicom_sender", "1")

    return run


class Adapter:
    """What the small adapter knows and how it behaves.

    Attributes:
        known: Destinations of its configuration.
        deliveries: Result key -> the body of the first POST.
        script: For each GET in turn, destination -> receipt; the last one stays.
        broken: How many of the next requests answer 503.
        requests: (method, path with query) of every request.
    """

    def __init__(self):
        self.known = {"PACS", "ARCHIVE"}
        self.deliveries = {}
        self.script: list[dict] = [{}]
        self.broken = 0
        self.requests = []
        self.url = ""

    def receipt(self, state, status="0000", reason="", attempts=1):
        uids = ("1.2.3.1", "1.2.3.2")
        one = {"state": state, "status": status, "attempts": attempts}
        return {"state": state, "reason": reason, "instances": [{"sop_instance_uid": uid, **one} for uid in uids]}

    def post(self, body):
        if unknown := [name for name in body["destinations"] if name not in self.known]:
            return 400, {"detail": f"unknown destination {unknown[0]}, known are ARCHIVE, PACS"}
        key = body["result_key"]
        if key not in self.deliveries:
            self.deliveries[key] = body
            return 201, self.delivery(key)
        same = [one["digest"] for one in self.deliveries[key]["instances"]] == [
            one["digest"] for one in body["instances"]
        ]
        return (200, self.delivery(key)) if same else (409, {"detail": "known with other digests"})

    def get(self, key, wait_s):
        if key not in self.deliveries:
            return 404, {"detail": "unknown delivery"}
        answer = self.delivery(key)
        if len(self.script) > 1:
            self.script.pop(0)
        elif any(one["state"] == "pending" for one in answer["destinations"].values()):
            time.sleep(min(wait_s, 0.2))
        return 200, answer

    def delivery(self, key):
        names = self.deliveries[key]["destinations"]
        receipts = {name: self.script[0].get(name) or self.receipt("pending", "", attempts=0) for name in names}
        return {"result_key": key, "destinations": receipts}


class Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(lambda: self.server.adapter.post(body))

    def do_GET(self):
        parts = urlsplit(self.path)
        key = unquote(parts.path.rpartition("/")[2])
        self.answer(lambda: self.server.adapter.get(key, float(parse_qs(parts.query)["wait_s"][0])))

    def answer(self, make):
        adapter = self.server.adapter
        adapter.requests.append((self.command, self.path))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, body = 401, {"detail": "a bearer token is needed"}
        elif adapter.broken > 0:
            adapter.broken -= 1
            status, body = 503, {"detail": "the ledger is locked"}
        else:
            status, body = make()
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def adapter():
    """A running adapter on a free port."""
    state = Adapter()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.adapter = state  # type: ignore[attr-defined]
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
