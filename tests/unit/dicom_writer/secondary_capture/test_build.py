"""Secondary captures of every geometry."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.secondary_capture.build import build
from clara_stages.dicom_writer.secondary_capture.check import check
from clara_stages.kit import BadInputError
from tests.support.peers import require_program
from tests.support.writing import BODIES, make_job, on_slices
from tests.support.writing_sources import GEOMETRIES

IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID")


@pytest.mark.parametrize("geometry", sorted(GEOMETRIES))
def test_every_geometry_is_shown_as_it_is(written, geometry):
    job, files = written(geometry)
    assert files
    assert [finding.message for finding in check(files, job)] == []


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
def test_segments_that_overlap_are_all_shown(written, form):
    job, files = written("tilted", form=form)
    assert list(check(files, job)) == []


@pytest.mark.peers
@pytest.mark.parametrize("geometry", sorted(GEOMETRIES))
def test_dciodvfy_finds_no_error(written, geometry):
    _, files = written(geometry)
    for file in files[:2]:
        found = subprocess.run(
            [require_program("dciodvfy"), "-new", str(file)], capture_output=True, text=True, check=False
        )
        assert [line for line in (found.stdout + found.stderr).splitlines() if line.startswith("Error")] == []


@pytest.mark.peers
def test_dcmtk_shows_the_same_pixels(written, tmp_path):
    _, files = written("oblique")
    shown = tmp_path / "picture.ppm"
    subprocess.run([require_program("dcmj2pnm"), "+op", str(files[3]), str(shown)], check=True)
    assert np.array_equal(np.asarray(Image.open(shown)), dcmread(files[3]).pixel_array)


def test_one_picture_for_each_slice_with_a_segment_in_a_series_of_its_own(written):
    job, files = written()
    pictures = [dcmread(file) for file in files]
    assert [file.name for file in files] == [f"sc_{number:04d}.dcm" for number in range(1, len(files) + 1)]
    assert [picture.InstanceNumber for picture in pictures] == list(range(1, len(files) + 1))
    assert len({picture.SOPInstanceUID for picture in pictures}) == len(files)
    (series,) = {picture.SeriesInstanceUID for picture in pictures}
    assert series != job.source.first.SeriesInstanceUID
    shown = [str(picture.SourceImageSequence[0].ReferencedSOPInstanceUID) for picture in pictures]
    has_segment = on_slices(job.source, job.segments.values).any(axis=(1, 2))
    expected = [item.sop_instance_uid for item, found in zip(job.source.slices, has_segment, strict=True) if found]
    assert shown == expected


def test_a_picture_says_what_it_is(written):
    job, files = written()
    picture = dcmread(files[0])
    assert picture.SOPClassUID == SecondaryCaptureImageStorage
    assert picture.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert picture.PhotometricInterpretation == "RGB"
    assert (picture.Modality, picture.ConversionType, picture.BurnedInAnnotation) == ("OT", "WSD", "YES")
    assert list(picture.ImageType)[:2] == ["DERIVED", "SECONDARY"]
    assert list(picture.PatientOrientation) == ["L", "P"]
    assert "FrameOfReferenceUID" not in picture
    assert picture.PixelSpacing[0] == pytest.approx(picture.PixelSpacing[1], rel=2e-3)
    assert picture.PixelSpacing[1] * 512 == pytest.approx(job.source.columns * job.source.column_spacing_mm)


def test_pictures_of_a_projection_do_not_claim_a_size_in_the_patient(written):
    _, files = written("projection")
    picture = dcmread(files[0])
    assert "PixelSpacing" not in picture
    assert picture.get("PatientOrientation") is not None


def test_frames_are_named(written):
    job, files = written("enhanced_4d")
    references = [dcmread(file, stop_before_pixels=True).SourceImageSequence[0] for file in files]
    frames = {item.frame for item in job.source.slices}
    assert {reference.ReferencedFrameNumber for reference in references} < frames


def test_lossy_once_is_lossy_for_ever(tmp_path):
    def compress(index, dataset):
        dataset.LossyImageCompression = "01"
        dataset.LossyImageCompressionRatio = "8.5"
        dataset.LossyImageCompressionMethod = "ISO_15444_1"
        dataset.RecognizableVisualFeatures = "YES"

    _, picture = next(build(make_job(tmp_path, change=compress)))
    assert picture.LossyImageCompression == "01"
    assert (picture.LossyImageCompressionRatio, picture.LossyImageCompressionMethod) == (8.5, "ISO_15444_1")
    assert picture.RecognizableVisualFeatures == "YES"


def test_equal_jobs_make_equal_bytes_and_another_key_other_uids(tmp_path, write):
    first, second = (make_job(tmp_path / name / "in") for name in ("a", "b"))
    forth, back = write(first, tmp_path / "a" / "out"), write(second, tmp_path / "b" / "out")
    assert [file.read_bytes() for file in forth] == [file.read_bytes() for file in back]
    other = write(replace(first, request=replace(first.request, stage_key="other")), tmp_path / "c")
    assert dcmread(other[0]).SOPInstanceUID != dcmread(forth[0]).SOPInstanceUID


def test_the_pixels_are_the_same_whoever_the_patient_is(tmp_path):
    def rename(index, dataset):
        dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = "Someone^Else", "P-99", "A-99"
        dataset.PatientBirthDate = "19991231"

    pictures = [
        next(build(make_job(tmp_path / name, change=change)))[1] for name, change in (("a", None), ("b", rename))
    ]
    assert pictures[0].PixelData == pictures[1].PixelData
    assert pictures[0].PatientName != pictures[1].PatientName


def test_an_earlier_result_is_named(tmp_path):
    earlier = Predecessor(
        study_instance_uid="1.2.3", series_instance_uid="1.2.3.9", instances=(("1.2.4", "1.2.3.9.1"),)
    )
    _, picture = next(build(make_job(tmp_path, predecessors={"sc": earlier})))
    assert picture.RelatedSeriesSequence[0].SeriesInstanceUID == "1.2.3.9"


def test_nothing_found_is_no_picture_and_a_warning(tmp_path):
    warnings: list[str] = []
    job = make_job(tmp_path, empty=[body.name for body in BODIES], params={"empty_segments": "keep"}, warnings=warnings)
    assert list(build(job)) == []
    assert warnings == ["no source slice shows a segment: no picture is written"]


def test_without_a_volume_the_input_is_asked_for(tmp_path):
    with pytest.raises(BadInputError, match="output 'sc' needs the voxel values, input volume is not given"):
        next(build(make_job(tmp_path, with_volume=False)))


def test_hostile_names_do_not_stop_a_picture(tmp_path, write):
    names = ["Πνεύμονας", "печень", "肝臓", "a\x00\x1b[31m\u202eb", "<b>&amp;</b>", "W" * 400, "\\..\\x"]
    bodies = [replace(BODIES[number % 3], name=name) for number, name in enumerate(names)]
    job = make_job(tmp_path / "in", form="segment_stack", bodies=bodies)
    files = write(job, tmp_path / "out")
    assert list(check(files, job)) == []
