"""Values as shades of grey."""

from types import SimpleNamespace

import numpy as np
import pytest
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.rendering.windowing import Window, stated_window, window_chooser


def header(**attributes):
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def single(**attributes):
    return SimpleNamespace(instance=header(**attributes), frame=None)


def volume(values, modality="MR"):
    return SimpleNamespace(values=np.asarray(values), document=SimpleNamespace(modality=modality))


def test_a_linear_window_is_the_one_of_the_standard():
    # PS3.3 C.11.2.1.2.1: c = 2048, w = 4096 is the identity of 12 bits: 0 is black and 4095 white.
    window = Window(centre=2048, width=4096, function="LINEAR")
    assert window.grey(np.array([0, 4095, -1, 5000])).tolist() == [0, 255, 0, 255]
    assert window.grey(np.array([2047, 2048])).tolist() == [127, 128]


def test_an_exact_window_is_symmetric_about_its_centre():
    window = Window(centre=5.0, width=10.0)
    assert window.grey(np.array([0.0, 5.0, 10.0])).tolist() == [0, 128, 255]


def test_a_sigmoid_window_never_ends_but_is_half_at_its_centre():
    window = Window(centre=100, width=400, function="SIGMOID")
    low, half, high = window.grey(np.array([-100.0, 100.0, 300.0])).tolist()
    assert half == 128
    assert 0 < low < 40
    assert 215 < high < 255


def test_monochrome1_shows_high_values_dark():
    window = stated_window(single(WindowCenter=50, WindowWidth=100, PhotometricInterpretation="MONOCHROME1"))
    assert window.grey(np.array([0, 100])).tolist() == [255, 0]


def test_values_that_are_no_numbers_are_black_and_infinite_ones_at_the_ends():
    grey = Window(centre=5, width=10).grey(np.array([np.nan, np.inf, -np.inf]))
    assert grey.tolist() == [0, 255, 0]


def test_the_first_of_several_windows_counts():
    window = stated_window(single(WindowCenter=[40, -600], WindowWidth=[400, 1500]))
    assert (window.centre, window.width, window.function) == (40, 400, "LINEAR")


@pytest.mark.parametrize(
    ("centre", "width"), [(40, 0), (40, -5), ("", 400), ([], []), (None, None), (float("nan"), 400), (40, 0.5)]
)
def test_a_window_that_cannot_be_is_no_window(centre, width):
    broken = single()
    broken.instance = {"WindowCenter": centre, "WindowWidth": width}
    assert stated_window(broken) is None


def test_a_frame_has_the_window_of_its_functional_group():
    own, shared = header(WindowCenter=1, WindowWidth=2), header(WindowCenter=3, WindowWidth=4)
    instance = header(
        SharedFunctionalGroupsSequence=[header(FrameVOILUTSequence=[shared])],
        PerFrameFunctionalGroupsSequence=[header(), header(FrameVOILUTSequence=[own])],
    )
    assert stated_window(SimpleNamespace(instance=instance, frame=2)).centre == 1
    assert stated_window(SimpleNamespace(instance=instance, frame=1)).centre == 3


def test_the_chosen_window_wins_over_the_source():
    choose = window_chooser([300.0, 1500.0], volume(np.zeros((2, 2, 2))))
    assert choose(single(WindowCenter=40, WindowWidth=400)) == Window(centre=300, width=1500)


def test_without_a_window_percentiles_leave_metal_out():
    values = np.linspace(0, 1000, 64**3).reshape(64, 64, 64)
    values[0, 0, 0] = 1e6
    window = window_chooser(None, volume(values))(single())
    assert window.centre == pytest.approx(500, abs=5)
    assert window.width == pytest.approx(980, abs=10)


def test_windows_of_pet_are_in_another_unit_and_not_used():
    item = single(WindowCenter=15000, WindowWidth=30000)
    window = window_chooser(None, volume(np.linspace(0, 8, 4096).reshape(16, 16, 16), "PT"))(item)
    assert 0 < window.width < 8.1


def test_a_volume_of_one_value_or_of_none_can_be_shown():
    for values in (np.full((3, 3, 3), 7.0), np.full((3, 3, 3), np.nan)):
        window = window_chooser(None, volume(values))(single())
        assert window.grey(values).shape == (3, 3, 3)
