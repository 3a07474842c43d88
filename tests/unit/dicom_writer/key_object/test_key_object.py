"""Key objects name the images worth opening, and a wrong one is found."""

import subprocess
from dataclasses import replace

import pytest
from pydicom import dcmread

from clara_stages.dicom_writer.key_object.build import build, largest_slices
from clara_stages.dicom_writer.key_object.check import check
from clara_stages.dicom_writer.sr.content import image_references
from tests.support.peers import require_program
from tests.support.writing import make_job, on_slices
from tests.support.writing_sources import GEOMETRIES


def write(job, folder):
    ((name, document),) = build(job)
    document.save_as(folder / name, enforce_file_format=True)
    return folder / name


def findings(path, job):
    return {finding.name for finding in check([path], job)}


def images(path):
    return [one for one in image_references(dcmread(path))]


@pytest.fixture(scope="module")
def axial(tmp_path_factory):
    return make_job(tmp_path_factory.mktemp("axial"))


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_check_finds_nothing_wrong_in_any_geometry(geometry, tmp_path):
    job = make_job(tmp_path, geometry)
    assert findings(write(job, tmp_path), job) == set()


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
def test_the_check_finds_nothing_wrong_in_any_form(form, tmp_path):
    job = make_job(tmp_path, "tilted", form=form)
    assert findings(write(job, tmp_path), job) == set()


def test_the_largest_slices_are_taken_the_first_of_equals():
    assert largest_slices((0, 3, 9, 9, 9, 1), 1) == [2]
    assert largest_slices((0, 3, 9, 9, 9, 1), 2) == [2, 3]
    assert largest_slices((0, 3, 0), 5) == [1]
    assert largest_slices((0, 0), 1) == []


def test_images_have_the_largest_area_of_a_segment(axial, tmp_path):
    named = {image.sop_instance_uid for image in images(write(axial, tmp_path))}
    largest = set()
    for label in axial.segments.table.labels:
        areas = [int(mask.sum()) for mask in on_slices(axial.source, axial.segments.mask(label.segment_number))]
        largest.add(axial.source.slices[areas.index(max(areas))].sop_instance_uid)
    assert named == largest


def test_several_images_for_each_segment_on_request(axial, tmp_path):
    job = replace(axial, params=replace(axial.params, key_images=3))
    path = write(job, tmp_path)
    assert len(images(path)) >= 3
    assert findings(path, job) == set()
    assert "largest_area" in findings(path, axial)


def test_images_of_a_multi_frame_source_are_named_by_their_frames(tmp_path):
    job = make_job(tmp_path, "enhanced")
    (image,) = images(write(job, tmp_path))
    assert set(image.frames) <= {one.frame for one in job.source.slices}


def test_the_document_says_why_and_what_it_is_for(axial, tmp_path):
    document = dcmread(write(axial, tmp_path))
    (text,) = [item.TextValue for item in document.ContentSequence if item.get("TextValue", "").startswith("Images")]
    assert "liver: image" in text
    assert text.endswith("Not for diagnosis, not for any clinical decision.")
    assert document.ConceptNameCodeSequence[0].CodeValue == "113000"


def test_equal_jobs_make_equal_bytes(axial, tmp_path):
    first = write(axial, tmp_path).read_bytes()
    assert write(axial, tmp_path).read_bytes() == first


def test_where_nothing_was_found_there_is_no_document(tmp_path):
    job = make_job(tmp_path, empty=["liver", "left kidney", "aorta"])
    assert list(build(job)) == []
    assert list(check([], job)) == []


def change(path, edit):
    document = dcmread(path)
    edit(document)
    document.save_as(path, enforce_file_format=True)


def reference(document):
    return next(item for item in document.ContentSequence if item.ValueType == "IMAGE").ReferencedSOPSequence[0]


def listed(document):
    return document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]


def unknown_image(document):
    reference(document).ReferencedSOPInstanceUID = "1.2.3"


def other_series(document):
    listed(document).SeriesInstanceUID = "1.2.3"


def other_title(document):
    document.ConceptNameCodeSequence[0].CodeValue = "113001"


def no_title(document):
    del document.ConceptNameCodeSequence


def no_image(document):
    item = next(item for item in document.ContentSequence if item.ValueType == "IMAGE")
    document.ContentSequence.remove(item)
    listed(document).ReferencedSOPSequence = [
        one
        for one in listed(document).ReferencedSOPSequence
        if one.ReferencedSOPInstanceUID != item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    ]


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (unknown_image, "dangling_reference"),
        (unknown_image, "source_reference"),
        (other_series, "source_reference"),
        (other_title, "document_title"),
        (no_title, "document_structure"),
        (no_image, "largest_area"),
    ],
)
def test_a_planted_fault_is_found(fault, name, axial, tmp_path):
    path = write(axial, tmp_path)
    change(path, fault)
    assert name in findings(path, axial)


def test_an_image_of_another_slice_is_found(axial, tmp_path):
    path = write(axial, tmp_path)
    other = axial.source.slices[0].sop_instance_uid

    def edit(document):
        old = reference(document).ReferencedSOPInstanceUID
        reference(document).ReferencedSOPInstanceUID = other
        for item in listed(document).ReferencedSOPSequence:
            if item.ReferencedSOPInstanceUID == old:
                item.ReferencedSOPInstanceUID = other

    change(path, edit)
    assert findings(path, axial) == {"largest_area"}


@pytest.mark.peers
@pytest.mark.parametrize("geometry", ["axial", "enhanced", "tilted", "projection"])
def test_dciodvfy_finds_no_error(geometry, tmp_path):
    path = write(make_job(tmp_path, geometry), tmp_path)
    run = subprocess.run([require_program("dciodvfy"), path], capture_output=True, text=True)
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []
    assert "KeyObjectSelectionDocument" in run.stderr
