"""What several tests of the adapter need: a configuration, a ledger, an adapter in this process, a sender."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, _config

from clara_stages.dicom_adapter.config import AdapterConfig, Destination, Scp, Scu, ServedAeTitle, Source
from clara_stages.dicom_adapter.home import Home
from clara_stages.dicom_adapter.ledger import Ledger
from clara_stages.dicom_adapter.service import Adapter, Settings

TOKEN = "token-of-the-tests"


@pytest.fixture(autouse=True)
def _pynetdicom_as_it_was(monkeypatch):
    # The adapter sets these for its whole process; a test's own peers want them as they were.
    monkeypatch.setattr(_config, "UNRESTRICTED_STORAGE_SERVICE", False)
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", False)
    monkeypatch.setattr(_config, "LOG_HANDLER_LEVEL", "none")


@pytest.fixture
def make_config() -> Callable[..., AdapterConfig]:
    def make(*, quiet_period_s: float = 0.1, max_associations: int = 8, port: int = 4242, **scp: Any) -> AdapterConfig:
        return AdapterConfig(
            scp=Scp(
                port=11112,
                ae_titles=(
                    ServedAeTitle(ae_title="OrganSeg", quiet_period_s=quiet_period_s, destinations=("MYPACS",)),
                    ServedAeTitle(ae_title="LiverSeg", quiet_period_s=quiet_period_s),
                ),
                max_associations=max_associations,
                sources=(Source(host_ip="127.0.0.1", ae_title="*"),),
                **scp,
            ),
            scu=Scu(destinations=(Destination(name="MYPACS", host_ip="127.0.0.1", port=port, ae_title="ORTHANC"),)),
            reserve_mib=0,
        )

    return make


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path}/ledger.sqlite", installation="test")
    opened.open()
    yield opened
    opened.close()


class InProcess:
    """An adapter in this process."""

    def __init__(self, adapter: Adapter, client: httpx.Client, dicom_port: int) -> None:
        self.adapter = adapter
        self.client = client
        self.dicom_port = dicom_port
        self.settings = adapter.settings
        self.home = adapter.home

    def get(self, path: str, **params: Any) -> Any:
        answer = self.client.get(f"/api/v1{path}", params=params)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self.client.post(f"/api/v1{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    def settled(self, count: int = 1) -> list[Any]:
        """The studies once ``count`` of them are there and none is receiving."""
        for _ in range(400):
            studies = self.get("/studies")["studies"]
            if len(studies) >= count and all(item["state"] != "receiving" for item in studies):
                return studies
            time.sleep(0.025)
        raise AssertionError(f"{count} studies expected, found {studies}")

    def rejections(self, count: int = 1) -> list[Any]:
        """The rejections once ``count`` of them are written; nobody waits for that but a test."""
        for _ in range(400):
            found = self.get("/rejections")["rejections"]
            if len(found) >= count:
                return found
            time.sleep(0.025)
        raise AssertionError(f"{count} rejections expected, found {found}")

    def send(self, *datasets: Dataset, called: str = "OrganSeg", calling: str = "SCANNER") -> list[int]:
        return send(self.dicom_port, *datasets, called=called, calling=calling)


@pytest.fixture
def start_adapter(tmp_path, make_config) -> Iterator[Callable[..., InProcess]]:
    started: list[InProcess] = []

    def start(config: AdapterConfig | None = None, **workflows: str) -> InProcess:
        folder = tmp_path / "workflows"
        folder.mkdir(exist_ok=True)
        for name, text in workflows.items():
            (folder / f"{name}.yaml").write_text(text)
        home = Home(tmp_path / "home")
        (tmp_path / "io").mkdir(exist_ok=True)
        settings = Settings(io_root=tmp_path / "io", workflows=folder, dicom_host="127.0.0.1", dicom_port=0)
        home.root.mkdir(exist_ok=True)
        adapter = Adapter(config or make_config(), settings, home, TOKEN)
        adapter.start()
        ports = json.loads(home.ports_file.read_text())
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{ports['http']}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=70
        )
        started.append(InProcess(adapter, client, ports["dicom"]))
        return started[-1]

    yield start
    for item in started:
        item.client.close()
        item.adapter.stop()


def workflow_text(name: str, when: str = "", called: str = "OrganSeg", workflow_id: str = "") -> str:
    lines = [f"workflow: {name}", *([f"id: {workflow_id}"] if workflow_id else []), "trigger:"]
    lines.append(f"  called_ae_titles: [{called}]")
    return "\n".join([*lines, *([f"  when: {when}"] if when else [])]) + "\n"


@pytest.fixture
def make_workflow() -> Callable[..., str]:
    return workflow_text


def make_ct(number: int = 1, *, study: str = "1.2.826.1", value: int = 0, **attributes: Any) -> Dataset:
    """A CT slice of 16 x 16 pixels, explicit little endian."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = f"{study}.1.{number}"
    dataset.StudyDate = "20260102"
    dataset.Modality = "CT"
    dataset.StudyDescription = "Abdomen"
    dataset.PatientName = "Secret^Person"
    dataset.PatientID = "SECRET-ID"
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = f"{study}.1"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = [0.0, 0.0, 2.5 * number]
    dataset.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    dataset.PixelSpacing = [1.0, 1.0]
    dataset.RescaleSlope = 1
    dataset.RescaleIntercept = -1024
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = 16
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    pixels = (np.arange(256, dtype="<i2").reshape(16, 16) + value + number).astype("<i2")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    for name, given in attributes.items():
        setattr(dataset, name, given)
    dataset.preamble = bytes(128)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID")
    return dataset


@pytest.fixture
def ct() -> Callable[..., Dataset]:
    return make_ct


def send(port: int, *datasets: Dataset, called: str = "OrganSeg", calling: str = "SCANNER") -> list[int]:
    """Send data sets over one association; the statuses."""
    ae = AE(ae_title=calling)
    for dataset in datasets:
        ae.add_requested_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title=called)
    assert association.is_established
    try:
        return [int(association.send_c_store(dataset).Status) for dataset in datasets]
    finally:
        association.release()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made
