"""Series of real scanners."""

from collections import defaultdict

import pytest

from clara_stages.dicom_reader.headers.study import load_study
from clara_stages.dicom_reader.splitting.split import split_frames
from tests.support.data import case

pytestmark = pytest.mark.data


def splits(name):
    """The split of each series of a case."""
    series = defaultdict(list)
    for frame in load_study(case(name)).frames:
        series[frame.instance.series_instance_uid].append(frame)
    return [split_frames(frames) for frames in series.values()]


def shapes(name):
    return sorted(
        [(part.name, part.kind_of, [len(stack) for stack in part.times]) for part in split.parts]
        for split in splits(name)
    )


def test_the_diffusion_series_is_three_b_values():
    assert shapes("mr-prostate") == [
        [("b50", "stack", [19]), ("b400", "stack", [19]), ("b800", "stack", [19])],
        [("volume", "stack", [19])],
        [("volume", "stack", [19])],
    ]
    assert ("b-value: 50, 400, 800 s/mm2",) in [split.by for split in splits("mr-prostate")]


def test_time_points_in_one_and_in_several_multi_frame_objects_are_4d():
    assert [("volume", "stack", [8, 8, 8, 8])] in shapes("mr-enhanced")
    assert shapes("mr-enhanced-xa10") == [[("volume", "stack", [6, 6, 6, 6])]]
    part = splits("mr-enhanced-xa10")[0].parts[0]
    assert (part.time_attribute, part.time_values) == ("temporal_position", (1.0, 2.0, 3.0, 4.0))
    for time, stack in enumerate(part.times, start=1):
        assert len({frame.instance.sop_instance_uid for frame in stack}) == 1
        assert {frame.attributes.temporal_position for frame in stack} == {time}


def test_a_bolus_monitor_is_images_in_order_of_acquisition():
    part = splits("hard-one-position")[0].parts[0]
    assert (part.kind_of, part.time_attribute) == ("image", "acquisition_number")
    assert part.time_values == (12.0, 13.0, 14.0, 15.0)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("hard-localizer", 13),
        ("hard-two-orientations", 4),
        ("hard-duplicate-position", 6),
        ("hard-missing-slice", 4),
        ("hard-missing-slice-mr", 18),
        ("hard-tilt-and-missing-slice", 4),
        ("hard-gantry-tilt", 4),
        ("hard-two-slices", 2),
        ("hard-per-slice-rescale", 4),
        ("ct-abdomen", 41),
    ],
)
def test_what_geometry_must_judge_is_handed_over_whole(name, count):
    assert shapes(name) == [[("volume", "stack", [count])]]


def test_colour_is_refused():
    assert shapes("hard-rgb-volume") == [[("colour", "refused", [4])]]
