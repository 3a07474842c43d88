"""Source headers and jobs for what every result carries."""

import datetime

import numpy as np
import pytest
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from clara_stages.dicom_writer.inputs.source_stack import SourceSlice, SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.kit.contract import StageRequest

MOMENT = datetime.datetime.fromisoformat("2021-03-04T10:30:05.5")


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """Values of a header are as they are: nobody checks them while they are set."""
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)


@pytest.fixture
def source_header():
    """Makes the header of a CT slice; attributes override, None removes."""

    def make(**attributes):
        header = Dataset()
        header.SpecificCharacterSet = "ISO_IR 100"
        header.SOPClassUID, header.SOPInstanceUID = CTImageStorage, "1.2.3.4.1"
        header.StudyInstanceUID, header.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        header.PatientName, header.PatientID, header.PatientSex = "Müller^Anna", "P-17", "F"
        header.PatientBirthDate, header.PatientAge = "19600229", "061Y"
        header.StudyDate, header.StudyTime, header.StudyID = "20210304", "101112", "S1"
        header.AccessionNumber, header.ReferringPhysicianName = "A1", "Referrer^R"
        header.Modality, header.Manufacturer, header.SeriesNumber = "CT", "ACME", 3
        for keyword, value in attributes.items():
            if value is None:
                del header[keyword]
            else:
                setattr(header, keyword, value)
        return header

    return make


@pytest.fixture
def header_job(source_header):
    """Makes (job, its warnings) of one source slice; attributes are those of ``source_header``."""

    def make(request=None, predecessors=None, **attributes):
        item = SourceSlice(instance=source_header(**attributes), frame=None, position_lps_mm=np.zeros(3))
        x, y = np.eye(3)[:2]
        stack = SourceStack(
            slices=(item,), columns=2, rows=2, row_direction=x, column_direction=y, column_spacing_mm=1,
            row_spacing_mm=1, frame_of_reference_uid="1.2.3.5",
        )  # fmt: skip
        values = {"workflow": "w", "dag_run_id": "r", "stage": "write", "stage_key": "k", "output": "/o"}
        warnings: list[str] = []
        job = Job(
            source=stack, request=StageRequest(**(values | (request or {}))), moment=MOMENT,
            predecessors=predecessors or {}, warn=warnings.append,
        )  # fmt: skip
        return job, warnings

    return make
