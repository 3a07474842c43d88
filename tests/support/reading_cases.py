"""What the reader is expected to make of the shared data, and an independent reading of the same files."""

import functools
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
from pydicom.dataset import Dataset

from tests.support.data import case

EXPECTATIONS = Path(__file__).with_name("expected_verdicts.toml")
"""What is expected, argued in one sentence each."""

LOWEST_HU = -1024.0
"""The reader raises padding and everything below to this; so does the independent reading of a CT."""

_LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class ExpectedVolume:
    """One entry that must be there; None and "" where nothing is expected of it.

    Attributes:
        series: How its Series Instance UID ends.
        reason: A pattern that the reason must contain.
        reference: A NIfTI of the data folder with the same voxels.
        plain: True: compare with an independent reading of the series' files; a text: of the files with such names.
        tolerance: Largest difference of a voxel.
        mean_tolerance: Largest mean difference.
    """

    series: str
    verdict: str
    name: str = ""
    why: str = ""
    modality: str = ""
    reason: str = ""
    unit: str = ""
    instances: int | None = None
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    reference: str = ""
    plain: bool | str = False
    tolerance: float = 0.0
    mean_tolerance: float | None = None


@dataclass(frozen=True, kw_only=True)
class ExpectedLeftOut:
    """Files that are not read: how many with such names, and a pattern that each reason must contain."""

    files: tuple[str, ...]
    count: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Files that are read together, and what must become of them."""

    name: str
    why: str = ""
    files: tuple[str, ...] = ()
    volumes: tuple[ExpectedVolume, ...] = ()
    objects: dict[str, int] = field(default_factory=dict, hash=False)
    left_out: tuple[ExpectedLeftOut, ...] = ()

    @property
    def case(self) -> str:
        """The folder of the data that its files come from."""
        return self.files[0].split("/")[0] if self.files else self.name

    def folder(self, workspace: Path) -> Path:
        """The case's own folder, or a copy of the files that are read alone."""
        root = case(self.case)
        if not self.files:
            return root
        folder = workspace / re.sub(r"\W+", "-", self.name)
        if not folder.exists():
            folder.mkdir(parents=True)
            for pattern in self.files:
                for path in sorted(root.parent.glob(pattern)):
                    shutil.copy(path, folder / path.name)
        return folder


@functools.cache
def expected_readings() -> tuple[Reading, ...]:
    """Every reading of ``expected_verdicts.toml``."""
    tables = tomllib.loads(EXPECTATIONS.read_text())["reading"]
    return tuple(_reading(table) for table in tables)


def _reading(table: dict[str, Any]) -> Reading:
    volumes = [_lists_as_tuples(item) for item in table.pop("volume", [])]
    left_out = [_lists_as_tuples(item) for item in table.pop("left_out", [])]
    return Reading(
        **_lists_as_tuples(table),
        volumes=tuple(ExpectedVolume(**item) for item in volumes),
        left_out=tuple(ExpectedLeftOut(**item) for item in left_out),
    )


def _lists_as_tuples(table: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


@dataclass(frozen=True, kw_only=True)
class Voxels:
    """A volume in space.

    Attributes:
        values: ``[i, j, k]`` or ``[i, j, k, t]``.
        affine_lps: From indices to LPS mm.
    """

    values: np.ndarray
    affine_lps: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How two volumes differ once both have their axes in the order and direction of RAS.

    Attributes:
        shape: Whether the shapes are equal; nothing else is known where they are not.
        corner_mm: Largest distance between the places that both give to a corner.
        largest: Largest difference of a value.
        mean: Mean difference of a value.
    """

    shape: bool
    corner_mm: float = np.inf
    largest: float = np.inf
    mean: float = np.inf


def compare(one: Voxels, other: Voxels) -> Difference:
    """Compare voxel by voxel in the patient: flipped and swapped axes are no difference."""
    (first, first_affine), (second, second_affine) = _canonical(one), _canonical(other)
    if first.shape != second.shape:
        return Difference(shape=False)
    shape = np.array(first.shape[:3])
    corners = np.array([[*corner, 1] for corner in np.ndindex(2, 2, 2)]) * [*(shape - 1), 1]
    apart = np.linalg.norm((corners @ (first_affine - second_affine).T)[:, :3], axis=1)
    difference = np.abs(first.astype(np.float64) - second.astype(np.float64))
    return Difference(
        shape=True,
        corner_mm=float(apart.max()),
        largest=float(difference.max(initial=0)),
        mean=float(difference.mean()) if difference.size else 0.0,
    )


def _canonical(voxels: Voxels) -> tuple[np.ndarray, np.ndarray]:
    values = voxels.values
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    affine = _LPS_RAS @ voxels.affine_lps
    turn = nibabel.io_orientation(affine)
    back = nibabel.orientations.inv_ornt_aff(turn, values.shape[:3])
    return nibabel.apply_orientation(values, turn), affine @ back


def read_nifti(path: Path) -> Voxels:
    """A NIfTI file, scaled as it says."""
    image = nibabel.load(path)
    return Voxels(values=np.asanyarray(image.dataobj), affine_lps=_LPS_RAS @ image.affine)


@dataclass(frozen=True, kw_only=True)
class _PlainFrame:
    values: np.ndarray
    position: np.ndarray
    orientation: np.ndarray
    spacing: tuple[float, float]


def plain_volume(paths: Sequence[Path]) -> Voxels:
    """Stored values x slope + intercept in the order of position, by pydicom alone; lowest value of a CT -1024.

    An image without a place lies at the origin, unturned, with pixels of 1 mm.
    """
    frames = [frame for path in paths for frame in _plain_frames(pydicom.dcmread(path, force=True))]
    row, column = frames[0].orientation[:3], frames[0].orientation[3:]
    normal = np.cross(row, column)
    frames.sort(key=lambda frame: float(frame.position @ normal))
    step = normal if len(frames) == 1 else (frames[-1].position - frames[0].position) / (len(frames) - 1)
    between_rows, between_columns = frames[0].spacing
    affine = np.eye(4)
    affine[:3] = np.column_stack([row * between_columns, column * between_rows, step, frames[0].position])
    return Voxels(values=np.stack([frame.values.T for frame in frames], axis=2), affine_lps=affine)


def _plain_frames(dataset: Dataset) -> list[_PlainFrame]:
    pixels = dataset.pixel_array
    count = int(dataset.get("NumberOfFrames") or 1)
    stacked = pixels if count > 1 else pixels[np.newaxis]
    return [_plain_frame(dataset, index, stacked[index]) for index in range(count)]


def _plain_frame(dataset: Dataset, index: int, stored: np.ndarray) -> _PlainFrame:
    def find(keyword: str, default: Any) -> Any:
        for group in (*dataset.get("PerFrameFunctionalGroupsSequence", [])[index : index + 1],
                      *dataset.get("SharedFunctionalGroupsSequence", [])):  # fmt: skip
            for element in group:
                if element.VR == "SQ" and element.value and keyword in element.value[0]:
                    return element.value[0][keyword].value
        value = dataset.get(keyword)
        return default if value is None else value

    slope, intercept = float(find("RescaleSlope", 1)), float(find("RescaleIntercept", 0))
    values = stored.astype(np.float64) * slope + intercept
    is_hounsfield = dataset.get("Modality") == "CT" and find("RescaleType", "HU") == "HU"
    return _PlainFrame(
        values=np.maximum(values, LOWEST_HU) if is_hounsfield else values,
        position=np.array(find("ImagePositionPatient", [0, 0, 0]), float),
        orientation=np.array(find("ImageOrientationPatient", [1, 0, 0, 0, 1, 0]), float),
        spacing=tuple(float(value) for value in find("PixelSpacing", [1, 1])),
    )


def files_of_series(folder: Path, series: str) -> list[Path]:
    """The files below a folder whose Series Instance UID ends so, in the order of their names."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and _series_of(path).endswith(series)]


@functools.cache
def _series_of(path: Path) -> str:
    try:
        dataset = pydicom.dcmread(path, force=True, specific_tags=["SeriesInstanceUID"], stop_before_pixels=True)
        return str(dataset.get("SeriesInstanceUID") or "")
    except Exception:
        return ""


def has_place(path: Path) -> bool:
    """Whether an image, or a frame of it, says where in the patient it lies."""
    dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or [dataset]
    return "ImagePositionPatient" in dataset or "PlanePositionSequence" in groups[0]


def wanted_voxels(reading: Reading, expected: ExpectedVolume, folder: Path) -> Voxels | None:
    """What an entry's voxels are compared with: the reference given with the case, else the independent reading."""
    root = case(reading.case).parent
    if expected.reference:
        return read_nifti(root / expected.reference)
    if isinstance(expected.plain, str):
        pattern = re.compile(re.escape(expected.plain.rsplit("/", 1)[0]) + "/" + expected.plain.rsplit("/", 1)[1])
        named = [
            path for path in sorted(case(reading.case).rglob("*")) if pattern.fullmatch(str(path.relative_to(root)))
        ]
        return plain_volume(named)
    if expected.plain:
        return plain_volume(files_of_series(folder, expected.series))
    return None


def count_files(folder: Path) -> int:
    """All files below a folder."""
    return sum(path.is_file() for path in folder.rglob("*"))


def matches_name(path: str, patterns: Sequence[str]) -> bool:
    """Whether the last part of a path matches one of the patterns."""
    return any(fnmatch(Path(path).name, pattern) for pattern in patterns)
