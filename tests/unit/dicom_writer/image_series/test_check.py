import numpy as np
import pydicom
import pytest

from clara_stages.dicom_writer.header.file_meta import set_file_meta
from clara_stages.dicom_writer.image_series.build import build
from clara_stages.dicom_writer.image_series.check import check
from tests.support.writing import make_job

SHAPE = (16, 14, 8)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Job and data sets of a modality, made once."""
    jobs = {}
    for modality, geometry in (("CT", "oblique"), ("PT", "enhanced")):
        job = make_job(tmp_path_factory.mktemp(modality), geometry, modality=modality, shape=SHAPE, outputs=("image",))
        images = [image for _, image in build(job)]
        for image in images:
            set_file_meta(image)
        jobs[modality] = job, images
    return jobs


@pytest.fixture
def findings(made, tmp_path):
    """What the check finds after one image was changed."""

    def run(change, modality="CT", index=3):
        job, images = made[modality]
        files = []
        for k, image in enumerate(images):
            path = tmp_path / f"image_{k + 1:04d}.dcm"
            image.save_as(path, enforce_file_format=True)
            files.append(path)
        changed = pydicom.dcmread(files[index])
        change(changed)
        changed.save_as(files[index])
        return {finding.name for finding in check(files, job)}

    return run


def pixels(change):
    def apply(image):
        image.PixelData = np.ascontiguousarray(change(image.pixel_array)).tobytes()

    return apply


def one_pixel(stored):
    changed = stored.copy()
    changed[2, 3] += 1
    return changed


def move(image, *offset):
    image.ImagePositionPatient = [float(x) + d for x, d in zip(image.ImagePositionPatient, offset, strict=True)]


def turn(image):
    x = list(image.ImageOrientationPatient)
    image.ImageOrientationPatient = [-float(v) for v in x[:3]] + x[3:]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda image: None, set()),
        (pixels(one_pixel), {"voxels_differ"}),
        (pixels(lambda stored: stored[:, ::-1]), {"voxels_differ"}),
        (lambda image: setattr(image, "RescaleIntercept", -1024), {"voxels_differ"}),
        (lambda image: setattr(image, "RescaleSlope", 1.001), {"voxels_differ"}),
        (lambda image: setattr(image, "RescaleType", "US"), {"unit"}),
        (lambda image: move(image, 0, 0, 2.0), {"frame_position", "missing_frames"}),
        (lambda image: move(image, 0.01, 0, 0), {"frame_position"}),
        (turn, {"frame_orientation"}),
        (lambda image: setattr(image, "PixelSpacing", [2.0, 2.25]), {"pixel_spacing"}),
        (lambda image: setattr(image, "SliceThickness", 2.5), {"slice_thickness"}),
        (lambda image: delattr(image, "ImagePositionPatient"), {"unreadable", "missing_frames"}),
        (lambda image: delattr(image, "PixelData"), {"unreadable"}),
        (lambda image: setattr(image.SourceImageSequence[0], "ReferencedSOPInstanceUID", "1.2"), {"source_reference"}),
        (lambda image: delattr(image, "SourceImageSequence"), {"unreadable"}),
    ],
)
def test_a_fault_of_a_ct_image_is_found(findings, change, expected):
    found = findings(change)
    assert found >= expected
    assert found <= expected | {"source_reference"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda image: None, set()),
        (lambda image: setattr(image, "Units", "GML"), {"unit"}),
        (lambda image: setattr(image, "SUVType", "BW"), {"unit"}),
        (lambda image: setattr(image, "RescaleIntercept", 1), {"unit", "voxels_differ"}),
        (lambda image: setattr(image.SourceImageSequence[0], "ReferencedFrameNumber", 8), {"source_reference"}),
    ],
)
def test_a_fault_of_a_pet_image_is_found(findings, change, expected):
    assert findings(change, "PT") == expected


def test_images_in_each_others_place_are_found(made, findings):
    other = made["CT"][1][4]

    def swap(image):
        image.ImagePositionPatient = list(other.ImagePositionPatient)

    assert {"duplicate_frames", "missing_frames", "voxels_differ"} <= findings(swap)


def test_a_file_that_is_no_dicom_is_a_finding(made, tmp_path):
    job, _ = made["CT"]
    (tmp_path / "image_0001.dcm").write_bytes(b"no")
    names = [finding.name for finding in check([tmp_path / "image_0001.dcm"], job)]
    assert names == ["unreadable", "missing_frames"]
