"""Images that would make a volume which nobody could tell from a right one: kept apart, refused, or told."""

import json
from itertools import count

import numpy as np
import pydicom
import pytest

from clara_stages.dicom_reader.__main__ import main
from clara_stages.dicom_reader.planning.selection import choose
from clara_stages.dicom_reader.planning.volume_plan import Verdict
from clara_stages.kit import BadInputError, StageIO
from clara_stages.kit.contract import StageRequest
from clara_stages.kit.contract.facts import SAMPLE_VOLUME
from tests.support.reading import plans_of, run_stage
from tests.support.series import uid, write_enhanced_series, write_series

_NUMBERS = count()


def add_stack(folder, places_mm, *, modality="CT", shape=(8, 7), orientation=None, position=None, **values):
    """Slices of one series at places along z, all with these attributes; a value of None removes its attribute."""
    number = next(_NUMBERS)

    def change(k, dataset):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("mixture", number, k)
        dataset.SeriesInstanceUID = uid("study", "series")
        dataset.ImagePositionPatient = [-20, -30, round(places_mm[k], 6)] if position is None else list(position)
        if orientation is not None:
            dataset.ImageOrientationPatient = list(orientation)
        for keyword, value in values.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)

    return write_series(
        folder, modality=modality, shape=(*shape, len(places_mm)), series=f"part{number}", change=change
    )


def even(slices, *, start=0.0, step=2.0):
    return [start + step * k for k in range(slices)]


def verdicts(folder, **params):
    return {plan.name: (plan.verdict.value, plan.shape) for plan in plans_of(folder, **params)}


@pytest.mark.parametrize(
    ("modality", "keyword", "values", "names"),
    [
        ("CT", "ConvolutionKernel", ("B30f", "B70f"), ["kernel-b30f", "kernel-b70f"]),
        ("CT", "KVP", ("80", "140"), ["kvp80", "kvp140"]),
        ("CT", "AcquisitionNumber", (1, 2), ["acq1", "acq2"]),
        ("MR", "EchoTime", ("10", "30"), ["te10ms", "te30ms"]),
        ("MR", "DiffusionBValue", (0.0, 800.0), ["b0", "b800"]),
    ],
)
def test_two_stacks_exactly_half_a_step_apart_are_two_volumes(tmp_path, modality, keyword, values, names):
    for number, value in enumerate(values):
        add_stack(tmp_path, even(6, start=1.0 * number), modality=modality, **{keyword: value})
    assert verdicts(tmp_path) == {name: ("volume", (8, 7, 6)) for name in names}


def test_slices_of_mr_acquired_in_turns_are_one_volume(tmp_path):
    for number in (1, 2):
        add_stack(tmp_path, even(6, start=1.0 * number), modality="MR", AcquisitionNumber=number)
    assert verdicts(tmp_path) == {"volume": ("volume", (8, 7, 12))}


def test_two_reconstructions_are_told_apart_by_their_thickness(tmp_path):
    add_stack(tmp_path, even(21, step=1.0), SliceThickness="1")
    add_stack(tmp_path, even(5, step=5.0), SliceThickness="5")
    assert verdicts(tmp_path) == {"thick1mm": ("volume", (8, 7, 21)), "thick5mm": ("volume", (8, 7, 5))}


@pytest.mark.parametrize(
    ("modality", "keyword", "values", "told"),
    [
        ("MR", "DiffusionBValue", (0.0, 1000.0), "b-value (5 with 0, 5 with 1000 s/mm2)"),
        ("MR", "TemporalPositionIdentifier", (1, 2), "temporal position (5 with 1, 5 with 2)"),
        (
            "MR",
            "DiffusionGradientOrientation",
            ([1.0, 0.0, 0.0], [0.0, 0.6, 0.8]),
            "diffusion direction (5 with (0, 0.6, 0.8), 5 with (1, 0, 0))",
        ),
        ("CT", "ConvolutionKernel", ("B30f", "B70f"), "kernel (5 with B30f, 5 with B70f)"),
    ],
)
def test_halves_of_two_volumes_that_make_one_stack_are_told(tmp_path, modality, keyword, values, told):
    for number, value in enumerate(values):
        add_stack(tmp_path / "in", even(5, start=10.0 * number), modality=modality, **{keyword: value})
    io, series = run_stage(tmp_path / "in", tmp_path / "out")
    assert series["shape"] == [8, 7, 10]
    assert io.warnings == [
        f"slices of the volume differ in {told}: they are together because nothing shows that they are not, but may "
        "be the rest of several volumes"
    ]


def test_slices_of_two_thicknesses_that_are_interpolated_are_told(tmp_path):
    add_stack(tmp_path / "in", even(21, step=1.0), SliceThickness="1")
    add_stack(tmp_path / "in", even(4, start=0.5, step=5.0), SliceThickness="5")
    io, _ = run_stage(tmp_path / "in", tmp_path / "out", spacing="resample")
    assert "slices of the volume differ in slice thickness (21 with 1, 4 with 5 mm)" in io.warnings[-1]


def test_two_patients_in_one_series_are_refused_and_not_named(tmp_path):
    add_stack(tmp_path, even(4), PatientID="JONES1")
    add_stack(tmp_path, even(2, start=8.0), PatientID="SMITH2")
    (plan,) = plans_of(tmp_path)
    assert plan.verdict is Verdict.REFUSED
    assert plan.was_meant
    assert plan.reason == "the series mixes 2 patients by Patient ID: of 6 instances 4 with one, 2 with another"


def test_the_phases_of_two_patients_are_refused_each(tmp_path):
    for number, patient in enumerate("AB"):
        add_stack(tmp_path, even(5), AcquisitionNumber=number, PatientID=patient)
    with pytest.raises(BadInputError, match="mixes 2 patients"):
        run_stage(tmp_path, tmp_path / "out", select="volume.time_point == 0")


@pytest.mark.parametrize("patient", ["", None, "PHANTOM1 "])
def test_a_patient_id_that_is_missing_or_padded_in_some_images_is_no_other_patient(tmp_path, patient):
    add_stack(tmp_path, even(3))
    add_stack(tmp_path, even(3, start=6.0), PatientID=patient)
    assert verdicts(tmp_path) == {"volume": ("volume", (8, 7, 6))}


def part_of_concatenation(part, total, frames):
    def change(_index, dataset):
        stored = np.frombuffer(dataset.PixelData, np.int16).reshape(-1, dataset.Rows, dataset.Columns)
        kept = slice(part * frames, (part + 1) * frames)
        dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[kept]
        dataset.PixelData, dataset.NumberOfFrames = stored[kept].tobytes(), frames
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = uid("part", part)
        dataset.SeriesInstanceUID, dataset.ConcatenationUID = uid("divided"), uid("concatenation")
        dataset.InConcatenationNumber, dataset.InConcatenationTotalNumber = part + 1, total

    return change


def test_the_parts_of_a_divided_object_are_one_volume_and_a_lost_last_part_is_seen(tmp_path):
    files = [
        write_enhanced_series(
            tmp_path, shape=(8, 7, 12), series=f"part{part}", change=part_of_concatenation(part, 3, 4)
        )
        for part in range(3)
    ]
    assert verdicts(tmp_path) == {"volume": ("volume", (8, 7, 12))}
    files[2].unlink()
    (plan,) = plans_of(tmp_path)
    assert plan.reason == ("a multi-frame object was divided into 3 parts (a concatenation) and 2 are here: 1, 2")


def test_a_pet_that_has_fewer_slices_than_its_header_says_is_told(tmp_path):
    values = {"SeriesType": ["WHOLE BODY", "IMAGE"], "NumberOfSlices": 8}
    add_stack(tmp_path / "in", even(6), modality="PT", **values)
    io, _ = run_stage(tmp_path / "in", tmp_path / "out")
    assert "the volume has 6 slices and the header says 8 (Number of Slices): some may be missing" in io.warnings


def clock(second):
    return f"{second // 3600 % 24:02d}{second // 60 % 60:02d}{second % 60:02d}"


@pytest.mark.parametrize("step_s", [0, 4])
def test_time_points_stay_in_order_over_midnight_though_the_date_stays(tmp_path, step_s):
    begin = 24 * 3600 - 60
    for t in range(6):
        for k in range(4):
            add_stack(
                tmp_path, [2.0 * k], modality="MR", AcquisitionTime=clock(begin + 30 * t + step_s * k), StudyID=str(t)
            )
    (plan,) = plans_of(tmp_path)
    assert list(plan.time_values) == [0, 30, 60, 90, 120, 150]
    order = [[pydicom.dcmread(frame.instance.path).StudyID for frame in stack] for stack in plan.stacks]
    assert order == [[str(t)] * 4 for t in range(6)]


def test_echoes_in_two_frames_of_reference_are_no_4d(tmp_path):
    for echo in (1, 2):
        add_stack(
            tmp_path,
            even(5),
            modality="MR",
            EchoNumbers=echo,
            EchoTime=str(5 * echo),
            FrameOfReferenceUID=f"1.2.{echo}",
        )
    with pytest.raises(BadInputError, match="holds 2 volumes"):
        choose(plans_of(tmp_path), "", volumes="4d")


def turned(angle):
    cosine, sine = round(np.cos(angle), 9), round(np.sin(angle), 9)
    return (cosine, sine, 0, -sine, cosine, 0)


@pytest.mark.parametrize("keyword", ["EchoNumbers", "TemporalPositionIdentifier"])
def test_volumes_that_are_turned_by_half_a_millimetre_at_the_corner_are_no_4d(tmp_path, keyword):
    for number, angle in ((1, 0.0), (2, 9e-4)):
        options = {keyword: number, "PixelSpacing": [1.5, 1.5]}
        add_stack(tmp_path, even(5), modality="MR", shape=(256, 256), orientation=turned(angle), **options)
    with pytest.raises(BadInputError, match=r"holds 2 volumes|lies on another grid than the first \(up to 0\.487 mm"):
        choose_4d(tmp_path)


def choose_4d(folder):
    (plan,) = choose(plans_of(folder), "", volumes="4d").plans
    if plan.error is not None:
        raise plan.error
    return plan


@pytest.mark.parametrize("other", [{"InversionTime": "{}"}, {"FlipAngle": "{}"}, {"ScanningSequence": "S{}"}])
def test_volumes_that_differ_in_more_than_the_fourth_axis_are_no_4d(tmp_path, other):
    for number in (1, 2, 3):
        more = {keyword: text.format(number) for keyword, text in other.items()}
        add_stack(tmp_path, even(5), modality="MR", EchoTime=str(10 * number), **more)
    with pytest.raises(BadInputError, match="holds 3 volumes"):
        choose_4d(tmp_path)


def test_a_4d_has_no_value_of_its_fourth_axis_and_a_name_of_its_own(tmp_path):
    for component in "MP":
        for echo in (1, 2, 3):
            values = {"EchoNumbers": echo, "EchoTime": str(5 * echo), "ImageType": ["ORIGINAL", "PRIMARY", component]}
            add_stack(tmp_path, even(5), modality="MR", **values)
    plans = plans_of(tmp_path)
    with pytest.raises(BadInputError, match="by-echo-number-1, by-echo-number-2"):
        choose(plans, "", volumes="4d")
    (plan,) = choose(plans, 'volume.name == "by-echo-number-2"', volumes="4d").plans
    assert (plan.facts["component"], plan.facts["echo_number"], plan.facts["echo_time_ms"]) == ("PHASE", 0, 0.0)
    assert plan.facts["split_by"] == ["component", "image_type"]
    assert list(plan.time_values) == [1, 2, 3]


def test_facts_of_a_volume_are_of_the_types_that_rules_expect(tmp_path):
    kind = ["ORIGINAL", "PRIMARY", "M", "DIFFUSION"]
    for b_value in (0.0, 500.0):
        for echo in (1, 2):
            values = {"DiffusionBValue": b_value, "EchoNumbers": echo, "EchoTime": str(10.25 * echo)}
            add_stack(tmp_path, even(4), modality="MR", ImageType=kind, FlipAngle="90", **values)
    rule = (
        'volume.b_value == 500.0 && volume.echo_number == 2 && volume.echo_time_ms < 20.6 && "DIFFUSION" in '
        'volume.image_type && "b_value" in volume.split_by && volume.flip_angle_degrees == 90.0 && volume.slices == 4'
    )
    (plan,) = choose(plans_of(tmp_path), rule).plans
    assert plan.facts["image_type"] == kind
    assert {key: type(value) for key, value in plan.facts.items()} == {
        key: type(value) for key, value in SAMPLE_VOLUME.items()
    }


def test_a_time_point_that_lost_a_slice_spoils_no_other(tmp_path):
    for t in range(5):
        add_stack(
            tmp_path, even(12 if t != 3 else 11), modality="MR", TemporalPositionIdentifier=t + 1, AcquisitionNumber=t
        )
    plans = plans_of(tmp_path)
    assert [plan.verdict for plan in plans] == [Verdict.REFUSED]
    with pytest.raises(BadInputError, match=r"time point 4 of 5 .*\(8 x 7 x 11 voxels\)"):
        choose_4d(tmp_path)
    for point, slices in ((0, 12), (3, 11)):
        (plan,) = choose(plans, f"volume.time_point == {point}").plans
        assert (plan.verdict, plan.shape) == (Verdict.VOLUME, (8, 7, slices))
        assert (plan.facts["slices"], plan.facts["verdict"], plan.facts["temporal_position"]) == (
            slices, "volume", point + 1,
        )  # fmt: skip


def test_images_at_one_place_of_several_sizes_are_refused_before_a_file_is_written(tmp_path):
    for number in range(3):
        add_stack(tmp_path, [3.0], shape=(8 + number, 7), TriggerTime=str(number))
    (plan,) = plans_of(tmp_path)
    assert (plan.verdict, plan.was_meant) == (Verdict.REFUSED, False)
    assert plan.reason.startswith("the series mixes 3 sizes (rows x columns)")


@pytest.mark.parametrize(
    "second",
    [{"position": (-10, -30, 3)}, {"FrameOfReferenceUID": "1.2.3"}, {"PixelSpacing": [2, 2]}, {"PixelSpacing": None}],
)
def test_images_at_one_depth_but_no_common_place_have_none_in_the_patient(tmp_path, second):
    add_stack(tmp_path / "in", [3.0], TriggerTime="0")
    add_stack(tmp_path / "in", [3.0], TriggerTime="100", **second)
    io, series = run_stage(tmp_path / "in", tmp_path / "out", images=True)
    assert not series["patient_space"]
    assert "the images have no common place in the patient" in io.warnings


def test_a_mosaic_has_no_place_in_the_patient(tmp_path):
    kind = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
    for number in range(2):
        add_stack(tmp_path / "in", [3.0], modality="MR", ImageType=kind, AcquisitionNumber=number)
    io, series = run_stage(tmp_path / "in", tmp_path / "out", images=True)
    assert not series["patient_space"]
    assert io.warnings == ["the images are mosaics: each shows all slices side by side, where they lie is unknown"]


def test_images_of_two_echoes_at_one_place_are_told(tmp_path):
    for number in range(4):
        add_stack(tmp_path / "in", [3.0], modality="MR", TriggerTime=str(number // 2), EchoNumbers=number % 2)
    io, _ = run_stage(tmp_path / "in", tmp_path / "out", images=True)
    assert any(text.startswith("the images differ in echo (2 with 0, 2 with 1)") for text in io.warnings)


def test_what_is_left_of_a_damaged_volume_counts_its_slices(tmp_path):
    add_stack(tmp_path / "in", even(6))
    first = min((tmp_path / "in").iterdir())
    dataset = pydicom.dcmread(first)
    dataset.PixelData = dataset.PixelData[:40]
    dataset.save_as(first)
    _, series = run_stage(tmp_path / "in", tmp_path / "out", bad_files="leave_out")
    assert series["shape"][2] == series["volume_facts"]["slices"] == 5


def test_images_that_are_another_volume_of_all_are_no_strangers(tmp_path):
    for component in "MP":
        for number in range(2):
            add_stack(
                tmp_path / "in",
                [3.0],
                modality="MR",
                TriggerTime=str(number),
                ImageType=["ORIGINAL", "PRIMARY", component],
            )
    io, _ = run_all(tmp_path, images=True)
    assert not [text for text in io.warnings if "no part of the volume" in text]


def run_all(tmp_path, **params):
    io = StageIO(
        StageRequest(
            workflow="w",
            dag_run_id="r",
            stage="read",
            stage_key="k",
            output=str(tmp_path / "out"),
            inputs={"study": str(tmp_path / "in")},
            params={"volumes": "all", **params},
        )
    )
    main(io)
    return io, json.loads((tmp_path / "out" / "volumes" / "volumes.json").read_text())
