"""Pictures of the source slices of one job."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.rendering.fonts import picture_font
from clara_stages.dicom_writer.rendering.layout import Layout, plan_layout
from clara_stages.dicom_writer.rendering.legend import Legend
from clara_stages.dicom_writer.rendering.names import Colour, shown_colour, shown_unit
from clara_stages.dicom_writer.rendering.orientation import edge_letters
from clara_stages.dicom_writer.rendering.overlay import Layer, Mask, Picture, draw_segments
from clara_stages.dicom_writer.rendering.slice_masks import slice_masks, slices_with_segments
from clara_stages.dicom_writer.rendering.windowing import Window, window_chooser

_LETTER_PIXELS = 18
"""Height of the letters of orientation at the least width."""

_LETTER_COLOUR = (235, 235, 235)


class Painter:
    """Draws slices as they lie in the source's matrix, first row on top, with square pixels.

    Nothing in a picture says whose images they are.
    """

    def __init__(self, job: Job, output: str) -> None:
        """Raises BadInputError where the job has no segments or no volume, naming ``output``."""
        self._segments = job.require_segments(output)
        self._volume = job.require_volume(output)
        self._source = job.source
        self._window = window_chooser(job.params.window, self._volume)
        self.layout: Layout = plan_layout(job.source)
        self._letters = edge_letters(job.source)
        self._legend = Legend(width=self.layout.canvas_width, scale=self.layout.text_scale, table=self._segments.table)

    @property
    def indices(self) -> list[int]:
        """The slices that show a segment, in order."""
        return slices_with_segments(self._segments, self._source)

    def page(self, index: int) -> Picture:
        """A slice in its frame with the legend below, RGB, shape ``(rows, layout.canvas_width, 3)``.

        The place of the slice in it is that of ``layout``.
        """
        return np.concatenate([self.framed(index), self._legend.strip(self.caption(index))])

    def framed(self, index: int) -> Picture:
        """A slice with the letters of orientation around it, RGB."""
        layout = self.layout
        canvas = np.zeros((layout.height + 2 * layout.top, layout.canvas_width, 3), dtype=np.uint8)
        canvas[layout.top : layout.top + layout.height, layout.left : layout.left + layout.width] = self._slice(index)
        if not self._letters:
            return canvas
        image = Image.fromarray(canvas)
        draw = ImageDraw.Draw(image)
        font = picture_font(round(_LETTER_PIXELS * layout.text_scale), bold=True)
        middle_x, middle_y = layout.left + layout.width // 2, layout.top + layout.height // 2
        half = layout.top // 2
        places = {
            "left": (layout.left - half, middle_y),
            "right": (layout.left + layout.width + half, middle_y),
            "top": (middle_x, half),
            "bottom": (middle_x, layout.top + layout.height + half),
        }
        for edge, letters in self._letters.items():
            text = "\n".join(letters) if edge in ("left", "right") else letters
            draw.text(places[edge], text, font=font, fill=_LETTER_COLOUR, anchor="mm", align="center")
        return np.asarray(image)

    def _slice(self, index: int) -> Picture:
        size = (self.layout.width, self.layout.height)
        grey = self._window_of(index).grey(self._source.on_slice(self._volume.values, index))
        shown = np.asarray(Image.fromarray(np.ascontiguousarray(grey)).resize(size, Image.Resampling.BILINEAR))
        layers = [
            self._layer(shown_colour(label), mask) for label, mask in slice_masks(self._segments, self._source, index)
        ]
        return draw_segments(shown, [layer for layer in layers if layer is not None], self.layout.thickness)

    def _layer(self, colour: Colour, mask: Mask) -> Layer | None:
        """A mask of source pixels in shown pixels, each with the value of the nearest source pixel.

        None where the picture is so much smaller that no pixel of the mask is left.
        """
        down, along = _nearest(mask.shape[0], self.layout.height), _nearest(mask.shape[1], self.layout.width)
        rows = np.flatnonzero(np.any(mask, axis=1, keepdims=True)[down])
        columns = np.flatnonzero(np.any(mask, axis=0, keepdims=True)[:, along])
        if not (len(rows) and len(columns)):
            return None
        box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        return Layer(colour=colour, box=box, mask=mask[np.ix_(down[box[0]], along[box[1]])])

    def _window_of(self, index: int) -> Window:
        return self._window(self._source.slices[index])

    def caption(self, index: int) -> str:
        """Which slice a picture shows, and how: its place in the stack, the source's own numbers, the window."""
        item = self._source.slices[index]
        window = self._window_of(index)
        parts = [f"Slice {index + 1} of {len(self._source.slices)}"]
        number = str(item.instance.get("InstanceNumber") or "")
        if number.isdecimal() and number.isascii():
            parts.append(f"image no. {number}")
        if item.frame is not None:
            parts.append(f"frame {item.frame}")
        unit = shown_unit(self._volume.unit)
        parts.append(f"window {window.centre:.4g} / {window.width:.4g} {unit}".strip())
        return " · ".join(parts)


def _nearest(source: int, shown: int) -> npt.NDArray[np.intp]:
    """The source index that lies under the centre of each shown pixel."""
    return np.minimum(((np.arange(shown) + 0.5) * source / shown).astype(np.intp), source - 1)
