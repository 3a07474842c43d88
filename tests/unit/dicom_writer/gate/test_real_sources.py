"""Results of images of real scanners, with all their oddities: the gate raises no false alarm."""

import pytest

from clara_stages.dicom_reader.__main__ import main as read_study
from clara_stages.dicom_writer.gate.finding import Severity
from clara_stages.dicom_writer.header.source_time import UNKNOWN_TIME, latest_source_time
from clara_stages.dicom_writer.inputs.segments import Form, load_segments
from clara_stages.dicom_writer.inputs.source_stack import load_source_stack
from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.outputs import OUTPUTS
from clara_stages.dicom_writer.params import Params
from clara_stages.kit import StageIO
from clara_stages.kit.contract import StageRequest
from tests.support.data import case
from tests.support.writing import write_segments


def request_of(stage, **fields):
    return StageRequest(
        **({"workflow": "w", "dag_run_id": "r", "stage": stage, "stage_key": "k", "output": "/o"} | fields)
    )


def job_of(study, folder, **params):
    read = folder / "read"
    read.mkdir()
    read_study(StageIO(request_of("read", output=str(read), inputs={"study": str(study)}, params=params)))
    write_segments(folder / "labels", read / "volume", Form.LABEL_MAP)
    volume = load_volume(read / "volume", 0)
    source = load_source_stack(read / "source", document=volume.document)
    placed = source.has_place and bool(source.frame_of_reference_uid)
    outputs = [name for name, output in OUTPUTS.items() if placed or not output.needs_frame_of_reference]
    return Job(
        source=source,
        segments=load_segments(folder / "labels", Form.LABEL_MAP),
        volume=volume,
        params=Params(outputs=outputs),
        request=request_of("write"),
        moment=latest_source_time(source.instances) or UNKNOWN_TIME,
        warn=lambda _: None,
    )


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "below", "params", "inherited"),
    [
        ("ct-mr-pet-rtstruct", "MR_T1/image", {}, "StudyID has 20 characters"),  # and an empty Laterality
        ("ct-mr-pet-rtstruct", "PET/image", {}, "StudyID has 18 characters"),
        ("mr-enhanced", "philips", {}, "PatientAge of the source is invalid"),
        ("hard-oblique-kanji-charset", ".", {}, "PatientAge of the source is invalid"),
        ("hard-gantry-tilt", ".", {"tilt": "resample"}, "PatientAge of the source is invalid"),
        ("hard-rtstruct-references", ".", {"select": 'series.modality == "CT"'}, ""),
    ],
)
def test_what_a_scanner_wrote_is_inherited_and_no_error_of_ours(tmp_path, examine_all, name, below, params, inherited):
    findings = examine_all(job_of(case(name) / below, tmp_path, **params), tmp_path / "results")
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []
    assert any(inherited in finding.message for finding in findings) or not inherited
