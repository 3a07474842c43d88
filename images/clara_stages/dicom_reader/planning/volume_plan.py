"""One volume that could be made, or images that are none: the verdict and the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clara_stages.dicom_reader.geometry.grid import Grid
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.planning.series import Series
from clara_stages.dicom_reader.values.unit import Unit
from clara_stages.kit import BadInputError


class Verdict(StrEnum):
    """What can be made of some images of a series."""

    VOLUME = "volume"
    IMAGE = "image"
    """One place only: a single image, a projection, cine."""
    RESAMPLE = "resample"
    """No volume as the slices lie, but one by resampling: a tilted gantry, slices at varying distances."""
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class VolumePlan:
    """One volume that a series holds, or some images that are none.

    Attributes:
        series: Where it comes from.
        name: Of the volume, unique in its series; safe as a folder name.
        verdict: What can be made of it.
        reason: Why, in a sentence.
        stacks: Frames in order of k, a tuple for each time point; in the order given where there is no grid.
        facts: What rules see as ``volume``.
        values: Attributes that all its images share, as the split found them; what no header says is not there.
        split_by: What told the volumes of the series apart, in words.
        grid: Where the voxels lie; None where that is refused, or the images have no place.
        unit: Of the values; None where that is refused.
        error: Raised where the plan is carried out all the same, or None.
        was_meant: Whether a refused one is a damaged stack, rather than something that never was one. Where a rule
            selects it the run must fail: nothing else may take its place.
        time_attribute: What time points are told apart by, or "".
        time_values: Its values.
        left_out: Damaged images and why; empty unless the policy leaves them out.
        points: Each time point by itself, where they are no volume together; else empty.
    """

    series: Series
    name: str
    verdict: Verdict
    reason: str
    stacks: tuple[tuple[Frame, ...], ...]
    facts: dict[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    split_by: tuple[str, ...] = ()
    grid: Grid | None = None
    unit: Unit | None = None
    error: BadInputError | None = None
    was_meant: bool = True
    time_attribute: str = ""
    time_values: tuple[float, ...] = ()
    left_out: tuple[tuple[Frame, str], ...] = ()
    points: tuple["VolumePlan", ...] = ()

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames, in order of time point, then k."""
        return tuple(frame for stack in self.stacks for frame in stack)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Columns, rows, slices, and time points where there are several; None where no grid is known."""
        times = () if len(self.stacks) == 1 else (len(self.stacks),)
        if self.grid is not None:
            return (*self.grid.shape, *times)
        if self.verdict is Verdict.IMAGE:
            plane = self.stacks[0][0].plane
            return (plane.columns, plane.rows, 1, *times)
        return None
