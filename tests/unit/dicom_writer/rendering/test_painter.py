"""Pictures of whole slices, of every geometry."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.rendering.layout import LEAST_WIDTH, plan_layout
from clara_stages.dicom_writer.rendering.orientation import edge_letters, patient_orientation
from clara_stages.dicom_writer.rendering.painter import Painter
from clara_stages.kit import BadInputError
from tests.support.writing import BODIES, make_job, on_slices


@pytest.fixture(scope="module")
def axial(tmp_path_factory):
    return make_job(tmp_path_factory.mktemp("axial"))


def letters(tmp_path, geometry):
    found = edge_letters(make_job(tmp_path, geometry).source)
    return tuple(found[edge] for edge in ("left", "top", "right", "bottom"))


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        ("axial", ("R", "A", "L", "P")),
        ("coronal", ("R", "H", "L", "F")),
        ("sagittal", ("A", "H", "P", "F")),
        ("feet_first", ("L", "A", "R", "P")),
        ("oblique", ("RA", "AF", "LP", "PH")),
    ],
)
def test_letters_say_which_way_the_patient_lies(tmp_path, geometry, expected):
    assert letters(tmp_path, geometry) == expected


def test_letters_stand_beside_the_slice_and_not_on_it(axial):
    painter = Painter(axial, "sc")
    layout = painter.layout
    framed = painter.framed(painter.indices[0]).copy()
    assert framed[: layout.top].any()
    framed[layout.top : layout.top + layout.height, layout.left : layout.left + layout.width] = 0
    for edge in (framed[: layout.top], framed[-layout.top :], framed[:, : layout.left], framed[:, -layout.left :]):
        assert edge.max() > 200


def test_images_that_do_not_say_how_the_patient_lies_have_no_letters(tmp_path):
    def forget(index, dataset):
        dataset.PatientOrientation = None

    source = make_job(tmp_path, "projection", change=forget).source
    assert patient_orientation(source) is None
    assert edge_letters(source) == {}


@pytest.mark.parametrize("stated", [["A"], ["A", "F", "L"], ["X", "Y"], "A", ["LEFT", "DOWN"]])
def test_a_patient_orientation_that_cannot_be_is_not_shown(axial, stated):
    instance = Dataset()
    instance.PatientOrientation = stated
    first = replace(axial.source.slices[0], instance=instance)
    assert patient_orientation(replace(axial.source, slices=(first,), has_place=False)) is None


def test_a_small_matrix_is_enlarged_and_keeps_its_proportions(axial):
    layout = plan_layout(axial.source)
    assert layout.width == LEAST_WIDTH
    assert layout.height / layout.width == pytest.approx((36 * 2.25) / (40 * 2.0), abs=1 / LEAST_WIDTH)


@pytest.mark.parametrize(
    ("columns", "rows", "across", "down", "expected"),
    [
        (512, 512, 0.8, 0.8, (512, 512)),
        (64, 28, 4.0, 4.0, (512, 224)),
        (28, 64, 6.4, 4.0, (512, 731)),
        (512, 512, 0.5, 1.0, (512, 1024)),
        (3000, 2500, 0.1, 0.1, (2048, 1707)),
        (10, 4000, 1.0, 1.0, (5, 2048)),
        (1, 1, 1.0, 1.0, (512, 512)),
    ],
)
def test_pixels_are_shown_square_and_sizes_are_bounded(axial, columns, rows, across, down, expected):
    source = replace(axial.source, columns=columns, rows=rows, column_spacing_mm=across, row_spacing_mm=down)
    layout = plan_layout(source)
    assert (layout.width, layout.height) == expected
    assert layout.canvas_width >= LEAST_WIDTH


def test_a_page_names_slice_segments_model_and_intended_use_and_nobody(axial):
    painter = Painter(axial, "sc")
    index = painter.indices[0]
    page, framed = painter.page(index), painter.framed(index)
    assert page.shape[1] == framed.shape[1] == painter.layout.canvas_width
    legend = page[len(framed) :].reshape(-1, 3)
    for body in BODIES:
        assert (legend == body.colour_rgb).all(axis=1).sum() > 100
    assert painter.caption(index).startswith(f"Slice {index + 1} of 14 · image no. ")
    assert "window 40 / 400 HU" in painter.caption(index)


def test_the_caption_of_a_frame_names_it(tmp_path):
    painter = Painter(make_job(tmp_path, "enhanced"), "sc")
    assert "frame " in painter.caption(painter.indices[0])


def test_only_slices_with_a_segment_are_shown(axial):
    has_segment = on_slices(axial.source, axial.segments.values).any(axis=(1, 2))
    assert Painter(axial, "sc").indices == np.flatnonzero(has_segment).tolist()
    assert not has_segment.all()


def test_a_long_intended_use_is_written_in_full_and_forty_names_fit(tmp_path):
    bodies = [
        replace(
            BODIES[0], name=f"structure number {number} of the body", centre_mm=(0, 0, 0), semi_axes_mm=(30, 30, 30)
        )
        for number in range(40)
    ]
    use = "Only for research, on phantoms; not for diagnosis. " * 30
    job = make_job(tmp_path, form="segment_stack", bodies=bodies, table={"intended_use": use})
    short = replace(job, segments=replace(job.segments, table=replace(job.segments.table, intended_use="Research.")))
    page, shorter = (Painter(each, "sc").page(7) for each in (job, short))
    assert page.shape[0] - shorter.shape[0] > 20 * 15
    assert page.shape[1] == shorter.shape[1]


def test_a_word_wider_than_the_legend_is_broken(tmp_path):
    job = make_job(tmp_path, table={"intended_use": "W" * 500})
    page = Painter(job, "sc").page(7)
    assert page[:, -4:].max() < 60  # nothing runs out on the right


def test_without_volume_or_segments_the_output_is_named(axial):
    with pytest.raises(BadInputError, match="output 'sc' needs the voxel values"):
        Painter(replace(axial, volume=None), "sc")
    with pytest.raises(BadInputError, match="output 'pdf' needs segments"):
        Painter(replace(axial, segments=None), "pdf")
