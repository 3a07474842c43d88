"""What a result of somebody else says of itself: plain values, no voxels."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

Code = dict[str, str]
"""``{"scheme", "value", "meaning"}``, as ``labels.json`` has it."""


class AnnotationKind(StrEnum):
    """How an object holds its segments."""

    BINARY = "binary"
    FRACTIONAL = "fractional"
    LABELMAP = "labelmap"
    RTSTRUCT = "rtstruct"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class SegmentFacts:
    """One segment, or one region of interest (ROI).

    Attributes:
        number: Segment Number or ROI Number.
        name: What a person typed: for ``labels.json`` only, never for a log or an error.
        category: Segmented Property Category.
        type: Segmented Property Type.
        laterality: Left, right or both, or None.
        anatomic_region: Where it lies, or None.
        colour_rgb: Recommended display colour, 0..255, or None.
        algorithm_type: AUTOMATIC, SEMIAUTOMATIC, MANUAL or "".
        algorithm_name: Of the program, or "".
        algorithm_version: Of the program, or "".
        algorithm_family: Its code, or None.
        interpreted_type: RT ROI Interpreted Type (GTV, ORGAN ...), or "".
        frame_of_reference_uid: Of a ROI, or "".
    """

    number: int
    name: str = field(repr=False)
    category: Code
    type: Code
    laterality: Code | None = None
    anatomic_region: Code | None = None
    colour_rgb: tuple[int, int, int] | None = None
    algorithm_type: str = ""
    algorithm_name: str = ""
    algorithm_version: str = ""
    algorithm_family: Code | None = None
    interpreted_type: str = ""
    frame_of_reference_uid: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SegFrame:
    """One frame of a SEG; None where neither its own nor the shared functional groups say it.

    Attributes:
        index: 0-based, in the pixel data.
        segment: Segment Number; None in a label map, whose pixels say it.
        position_lps_mm: Centre of the first pixel.
        orientation_lps: Direction along a row, then down a column.
        pixel_spacing_mm: Between rows, then between columns.
        slice_spacing_mm: Spacing Between Slices.
        sources: SOP Instance UID and frame number (None: not said) of the images it was made from.
    """

    index: int
    segment: int | None
    position_lps_mm: tuple[float, ...] | None
    orientation_lps: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, ...] | None
    slice_spacing_mm: float | None
    sources: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, kw_only=True)
class SegHeader:
    """What is needed to read the pixels of a SEG.

    Attributes:
        rows: Of each frame.
        columns: Of each frame.
        bits: Bits Allocated.
        largest_fraction: Maximum Fractional Value; 1 for other kinds.
        fraction_of: PROBABILITY, OCCUPANCY or "".
        padding: Pixel Padding Value of a label map, which is background, or None.
        frames: In the order of the pixel data.
    """

    rows: int
    columns: int
    bits: int
    largest_fraction: int = 1
    fraction_of: str = ""
    padding: int | None = None
    frames: tuple[SegFrame, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One SEG or RTSTRUCT.

    Attributes:
        path: The file.
        label: How messages may name the file.
        sop_instance_uid: Of the object.
        series_instance_uid: Of the object, not of what it refers to.
        study_instance_uid: Of the object.
        modality: ``SEG`` or ``RTSTRUCT``.
        kind: How it holds its segments.
        fault: Why it cannot be read, or "".
        segments: In the order of the object.
        frame_of_reference_uids: Of the object and of what it refers to.
        referenced_studies: UIDs, each once.
        referenced_series: UIDs, each once.
        referenced_instances: UIDs, each once.
        planes_lps_mm: Three points on the plane of each frame or contour, shape ``(n, 3, 3)``: of a frame its first
            pixel, and one step beyond the end of the first row and of the first column; of a contour its first, second
            and last point. NaN where the object does not say it.
        seg: Of a SEG.
    """

    path: Path
    label: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    kind: AnnotationKind = AnnotationKind.UNKNOWN
    fault: str = ""
    segments: tuple[SegmentFacts, ...] = ()
    frame_of_reference_uids: tuple[str, ...] = ()
    referenced_studies: tuple[str, ...] = ()
    referenced_series: tuple[str, ...] = ()
    referenced_instances: tuple[str, ...] = ()
    planes_lps_mm: npt.NDArray[np.float64] = field(
        default_factory=lambda: np.zeros((0, 1, 3)), compare=False, repr=False
    )
    seg: SegHeader | None = field(default=None, repr=False)

    @property
    def is_readable(self) -> bool:
        """Whether the header gives what reading the voxels needs."""
        return not self.fault
