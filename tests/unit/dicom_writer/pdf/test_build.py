"""Reports of every geometry."""

import subprocess
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread
from pydicom.uid import EncapsulatedPDFStorage
from pypdf import PdfReader

from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.pdf.build import build
from clara_stages.dicom_writer.pdf.check import check
from clara_stages.kit import BadInputError
from tests.support.peers import require_program
from tests.support.writing import BODIES, make_job
from tests.support.writing_sources import GEOMETRIES


def text_of(report):
    """All text of the document, with single blanks."""
    document = report.EncapsulatedDocument[: report.EncapsulatedDocumentLength]
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages).split())


def text_of_job(job):
    ((_, report),) = build(job)
    return text_of(report)


@pytest.mark.parametrize("geometry", sorted(GEOMETRIES))
def test_every_geometry_is_reported_as_it_is(written, geometry):
    job, file = written(geometry)
    assert [finding.message for finding in check([file], job)] == []


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
def test_overlapping_segments_are_reported(written, form):
    job, file = written("tilted", form=form)
    assert list(check([file], job)) == []


@pytest.mark.peers
@pytest.mark.parametrize("geometry", ["axial", "projection", "enhanced_4d"])
def test_dciodvfy_finds_no_error(written, geometry):
    _, file = written(geometry)
    found = subprocess.run(
        [require_program("dciodvfy"), "-new", str(file)], capture_output=True, text=True, check=False
    )
    assert [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("Error")] == []


@pytest.mark.peers
def test_dcmtk_extracts_the_document(written, tmp_path):
    _, file = written()
    subprocess.run([require_program("dcm2pdf"), str(file), str(tmp_path / "report.pdf")], check=True)
    assert (tmp_path / "report.pdf").read_bytes().rstrip(b"\0").endswith(b"%%EOF\n")


def test_the_report_says_what_it_is(written):
    job, file = written()
    report = dcmread(file)
    assert file.name == "report.pdf.dcm"
    assert report.SOPClassUID == EncapsulatedPDFStorage
    assert (report.Modality, report.ConversionType, report.BurnedInAnnotation) == ("DOC", "WSD", "NO")
    assert report.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.DocumentTitle == "Segmentation report: Organs (demonstration)"
    assert report.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurement Report"
    assert len(report.EncapsulatedDocument) % 2 == 0
    assert 0 <= len(report.EncapsulatedDocument) - report.EncapsulatedDocumentLength <= 1
    assert len(report.SourceInstanceSequence) == len(job.source.instances)


def test_intended_use_stands_before_everything_else(written):
    _, file = written()
    text = text_of(dcmread(file))
    assert text.index("Demonstration on phantoms only. Not for diagnosis") < text.index("What was analysed")
    assert "The identity of the patient is in the DICOM header" in text
    assert text.endswith("Page 2 of 2")


@pytest.mark.parametrize(
    ("geometry", "note"),
    [
        ("tilted", "The gantry was tilted by 14.0 degrees"),
        ("uneven", "The slices do not lie at even distances"),
        ("uneven", "2.500 to 5.000 mm from slice to slice"),
        ("enhanced_4d", "The series has 3 time points: this is time point 2."),
        ("projection", "volumes and distances are not measured"),
    ],
)
def test_what_is_odd_about_the_images_is_noted(written, geometry, note):
    _, file = written(geometry)
    text = text_of(dcmread(file))
    assert "To be noted" in text
    assert note in text


def test_nothing_is_noted_of_an_ordinary_series(written):
    _, file = written()
    assert "To be noted" not in text_of(dcmread(file))


def test_equal_jobs_make_equal_bytes(tmp_path, write):
    files = [write(make_job(tmp_path / name / "in"), tmp_path / name / "out") for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_document_is_the_same_whoever_the_patient_is(tmp_path):
    def rename(index, dataset):
        dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = "Someone^Else", "P-99", "A-99"
        dataset.SeriesDescription = dataset.StudyDescription = "Someone Else, room 7"

    reports = [
        next(build(make_job(tmp_path / name, change=change)))[1] for name, change in (("a", None), ("b", rename))
    ]
    assert reports[0].EncapsulatedDocument == reports[1].EncapsulatedDocument


def test_nothing_found_is_a_report_too(tmp_path, write):
    names = [body.name for body in BODIES]
    job = make_job(tmp_path / "in", empty=names, params={"empty_segments": "keep"})
    file = write(job, tmp_path / "out")
    text = text_of(dcmread(file))
    assert "Nothing was found. Looked for and not found: liver, left kidney, aorta." in text
    assert list(check([file], job)) == []


def test_a_segment_that_is_not_found_is_named_beside_those_that_are(tmp_path, write):
    job = make_job(tmp_path / "in", empty=("aorta",))
    file = write(job, tmp_path / "out")
    assert "Looked for and not found: aorta." in text_of(dcmread(file))
    assert list(check([file], job)) == []


def test_without_a_volume_there_are_sizes_but_no_statistics_and_no_pictures(tmp_path, write):
    job = make_job(tmp_path / "in", with_volume=False)
    file = write(job, tmp_path / "out")
    text = text_of(dcmread(file))
    assert "there are no statistics of them and no pictures" in text
    assert "Mean" not in text
    assert "Volume (ml)" in text
    assert list(check([file], job)) == []


def test_without_segments_the_inputs_are_asked_for(tmp_path):
    with pytest.raises(BadInputError, match="output 'pdf' needs segments"):
        next(build(make_job(tmp_path, with_segments=False)))


def test_an_earlier_report_is_named(tmp_path):
    earlier = Predecessor(
        study_instance_uid="1.2.3", series_instance_uid="1.2.3.9", instances=(("1.2.4", "1.2.3.9.1"),)
    )
    _, report = next(build(make_job(tmp_path, predecessors={"pdf": earlier})))
    series = report.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID == "1.2.3.9"
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.9.1"
    assert "RelatedSeriesSequence" not in report


def test_hostile_texts_are_written_as_texts(tmp_path, write):
    names = ["Πνεύμονας", "печень", "肝臓", "a\x00\x1b[31m\u202eb", "<b>&amp;</b> <img src='x'>", "W" * 400, "2 3.5"]
    bodies = [replace(BODIES[number % 3], name=names[number % 7] + "x" * (number // 7)) for number in range(40)]
    use = "Only <b>for</b> research & on phantoms </para>; " * 200
    job = make_job(tmp_path / "in", form="segment_stack", bodies=bodies, table={"intended_use": use})
    file = write(job, tmp_path / "out")
    assert list(check([file], job)) == []
    text = text_of(dcmread(file))
    assert text.count("Only <b>for</b> research & on phantoms </para>;") > 190  # the others run over the foot of a page
    assert "Liver" in text
