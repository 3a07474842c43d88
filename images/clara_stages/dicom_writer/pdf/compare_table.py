"""Whether the table of measurements says what the inputs say."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.pdf.counted_segments import CountedSegment
from clara_stages.dicom_writer.pdf.numbers import NOT_MEASURED, shown_number
from clara_stages.dicom_writer.rendering.names import shown_name

_PART = 1e-6
"""Another order of summing changes a mean by less than this part of it."""

_LENGTH_MM = 0.0501
"""Lengths are written with one decimal."""

_ROUNDING_MM = 1e-6

_MM3_PER_ML = 1000.0


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """What a cell may say: one of some texts, or a length between two others."""

    heading: str
    texts: frozenset[str] = frozenset()
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def is_measured(self) -> bool:
        return NOT_MEASURED not in self.texts

    def admits(self, found: str) -> bool:
        """Whether a text of the document is right."""
        if self.texts:
            return found in self.texts
        try:
            return self.lowest - _LENGTH_MM <= float(found) <= self.highest + _LENGTH_MM
        except ValueError:
            return False

    def __str__(self) -> str:
        return " or ".join(sorted(self.texts)) if self.texts else f"{self.lowest:.1f} to {self.highest:.1f}"


def compare_table(text: str, job: Job, counted: Sequence[CountedSegment]) -> Iterator[tuple[str, str]]:
    """What is wrong with the table in the text of a report, as (name of the finding, message)."""
    rows = [_expected(job, item) for item in counted]
    measured = [any(cells[place].is_measured for cells in rows) for place in range(len(rows[0]))] if rows else []
    for item, cells in zip(counted, rows, strict=True):
        yield from _compare_row(text, item.label, list(itertools.compress(cells, measured)))


def _compare_row(text: str, label: Label, cells: list[_Cell]) -> Iterator[tuple[str, str]]:
    where = f"segment {label.segment_number}"
    name = r"\s*".join(re.escape(letter) for letter in "".join(shown_name(label).split()))
    row = re.search(rf"^\s*{label.segment_number}\s+{name}\s+(.*)", text, re.MULTILINE | re.DOTALL)
    if row is None:
        yield "pdf_text", f"the table has no row of {where}"
        return
    found = row[1].split()[: len(cells)]
    for cell, shown in itertools.zip_longest(cells, found, fillvalue=""):
        if isinstance(cell, _Cell) and not cell.admits(shown):
            yield "measurement_differs", f"{cell.heading} of {where} is {shown or 'missing'}, expected {cell}"


def _expected(job: Job, item: CountedSegment) -> list[_Cell]:
    steps_mm = job.require_segments("pdf").affine_ras[:3, :3].T
    is_solid = job.source.has_place and len(job.source.slices) > 1
    volume_ml = item.voxels * abs(float(np.linalg.det(steps_mm))) / _MM3_PER_ML if is_solid else None
    return [
        _Cell(heading="Voxels", texts=frozenset({str(item.voxels)})),
        _number("Volume", volume_ml),
        *_statistics(item),
        *_long_axis(job, item),
        _length("3D diameter", item.extents, steps_mm) if is_solid else _unmeasured("3D diameter"),
    ]


def _statistics(item: CountedSegment) -> list[_Cell]:
    headings = ("Mean", "SD", "Minimum", "Maximum")
    values = item.values
    if values is None or not len(values):
        return [_unmeasured(heading) for heading in headings]
    mean = float(np.sum(values)) / len(values)
    sd = float(np.sqrt(np.sum(np.square(values - mean)) / len(values)))
    found = (mean, sd, float(values.min()), float(values.max()))
    return [_number(heading, value) for heading, value in zip(headings, found, strict=True)]


def _long_axis(job: Job, item: CountedSegment) -> list[_Cell]:
    """At least the longest side of a box in any slice, at most the longest diagonal of one."""
    source = job.source
    if not source.has_place or not item.pixels:
        return [_unmeasured("Long axis"), _unmeasured("in slice")]
    steps_mm = np.diag([source.row_spacing_mm, source.column_spacing_mm])
    lengths = {index: _length("Long axis", box, steps_mm) for index, box in item.pixel_extents.items()}
    lowest = max(cell.lowest for cell in lengths.values())
    highest = max(cell.highest for cell in lengths.values())
    possible = {str(index + 1) for index, cell in lengths.items() if cell.highest >= lowest - _ROUNDING_MM}
    return [
        _Cell(heading="Long axis", lowest=lowest, highest=highest),
        _Cell(heading="in slice", texts=frozenset(possible)),
    ]


def _length(heading: str, box: Sequence[int], steps_mm: npt.NDArray[np.float64]) -> _Cell:
    """Between the distance of two sides of a box, edges included, and its longest diagonal."""
    extents = np.array(box, dtype=np.float64)
    sides = extents / np.linalg.norm(np.linalg.inv(steps_mm), axis=0)
    signs = itertools.product((-1.0, 1.0), repeat=len(extents))
    diagonals = [float(np.linalg.norm((np.array(sign) * extents) @ steps_mm)) for sign in signs]
    return _Cell(heading=heading, lowest=float(sides.max()), highest=max(diagonals))


def _number(heading: str, value: float | None) -> _Cell:
    around = (value,) if value is None else (value * (1 - _PART), value, value * (1 + _PART))
    return _Cell(heading=heading, texts=frozenset(shown_number(item) for item in around))


def _unmeasured(heading: str) -> _Cell:
    return _Cell(heading=heading, texts=frozenset({NOT_MEASURED}))
