"""Planted faults: the check finds each one and names it."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from clara_stages.dicom_writer.rendering.layout import plan_layout
from clara_stages.dicom_writer.secondary_capture.check import check
from tests.support.writing import on_slices

CHANGED = 4
"""Which of the pictures is changed."""


def slice_of(pixels, job):
    layout = plan_layout(job.source)
    return pixels[layout.top : layout.top + layout.height, layout.left : layout.left + layout.width]


def swap_colours(shown, job):
    first, second = (np.array(label.colour_rgb) for label in job.segments.table.labels[:2])
    is_first, is_second = (shown == first).all(axis=2), (shown == second).all(axis=2)
    shown[is_first], shown[is_second] = second, first


def flip(shown, job):
    shown[:] = shown[:, ::-1].copy()


def turn_upside_down(shown, job):
    shown[:] = shown[::-1].copy()


def shift(shown, job):
    shown[:] = np.roll(shown, 3, axis=1)


def brighten(shown, job):
    shown[:] = np.minimum(shown.astype(int) + 12, 255)


def forget_outlines(shown, job):
    for label in job.segments.table.labels:
        shown[(shown == label.colour_rgb).all(axis=2)] = 60


def paint_solid(shown, job):
    label = job.segments.table.labels[0]
    mask = job.source.on_slice(job.segments.values, _index(job)) == label.value
    rows, columns = shown.shape[:2]
    y = (np.arange(rows) * mask.shape[0]) // rows
    x = (np.arange(columns) * mask.shape[1]) // columns
    shown[mask[np.ix_(y, x)]] = label.colour_rgb


def _index(job):
    return np.flatnonzero(on_slices(job.source, job.segments.values).any(axis=(1, 2)))[CHANGED]


@pytest.fixture
def changed(written, tmp_path):
    """``changed(pixels, header)``: the names of what is found when one picture of a good result is changed."""

    def check_changed(pixels=None, header=None):
        job, files = written()
        copies = [shutil.copy(file, tmp_path / file.name) for file in files]
        picture = dcmread(copies[CHANGED])
        if pixels is not None:
            array = picture.pixel_array.copy()
            pixels(slice_of(array, job), job)
            picture.PixelData = array.tobytes()
        if header is not None:
            header(picture, job)
        picture.save_as(copies[CHANGED])
        return {finding.name for finding in check(copies, job)}

    return check_changed


def test_an_unchanged_result_has_no_fault(changed):
    assert changed() == set()


@pytest.mark.parametrize("fault", [flip, turn_upside_down, shift, brighten, paint_solid])
def test_a_picture_that_shows_something_else_is_found(changed, fault):
    assert "picture_differs" in changed(pixels=fault)


def test_swapped_colours_and_missing_outlines_are_found(changed):
    assert "outline_differs" in changed(pixels=swap_colours)
    assert "outline_differs" in changed(pixels=forget_outlines)


def test_a_picture_of_another_slice_is_found(written, tmp_path):
    job, files = written()
    first, second = dcmread(files[4]), dcmread(files[5])
    first.PixelData, second.PixelData = second.PixelData, first.PixelData
    copies = [shutil.copy(file, tmp_path / file.name) for file in files]
    first.save_as(copies[4])
    second.save_as(copies[5])
    found = list(check(copies, job))
    assert {finding.name for finding in found} >= {"picture_differs"}
    assert any("picture 5" in finding.message for finding in found)


def test_a_reference_to_another_slice_is_found(changed):
    def refer_to_the_first(picture, job):
        picture.SourceImageSequence[0].ReferencedSOPInstanceUID = job.source.slices[0].sop_instance_uid

    assert {"source_reference", "picture_differs"} <= changed(header=refer_to_the_first)


def test_a_reference_to_no_slice_and_a_missing_picture_are_found(changed, written):
    def refer_elsewhere(picture, job):
        picture.SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.3.999"

    assert "source_reference" in changed(header=refer_elsewhere)
    job, files = written()
    assert {finding.name for finding in check(files[:-1], job)} == {"source_reference"}


def test_a_legend_without_a_segment_is_found(changed):
    def wipe(picture, job):
        pixels = picture.pixel_array.copy()
        layout = plan_layout(job.source)
        pixels[2 * layout.top + layout.height :] = 0
        picture.PixelData = pixels.tobytes()

    assert changed(header=wipe) == {"legend_differs"}


@pytest.mark.parametrize(
    ("keyword", "value", "name"),
    [
        ("BurnedInAnnotation", "NO", "burned_in_annotation"),
        ("InstanceNumber", 99, "instance_number"),
        ("PatientOrientation", ["R", "P"], "orientation_differs"),
        ("PatientOrientation", None, "orientation_differs"),
        ("PixelSpacing", [1, 1], "pixel_spacing"),
        ("PhotometricInterpretation", "YBR_FULL", "picture_size"),
        ("PixelData", b"\0\0", "unreadable"),
    ],
)
def test_a_wrong_header_is_found(changed, keyword, value, name):
    assert name in changed(header=lambda picture, job: setattr(picture, keyword, value))


def test_a_description_that_names_the_patient_is_found(changed):
    def tell(picture, job):
        picture.ImageComments = "Picture of " + str(job.source.first.PatientName).replace("^", ", ")

    assert changed(header=tell) == {"identity_in_text"}


def test_a_picture_of_other_size_is_found(changed):
    def crop(picture, job):
        pixels = picture.pixel_array[:300].copy()
        picture.Rows = 300
        picture.PixelData = pixels.tobytes()

    assert "picture_size" in changed(header=crop)


def test_pictures_of_other_segments_are_found(written):
    job, files = written()
    moved = replace(job, segments=replace(job.segments, values=np.roll(job.segments.values, 1, axis=0)))
    assert {finding.name for finding in check(files, moved)} == {"picture_differs", "outline_differs"}


def test_pictures_with_another_window_are_found(written):
    job, files = written()
    other = replace(job, params=replace(job.params, window=[100.0, 900.0]))
    assert "picture_differs" in {finding.name for finding in check(files, other)}
