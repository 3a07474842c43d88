"""The strip below a picture: which slice it is, which colour is which segment, who made it and what it is for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw

from clara_stages.dicom_writer.inputs.label_table import LabelTable
from clara_stages.dicom_writer.rendering.fonts import legible, picture_font
from clara_stages.dicom_writer.rendering.names import Colour, shown_colour, shown_name
from clara_stages.dicom_writer.rendering.overlay import Picture

_TEXT_PIXELS = 15
"""Height of texts at the least width: read without a magnifier on a picture of 512."""

_LINE = 1.35
"""Distance of lines, in text heights."""

_WHITE = (235, 235, 235)
_GREY = (165, 165, 165)
_BLACK = (0, 0, 0)

_COLUMNS = ((3, 1), (12, 2))
"""Up to so many segments in so many columns; more take three."""

_MOST_COLUMNS = 3


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One line of text at ``left`` pixels, with a swatch of a colour before it where there is one."""

    text: str
    left: int = 0
    colour: Colour = _WHITE
    bold: bool = False
    swatch: Colour | None = None


@dataclass(frozen=True, kw_only=True)
class Legend:
    """Draws strips of one width.

    Attributes:
        width: Of the strip in pixels.
        scale: How much larger texts are than at the least width.
        table: What the segments mean.
    """

    width: int
    scale: float
    table: LabelTable

    def strip(self, head: str) -> Picture:
        """The strip with ``head`` as its first line, RGB, shape ``(rows, width, 3)``."""
        lines = [[_Line(text=text, bold=True)] for text in self._wrap(head, self._inner, bold=True)]
        return np.concatenate([self._drawn(lines), self._body])

    @cached_property
    def _body(self) -> Picture:
        """What is below every picture of the series alike."""
        return np.concatenate([self._drawn([*self._segments(), *self._made_by()]), self._drawn([])])

    def _drawn(self, rows: Sequence[Sequence[_Line]]) -> Picture:
        """Rows of text; none make a margin."""
        height = round(self._step * len(rows)) if rows else self._pad
        image = Image.new("RGB", (self.width, height), _BLACK)
        draw = ImageDraw.Draw(image)
        for number, row in enumerate(rows):
            for line in row:
                self._draw(draw, line, round(self._step * (number + 0.1)))
        return np.asarray(image)

    def _draw(self, draw: ImageDraw.ImageDraw, line: _Line, top: int) -> None:
        left = self._pad + line.left
        if line.swatch is not None:
            draw.rectangle((left, top + self._size // 6, left + self._size - 1, top + self._size), fill=line.swatch)
        font = picture_font(self._size, bold=line.bold)
        indent = self._indent if line.swatch is not None else 0
        draw.text((left + indent, top), line.text, font=font, fill=line.colour)

    def _segments(self) -> list[list[_Line]]:
        """Rows of entries side by side; a long name goes on below itself."""
        labels = self.table.labels
        columns = next((count for limit, count in _COLUMNS if len(labels) <= limit), _MOST_COLUMNS)
        width = self._inner // columns
        rows: list[list[_Line]] = []
        for start in range(0, len(labels), columns):
            entries = [
                self._entry(shown_name(label), shown_colour(label), place * width, width)
                for place, label in enumerate(labels[start : start + columns])
            ]
            for depth in range(max(len(entry) for entry in entries)):
                rows.append([entry[depth] for entry in entries if depth < len(entry)])
        return rows

    def _entry(self, name: str, colour: Colour, left: int, width: int) -> list[_Line]:
        first, *others = self._wrap(name, width - self._indent - self._pad)
        return [
            _Line(text=first, left=left, swatch=colour),
            *[_Line(text=text, left=left + self._indent) for text in others],
        ]

    def _made_by(self) -> list[list[_Line]]:
        algorithm = self.table.algorithm
        texts = []
        if self.table.absent:
            absent = ", ".join(shown_name(label) for label in self.table.absent)
            texts += [(f"Not found: {absent}", _GREY, False)]
        texts += [(legible(f"{algorithm.name} {algorithm.version}"), _WHITE, True)]
        texts += [(legible(self.table.intended_use), _WHITE, False)]
        return [
            [_Line(text=line, colour=colour, bold=bold)]
            for text, colour, bold in texts
            for line in self._wrap(text, self._inner, bold=bold)
        ]

    def _wrap(self, text: str, width: int, *, bold: bool = False) -> Sequence[str]:
        """Lines no wider than ``width`` pixels; a word that is wider is broken."""
        font = picture_font(self._size, bold=bold)
        lines: list[str] = []
        current = ""
        for word in text.split():
            candidate = f"{current} {word}".strip()
            if font.getlength(candidate) <= width:
                current = candidate
                continue
            if current:
                lines.append(current)
            while font.getlength(word) > width and len(word) > 1:
                part = next(
                    end for end in range(len(word) - 1, 0, -1) if end == 1 or font.getlength(word[:end]) <= width
                )
                lines.append(word[:part])
                word = word[part:]
            current = word
        return [*lines, current] if current or not lines else lines

    @property
    def _size(self) -> int:
        return round(_TEXT_PIXELS * self.scale)

    @property
    def _step(self) -> float:
        return self._size * _LINE

    @property
    def _pad(self) -> int:
        return self._size // 2

    @property
    def _indent(self) -> int:
        return round(self._size * 1.4)

    @property
    def _inner(self) -> int:
        return self.width - 2 * self._pad
