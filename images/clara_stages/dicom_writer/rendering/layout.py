"""How large a slice is shown, and where in the picture."""

from dataclasses import dataclass

from clara_stages.dicom_writer.inputs.source_stack import SourceStack

LEAST_WIDTH = 512
"""Pixels across a picture: a smaller matrix is enlarged, so that its legend can be read beside it."""

_LONGEST = 2048
"""Pixels along the longer side: a radiograph is shown reduced."""

_LETTER_MARGIN = 28
"""Pixels around the slice at the least width, black, where the letters of orientation stand: they cover nothing."""

_THICKEST = 3
"""Pixels of an outline, also where a voxel is shown much larger: it lies inside the segment, and covers the image."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Sizes in pixels of the picture.

    Attributes:
        height: Of the slice as it is shown, with square pixels.
        width: Of the slice.
        top: Rows above it.
        left: Columns left of it.
        canvas_width: Of the whole picture.
        text_scale: How much larger texts are than in a picture of the least width.
        thickness: Of outlines.
    """

    height: int
    width: int
    top: int
    left: int
    canvas_width: int
    text_scale: float
    thickness: int


def plan_layout(source: SourceStack) -> Layout:
    """The layout of every picture of a source."""
    width_mm = source.columns * source.column_spacing_mm
    height_mm = source.rows * source.row_spacing_mm
    finest_mm = min(source.column_spacing_mm, source.row_spacing_mm)
    per_mm = max(1 / finest_mm, LEAST_WIDTH / width_mm)
    per_mm = min(per_mm, _LONGEST / max(width_mm, height_mm))
    width, height = max(1, round(width_mm * per_mm)), max(1, round(height_mm * per_mm))
    framed = max(width, LEAST_WIDTH)
    text_scale = max(1.0, framed / (1.5 * LEAST_WIDTH))
    margin = round(_LETTER_MARGIN * text_scale)
    return Layout(
        height=height,
        width=width,
        top=margin,
        left=margin + (framed - width) // 2,
        canvas_width=framed + 2 * margin,
        text_scale=text_scale,
        thickness=min(_THICKEST, max(1, round(width / source.columns / 3), round(max(width, height) / 768))),
    )
