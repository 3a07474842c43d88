"""The source series: the instances that a result refers to, in the order of k."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from clara_stages.kit import BadInputError, OutOfScopeError
from clara_stages.kit.instances import INSTANCES_FILE, load_instance_list

_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
"""Type 1 in every IOD (PS3.3 C.12.1, C.7.2.1, C.7.3.1): without them nothing can refer to the source."""

_PLANE = {"Rows": 1, "Columns": 1, "PixelSpacing": 2, "ImageOrientationPatient": 6, "ImagePositionPatient": 3}
"""Image Plane and Image Pixel attributes -> number of values (PS3.3 C.7.6.2)."""

_ONE_PER_SERIES = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns")

_REMEDY = "give the folder `source` that dicom_reader wrote, or have the series sent again from the modality"


@dataclass(frozen=True, kw_only=True)
class SourceSeries:
    """Single-frame instances of one series in the order of k, without their pixels.

    Attributes:
        instances: One data set for each slice.
        positions_lps_mm: Image Position (Patient), shape ``(k, 3)``.
        row_direction: Unit vector along a row, LPS, shape ``(3,)``: the direction of rising column index.
        column_direction: Unit vector down a column, LPS, shape ``(3,)``: the direction of rising row index.
        column_spacing_mm: Distance between neighbouring columns: the second value of Pixel Spacing (PS3.3 10.7.1.3).
        row_spacing_mm: Distance between neighbouring rows: the first value of Pixel Spacing.
    """

    instances: tuple[Dataset, ...]
    positions_lps_mm: npt.NDArray[np.float64]
    row_direction: npt.NDArray[np.float64]
    column_direction: npt.NDArray[np.float64]
    column_spacing_mm: float
    row_spacing_mm: float

    @property
    def first(self) -> Dataset:
        """The instance that patient and study are taken from."""
        return self.instances[0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices: the shape ``(i, j, k)`` of a volume on this grid."""
        return int(self.first.Columns), int(self.first.Rows), len(self.instances)

    def slice_gap_mm(self) -> float | None:
        """The median distance between neighbouring slices along the normal, or None for a single slice."""
        if len(self.instances) < 2:
            return None
        normal = np.cross(self.row_direction, self.column_direction)
        return float(np.median(np.abs(np.diff(self.positions_lps_mm @ normal))))


def load_source_series(folder: Path) -> SourceSeries:
    """The series in a folder of kind ``dicom_instances``.

    Raises:
        BadInputError: A file or a required attribute is missing, or the instances are not of one series and grid.
        OutOfScopeError: The series has no Frame of Reference UID, or is multi-frame.
    """
    names = load_instance_list(folder, ("file",), whose="source", remedy=_REMEDY)
    instances = tuple(_read(folder, name) for (name,) in names)
    for index, instance in enumerate(instances):
        _check_attributes(instance, index)
    _check_one_series(instances)
    orientation = np.array(instances[0].ImageOrientationPatient, dtype=np.float64)
    for index, instance in enumerate(instances):
        _check_same_plane(instance, instances[0], index)
    return SourceSeries(
        instances=instances,
        positions_lps_mm=np.array([instance.ImagePositionPatient for instance in instances], dtype=np.float64),
        row_direction=orientation[:3] / np.linalg.norm(orientation[:3]),
        column_direction=orientation[3:] / np.linalg.norm(orientation[3:]),
        row_spacing_mm=float(instances[0].PixelSpacing[0]),
        column_spacing_mm=float(instances[0].PixelSpacing[1]),
    )


def _read(folder: Path, name: Any) -> Dataset:
    path = folder / str(name)
    if not path.resolve().is_relative_to(folder.resolve()) and not path.is_symlink():
        raise BadInputError(f"{INSTANCES_FILE} of the source names a file outside its folder", remedy=_REMEDY)
    try:
        return dcmread(path, stop_before_pixels=True)
    except FileNotFoundError:
        raise BadInputError(f"the source lacks a file that {INSTANCES_FILE} names: {name}", remedy=_REMEDY) from None
    except (OSError, InvalidDicomError) as error:
        raise BadInputError(f"source file {name} is no DICOM file: {error}", remedy=_REMEDY) from None


def _check_attributes(instance: Dataset, index: int) -> None:
    for keyword in _IDENTITY:
        if not instance.get(keyword):
            raise BadInputError(
                f"source instance {index} has no {keyword}, which is Type 1: nothing can refer to it", remedy=_REMEDY
            )
    if not instance.get("FrameOfReferenceUID"):
        raise OutOfScopeError(
            f"source instance {index} has no Frame of Reference UID: a segmentation's place in the patient could not "
            "be stated, and none is invented",
            remedy="send images that carry a Frame of Reference UID (0020,0052)",
        )
    if "PerFrameFunctionalGroupsSequence" in instance:
        raise OutOfScopeError(
            f"source instance {index} is a multi-frame object; segmentations are written for single-frame sources",
            remedy="send the series as single-frame instances",
        )
    for keyword, count in _PLANE.items():
        if _number_count(instance, keyword) != count:
            raise BadInputError(
                f"source instance {index} has no usable {keyword}, expected {count} value(s)", remedy=_REMEDY
            )


def _number_count(instance: Dataset, keyword: str) -> int:
    try:
        values = np.atleast_1d(np.array(instance.get(keyword), dtype=np.float64))
    except (ValueError, TypeError):
        return 0
    return len(values) if np.isfinite(values).all() else 0


def _check_one_series(instances: tuple[Dataset, ...]) -> None:
    for keyword in _ONE_PER_SERIES:
        found = {instance.get(keyword) for instance in instances}
        if len(found) > 1:
            raise BadInputError(
                f"the source instances have {len(found)} different values of {keyword}, expected one series on one "
                "grid",
                remedy="select one series in dicom_reader",
            )
    if len({instance.SOPInstanceUID for instance in instances}) != len(instances):
        raise BadInputError("two source instances have the same SOP Instance UID", remedy=_REMEDY)


ORIENTATION_TOLERANCE = 1e-4
"""Largest difference of a direction cosine within one series: 0.05 mm at the far edge of a 500 mm field."""

SPACING_RTOL = 1e-3
"""Largest relative difference of Pixel Spacing within one series: rounding in the header, not another matrix."""


def _check_same_plane(instance: Dataset, first: Dataset, index: int) -> None:
    turned = np.abs(np.subtract(instance.ImageOrientationPatient, first.ImageOrientationPatient, dtype=float)).max()
    scaled = np.abs(np.divide(instance.PixelSpacing, first.PixelSpacing, dtype=float) - 1).max()
    if turned > ORIENTATION_TOLERANCE or scaled > SPACING_RTOL:
        raise BadInputError(
            f"source instance {index} has another orientation ({turned:.2g}) or pixel spacing ({scaled:.2g}) than the "
            f"first, at most {ORIENTATION_TOLERANCE:g} and {SPACING_RTOL:g} are one grid",
            remedy="select one series in dicom_reader",
        )
