"""The whole way, phantom -> DICOM files -> volume, is the identity: for any orientation, spacing, order and name."""

import dataclasses
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, EnhancedMRImageStorage

from clara_stages.dicom_reader.planning.volume_plan import Verdict
from clara_stages.kit import BadInputError
from tests.support.reading import plans_of, read_volume
from tests.support.reading_cases import Voxels, plain_volume
from tests.support.reading_resampled import find_resampling_faults
from tests.support.series import set_pixels, slice_dataset, uid, write_series

AFFINE_MM = 1e-4
"""Largest distance of a corner from its place: DS has 16 characters, so the files hold far more than that."""

ROUNDED_MM = 0.2
"""A lean of less from slice to slice may be the rounding of positions."""

SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

AXES = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 0), (0, 0, -1)]


def aligned_orientations():
    """The 24 ways to lie along the axes, flips included."""
    return [(*row, *column) for row in AXES for column in AXES if np.dot(row, column) == 0]


def turned_orientation(quaternion):
    """Row and column direction after the rotation of a quaternion."""
    w, x, y, z = np.array(quaternion) / np.linalg.norm(quaternion)
    row = (1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w))
    column = (2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w))
    return (*row, *column)


part = st.floats(-1, 1, allow_nan=False)
orientations = st.one_of(
    st.sampled_from(aligned_orientations()),
    st.tuples(part, part, part, part).filter(lambda q: np.linalg.norm(q) > 0.1).map(turned_orientation),
)


@dataclass(frozen=True)
class Phantom:
    shape: tuple
    spacing_mm: tuple
    orientation: tuple
    origin_lps_mm: tuple
    modality: str
    seed: int

    @property
    def options(self):
        return {
            "shape": self.shape,
            "spacing_mm": self.spacing_mm,
            "orientation": self.orientation,
            "origin_lps_mm": self.origin_lps_mm,
            "modality": self.modality,
        }

    @property
    def affine_lps(self):
        row, column = np.array(self.orientation).reshape(2, 3)
        affine = np.eye(4)
        affine[:3, :3] = np.column_stack([row, column, np.cross(row, column)]) * self.spacing_mm
        affine[:3, 3] = self.origin_lps_mm
        return affine

    def stored(self, number=0):
        """Stored values ``[i, j, k]``, others for another number."""
        return np.random.default_rng([self.seed, number]).integers(0, 4096, self.shape).astype(np.int16)


@st.composite
def phantoms(draw, fewest_slices=2):
    length = st.floats(0.25, 7.0).map(lambda value: round(value, 4))
    place = st.floats(-500, 500).map(lambda value: round(value, 3))
    return Phantom(
        shape=(draw(st.integers(2, 7)), draw(st.integers(2, 7)), draw(st.integers(fewest_slices, 8))),
        spacing_mm=(draw(length), draw(length), draw(length)),
        orientation=draw(orientations),
        origin_lps_mm=(draw(place), draw(place), draw(place)),
        modality=draw(st.sampled_from(["CT", "MR"])),
        seed=draw(st.integers(0, 2**20)),
    )


def shuffle(paths, seed):
    """Give files random names and their instances random numbers: neither may matter."""
    order = random.Random(seed)
    numbers = order.sample(range(1, 10 * len(paths)), len(paths))
    for path, number in zip(paths, numbers, strict=True):
        dataset = dcmread(path)
        dataset.InstanceNumber = number
        dataset.save_as(path.with_name(f"{order.getrandbits(48):012x}.dcm"))
        path.unlink()


def assert_same(volume, phantom, number=0, slopes=1):
    """Every voxel has its value, times the slope of its slice, and every corner its place."""
    offset = -1024 if phantom.modality == "CT" else 0
    assert volume.values.shape == phantom.shape
    assert (volume.values == phantom.stored(number) * np.array(slopes) + offset).all()
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*np.subtract(phantom.shape, 1), 1]
    apart = corners @ (volume.grid.affine_lps - phantom.affine_lps).T
    assert np.linalg.norm(apart, axis=1).max() <= AFFINE_MM
    assert np.allclose(volume.grid.spacing_mm, phantom.spacing_mm, atol=AFFINE_MM)


@SETTINGS
@given(phantoms())
def test_a_series_becomes_the_phantom_it_was_written_from(phantom):
    with tempfile.TemporaryDirectory() as name:
        shuffle(write_series(Path(name), values=phantom.stored(), **phantom.options), phantom.seed)
        assert_same(read_volume(Path(name)), phantom)


@SETTINGS
@given(phantoms(), st.integers(2, 4), st.sampled_from(["b-value", "echo"]))
def test_each_of_several_volumes_in_one_series_becomes_its_phantom(phantom, count, attribute):
    phantom = dataclasses.replace(phantom, modality="MR")

    def change_of(number):
        def change(k, dataset):
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid(number, k))
            if attribute == "b-value":
                dataset.DiffusionBValue = 400.0 * number
            else:
                dataset.EchoNumbers, dataset.EchoTime = number + 1, str(10 + 20 * number)

        return change

    with tempfile.TemporaryDirectory() as name:
        folder, paths = Path(name), []
        for number in range(count):
            made = write_series(
                folder / str(number), values=phantom.stored(number), change=change_of(number), **phantom.options
            )
            paths += [path.rename(folder / f"{number}-{path.name}") for path in made]
        shuffle(paths, phantom.seed)
        plans = plans_of(folder)
        assert [plan.verdict for plan in plans] == [Verdict.VOLUME] * count
        for number in range(count):
            fact = f"volume.b_value == {400.0 * number}"
            rule = fact if attribute == "b-value" else f"volume.echo_number == {number + 1}"
            assert_same(read_volume(folder, rule), phantom, number)


def write_enhanced(path, phantom, order, slopes):
    """One Enhanced MR object with the slices of a phantom as frames, in some order, with a slope for each slice."""
    dataset = slice_dataset("MR", 0)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    stored = phantom.stored()
    set_pixels(dataset, stored[:, :, order[0]].T)
    dataset.NumberOfFrames = len(order)
    dataset.PixelData = b"".join(stored[:, :, k].T.tobytes() for k in order)
    measures = item(PixelSpacing=[phantom.spacing_mm[1], phantom.spacing_mm[0]], SliceThickness=99)
    orientation = item(ImageOrientationPatient=[f"{value:.10g}"[:16] for value in phantom.orientation])
    dataset.SharedFunctionalGroupsSequence = [
        item(PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    ]
    dataset.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[f"{v:.10g}"[:16] for v in place])],
            PixelValueTransformationSequence=[item(RescaleSlope=slope, RescaleIntercept=0, RescaleType="US")],
        )
        for place, slope in ((phantom.affine_lps[:3] @ [0, 0, k, 1], slopes[k]) for k in order)
    ]
    dataset.save_as(path, enforce_file_format=True)


def item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@SETTINGS
@given(phantoms(), st.data())
def test_a_multi_frame_object_with_its_frames_in_any_order_becomes_its_phantom(phantom, data):
    phantom = dataclasses.replace(phantom, modality="MR")
    order = data.draw(st.permutations(range(phantom.shape[2])))
    slopes = data.draw(st.lists(st.integers(1, 5), min_size=phantom.shape[2], max_size=phantom.shape[2]))
    with tempfile.TemporaryDirectory() as name:
        write_enhanced(Path(name) / "one.dcm", phantom, order, slopes)
        volume = read_volume(Path(name))
        assert [frame.number for frame in volume.plan.frames] == [order.index(k) + 1 for k in range(phantom.shape[2])]
        assert_same(volume, phantom, slopes=slopes)


@SETTINGS
@given(phantoms(), st.floats(3, 35), st.sampled_from([-1, 1]), st.sampled_from([0, 1]))
def test_a_tilted_stack_becomes_what_linear_interpolation_makes_of_it(phantom, degrees, sign, axis):
    phantom = dataclasses.replace(phantom, modality="CT")
    affine = phantom.affine_lps
    lean_mm = sign * np.tan(np.radians(degrees)) * phantom.spacing_mm[2]
    assume(abs(lean_mm) > ROUNDED_MM)
    affine[:3, 2] += lean_mm * affine[:3, axis] / phantom.spacing_mm[axis]

    def lean(k, dataset):
        dataset.ImagePositionPatient = [f"{value:.10g}"[:16] for value in affine[:3] @ [0, 0, k, 1]]

    with tempfile.TemporaryDirectory() as name:
        paths = write_series(Path(name), values=phantom.stored(), change=lean, **phantom.options)
        source = plain_volume(paths)
        shuffle(paths, phantom.seed)
        volume = read_volume(Path(name))
        assert volume.plan.verdict is Verdict.RESAMPLE
        found = Voxels(values=volume.values, affine_lps=volume.grid.affine_lps)
        assert find_resampling_faults(found, source) == []


@SETTINGS
@given(phantoms(), st.data())
def test_another_image_at_a_position_refuses_the_series(phantom, data):
    twice = data.draw(st.integers(0, phantom.shape[2] - 1))
    with tempfile.TemporaryDirectory() as name:
        paths = write_series(Path(name), values=phantom.stored(), **phantom.options)
        dataset = dcmread(paths[twice])
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = UID(uid("another"))
        dataset.PixelData = phantom.stored(1)[:, :, twice].T.tobytes()
        paths.append(paths[0].with_name("another.dcm"))
        dataset.save_as(paths[-1])
        shuffle(paths, phantom.seed)
        assert Verdict.VOLUME not in {plan.verdict for plan in plans_of(Path(name))}
        with pytest.raises(BadInputError, match="position"):
            read_volume(Path(name))


@SETTINGS
@given(phantoms(fewest_slices=4), st.data())
def test_a_slice_that_is_missing_refuses_the_series(phantom, data):
    missing = data.draw(st.integers(1, phantom.shape[2] - 2))
    with tempfile.TemporaryDirectory() as name:
        paths = write_series(Path(name), values=phantom.stored(), **phantom.options)
        paths.pop(missing).unlink()
        shuffle(paths, phantom.seed)
        with pytest.raises(BadInputError, match=r"missing|mm"):
            read_volume(Path(name))


@SETTINGS
@given(phantoms(), st.data())
def test_a_second_file_of_an_instance_changes_nothing(phantom, data):
    copied = data.draw(st.integers(0, phantom.shape[2] - 1))
    with tempfile.TemporaryDirectory() as name:
        paths = write_series(Path(name), values=phantom.stored(), **phantom.options)
        shuffle(paths[:copied] + paths[copied + 1 :], phantom.seed)
        paths[copied].with_name("0-copy.dcm").write_bytes(paths[copied].read_bytes())
        assert_same(read_volume(Path(name)), phantom)
