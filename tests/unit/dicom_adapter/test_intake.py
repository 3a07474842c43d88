"""Receiving, from the wire to the offer, against an adapter in this process."""

import json
import socket
import sqlite3
import threading
import time

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification

from clara_stages.dicom_adapter import arrivals
from clara_stages.dicom_adapter.scp import store
from clara_stages.kit.contract.facts import build_study_facts
from clara_stages.kit.files import sync_folder

CT_RULE = 'study.series.exists(s, s.modality == "CT" && s.instances >= 2)'


def test_a_study_becomes_an_arrival_with_its_files_and_facts(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg", CT_RULE))
    assert adapter.send(ct(2), ct(1)) == [0, 0]
    assert adapter.get("/offers", wait_s=20) == {"offers": 1, "overdue": 0}
    (pair,) = adapter.post("/leases", {})["pairs"]
    folder = adapter.settings.io_root / "studies" / pair["arrival_id"]
    files = sorted((folder / "instances").iterdir())
    assert [item.name for item in files] == ["000001.dcm", "000002.dcm"]
    assert [dcmread(item).InstanceNumber for item in files] == [1, 2]
    assert {oct(item.stat().st_mode & 0o777) for item in (*files, folder / "study.json")} == {"0o440"}
    document = json.loads((folder / "study.json").read_text())
    assert document["arrival_id"] == pair["arrival_id"]
    assert document["destinations"] == ["MYPACS"]
    assert document["facts"]["called_ae_title"] == "OrganSeg"
    assert document["facts"]["calling_ae_title"] == "SCANNER"
    assert document["facts"]["series"][0]["instances"] == 2
    (study,) = adapter.get("/studies")["studies"]
    assert (study["state"], study["instances"], study["arrival_id"]) == ("complete", 2, pair["arrival_id"])
    assert adapter.get(f"/arrivals/{pair['arrival_id']}") == study
    assert "Secret" not in json.dumps(adapter.get("/studies"))
    assert "SECRET" not in json.dumps(document)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless])
def test_what_was_sent_is_kept_byte_for_byte(start_adapter, ct, syntax, tmp_path):
    adapter = start_adapter()
    dataset = ct()
    if syntax is RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    little = syntax is not ExplicitVRBigEndian
    dataset.save_as(
        tmp_path / "sent.dcm",
        implicit_vr=syntax is ImplicitVRLittleEndian,
        little_endian=little,
        enforce_file_format=True,
    )
    assert send_file(adapter.dicom_port, tmp_path / "sent.dcm") == 0
    (study,) = adapter.settled()
    kept = adapter.settings.io_root / "studies" / study["arrival_id"] / "instances" / "000001.dcm"
    assert dcmread(kept).file_meta.TransferSyntaxUID == syntax
    assert data_set_bytes(kept) == data_set_bytes(tmp_path / "sent.dcm")


def test_any_storage_class_is_taken_known_or_not(start_adapter, ct):
    adapter = start_adapter()
    classes = ["1.2.840.10008.5.1.4.1.1.66.7", "1.2.840.10008.5.1.4.1.1.999", "1.3.12.2.1107.5.9.1"]
    datasets = [ct(number, SOPClassUID=uid) for number, uid in enumerate(classes)]
    assert adapter.send(*datasets) == [0, 0, 0]


def test_the_same_study_at_two_ae_titles_is_two_studies(start_adapter, ct):
    adapter = start_adapter()
    adapter.send(ct())
    adapter.send(ct(), called="LiverSeg")
    first, second = adapter.settled(2)
    assert {first["called_ae_title"], second["called_ae_title"]} == {"OrganSeg", "LiverSeg"}
    assert first["arrival_id"] != second["arrival_id"]


def test_the_same_study_again_is_the_same_arrival_and_no_new_pair(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg"))
    adapter.send(ct(1), ct(2))
    (first,) = adapter.settled()
    assert len(adapter.post("/leases", {})["pairs"]) == 1
    compressed = ct(2)
    compressed.compress(RLELossless, generate_instance_uid=False)
    assert adapter.send(ct(1), compressed) == [0, 0]
    (again,) = adapter.settled()
    assert again["arrival_id"] == first["arrival_id"]
    assert again["reason"] == "received again 1 time without a change"
    assert adapter.post("/leases", {})["pairs"] == []
    assert list(adapter.home.quarantine.iterdir()) == []


def test_late_instances_make_a_new_arrival_of_all_and_supersede_the_first(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg"))
    adapter.send(ct(1))
    (first,) = adapter.settled()
    adapter.send(ct(2))
    new, old = adapter.settled(2)
    assert (old["arrival_id"], old["state"], old["instances"]) == (first["arrival_id"], "superseded", 1)
    assert (new["state"], new["instances"]) == ("complete", 2)
    assert [pair["arrival_id"] for pair in adapter.post("/leases", {})["pairs"]] == [new["arrival_id"]]


def test_other_content_under_a_known_uid_is_quarantined_and_shown(start_adapter, ct):
    adapter = start_adapter()
    adapter.send(ct(1))
    adapter.settled()
    assert adapter.send(ct(1, value=7)) == [0]
    (study,) = adapter.settled()
    assert study["reason"].endswith("1 conflicting instance in quarantine")
    (file,) = adapter.home.quarantine.iterdir()
    assert dcmread(file).pixel_array[0, 0] == 8
    kept = adapter.settings.io_root / "studies" / study["arrival_id"] / "instances" / "000001.dcm"
    assert dcmread(kept).pixel_array[0, 0] == 1
    (rejection,) = adapter.rejections()
    assert "1.2.826.1.1.1" in rejection["reason"]
    assert "other content" in rejection["reason"]


def test_our_own_results_are_taken_but_start_nothing(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg"))
    adapter.send(ct(1))
    (first,) = adapter.settled()
    adapter.post("/leases", {})
    maker = Dataset()
    maker.Manufacturer = "clara-ops"
    assert adapter.send(ct(9, ContributingEquipmentSequence=[maker])) == [0]
    (study,) = adapter.settled()
    assert (study["arrival_id"], study["instances"]) == (first["arrival_id"], 1)
    assert study["reason"] == "1 of our own results came back; they start nothing"
    assert adapter.get("/offers") == {"offers": 0, "overdue": 0}
    assert adapter.send(ct(9, study="1.2.99", ContributingEquipmentSequence=[maker])) == [0]
    assert {item["state"] for item in adapter.settled(2)} == {"complete", "done"}


@pytest.mark.parametrize(
    ("attributes", "status", "reason"),
    [
        ({"SOPInstanceUID": "1.2.3.4"}, 0xA900, "the data set's SOP Instance UID is '1.2.3.4'"),
        ({"SOPInstanceUID": ""}, 0xA900, "the data set's SOP Instance UID is ''"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, 0xA900, "the data set's SOP Class UID is"),
        ({"StudyInstanceUID": ""}, 0xA900, "its Study Instance UID is ''"),
        ({"StudyInstanceUID": "../../etc"}, 0xA900, "its Study Instance UID is '../../etc'"),
    ],
)
def test_an_instance_that_contradicts_itself_is_refused(start_adapter, ct, attributes, status, reason, tmp_path):
    adapter = start_adapter()
    good, bad = ct(), ct(**attributes)
    bad.file_meta.MediaStorageSOPClassUID = good.SOPClassUID
    bad.file_meta.MediaStorageSOPInstanceUID = good.SOPInstanceUID
    bad.save_as(tmp_path / "bad.dcm", enforce_file_format=False)
    assert send_file(adapter.dicom_port, tmp_path / "bad.dcm") == status
    (rejection,) = adapter.rejections()
    assert reason in rejection["reason"]
    assert adapter.get("/studies")["studies"] == []


def test_a_truncated_instance_is_not_understood(start_adapter, ct, tmp_path):
    adapter = start_adapter()
    ct().save_as(tmp_path / "a.dcm")
    (tmp_path / "a.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:-51] + b"\0")
    assert send_file(adapter.dicom_port, tmp_path / "a.dcm") == 0xC000
    assert "the data set ends early" in adapter.rejections()[0]["reason"]


def test_a_full_disk_is_answered_a700_and_nothing_is_kept(start_adapter, ct, monkeypatch):
    adapter = start_adapter()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_file", fail)
        assert adapter.send(ct()) == [0xA700]
    assert "No space left on device" in adapter.rejections()[0]["reason"]
    assert list(adapter.home.incoming.iterdir()) == []
    assert adapter.send(ct()) == [0]
    adapter.settled()


def test_too_little_space_is_answered_a700(start_adapter, ct, make_config):
    from dataclasses import replace

    adapter = start_adapter(replace(make_config(), reserve_mib=1 << 29))
    assert adapter.send(ct()) == [0xA700]
    answer = adapter.client.get("/health/ready")
    assert answer.status_code == 503
    assert "MiB of disk are free" in answer.json()["detail"]


def test_an_aborted_association_loses_nothing_that_was_acknowledged(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg"))
    ae = AE()
    ae.add_requested_context(CTImageStorage)
    association = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")
    association.send_c_store(ct())
    association.abort()
    (study,) = adapter.settled()
    assert (study["state"], study["instances"]) == ("complete", 1)


def test_strangers_and_surplus_associations_are_rejected_and_recorded(start_adapter, make_config):
    adapter = start_adapter(make_config(max_associations=1))
    ae = AE(ae_title="STRANGER")
    ae.add_requested_context(Verification)
    wrong = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="NOBODY")
    assert rejection_of(wrong) == (1, 1, 7)
    first = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")
    assert first.is_established
    assert rejection_of(ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")) == (2, 3, 2)
    first.release()
    reasons = [item["reason"] for item in adapter.rejections(2)]
    assert reasons[0] == "1 associations are open, max-associations is 1"
    assert reasons[1] == "called AE title 'NOBODY' is not served, expected one of OrganSeg, LiverSeg"


def test_an_unknown_sender_is_rejected(start_adapter, make_config):
    from dataclasses import replace

    from clara_stages.dicom_adapter.config import Source

    config = make_config()
    sources = (Source(host_ip="127.0.0.1", ae_title="ORTHANC"),)
    adapter = start_adapter(replace(config, scp=replace(config.scp, sources=sources)))
    ae = AE(ae_title="DCM4CHEE")
    ae.add_requested_context(Verification)
    assert rejection_of(ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")) == (1, 1, 3)
    (rejection,) = adapter.rejections()
    assert rejection["remedy"] == "add - host-ip: 127.0.0.1, ae-title: DCM4CHEE under dicom.scp.sources"
    assert (rejection["peer"], rejection["calling_ae_title"]) == ("127.0.0.1", "DCM4CHEE")


def test_without_verification_no_echo_is_offered(start_adapter, make_config):
    from clara_stages.dicom_adapter.config import Verification as Setting

    adapter = start_adapter(make_config(verification=Setting(enabled=False)))
    ae = AE()
    ae.add_requested_context(Verification)
    ae.add_requested_context(CTImageStorage)
    association = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")
    assert [str(item.abstract_syntax) for item in association.accepted_contexts] == [str(CTImageStorage)]
    association.release()


def test_a_held_study_goes_on_when_the_file_is_corrected(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg", "study.modalites == []"))
    adapter.send(ct())
    (study,) = adapter.settled()
    assert study["state"] == "held"
    assert "OrganSeg.yaml:4" in study["reason"]
    assert "did you mean 'modalities'" in study["reason"]
    path = adapter.settings.workflows / "OrganSeg.yaml"
    path.write_text(make_workflow("OrganSeg", "study.modalities != []"))
    assert adapter.get("/offers", wait_s=20)["offers"] == 1
    assert adapter.get("/studies")["studies"][0]["state"] == "complete"


def test_a_study_nobody_wants_says_why(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg", "study.instances > 5"))
    adapter.send(ct())
    (study,) = adapter.settled()
    assert (study["state"], study["reason"]) == ("no match", "OrganSeg: study.instances > 5 is false")


def test_several_senders_at_once_lose_nothing(start_adapter, ct, make_workflow):
    adapter = start_adapter(OrganSeg=make_workflow("OrganSeg"))
    answers: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(adapter.send(*[ct(number) for number in range(n, 24, 3)])))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {status for answer in answers for status in answer} == {0}
    latest = adapter.settled()[0]
    assert latest["instances"] == 24


def test_senders_of_one_image_in_many_encodings_and_contents_at_once_all_succeed(start_adapter, ct):
    adapter = start_adapter()
    adapter.send(ct(2))
    answers: list[int] = []

    def send_one(number, value):
        dataset = ct(1, value=value)
        if number % 2 and not value:
            dataset.compress(RLELossless, generate_instance_uid=False)
        answers.extend(adapter.send(dataset))

    for value in (0, 7):
        threads = [threading.Thread(target=send_one, args=[number, value]) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [0] * 12
    study = adapter.settled()[0]
    assert study["instances"] == 2
    assert "1 conflicting instance in quarantine" in study["reason"]
    assert len(list(adapter.home.quarantine.iterdir())) == 1
    assert len(list(adapter.home.instances.glob("*/*.dcm"))) == 2
    assert list(adapter.home.incoming.iterdir()) == []


def test_a_peer_that_vanishes_while_its_instance_is_stored_leaves_no_study_receiving(start_adapter, ct, monkeypatch):
    adapter = start_adapter()
    storing, scp, keep = threading.Event(), adapter.adapter.scp, store.InstanceStore.store

    def store_after_the_peer_is_gone(self, sender, request):
        storing.set()
        while scp._open:
            time.sleep(0.01)
        return keep(self, sender, request)

    monkeypatch.setattr(store.InstanceStore, "store", store_after_the_peer_is_gone)
    ae = AE()
    ae.add_requested_context(CTImageStorage, "1.2.840.10008.1.2.1")
    association = ae.associate("127.0.0.1", adapter.dicom_port, ae_title="OrganSeg")
    sender = threading.Thread(target=association.send_c_store, args=[ct()])
    sender.start()
    assert storing.wait(20)
    association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    sender.join()
    assert adapter.settled()[0]["state"] == "no match"


def test_a_study_whose_last_answer_was_a_failure_although_it_was_kept_does_not_wait_for_ever(
    start_adapter, ct, monkeypatch
):
    adapter = start_adapter()

    def fail_once_written(folder):
        if folder.parent == adapter.home.instances:
            raise OSError(28, "No space left on device")
        sync_folder(folder)

    monkeypatch.setattr(store, "sync_folder", fail_once_written)
    assert adapter.send(ct()) == [0xA700]
    assert adapter.settled()[0]["instances"] == 1


def test_a_study_that_cannot_be_completed_says_why_and_holds_no_other_up(start_adapter, ct, monkeypatch):
    adapter = start_adapter()

    def stumble(headers, **titles):
        if titles["calling_ae_title"] == "POISON":
            raise ZeroDivisionError
        return build_study_facts(headers, **titles)

    monkeypatch.setattr(arrivals, "build_study_facts", stumble)
    adapter.send(ct(study="1.2.66"), calling="POISON")
    adapter.send(ct())
    states: dict[str, str] = {}
    while states.get("1.2.826.1") != "no match":
        studies = adapter.get("/studies")["studies"]
        states = {item["study_instance_uid"]: item["state"] for item in studies}
        time.sleep(0.02)
    (stuck,) = [item for item in studies if item["study_instance_uid"] == "1.2.66"]
    assert (stuck["state"], stuck["reason"]) == ("receiving", "cannot be completed: ZeroDivisionError; see the log")


def test_a_completion_that_finds_nothing_new_is_not_counted_as_received_again(start_adapter, ct):
    adapter = start_adapter()
    adapter.send(ct())
    (study,) = adapter.settled()
    assert adapter.adapter.maker.complete("OrganSeg", study["study_instance_uid"]) is None
    assert "again" not in adapter.settled()[0]["reason"]


def test_acknowledged_instances_whose_folder_is_away_at_the_start_are_not_forgotten(start_adapter, ct, make_config):
    config = make_config(quiet_period_s=60)
    adapter = start_adapter(config)
    adapter.send(ct(1), ct(2), ct(3))
    adapter.send(ct(4))
    adapter.adapter.stop()
    away = adapter.home.root / "away"
    adapter.home.instances.rename(away)
    again = start_adapter(config)
    assert again.get("/studies")["studies"][0]["instances"] == 4
    again.adapter.stop()
    adapter.home.instances.rmdir()
    away.rename(adapter.home.instances)
    last = sorted(adapter.home.instances.glob("*/*.dcm"), key=lambda file: dcmread(file).InstanceNumber)[-1]
    last.unlink()  # what a power loss does to the instance in transfer
    with sqlite3.connect(adapter.home.ledger_file) as ledger:
        ledger.execute("update associations set closed_at = null")
    assert start_adapter(config).get("/studies")["studies"][0]["instances"] == 3


def test_a_long_poll_ends_with_the_adapter(start_adapter):
    adapter = start_adapter()
    answers = []
    poll = threading.Thread(target=lambda: answers.append(adapter.get("/offers", wait_s=60)))
    poll.start()
    adapter.adapter.offers.close()
    poll.join(20)
    assert answers == [{"offers": 0, "overdue": 0}]


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x01\x00\xff\xff\xff\xff" + b"\0" * 100, b"\0" * 70])
def test_noise_on_the_dicom_port_harms_nobody(start_adapter, ct, noise):
    adapter = start_adapter()
    with socket.create_connection(("127.0.0.1", adapter.dicom_port)) as connection:
        connection.sendall(noise)
    assert adapter.send(ct()) == [0]


def rejection_of(association) -> tuple[int, int, int]:
    assert association.is_rejected
    answer = association.acceptor.primitive
    return answer.result, answer.result_source, answer.diagnostic


def send_file(port, path) -> int:
    """Send a file's bytes as they are, its meta information as the request's UIDs."""
    from pynetdicom import _config

    _config.STORE_SEND_CHUNKED_DATASET = True
    ae = AE()
    ae.add_requested_context(CTImageStorage, dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title="OrganSeg")
    try:
        return int(association.send_c_store(path).Status)
    finally:
        association.release()


def data_set_bytes(path) -> bytes:
    """Everything after the file meta information, which the receiver writes anew (PS3.10 7.1)."""
    raw = path.read_bytes()
    return raw[144 + int.from_bytes(raw[140:144], "little") :]
