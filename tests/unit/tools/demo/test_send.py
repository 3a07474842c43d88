from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from tools.demo.pacs import start
from tools.demo.received import ReceivedError, collect_received, require_segmentation
from tools.demo.send import SendError, send_study
from tools.demo.study import find_study
from tools.phantom import write_study


@pytest.fixture
def pacs(tmp_path):
    """A demo PACS; yields its folder and port."""
    folder = tmp_path / "pacs"
    server = start(folder, "127.0.0.1", 0, "ORTHANC")
    yield folder, server.server_address[1]
    server.shutdown()


@pytest.fixture
def study(tmp_path):
    """A small study, one file of it compressed."""
    folder = tmp_path / "study"
    write_study(folder, slices=4, rows=64)
    first = min(folder.glob("*.dcm"))
    dataset = dcmread(first)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(first)
    return find_study(folder)


def test_every_file_arrives_in_the_transfer_syntax_it_is_stored_in(study, pacs):
    folder, port = pacs
    counts: list[int] = []
    sent = send_study(study, port, "ORTHANC", counts.append)
    assert counts == [1, 2, 3, 4]
    assert sent.first_request_at <= sent.last_response_at
    stored = {item.SOPInstanceUID: item.file_meta.TransferSyntaxUID for item in map(dcmread, folder.glob("*.dcm"))}
    assert stored == {item.sop_instance_uid: item.transfer_syntax_uid for item in study.instances}
    assert RLELossless in stored.values()


def test_no_listener_is_an_error_that_says_where(study):
    with pytest.raises(SendError, match="refused the association to OrganSeg on port 1 "):
        send_study(study, 1, "OrganSeg", lambda _: None)


def test_images_alone_are_no_result(study, pacs, tmp_path):
    folder, port = pacs
    send_study(study, port, "ORTHANC", lambda _: None)
    received = collect_received(folder, tmp_path / "received")
    assert {item.modality for item in received} == {"CT"}
    with pytest.raises(ReceivedError, match="the demo PACS received CT, CT, CT, CT, no DICOM SEG"):
        require_segmentation(received, study)


def test_collecting_twice_leaves_nothing_of_the_first_time(study, pacs, tmp_path):
    folder, port = pacs
    send_study(study, port, "ORTHANC", lambda _: None)
    collect_received(folder, tmp_path / "received")
    for path in folder.glob("*.dcm"):
        Path(path).unlink()
    assert collect_received(folder, tmp_path / "received") == ()
    assert list((tmp_path / "received").iterdir()) == []
