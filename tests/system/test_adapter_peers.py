"""The adapter and other people's programs: dcmtk's senders and receiver, the command line of Clara's guide."""

import hashlib
import os
import socket
import subprocess
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.support.adapter import CONFIG, running_adapter
from tests.support.data import case
from tests.support.peers import require_program

pytestmark = [pytest.mark.peers, pytest.mark.system]

WORKFLOW = """\
workflow: OrganSeg
id: 1db65f99-c9b7-4329-ab9c-d519e0557638
trigger:
  called_ae_titles: [OrganSeg]
  when: study.series.exists(s, s.modality == "CT" && s.instances >= 20)
"""


@pytest.fixture
def workflows(tmp_path):
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "OrganSeg.yaml").write_text(WORKFLOW)
    return folder


def run(program, *arguments, **options):
    command = [require_program(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def pixels(folder):
    datasets = [dcmread(path) for path in Path(folder).rglob("*.dcm")]
    return {item.SOPInstanceUID: hashlib.sha256(item.pixel_array.tobytes()).hexdigest() for item in datasets}


@pytest.mark.data
def test_the_command_of_claras_guide_sends_a_study_that_starts_the_workflow(tmp_path, workflows):
    folder = case("ct-abdomen")
    with running_adapter(tmp_path, workflows_folder=workflows) as adapter:
        echo = run("echoscu", "-aec", "OrganSeg", "127.0.0.1", adapter.dicom_port)
        assert echo.returncode == 0, echo.stderr
        sent = run(
            "storescu", "-v", "+sd", "+r", "-xb", "-v", "-aet", "DCM4CHEE", "-aec", "OrganSeg", "127.0.0.1",
            adapter.dicom_port, folder,
        )  # fmt: skip
        assert sent.returncode == 0, sent.stderr
        assert adapter.get("/offers", wait_s=30) == {"offers": 1, "overdue": 0}
        (pair,) = adapter.post("/leases", {})["pairs"]
        assert pair["workflow"] == "OrganSeg"
        arrived = adapter.io_root / "studies" / pair["arrival_id"] / "instances"
        assert pixels(arrived) == pixels(folder)
        assert run("dcmftest", *arrived.iterdir()).returncode == 0


@pytest.mark.data
def test_one_study_in_three_encodings_is_one_arrival(tmp_path, workflows):
    folder = case("ct-abdomen")
    files = sorted(Path(folder).rglob("*.dcm"))[:4]
    with running_adapter(tmp_path, workflows_folder=workflows) as adapter:
        for encoding in ("-xb", "-xe", "-xi"):
            sent = run("storescu", encoding, "-aec", "LiverSeg", "127.0.0.1", adapter.dicom_port, *files)
            assert sent.returncode == 0, sent.stderr
            adapter.wait_for_studies()
        (study,) = adapter.get("/studies")["studies"]
        assert study["instances"] == 4
        assert "received again 2 times" in study["reason"]
        assert list((adapter.home / "quarantine").iterdir()) == []


@pytest.mark.data
def test_four_lossless_encodings_of_one_series_are_one_study_without_conflict(tmp_path):
    folder = case("hard-compressed-mr")
    files = [path for path in Path(folder).rglob("*") if path.is_file() and ".nii" not in path.name]
    with running_adapter(tmp_path) as adapter:
        sent = run("dcmsend", "-aec", "OrganSeg", "127.0.0.1", adapter.dicom_port, *files)
        assert sent.returncode == 0, sent.stderr
        (study,) = adapter.wait_for_studies()
        arrived = adapter.io_root / "studies" / study["arrival_id"] / "instances"
        assert pixels(arrived) == pixels(folder)
        # Four lossless encodings of the same four images: equal pixels, so no conflict.
        assert study["instances"] == 4
        assert list((adapter.home / "quarantine").iterdir()) == []


def test_a_stranger_is_rejected_and_told_apart(tmp_path):
    config = CONFIG.replace('ae-title: "*"', "ae-title: ORTHANC")
    with running_adapter(tmp_path, config_text=config) as adapter:
        refused = run("echoscu", "-v", "-aet", "DCM4CHEE", "-aec", "OrganSeg", "127.0.0.1", adapter.dicom_port)
        assert refused.returncode != 0
        assert "Calling AE Title Not Recognized" in refused.stderr
        wrong = run("echoscu", "-v", "-aet", "ORTHANC", "-aec", "Nobody", "127.0.0.1", adapter.dicom_port)
        assert "Called AE Title Not Recognized" in wrong.stderr
        assert run("echoscu", "-aet", "ORTHANC", "-aec", "OrganSeg", "127.0.0.1", adapter.dicom_port).returncode == 0
        remedies = [item["remedy"] for item in adapter.get("/rejections")["rejections"]]
        assert remedies[1] == "add - host-ip: 127.0.0.1, ae-title: DCM4CHEE under dicom.scp.sources"
        assert remedies[1] in adapter.log()


@pytest.mark.data
def test_a_result_reaches_storescp(tmp_path, workflows):
    storescp = require_program("storescp")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    received = tmp_path / "pacs"
    received.mkdir()
    config = CONFIG.replace("port: 4242", f"port: {port}")
    environment = {**os.environ, "TCP_NODELAY": "1"}
    with running_adapter(tmp_path, config_text=config, workflows_folder=workflows) as adapter:
        folder = adapter.io_root / "runs" / "r1"
        folder.mkdir(parents=True)
        instances = []
        for number, source in enumerate(sorted(Path(case("ct-abdomen")).rglob("*.dcm"))[:3]):
            (folder / f"{number}.dcm").write_bytes(source.read_bytes())
            dataset = dcmread(source, stop_before_pixels=True)
            instances.append(
                {
                    "file": f"{number}.dcm",
                    "sop_class_uid": dataset.SOPClassUID,
                    "sop_instance_uid": dataset.SOPInstanceUID,
                    "digest": hashlib.sha256(source.read_bytes()).hexdigest(),
                }
            )
        body = {"result_key": "r1", "folder": str(folder), "destinations": ["MYPACS"], "instances": instances}
        adapter.post("/deliveries", {**body, "workflow": "OrganSeg", "dag_run_id": "dicom__x"})
        pacs = subprocess.Popen([storescp, "-aet", "ORTHANC", "-od", received, str(port)], env=environment)
        try:
            delivery = adapter.get("/deliveries/r1", wait_s=30)["destinations"]["MYPACS"]
        finally:
            pacs.terminate()
            pacs.wait()
        assert delivery["state"] == "sent", delivery
        assert len(list(received.iterdir())) == 3
