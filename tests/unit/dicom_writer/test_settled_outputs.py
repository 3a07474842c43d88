"""What the stage makes of the inputs it is given: which outputs, or why none."""

import json

import pytest

from clara_stages.dicom_writer.inputs.segments import Form
from clara_stages.dicom_writer.params import OUTPUT_NAMES
from tests.support.writing import BODIES, time_point_of, write_inputs, write_segments

EVERYTHING = list(OUTPUT_NAMES)

PLACELESS = ["sr", "sc", "pdf", "key_object"]
"""Outputs about segments that state no place in the patient."""

NAMES = [body.name for body in BODIES]


def test_a_time_point_that_is_not_there_is_refused(tmp_path, run_writer):
    run = run_writer(write_inputs(tmp_path / "inputs", "enhanced_4d"), time_point=7)
    assert run.short.exit_code == 20
    assert "time point" in run.error
    assert run.left == []


def empty_inputs(folder, *names):
    return write_inputs(folder / "inputs", empty=names)


def test_nothing_found_has_nothing_to_do(tmp_path, run_writer):
    run = run_writer(empty_inputs(tmp_path, *NAMES))
    assert (run.short.exit_code, run.short.outcome) == (10, "nothing_to_do")
    assert "no label has a voxel: nothing was found" in run.error
    assert run.left == []


def test_nothing_found_still_gives_the_image(tmp_path, run_writer):
    run = run_writer(empty_inputs(tmp_path, *NAMES), outputs=["image", "seg"])
    assert run.short.exit_code == 0, run.error
    assert "no label has a voxel: only image written" in run.warnings
    assert "seg_instances" not in run.short.metrics


def test_an_empty_segment_is_left_out_of_every_output(tmp_path, run_writer):
    run = run_writer(empty_inputs(tmp_path, NAMES[0]), outputs=EVERYTHING)
    assert run.short.exit_code == 0, run.error
    assert run.short.metrics["segments"] == 2
    (seg,) = (result for result in run.headers if result.Modality == "SEG")
    assert [item.SegmentLabel for item in seg.SegmentSequence] == NAMES[1:]


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_empty_segments_are_kept_where_the_workflow_says_so(tmp_path, run_writer, names):
    run = run_writer(empty_inputs(tmp_path, *names), outputs=["seg"], empty_segments="keep")
    assert run.short.exit_code == 0, run.error
    (seg,) = run.headers
    assert sorted(item.SegmentLabel for item in seg.SegmentSequence) == sorted(NAMES)


@pytest.mark.parametrize("names", [NAMES[:1], NAMES])
def test_empty_segments_are_refused_by_name_where_the_workflow_says_so(tmp_path, run_writer, names):
    run = run_writer(empty_inputs(tmp_path, *names), empty_segments="refuse")
    assert run.short.exit_code == 20
    assert run.error == f"{len(names)} of 3 segments have no voxel: {', '.join(names)}"


def test_a_source_without_frame_of_reference_is_out_of_scope_where_nothing_else_is_asked_for(tmp_path, run_writer):
    run = run_writer(write_inputs(tmp_path / "inputs", "no_frame_of_reference"), outputs=["seg", "rtstruct"])
    assert run.short.exit_code == 21
    assert "no Frame of Reference UID, and none is invented: seg, rtstruct" in run.error
    assert run.left == []


@pytest.mark.parametrize("geometry", ["no_frame_of_reference", "projection"])
def test_what_needs_no_place_in_the_patient_is_written_without_one(tmp_path, run_writer, geometry):
    run = run_writer(write_inputs(tmp_path / "inputs", geometry), outputs=["seg", *PLACELESS])
    assert run.short.exit_code == 0, run.error
    assert any("none is invented: seg cannot state where they lie; not written" in text for text in run.warnings)
    assert {name for name in EVERYTHING if f"{name}_instances" in run.short.metrics} == set(PLACELESS)


def test_segments_may_be_given_only_once(axial_inputs, tmp_path, run_writer):
    write_segments(tmp_path / "stack", axial_inputs["volume"], Form.SEGMENT_STACK)
    run = run_writer({**axial_inputs, "segments": tmp_path / "stack"})
    assert run.short.exit_code == 20
    assert "the inputs labels and segments are given, expected at most one" in run.error


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
def test_other_forms_of_segments_are_written(axial_inputs, tmp_path, run_writer, form):
    inputs = write_inputs(tmp_path / "inputs", form=form)
    assert run_writer(inputs, outputs=["seg", "sr"]).error == ""


@pytest.mark.parametrize("geometry", ["axial", "enhanced_4d"])
def test_segments_of_another_volume_on_the_same_grid_are_refused(tmp_path, run_writer, geometry):
    inputs = write_inputs(tmp_path / "inputs", geometry)
    images = json.loads((inputs["source"] / "series.json").read_text())["slices"]
    first = next(image for image in images if image["t"] == time_point_of(geometry))
    table = json.loads((inputs["labels"] / "labels.json").read_text())

    def write(name, **first_image):
        (inputs["labels"] / "labels.json").write_text(json.dumps(table | {"first_image": first_image}))
        return run_writer(inputs, name=name, time_point=time_point_of(geometry))

    assert write("its own", sop_instance_uid=first["sop_instance_uid"], frame=first["frame"]).error == ""
    another = write("another", sop_instance_uid=first["sop_instance_uid"], frame=images[-1]["frame"] or 2)
    assert another.short.exit_code == 20
    assert "the segments were made on another volume" in another.error


def test_an_output_about_segments_needs_them(axial_inputs, run_writer):
    inputs = {name: axial_inputs[name] for name in ("source", "volume")}
    run = run_writer(inputs, outputs=["image", "sr"])
    assert run.short.exit_code == 20
    assert "output 'sr' needs segments, none of the inputs labels, segments, probabilities is given" in run.error
    assert run_writer(inputs, name="image", outputs=["image"]).error == ""


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"outputs": ["film"]}, "parameter 'outputs' is ['film'], expected one or more of image, seg"),
        ({"outputs": []}, "parameter 'outputs' is []"),
        ({"holes": "yes"}, "parameter 'holes' is 'yes', expected keyhole or xor"),
        ({"window": [40, 0]}, "parameter 'window' is [40.0, 0.0]"),
        ({"key_images": 0}, "expected at least 0 and 1"),
        ({"outptus": ["seg"]}, "unknown parameter 'outptus'"),
    ],
)
def test_a_wrong_parameter_is_refused_in_words(axial_inputs, run_writer, params, message):
    run = run_writer(axial_inputs, **params)
    assert run.short.exit_code == 20
    assert message in run.error
