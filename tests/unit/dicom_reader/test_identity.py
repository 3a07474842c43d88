"""The whole way, phantom -> DICOM files -> volume, is the identity: for any orientation, spacing, order and name."""

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import UID

from clara_stages.dicom_reader.plan import Verdict
from clara_stages.kit import BadInputError
from tests.support.reading import plans_of, read_volume
from tests.support.series import uid, write_series

AFFINE_MM = 1e-4
"""Largest distance of a corner from its place: DS has 16 characters, so the files hold far more than that."""

SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

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


def assert_same(volume, phantom, number=0):
    """Every voxel has its value and every corner its place."""
    offset = -1024 if phantom.modality == "CT" else 0
    assert volume.values.shape == phantom.shape
    assert (volume.values == phantom.stored(number) + offset).all()
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
    phantom = Phantom(**{**phantom.__dict__, "modality": "MR"})

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
