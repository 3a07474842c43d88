"""Each kind of series that holds more than one thing."""

import pytest

from clara_stages.dicom_reader.splitting.split import split_frames
from clara_stages.dicom_reader.values.rescale import Rescale
from tests.support.frames import CORONAL, SAGITTAL, SeriesBuilder


def shape(split):
    """Name -> (kind, number of time points, slices of the first)."""
    return {part.name: (part.kind_of, len(part.times), len(part.times[0])) for part in split.parts}


def test_one_stack_is_one_volume_in_order_of_place():
    series = SeriesBuilder()
    series.stack(5, image_type=("ORIGINAL", "PRIMARY", "AXIAL"), acquisition_number=1)
    split = split_frames(series.frames[::-1])
    assert shape(split) == {"volume": ("stack", 1, 5)}
    assert split.by == ()
    part = split.parts[0]
    assert [frame.plane.position_lps_mm[2] for frame in part.times[0]] == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert (part.time_values, part.time_attribute) == ((), "")
    assert part.values == {"image_type": "ORIGINAL/PRIMARY/AXIAL", "acquisition_number": 1}


def test_attributes_that_vary_from_slice_to_slice_divide_nothing():
    series = SeriesBuilder("MR")
    for k in range(12):
        series.add(
            3.0 * k, acquisition_number=k, echo_time_ms=4.76 + 0.01 * (k % 2), acquisition_time_s=100.0 + k,
            image_type=("ORIGINAL", "PRIMARY", "M", f"TAIL{k % 3}"), kernel="ABC"[k % 3], stack_id="",
        )  # fmt: skip
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 12)}


def test_b_values_are_volumes_named_by_them():
    series = SeriesBuilder("MR")
    for b in (400.0, 50.0, 800.0):
        series.stack(19, b_value=b)
    split = split_frames(series.frames)
    assert shape(split) == {"b50": ("stack", 1, 19), "b400": ("stack", 1, 19), "b800": ("stack", 1, 19)}
    assert split.by == ("b-value: 50, 400, 800 s/mm2",)
    assert split.parts[1].values == {"b_value": 400.0}
    assert split.parts[1].explanation == "b-value 400 s/mm2"


def test_directions_of_one_b_value_are_counted():
    series = SeriesBuilder("MR")
    series.stack(8, b_value=0.0)
    directions = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.707, 0.707, 0), (0, 0.707, 0.707), (-0.707, 0, 0.707)]
    for direction in directions:
        series.stack(8, b_value=1000.0, diffusion_direction=tuple(map(float, direction)))
    split = split_frames(series.frames)
    assert [part.name for part in split.parts] == ["b0", *(f"b1000-dir{n}" for n in range(1, 7))]
    assert all(len(part.frames) == 8 for part in split.parts)
    assert split.parts[3].values == {"b_value": 1000.0, "diffusion_direction": 3}


def test_repeated_b0_volumes_are_time_points_of_one_part():
    series = SeriesBuilder("MR")
    for repetition in range(3):
        series.stack(6, b_value=0.0, acquisition_time_s=1000.0 + 10 * repetition)
    series.stack(6, b_value=1000.0, diffusion_direction=(1.0, 0.0, 0.0), acquisition_time_s=1030.0)
    split = split_frames(series.frames)
    assert shape(split) == {"b0": ("stack", 3, 6), "b1000": ("stack", 1, 6)}
    assert split.parts[0].time_values == (0.0, 10.0, 20.0)


def test_echoes_whose_times_jitter_are_two():
    series = SeriesBuilder("MR")
    for k in range(10):
        series.add(2.0 * k, echo_time_ms=2.38 + 0.01 * (k % 2))
        series.add(2.0 * k, echo_time_ms=4.76 + 0.01 * (k % 2))
    assert shape(split_frames(series.frames)) == {"te2.39ms": ("stack", 1, 10), "te4.77ms": ("stack", 1, 10)}


def test_echoes_by_number_have_their_time_in_the_name():
    series = SeriesBuilder("MR")
    series.stack(4, echo_number=1, echo_time_ms=2.38)
    series.stack(4, echo_number=2, echo_time_ms=4.76)
    assert [part.name for part in split_frames(series.frames).parts] == ["echo1-te2.38ms", "echo2-te4.76ms"]


def test_echoes_at_several_time_points_are_one_4d_each():
    series = SeriesBuilder("MR")
    for time in range(4):
        for echo in (1, 2):
            series.stack(5, echo_number=echo, temporal_position=time + 1, acquisition_time_s=10.0 * time + echo)
    split = split_frames(series.frames)
    assert shape(split) == {"echo1": ("stack", 4, 5), "echo2": ("stack", 4, 5)}
    assert split.parts[1].time_attribute == "temporal_position"
    assert split.parts[1].time_values == (1.0, 2.0, 3.0, 4.0)
    assert split.by == ("echo: 1, 2", "temporal position: 4 time points")


def test_magnitude_and_phase_are_apart_even_at_different_places():
    series = SeriesBuilder("MR")
    series.stack(5, component="MAGNITUDE")
    series.stack(5, component="PHASE", start=1.0)
    assert shape(split_frames(series.frames)) == {"magnitude": ("stack", 1, 5), "phase": ("stack", 1, 5)}


def test_an_adc_map_among_diffusion_images_is_a_volume_of_its_own():
    series = SeriesBuilder("MR")
    for b in (0.0, 800.0):
        series.stack(5, b_value=b, image_type=("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE"))
    series.stack(5, image_type=("DERIVED", "PRIMARY", "DIFFUSION", "ADC"))
    assert list(shape(split_frames(series.frames))) == ["adc", "b0", "b800"]


def test_units_of_pet_are_never_mixed():
    series = SeriesBuilder("PT")
    series.stack(5, rescale=Rescale(units="BQML"))
    series.stack(5, start=10.0, rescale=Rescale(units="CNTS"))
    assert shape(split_frames(series.frames)) == {"bqml": ("stack", 1, 5), "cnts": ("stack", 1, 5)}


def test_ten_cardiac_phases_are_one_4d():
    series = SeriesBuilder("CT")
    for phase in range(10):
        series.stack(12, cardiac_phase_percent=10.0 * phase)
    part = split_frames(series.frames).parts[0]
    assert (part.name, len(part.times), part.time_attribute) == ("volume", 10, "cardiac_phase_percent")
    assert part.time_values == tuple(10.0 * phase for phase in range(10))
    assert part.explanation == "10 time points by cardiac phase, 12 slices each"


def test_a_cine_of_slices_is_ordered_by_its_trigger_times_though_they_differ_from_slice_to_slice():
    series = SeriesBuilder("MR")
    for k in range(6):
        for phase in range(25):
            series.add(8.0 * k, trigger_time_ms=phase * (33.0 + 0.7 * k), acquisition_time_s=50.0 + k)
    part = split_frames(series.frames).parts[0]
    assert (len(part.times), part.time_attribute) == (25, "trigger_time_ms")
    assert all(len(stack) == 6 for stack in part.times)
    assert max(frame.attributes.trigger_time_ms for frame in part.times[0]) == 0.0


def dynamic(times=20, slices=12):
    """Interleaved slices, each with its own acquisition time."""
    series = SeriesBuilder("MR")
    order = [*range(0, slices, 2), *range(1, slices, 2)]
    for time in range(times):
        for turn, k in enumerate(order):
            series.add(4.0 * k, acquisition_time_s=1e9 + 2.0 * time + 0.1 * turn)
    return series


def test_a_dynamic_series_is_told_apart_by_the_acquisition_time_of_each_slice():
    split = split_frames(dynamic().frames)
    part = split.parts[0]
    assert (len(split.parts), len(part.times), part.time_attribute) == (1, 20, "acquisition_time_s")
    assert part.time_values == tuple(2.0 * time for time in range(20))
    assert all(len(stack) == 12 for stack in part.times)


@pytest.mark.parametrize("lost", [0, 5, 11, 6 * 12 + 3, 7 * 12, 8 * 12 - 1])
def test_a_lost_slice_of_a_dynamic_series_shifts_no_other_slice(lost):
    series = dynamic()
    del series.frames[lost]
    part = split_frames(series.frames).parts[0]
    assert len(part.times) == 20
    for time, stack in enumerate(part.times):
        assert len(stack) == (11 if time == lost // 12 else 12)
        assert {int((frame.attributes.acquisition_time_s - 1e9) // 2) for frame in stack} == {time}
    assert "11 to 12 slices: some lost" in part.explanation


def test_a_last_time_point_that_was_broken_off_stands_apart():
    series = dynamic(times=6)
    del series.frames[-7:]
    split = split_frames(series.frames)
    assert shape(split) == {"volume": ("stack", 5, 12), "broken-off": ("stack", 1, 5)}
    assert split.parts[1].explanation.endswith("the last time point, broken off: 5 of 12 slices")


def test_helical_acquisitions_that_overlap_are_volumes_each():
    series = SeriesBuilder("CT")
    series.stack(50, acquisition_number=2, step=1.0)
    series.stack(80, acquisition_number=3, start=40.0, step=1.0)
    assert shape(split_frames(series.frames)) == {"acq2": ("stack", 1, 50), "acq3": ("stack", 1, 80)}


def test_contrast_phases_of_the_same_places_are_time_points_and_named_phases_are_volumes():
    series = SeriesBuilder("CT")
    series.stack(20, acquisition_number=1, acquisition_time_s=100.0)
    series.stack(20, acquisition_number=2, acquisition_time_s=140.0)
    part = split_frames(series.frames).parts[0]
    assert (len(part.times), part.time_attribute, part.time_values) == (2, "acquisition_number", (1.0, 2.0))
    named = SeriesBuilder("CT")
    named.stack(20, acquisition_number=1, contrast_phase="ARTERIAL")
    named.stack(20, acquisition_number=2, contrast_phase="PORTAL VENOUS")
    assert list(shape(split_frames(named.frames))) == ["arterial", "portal-venous"]


def test_scouts_are_images_beside_the_volume():
    series = SeriesBuilder("CT")
    series.add(0.0, orientation=CORONAL, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"), rows=512, columns=700)
    series.add(0.0, orientation=SAGITTAL, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"), rows=512, columns=700)
    series.stack(30, image_type=("ORIGINAL", "PRIMARY", "AXIAL"))
    split = split_frames(series.frames)
    assert shape(split) == {
        "volume": ("stack", 1, 30), "localizer1": ("image", 1, 1), "localizer2": ("image", 1, 1)
    }  # fmt: skip


def test_an_mr_survey_in_three_directions_is_left_to_geometry():
    series = SeriesBuilder("MR")
    for orientation in ((1.0, 0.0, 0.0, 0.0, 1.0, 0.0), CORONAL, SAGITTAL):
        series.stack(5, orientation=orientation, image_type=("ORIGINAL", "PRIMARY", "M"))
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 15)}


def test_a_reformat_in_another_direction_is_explained_by_its_image_type():
    series = SeriesBuilder("MR")
    series.stack(8, image_type=("ORIGINAL", "PRIMARY", "M", "ND"))
    series.stack(3, image_type=("ORIGINAL", "PRIMARY", "M", "NORM"), start=16.0)
    series.add(0.0, orientation=CORONAL, image_type=("DERIVED", "SECONDARY", "MPR"))
    split = split_frames(series.frames)
    assert {part.kind_of: len(part.frames) for part in split.parts} == {"stack": 11, "image": 1}
    assert split.parts[1].name == "derived-secondary-mpr"


def test_dual_energy_is_two_tube_voltages():
    series = SeriesBuilder("CT")
    series.stack(30, kvp=80.0)
    series.stack(30, kvp=140.0)
    assert list(shape(split_frames(series.frames))) == ["kvp80", "kvp140"]


def test_monoenergetic_images_are_named_by_their_energy():
    series = SeriesBuilder("CT")
    series.stack(6, energy_kev=40.0)
    series.stack(6, energy_kev=70.0)
    assert list(shape(split_frames(series.frames))) == ["energy40kev", "energy70kev"]


def test_stacks_of_a_multi_frame_object_are_volumes_though_no_place_repeats():
    series = SeriesBuilder("EMR")
    for number, start in enumerate((0.0, 100.0, 200.0), start=1):
        series.stack(4, start=start, stack_id=str(number))
    assert list(shape(split_frames(series.frames))) == ["stack1", "stack2", "stack3"]
    shuttle = SeriesBuilder("EMR")
    for k in range(6):
        shuttle.add(float(k), stack_id=str(k))
    assert list(shape(split_frames(shuttle.frames))) == ["volume"]


def test_gated_pet_is_one_4d_by_time_slot_and_a_dynamic_one_by_its_reference_time():
    gated = SeriesBuilder("PT")
    for slot in range(1, 9):
        gated.stack(10, time_slot=slot, frame_reference_time_ms=500.0)
    part = split_frames(gated.frames).parts[0]
    assert (len(part.times), part.time_attribute) == (8, "time_slot")
    both = SeriesBuilder("PT")
    for time in (30e3, 90e3):
        for slot in range(1, 4):
            both.stack(10, time_slot=slot, frame_reference_time_ms=time)
    assert shape(split_frames(both.frames)) == {f"slot{n}": ("stack", 2, 10) for n in (1, 2, 3)}


def test_interleaved_duplicates_that_nothing_explains_stay_in_the_part():
    series = SeriesBuilder("CT")
    series.stack(10, kernel="B30f")
    series.stack(10, kernel="B30f")
    split = split_frames(series.frames)
    assert shape(split) == {"volume": ("stack", 1, 20)}
    assert "nothing in the headers tells volumes apart" in split.parts[0].explanation


@pytest.mark.parametrize(
    "differs",
    [
        {"acquisition_number": 2},
        {"kvp": 80.0},
        {"acquisition_time_s": 990.0},
        {"acquisition_time_s": 9990.0},
        {"acquisition_number": 2, "acquisition_time_s": 1005.5, "content_time_s": 7.0},
    ],
    ids=str,
)
def test_a_slice_that_was_repeated_is_not_split_away(differs):
    series = SeriesBuilder("CT")
    for k in range(20):
        series.add(2.0 * k, **{"acquisition_number": 1, "kvp": 120.0, "acquisition_time_s": 1000.0 + k,
                               "content_time_s": 5.0})  # fmt: skip
    series.add(10.0, **{"acquisition_number": 1, "kvp": 120.0, "acquisition_time_s": 1005.0} | differs)
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 21)}


def test_a_duplicate_in_one_of_several_volumes_spoils_only_that_one():
    series = SeriesBuilder("MR")
    for b in (0.0, 500.0, 1000.0):
        series.stack(10, b_value=b)
    series.add(4.0, b_value=500.0)
    assert shape(split_frames(series.frames)) == {
        "b0": ("stack", 1, 10), "b500": ("stack", 1, 11), "b1000": ("stack", 1, 10)
    }  # fmt: skip


def test_an_attribute_that_differs_at_random_explains_no_duplicates():
    series = SeriesBuilder("CT")
    for k in range(40):
        series.add(2.0 * k, kernel="AB"[(k * k // 3) % 2])
    duplicate = 7
    series.add(2.0 * duplicate, kernel="BA"[(duplicate * duplicate // 3) % 2])
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 41)}


def test_a_lost_slice_of_one_b_value_hides_nothing():
    series = SeriesBuilder("MR")
    for b in (0.0, 1000.0):
        series.stack(10, b_value=b)
    del series.frames[4]
    assert shape(split_frames(series.frames)) == {"b0": ("stack", 1, 9), "b1000": ("stack", 1, 10)}


def test_a_broken_header_goes_to_the_stack_that_misses_it():
    series = SeriesBuilder("MR")
    for b in (0.0, 500.0, 1000.0):
        series.stack(10, b_value=b)
    series.break_header(13)
    split = split_frames(series.frames)
    assert shape(split) == {name: ("stack", 1, 10) for name in ("b0", "b500", "b1000")}
    assert [any(frame.instance.fault for frame in part.frames) for part in split.parts] == [False, True, False]
    assert "1 image has a broken header" in split.parts[1].explanation


def test_a_broken_header_keeps_a_single_stack_and_a_single_image_from_being_read():
    series = SeriesBuilder("CT")
    series.stack(10, image_type=("ORIGINAL", "PRIMARY", "AXIAL"))
    series.break_header(3)
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 10)}
    pair = SeriesBuilder("CT")
    pair.stack(2)
    pair.break_header(0)
    assert shape(split_frames(pair.frames)) == {"volume": ("stack", 1, 2)}
    pair.break_header(1)
    assert shape(split_frames(pair.frames)) == {"volume": ("stack", 1, 2)}


def test_images_at_one_position_are_one_cine_in_order_of_time():
    series = SeriesBuilder("CT")
    for number in (15, 12, 14, 13):
        series.add(61.5, acquisition_number=number)
    part = split_frames(series.frames).parts[0]
    assert (part.name, part.kind_of, part.time_attribute) == ("image", "image", "acquisition_number")
    assert part.time_values == (12.0, 13.0, 14.0, 15.0)
    assert [frame.attributes.acquisition_number for (frame,) in part.times] == [12, 13, 14, 15]


def test_one_slice_is_an_image():
    series = SeriesBuilder("CT")
    series.add(0.0)
    assert shape(split_frames(series.frames)) == {"image": ("image", 1, 1)}


def test_monitoring_slices_beside_a_volume_are_told_apart_by_image_type():
    series = SeriesBuilder("CT")
    series.stack(30, image_type=("ORIGINAL", "PRIMARY", "AXIAL", "HELIX"))
    for time in range(8):
        series.add(20.0, image_type=("ORIGINAL", "PRIMARY", "AXIAL", "MON"), acquisition_time_s=float(time))
    assert shape(split_frames(series.frames)) == {"helix": ("stack", 1, 30), "mon": ("image", 8, 1)}


def test_each_projection_is_an_image_and_a_run_is_one_with_its_frames():
    views = SeriesBuilder("DX")
    for time in (3.0, 1.0, 2.0, 4.0):
        views.add(None, orientation=None, content_time_s=time)
    split = split_frames(views.frames)
    assert shape(split) == {f"image{n}": ("image", 1, 1) for n in (1, 2, 3, 4)}
    assert [part.frames[0].attributes.content_time_s for part in split.parts] == [1.0, 2.0, 3.0, 4.0]
    run = SeriesBuilder("XA")
    for number in range(1, 13):
        run.add(None, orientation=None, uid="1.2.9", number=number)
    part = split_frames(run.frames[::-1]).parts[0]
    assert (part.time_attribute, part.time_values) == ("frame_number", tuple(map(float, range(1, 13))))


def test_colour_and_captures_are_no_part_of_the_volume():
    series = SeriesBuilder("CT")
    series.stack(5)
    series.add(None, orientation=None, kind="SC", pixels={"samples_per_pixel": 3, "photometric_interpretation": "RGB"})
    series.add(None, orientation=None, kind="SC")
    split = split_frames(series.frames)
    assert shape(split) == {"volume": ("stack", 1, 5), "image": ("image", 1, 1), "colour": ("refused", 1, 1)}
    assert "one value a voxel" in split.parts[2].explanation


def test_two_fields_of_view_of_the_same_slices_are_two_volumes():
    series = SeriesBuilder("MR")
    series.stack(10, origin=(-180.0, -100.0))
    series.stack(10, origin=(20.0, -100.0))
    assert list(shape(split_frames(series.frames))) == ["field1", "field2"]


def test_a_stack_with_a_tilted_gantry_is_one_place_a_slice():
    series = SeriesBuilder("CT")
    for k in range(40):
        series.add(3.0 * k, origin=(-100.0, -100.0 + 0.8 * k))
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 40)}


def test_dimension_indices_explain_what_nothing_else_does():
    series = SeriesBuilder("EMR")
    for volume in (1, 2):
        for k in range(5):
            series.add(2.0 * k, dimension_index_values=(1, k + 1, volume))
    assert list(shape(split_frames(series.frames))) == ["dim3-1", "dim3-2"]


def test_a_time_series_that_changed_its_frame_of_reference_is_no_4d():
    series = SeriesBuilder("PT")
    series.stack(6, temporal_position=1, reference="1.2.3")
    series.stack(6, temporal_position=2, reference="1.2.4")
    assert list(shape(split_frames(series.frames))) == ["reference1", "reference2"]


def test_a_part_by_itself_has_the_values_that_rules_ask_for():
    series = SeriesBuilder("MR")
    series.stack(5, b_value=800.0, echo_time_ms=63.0, image_type=("DERIVED", "PRIMARY", "DIFFUSION", "TRACEW"))
    assert split_frames(series.frames).parts[0].values == {
        "image_type": "DERIVED/PRIMARY/DIFFUSION/TRACEW", "b_value": 800.0, "echo_time_ms": 63.0
    }  # fmt: skip


def test_no_frames_are_no_parts():
    assert split_frames([]).parts == ()


def test_acquisitions_that_lie_between_each_other_are_volumes_each():
    series = SeriesBuilder("CT")
    series.stack(30, acquisition_number=1)
    series.stack(30, acquisition_number=2, start=40.7)
    assert shape(split_frames(series.frames)) == {"acq1": ("stack", 1, 30), "acq2": ("stack", 1, 30)}


@pytest.mark.parametrize("lost", range(20))
def test_a_stack_acquired_in_turns_that_lost_a_slice_is_not_two_stacks(lost):
    series = SeriesBuilder("MR")
    for k in range(20):
        series.add(3.0 * k, acquisition_number=1 + k % 2)
    del series.frames[lost]
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 19)}


@pytest.mark.parametrize("lost", range(40))
def test_two_acquisitions_one_above_the_other_are_not_divided_so_that_a_lost_slice_is_seen(lost):
    series = SeriesBuilder("CT")
    for k in range(40):
        series.add(3.0 * k, acquisition_number=1 + k // 20)
    del series.frames[lost]
    assert shape(split_frames(series.frames)) == {"volume": ("stack", 1, 39)}


def test_many_broken_headers_stay_with_the_largest_stack():
    series = SeriesBuilder("MR")
    for b in (0.0, 1000.0):
        series.stack(20, b_value=b)
    series.stack(5, b_value=2000.0)
    for index in range(20, 26):
        series.break_header(index)
    assert shape(split_frames(series.frames)) == {
        "b0": ("stack", 1, 20), "b1000": ("stack", 1, 20), "b2000": ("stack", 1, 5)
    }  # fmt: skip


def test_one_acquisition_reconstructed_twice_is_no_time_series():
    series = SeriesBuilder("CT")
    for made in (500.0, 900.0):
        series.stack(10, acquisition_time_s=100.0, content_time_s=made)
    assert shape(split_frames(series.frames)) == {"time1": ("stack", 1, 10), "time2": ("stack", 1, 10)}
    unknown = SeriesBuilder("MR")
    for made in (500.0, 900.0):
        unknown.stack(10, content_time_s=made)
    part = split_frames(unknown.frames).parts[0]
    assert (part.time_attribute, part.time_values) == ("content_time_s", (0.0, 400.0))


def test_a_mosaic_says_why_it_is_no_volume():
    series = SeriesBuilder("MR")
    for time in (3, 1, 2):
        series.add(0.0, image_type=("ORIGINAL", "PRIMARY", "M", "MOSAIC"), acquisition_time_s=float(time))
    part = split_frames(series.frames).parts[0]
    assert (part.kind_of, part.time_values) == ("image", (0.0, 1.0, 2.0))
    assert "without the place of each" in part.explanation


def test_mosaics_at_several_positions_are_no_stack():
    series = SeriesBuilder("MR")
    for z in (0.0, 3.0, 6.0):
        series.add(z, image_type=("ORIGINAL", "PRIMARY", "DIFFUSION", "NONE", "ND", "MOSAIC"))
    parts = split_frames(series.frames).parts
    assert [(part.kind_of, len(part.times)) for part in parts] == [("image", 3)]
    assert "without the place of each" in parts[0].explanation


def test_directions_are_no_time_points_though_the_last_one_was_broken_off():
    series = SeriesBuilder("MR")
    for time, direction in enumerate([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]):
        for turn, k in enumerate([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]):
            if time < 2 or turn in (0, 1, 3):
                series.add(3.0 * k, diffusion_direction=direction, acquisition_time_s=20.0 * time + turn)
    assert shape(split_frames(series.frames)) == {
        "dir1": ("stack", 1, 10), "dir2": ("stack", 1, 10), "broken-off": ("stack", 1, 3)
    }  # fmt: skip


def test_time_points_in_which_b_values_are_mixed_are_no_4d():
    series = SeriesBuilder("MR")
    for time in range(4):
        for k in range(10):
            b = 1000.0 if (time, k) in ((1, 2), (2, 7), (2, 8)) else 0.0
            series.add(3.0 * k, b_value=b, temporal_position=time + 1, acquisition_time_s=20.0 * time + k)
    split = split_frames(series.frames)
    assert shape(split) == {f"t{n}": ("stack", 1, 10) for n in (1, 2, 3, 4)}
    assert ["b_value" in part.values for part in split.parts] == [True, False, False, True]


def running(lost, order=range(4), *, volumes=8):
    """A dynamic series without a pause between its time points, of which one slice was lost; the builder's frames."""
    series = SeriesBuilder("MR")
    for t in range(volumes):
        for turn, k in enumerate(order):
            if (t, k) != lost:
                series.add(2.0 * k, acquisition_time_s=1000.0 + t * len(order) + turn)
    return series.frames


@pytest.mark.parametrize("order", [range(4), range(3, -1, -1)])
@pytest.mark.parametrize("lost", [(0, 0), (0, 3), (7, 0), (7, 3)])
def test_a_lost_slice_shifts_no_other_where_time_points_follow_without_a_pause(lost, order):
    for part in split_frames(running(lost, order)).parts:
        for stack in part.times:
            volumes = {(frame.attributes.acquisition_time_s - 1000) // 4 for frame in stack}
            assert len(volumes) == 1


def test_where_nothing_says_which_time_point_a_slice_is_of_none_is_made():
    split = split_frames(running((0, 1), (1, 3, 0, 2)))
    assert shape(split) == {"volume": ("stack", 1, 31)}
    assert split.parts[0].explanation == "positions repeat, and nothing in the headers tells volumes apart"
