"""What holds for every series."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from clara_stages.dicom_reader.splitting.places import has_place
from clara_stages.dicom_reader.splitting.split import split_frames
from clara_stages.dicom_reader.values.rescale import Rescale
from tests.support.frames import AXIAL, CORONAL, SeriesBuilder

ATTRIBUTES = {
    "image_type": st.sampled_from([(), ("ORIGINAL", "PRIMARY", "M"), ("DERIVED", "PRIMARY", "ADC"),
                                   ("ORIGINAL", "PRIMARY", "LOCALIZER"), ("A/B ../../x", "é" * 60)]),
    "component": st.sampled_from(["", "MAGNITUDE", "PHASE"]),
    "b_value": st.sampled_from([None, 0.0, 50.0, 1000.0, 1001.0]),
    "diffusion_direction": st.sampled_from([None, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)]),
    "echo_time_ms": st.sampled_from([None, 4.76, 4.77, 9.0]),
    "temporal_position": st.sampled_from([None, 1, 2]),
    "trigger_time_ms": st.sampled_from([None, 0.0, 33.0, 34.0]),
    "acquisition_number": st.sampled_from([None, 1, 2, 3]),
    "acquisition_time_s": st.one_of(st.none(), st.floats(0, 1e10)),
    "stack_id": st.sampled_from(["", "1", "2"]),
    "dimension_index_values": st.sampled_from([(), (1,), (1, 2), (2, 1)]),
    "kernel": st.sampled_from(["", "B30f", "../.."]),
}  # fmt: skip


@st.composite
def any_series(draw):
    """Frames of all kinds at a few places, with attributes at random."""
    series = SeriesBuilder()
    used = draw(st.sets(st.sampled_from(sorted(ATTRIBUTES)), max_size=4))
    for _ in range(draw(st.integers(0, 24))):
        series.add(
            draw(st.one_of(st.none(), st.integers(0, 5).map(float), st.just(1e300))),
            kind=draw(st.sampled_from(["CT", "CT", "CT", "MR", "DX", "SC"])),
            orientation=draw(st.sampled_from([AXIAL, AXIAL, AXIAL, CORONAL, None, (0.0,) * 6])),
            rows=draw(st.sampled_from([64, 64, 64, 128])),
            rescale=Rescale(units=draw(st.sampled_from(["", "BQML"]))),
            fault=draw(st.sampled_from(["", "", "", "", "broken"])),
            pixels=draw(st.sampled_from([None, None, {"samples_per_pixel": 3}])),
            **{name: draw(ATTRIBUTES[name]) for name in sorted(used)},
        )
    return series.frames


def told(split):
    return (split.by, [
        (part.name, part.values, part.kind_of, part.time_attribute, part.time_values, part.explanation,
         [[id(frame) for frame in stack] for stack in part.times])
        for part in split.parts
    ])  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(any_series(), st.randoms(use_true_random=False))
def test_each_frame_is_in_one_part_whatever_the_order(frames, random):
    split = split_frames(frames)
    kept = [id(frame) for part in split.parts for frame in part.frames]
    assert sorted(kept) == sorted(map(id, frames))
    shuffled = list(frames)
    random.shuffle(shuffled)
    assert told(split_frames(shuffled)) == told(split)


@settings(max_examples=200, deadline=None)
@given(any_series())
def test_names_are_safe_unique_and_short_and_times_ascend(frames):
    parts = split_frames(frames).parts
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,47}", part.name), part.name
        assert ".." not in part.name
        assert part.kind_of in ("stack", "image", "refused")
        assert list(part.time_values) == sorted(part.time_values)
        assert len(part.time_values) == (len(part.times) if len(part.times) > 1 else 0)
        assert all(len(stack) == 1 for stack in part.times) or part.kind_of != "image"
        assert all(isinstance(value, (str, int, float)) for value in part.values.values())


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 12),
    st.lists(st.sampled_from([0.0, 50.0, 400.0, 1000.0]), min_size=1, max_size=4, unique=True),
    st.integers(1, 3),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
def test_volumes_that_were_mixed_come_back(slices, b_values, echoes, times, random):
    series = SeriesBuilder("MR")
    of_frame = {}
    for b in b_values:
        for echo in range(1, echoes + 1):
            for time in range(times):
                for k in range(slices):
                    frame = series.add(3.0 * k, b_value=b, echo_number=echo, acquisition_time_s=100.0 * time + k)
                    of_frame[id(frame)] = (b, echo, time, k)
    frames = series.frames
    random.shuffle(frames)
    split = split_frames(frames)
    assert len(split.parts) == len(b_values) * echoes
    for part in split.parts:
        assert len(part.times) == times
        found = [[of_frame[id(frame)] for frame in stack] for stack in part.times]
        b, echo, _, _ = found[0][0]
        assert found == [[(b, echo, time, k) for k in range(slices)] for time in range(times)]


@settings(max_examples=200, deadline=None)
@given(any_series())
def test_no_part_holds_two_quantities_modalities_or_colours_and_no_4d_two_b_values(frames):
    for part in split_frames(frames).parts:
        sound = [frame for frame in part.frames if not frame.instance.fault and has_place(frame)]
        if part.kind_of == "refused":
            continue
        assert len({frame.instance.sop_class_uid for frame in part.frames}) < 2
        assert len({frame.instance.pixels.samples_per_pixel for frame in sound}) < 2
        assert len({frame.attributes.component for frame in sound} - {""}) < 2
        assert len({frame.rescale.units for frame in sound} - {""}) < 2
        if part.kind_of == "stack":
            assert len({"ADC" in frame.attributes.image_type for frame in sound}) < 2
        if part.kind_of == "stack" and len(part.times) > 1:
            at_place: dict = {}
            for frame in sound:
                b_value = round((frame.attributes.b_value or -100) / 50)
                assert at_place.setdefault(frame.plane.position_lps_mm, b_value) == b_value
