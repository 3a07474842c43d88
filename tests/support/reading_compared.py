"""Whether what any reader made of a series is right: rules that know nothing of the reader.

- A series that is a volume, or several: each must be made, with every voxel in its place and of its value, and nothing
  else. Volumes of one series may come as one 4D. Time points may come one by one.
- A single image: right is the image in its place, or with its values where it has no place.
- Anything else (several images at one place, a missing slice, mixed orientations): refusing is right, and so is
  whatever puts each image where its header says it lies. A volume whose slices lie elsewhere is wrong.
- Tilted slices: refusing is right, a sheared affine that puts each slice in its place, or a resampled volume with
  right angles.
- Colour may be refused or stay colour.
"""

import contextlib
import functools
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from tests.support.other_readers import READERS, Made
from tests.support.reading_cases import (
    LOWEST_HU,
    ExpectedVolume,
    Reading,
    Voxels,
    compare,
    files_of_series,
    has_place,
    plain_volume,
    wanted_voxels,
)

_PLACE_MM = 0.1
"""A slice that lies further off than this is in another place; headers and float32 explain a hundredth of it."""

_LIKE = 0.99
"""Correlation of two resamplings of the same slices: their interpolations may differ."""

_RIGHT = frozenset({"refuses", "in place", "resampled", "stays colour"})
"""Outcomes that a person may rely on where there is no volume; refusing a sound single image is not one of them."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What one reader made of one series."""

    reading: str
    series: str
    wanted: str
    outcome: str
    is_right: bool


def series_of(reading: Reading) -> dict[str, tuple[ExpectedVolume, ...]]:
    """The expected entries of a reading by series."""
    found: dict[str, tuple[ExpectedVolume, ...]] = {}
    for item in reading.volumes:
        found[item.series] = (*found.get(item.series, ()), item)
    return found


@functools.cache
def compare_reader(reader: str, reading: Reading) -> tuple[Compared, ...]:
    """What a reader made of every series of a reading."""
    with tempfile.TemporaryDirectory() as name:
        folder = reading.folder(Path(name))
        return tuple(
            _compared(reader, reading, folder, series, expected) for series, expected in series_of(reading).items()
        )


def _compared(
    reader: str, reading: Reading, folder: Path, series: str, expected: tuple[ExpectedVolume, ...]
) -> Compared:
    made = READERS[reader](folder, series)
    verdict = expected[0].verdict
    if verdict == "volume":
        outcome = _judge_volumes(made, reading, folder, expected)
        is_right = outcome == "right"
    else:
        outcome = _judge_others(made, reading, folder, expected[0])
        is_right = outcome in (_RIGHT if verdict != "image" or expected[0].instances > 1 else _RIGHT - {"refuses"})
    wanted = verdict if len(expected) == 1 else f"{len(expected)} volumes"
    return Compared(reading=reading.name, series=series, wanted=wanted, outcome=outcome, is_right=is_right)


def _judge_volumes(made: Made, reading: Reading, folder: Path, expected: Sequence[ExpectedVolume]) -> str:
    if not made.volumes:
        return "refuses" if made.refusal else "nothing"
    is_ct = expected[0].modality == "CT"
    wanted = [
        (_bounded(voxels, is_ct), item.tolerance)
        for item in expected
        for voxels in _time_points(wanted_voxels(reading, item, folder))
    ]
    found = [_bounded(voxels, is_ct) for volume in made.volumes for voxels in _time_points(volume)]
    equal = [[_is_equal(voxels, other, tolerance) for voxels in found] for other, tolerance in wanted]
    there = [any(row) for row in equal]
    others = sum(not any(column) for column in zip(*equal, strict=True))
    if all(there):
        return "right" if not others else f"right, and {others} that are not"
    shapes = sorted({" x ".join(map(str, volume.values.shape)) for volume in made.volumes})
    return f"wrong: {sum(there)} of {len(wanted)} right among {len(found)} ({', '.join(shapes)})"


def _time_points(voxels: Voxels | None) -> list[Voxels]:
    if voxels is None:
        return []
    if voxels.values.ndim < 4:
        return [voxels]
    return [Voxels(values=voxels.values[..., t], affine_lps=voxels.affine_lps) for t in range(voxels.values.shape[3])]


def _bounded(voxels: Voxels, is_ct: bool) -> Voxels:
    """A CT without what lies below air: there is padding only, which readers treat differently."""
    return Voxels(values=np.maximum(voxels.values, LOWEST_HU), affine_lps=voxels.affine_lps) if is_ct else voxels


def _is_equal(found: Voxels, wanted: Voxels, tolerance: float) -> bool:
    difference = compare(found, wanted)
    allowed = tolerance + 1e-5 * float(np.abs(wanted.values).max(initial=0))
    return difference.shape and difference.corner_mm <= _PLACE_MM and difference.largest <= allowed


def _judge_others(made: Made, reading: Reading, folder: Path, expected: ExpectedVolume) -> str:
    if made.colour:
        return "stays colour"
    if not made.volumes:
        return "refuses"
    paths = files_of_series(folder, expected.series)
    wanted = wanted_voxels(reading, expected, folder)
    sources = _slices([wanted] if wanted is not None else list(_read_each(paths)))
    is_like = _is_equal if any(map(has_place, paths)) else _has_equal_values
    slices = [item for volume in made.volumes for point in _time_points(volume) for item in _slices([point])]
    placed = sum(any(is_like(item, source, expected.tolerance) for source in sources) for item in slices)
    if placed == len(slices):
        return "in place"
    if expected.verdict == "resample" and any(_is_resampled(volume, plain_volume(paths)) for volume in made.volumes):
        return "resampled" if len(made.volumes) == 1 else "wrong: one resampled, others misplaced"
    return f"wrong: {len(slices) - placed} of {len(slices)} slices are not where they belong"


def _read_each(paths: Sequence[Path]) -> Iterator[Voxels]:
    """Every file by itself; what pydicom cannot decode is no source that a slice could be found in."""
    for path in paths:
        with contextlib.suppress(RuntimeError, ValueError, AttributeError):
            yield plain_volume([path])


def _has_equal_values(found: Voxels, wanted: Voxels, tolerance: float) -> bool:
    """For images without a place: which way round a reader stores them says nothing."""
    turned = [found.values, found.values[::-1], found.values[:, ::-1], found.values[::-1, ::-1]]
    return any(
        item.shape == wanted.values.shape and float(np.abs(item - wanted.values).max(initial=0)) <= tolerance
        for item in turned
    )


def _slices(volumes: Sequence[Voxels]) -> list[Voxels]:
    """Every slice as a volume of one slice, air for all below."""
    found = []
    for volume in volumes:
        for k in range(volume.values.shape[2]):
            affine = volume.affine_lps.copy()
            affine[:3, 3] += k * affine[:3, 2]
            normal = np.cross(affine[:3, 0], affine[:3, 1])
            affine[:3, 2] = normal / (np.linalg.norm(normal) or 1.0)
            found.append(_bounded(Voxels(values=volume.values[:, :, k : k + 1], affine_lps=affine), True))
    return found


def _is_resampled(found: Voxels, source: Voxels) -> bool:
    """Whether a volume has right angles and the source's values where the source lies."""
    axes = found.affine_lps[:3, :3] / np.linalg.norm(found.affine_lps[:3, :3], axis=0)
    if not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        return False
    to_source = np.linalg.inv(source.affine_lps) @ found.affine_lps
    grid = np.indices(found.values.shape).reshape(3, -1)
    indices = to_source[:3, :3] @ grid + to_source[:3, 3:]
    inside = ((indices >= 0) & (indices <= (np.array(source.values.shape) - 1)[:, None])).all(axis=0)
    if not inside.any():
        return False
    wanted = ndimage.map_coordinates(source.values, indices[:, inside], order=1)
    return bool(np.corrcoef(found.values.reshape(-1)[inside], wanted)[0, 1] >= _LIKE)
