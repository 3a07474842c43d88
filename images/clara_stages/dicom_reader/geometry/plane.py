"""Where one image lies, as its header says."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Plane:
    """Where one image lies; None where the header does not say it, or says something that is no finite number.

    Attributes:
        rows: Number of rows.
        columns: Number of columns.
        position_lps_mm: Centre of the first pixel.
        orientation_lps: Direction along a row (of increasing column index), then along a column; six cosines.
        pixel_spacing_mm: Between rows, then between columns, in the order of the Standard.
        frame_of_reference_uid: "" where there is none.
    """

    rows: int
    columns: int
    position_lps_mm: tuple[float, float, float] | None
    orientation_lps: tuple[float, ...] | None
    pixel_spacing_mm: tuple[float, float] | None
    frame_of_reference_uid: str = ""
