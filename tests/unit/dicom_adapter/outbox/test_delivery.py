"""Delivering to a real SCP of this process, against an adapter in this process."""

import hashlib
import socket
import threading
from collections import Counter

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from pynetdicom import AE, Association, _config, evt
from pynetdicom.sop_class import CTImageStorage

from clara_stages.dicom_adapter.outbox import worker


class Pacs:
    """A storage SCP that answers what a test wants."""

    def __init__(self, port=0, syntaxes=(ExplicitVRLittleEndian,), title="ORTHANC"):
        self.statuses: list[int] = []
        self.received: list[str] = []
        self.datasets = []
        self.associations = 0
        self.got_one = threading.Event()
        ae = AE(ae_title=title)
        ae.require_called_aet = True
        ae.add_supported_context(CTImageStorage, list(syntaxes))
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._count)]
        self.server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        self.port = self.server.server_address[1]

    def _count(self, _event):
        self.associations += 1

    def _store(self, event):
        status = self.statuses.pop(0) if self.statuses else 0
        self.received.append(str(event.request.AffectedSOPInstanceUID))
        if status == 0:
            self.datasets.append(event.dataset)
            self.datasets[-1].file_meta = event.file_meta
        self.got_one.set()
        return status

    def stop(self):
        self.server.shutdown()


@pytest.fixture
def pacs():
    made = []

    def start(**settings):
        made.append(Pacs(**settings))
        return made[-1]

    yield start
    for item in made:
        item.stop()


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch):
    monkeypatch.setattr(worker, "FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(worker, "LONGEST_RETRY_S", 0.2)


@pytest.fixture
def result(tmp_path, ct):
    """Makes the body of a delivery and its files."""

    def make(key="k1", count=3, syntax=ExplicitVRLittleEndian, first=1, **more):
        folder = tmp_path / "io" / "runs" / key
        folder.mkdir(parents=True)
        instances = []
        for number in range(first, first + count):
            dataset = ct(number, **more)
            if syntax is RLELossless:
                dataset.compress(RLELossless, generate_instance_uid=False)
            dataset.file_meta.TransferSyntaxUID = syntax
            path = folder / f"{number}.dcm"
            dataset.save_as(path, implicit_vr=syntax is ImplicitVRLittleEndian, little_endian=True)
            instances.append(
                {
                    "file": path.name,
                    "sop_class_uid": str(dataset.SOPClassUID),
                    "sop_instance_uid": str(dataset.SOPInstanceUID),
                    "digest": hashlib.sha256(path.read_bytes()).hexdigest(),
                }
            )
        return {
            "result_key": key,
            "folder": str(folder),
            "destinations": ["MYPACS"],
            "workflow": "Organ",
            "dag_run_id": "dicom__a1",
            "instances": instances,
        }

    return make


def settled(adapter, key="k1"):
    found = adapter.get(f"/deliveries/{key}", wait_s=20)["destinations"]["MYPACS"]
    assert found["state"] != "pending", found
    return found


def test_a_result_is_sent_once_and_receipted_per_instance(pacs, start_adapter, make_config, result):
    peer = pacs()
    adapter = start_adapter(make_config(port=peer.port))
    body = result()
    answer = adapter.client.post("/api/v1/deliveries", json=body)
    assert answer.status_code == 201
    found = settled(adapter)
    assert found["state"] == "sent"
    assert [(item["state"], item["status"], item["attempts"]) for item in found["instances"]] == [("sent", 0, 1)] * 3
    assert adapter.client.post("/api/v1/deliveries", json=body).status_code == 200
    assert settled(adapter)["state"] == "sent"
    assert len(peer.received) == 3
    assert peer.associations == 1


def test_only_what_is_missing_is_sent_again(pacs, start_adapter, make_config, result):
    peer = pacs()
    peer.statuses = [0, 0xA700, 0]
    adapter = start_adapter(make_config(port=peer.port))
    body = result()
    adapter.post("/deliveries", body)
    found = settled(adapter)
    assert found["state"] == "sent"
    refused = body["instances"][1]["sop_instance_uid"]
    assert Counter(peer.received) == {item["sop_instance_uid"]: 2 if item["sop_instance_uid"] == refused else 1
                                      for item in body["instances"]}  # fmt: skip
    assert [item["attempts"] for item in found["instances"]] == [1, 2, 1]


def test_a_refused_instance_fails_with_its_status_and_the_others_are_sent(pacs, start_adapter, make_config, result):
    peer = pacs()
    peer.statuses = [0, 0xA900, 0]
    adapter = start_adapter(make_config(port=peer.port))
    body = result()
    adapter.post("/deliveries", body)
    found = settled(adapter)
    assert (found["state"], found["reason"]) == ("failed", "the destination refused the instance (A900)")
    assert [item["state"] for item in found["instances"]] == ["sent", "failed", "sent"]
    adapter.post("/deliveries", body)
    assert settled(adapter)["state"] == "sent"
    assert len(peer.received) == 4


def test_a_class_the_destination_does_not_take_fails_with_the_reason(pacs, start_adapter, make_config, result):
    peer = pacs(syntaxes=[RLELossless])
    adapter = start_adapter(make_config(port=peer.port))
    _config.UNRESTRICTED_STORAGE_SERVICE = False  # the adapter set it for this process, and so for the peer
    adapter.post("/deliveries", result())
    found = settled(adapter)
    assert found["state"] == "failed"
    assert "accepts no presentation context for 1.2.840.10008.5.1.4.1.1.2 in 1.2.840.10008.1.2.1" in found["reason"]


@pytest.mark.parametrize(
    ("own", "accepted"),
    [(ExplicitVRLittleEndian, ImplicitVRLittleEndian), (ImplicitVRLittleEndian, ExplicitVRLittleEndian)],
)
def test_the_vr_encoding_is_changed_where_the_destination_wants_another(
    pacs, start_adapter, make_config, result, own, accepted
):
    peer = pacs(syntaxes=[accepted])
    adapter = start_adapter(make_config(port=peer.port))
    _config.UNRESTRICTED_STORAGE_SERVICE = False  # the adapter set it for this process, and so for the peer
    body = result(syntax=own, count=1)
    adapter.post("/deliveries", body)
    assert settled(adapter)["state"] == "sent"
    assert peer.datasets[0].file_meta.TransferSyntaxUID == accepted
    sent = dcmread(f"{body['folder']}/1.dcm")
    assert peer.datasets[0].pixel_array.tolist() == sent.pixel_array.tolist()


def test_a_compressed_result_is_sent_as_it_is(pacs, start_adapter, make_config, result):
    peer = pacs(syntaxes=[RLELossless])
    adapter = start_adapter(make_config(port=peer.port))
    adapter.post("/deliveries", result(syntax=RLELossless, count=1))
    assert settled(adapter)["state"] == "sent"
    assert peer.datasets[0].file_meta.TransferSyntaxUID == RLELossless


def test_a_destination_that_is_down_is_tried_until_it_is_back(pacs, start_adapter, make_config, result):
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    adapter = start_adapter(make_config(port=port))
    adapter.post("/deliveries", result())
    for _ in range(200):
        found = adapter.get("/deliveries/k1", wait_s=0.05)["destinations"]["MYPACS"]
        if found["reason"]:
            break
    assert (found["state"], found["instances"][0]["attempts"]) == ("pending", 0)
    assert f"MYPACS (ORTHANC at 127.0.0.1:{port}) cannot be reached" in found["reason"]
    pacs(port=port)
    assert settled(adapter)["state"] == "sent"


def test_a_destination_that_rejects_us_is_named_with_its_reason(pacs, start_adapter, make_config, result):
    peer = pacs(title="SOMEBODY")
    adapter = start_adapter(make_config(port=peer.port))
    adapter.post("/deliveries", result())
    for _ in range(200):
        found = adapter.get("/deliveries/k1", wait_s=0.05)["destinations"]["MYPACS"]
        if found["reason"]:
            break
    assert "rejected the association" in found["reason"]
    assert "Called AE title not recognised" in found["reason"]


def test_what_is_pending_survives_a_restart_even_when_the_run_folder_is_gone(
    pacs, start_adapter, make_config, result, tmp_path
):
    import shutil

    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    adapter = start_adapter(make_config(port=port))
    adapter.post("/deliveries", result())
    adapter.adapter.stop()
    shutil.rmtree(tmp_path / "io" / "runs")
    peer = pacs(port=port)
    again = start_adapter(make_config(port=port))
    assert settled(again)["state"] == "sent"
    assert len(peer.received) == 3


def test_a_known_key_with_other_content_is_a_conflict_and_the_first_wins(pacs, start_adapter, make_config, result):
    peer = pacs()
    adapter = start_adapter(make_config(port=peer.port))
    adapter.post("/deliveries", result())
    settled(adapter)
    other = {**result("other", value=9), "result_key": "k1"}
    answer = adapter.client.post("/api/v1/deliveries", json=other)
    assert answer.status_code == 409
    assert "The stored result stays" in answer.json()["detail"]
    assert len(peer.received) == 3


def test_a_conflict_sends_what_is_missing_of_the_stored_result(pacs, start_adapter, make_config, result):
    peer = pacs()
    peer.statuses = [0xA900]
    adapter = start_adapter(make_config(port=peer.port))
    adapter.post("/deliveries", result(count=1))
    assert settled(adapter)["state"] == "failed"
    answer = adapter.client.post("/api/v1/deliveries", json={**result("x", count=1, value=9), "result_key": "k1"})
    assert answer.status_code == 409
    assert settled(adapter)["state"] == "sent"
    assert peer.datasets[0].pixel_array[0, 0] == 1


def test_an_instance_the_destination_has_is_not_sent_again_under_another_key(pacs, start_adapter, make_config, result):
    peer = pacs()
    adapter = start_adapter(make_config(port=peer.port))
    adapter.post("/deliveries", result("k1", count=2))
    settled(adapter)
    adapter.post("/deliveries", result("k2", count=3))
    assert settled(adapter, "k2")["state"] == "sent"
    assert Counter(peer.received) == {"1.2.826.1.1.1": 1, "1.2.826.1.1.2": 1, "1.2.826.1.1.3": 1}
    adapter.post("/deliveries", result("k3", count=1, value=5))
    found = settled(adapter, "k3")
    assert found["state"] == "failed"
    assert "result k1 already sent this UID with other content" in found["reason"]


def test_a_result_whose_copy_is_gone_is_copied_again_when_it_is_posted_again(pacs, start_adapter, make_config, result):
    import shutil

    peer = pacs()
    peer.statuses = [0xA900]
    adapter = start_adapter(make_config(port=peer.port))
    body = result(count=2)
    adapter.post("/deliveries", body)
    assert settled(adapter)["state"] == "failed"
    for folder in adapter.home.outbox.iterdir():
        shutil.rmtree(folder)
    adapter.post("/deliveries", body)
    assert settled(adapter)["state"] == "sent"
    assert Counter(peer.received) == {"1.2.826.1.1.1": 2, "1.2.826.1.1.2": 1}


def test_a_copy_that_cannot_be_read_holds_no_other_instance_up(pacs, start_adapter, make_config, result, monkeypatch):
    peer = pacs()
    adapter = start_adapter(make_config(port=peer.port))
    send_c_store = Association.send_c_store

    def fail_on_the_first(association, path, **options):
        if path.name == "000001.dcm":
            raise OSError(5, "Input/output error")
        return send_c_store(association, path, **options)

    monkeypatch.setattr(Association, "send_c_store", fail_on_the_first)
    adapter.post("/deliveries", result(count=3))
    while len(peer.received) < 2:
        peer.got_one.wait(20)
    found = adapter.get("/deliveries/k1")["destinations"]["MYPACS"]
    assert (found["state"], found["reason"]) == (
        "pending",
        "its copy in the outbox cannot be read: Input/output error",
    )
    monkeypatch.setattr(Association, "send_c_store", send_c_store)
    assert settled(adapter)["state"] == "sent"
    assert Counter(peer.received) == {"1.2.826.1.1.1": 1, "1.2.826.1.1.2": 1, "1.2.826.1.1.3": 1}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"destinations": ["MYPACKS"]}, "the destination 'MYPACKS' is unknown"),
        ({"destinations": []}, "no destination or no instance"),
        ({"instances": []}, "no destination or no instance"),
        ({"folder": "/etc"}, "is not below"),
        ({"file": "../../../home/ledger.sqlite"}, "is not in"),
        ({"file": "missing.dcm"}, "is not in"),
        ({"file": "x" * 900}, "is not in"),
        ({"folder": "relative"}, "is not below"),
        ({"digest": "0" * 64}, "has the SHA-256"),
        ({"sop_instance_uid": "1.2.3"}, "holds SOP class and instance"),
    ],
)
def test_a_delivery_that_cannot_be_true_is_refused_and_leaves_nothing(start_adapter, result, change, reason):
    adapter = start_adapter()
    body = result(count=1)
    (body["instances"][0] if set(change) <= set(body["instances"][0]) else body).update(change)
    answer = adapter.client.post("/api/v1/deliveries", json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["detail"]
    assert list(adapter.home.outbox.iterdir()) == []
    assert adapter.client.get("/api/v1/deliveries/k1").status_code == 404


def test_a_delivered_result_that_comes_back_starts_nothing(pacs, start_adapter, make_config, result, ct, make_workflow):
    peer = pacs()
    adapter = start_adapter(make_config(port=peer.port), OrganSeg=make_workflow("OrganSeg"))
    adapter.send(ct(1))
    adapter.settled()
    (pair,) = adapter.post("/leases", {})["pairs"]
    adapter.post("/deliveries", {**result(first=50, count=2), "workflow": "OrganSeg", "dag_run_id": pair["dag_run_id"]})
    settled(adapter)
    adapter.post("/pairs/confirm", {key: pair[key] for key in ("arrival_id", "workflow", "dag_run_id")})
    adapter.post(
        "/pairs/close", {"workflow": "OrganSeg", "dag_run_id": pair["dag_run_id"], "state": "succeeded", "reason": ""}
    )
    assert adapter.send(*peer.datasets) == [0, 0]
    (study,) = adapter.settled()
    assert (study["state"], study["instances"]) == ("delivered", 1)
    assert study["reason"] == "2 of our own results came back; they start nothing"
