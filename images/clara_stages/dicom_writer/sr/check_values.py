"""Whether the numbers of a measurement group are those of its segment."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.gate.expected_masks import expected_mask
from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sr.content import Concept, MeasurementGroup, Number
from clara_stages.dicom_writer.sr.expected_values import Bounds, Expected
from clara_stages.dicom_writer.sr.number import RELATIVE_ROUNDING

_LENGTHS: dict[str, Concept] = {"long_axis": ("SCT", "103339001"), "diameter_3d": ("IBSI", "L0JK")}
_VOLUME: Concept = ("SCT", "118565006")
_DERIVATIONS: dict[str, Concept] = {
    "mean": ("SCT", "373098007"),
    "sd": ("SCT", "386136009"),
    "minimum": ("SCT", "255605001"),
    "maximum": ("SCT", "56851009"),
}
_VALUE_UNITS = {"HU": "[hnsf'U]"}
"""Unit of ``series.json`` -> UCUM, where they differ."""

_QUANTITIES: dict[str, Concept] = {
    "HU": ("DCM", "112031"),
    "{SUVbw}g/ml": ("DCM", "126401"),
    "Bq/ml": ("DCM", "110821"),
}

_ARITHMETIC = 1e-7
"""Part of the largest value by which sums in another order may differ: far above what doubles do."""

_LINE_MM = 0.01
"""A line on an image has coordinates of 32 bits."""

_TOUCH = 0.25
"""Of a pixel: from an edge into the pixels on both sides."""


def check_values(group: MeasurementGroup, label: Label, expected: Expected, job: Job) -> Iterator[Finding]:
    """Each number is there once, in its unit, and right within its rounding; there is no other."""
    where = f"segment {label.segment_number}"
    left = list(group.numbers)
    for name, bounds, unit in _expected(expected, job):
        found = [number for number in left if _is(number, name)]
        if len(found) != 1:
            yield _finding("measurement_missing", f"{where} has {len(found)} measurements of {name}, expected one")
            continue
        left.remove(found[0])
        if name in _DERIVATIONS and found[0].name != _quantity(job):
            message = f"the {name} of {where} is of {found[0].name[1]}, expected {_quantity(job)[1]}"
            yield _finding("measurement_unknown", message)
        if found[0].unit != ("UCUM", unit):
            yield _finding("measurement_unit", f"the {name} of {where} is in {found[0].unit[1]}, expected {unit}")
        slack = RELATIVE_ROUNDING * abs(found[0].value) + _ARITHMETIC * expected.largest_value
        if not bounds.least - slack <= found[0].value <= bounds.most + slack:
            message = f"the {name} of {where} is {found[0].value:.6g}, expected {bounds.least:.6g}"
            yield _finding("measurement_differs", message)
        if name == "long_axis":
            yield from _check_line(found[0], label, job)
    if left:
        yield _finding("measurement_unknown", f"{where} has {len(left)} measurements of what was not measured")


def _expected(expected: Expected, job: Job) -> Iterator[tuple[str, Bounds, str]]:
    unit = job.volume.unit if job.volume else ""
    for name, value in expected.sizes.items():
        yield name, Bounds(least=value, most=value), "ml" if name == "volume" else _VALUE_UNITS.get(unit, unit)
    for name, bounds in expected.lengths.items():
        yield name, bounds, "mm"


def _quantity(job: Job) -> Concept:
    """What the voxel values are values of (PS3.16 CID 218)."""
    unit = job.volume.unit if job.volume else ""
    if unit == "1" and job.source.first.get("Modality") == "MR":
        return "DCM", "110852"
    return _QUANTITIES.get(unit, ("99CLARA", "VOXELVALUE"))


def _is(number: Number, name: str) -> bool:
    if name in _DERIVATIONS:
        return number.derivation == _DERIVATIONS[name]
    return number.derivation is None and number.name == _LENGTHS.get(name, _VOLUME)


def _check_line(number: Number, label: Label, job: Job) -> Iterator[Finding]:
    """The line drawn for the long axis is as long as stated and ends at the segment, on an image that shows it."""
    line, where = number.line, f"segment {label.segment_number}"
    if line is None or len(line.points) != 2:
        yield _finding("measurement_line", f"the long axis of {where} has no line")
        return
    frame = line.image.frames[0] if line.image.frames else None
    index = job.source.index_of.get((line.image.sop_instance_uid, frame))
    if index is None:
        yield _finding("measurement_line", f"the line of {where} lies on no source image")
        return
    columns, rows = np.diff(np.array(line.points), axis=0)[0]
    length_mm = float(np.hypot(columns * job.source.column_spacing_mm, rows * job.source.row_spacing_mm))
    if abs(length_mm - number.value) > _LINE_MM + RELATIVE_ROUNDING * length_mm:
        message = f"the line of the long axis of {where} is {length_mm:.3f} mm long, stated are {number.value:.3f} mm"
        yield _finding("measurement_line", message)
    mask = expected_mask(job, label, index)
    if not all(_is_at_edge(mask, column, row) for column, row in line.points):
        yield _finding("measurement_line", f"the line of the long axis of {where} does not end at the segment")


def _is_at_edge(mask: npt.NDArray[np.bool_], column: float, row: float) -> bool:
    """Whether a point, with the outer corner of the first pixel at 0, is the middle of an edge of a pixel of a mask."""
    pixels = {(int(np.floor(row + side * _TOUCH)), int(np.floor(column + side * _TOUCH))) for side in (-1, 1)}
    return any(0 <= j < mask.shape[0] and 0 <= i < mask.shape[1] and mask[j, i] for j, i in pixels)


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="sr", message=message)
