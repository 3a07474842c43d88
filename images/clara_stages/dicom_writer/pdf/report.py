"""The report as a PDF document. Equal jobs make equal bytes."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from PIL import Image
from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table
from reportlab.platypus import Image as PictureFlowable

from clara_stages.dicom_writer.header.equipment import software_version
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.measurements import SegmentMeasurements
from clara_stages.dicom_writer.pdf.notes import notes
from clara_stages.dicom_writer.pdf.numbers import table_columns
from clara_stages.dicom_writer.rendering.fonts import font_path, legible
from clara_stages.dicom_writer.rendering.names import shown_colour, shown_name, shown_unit
from clara_stages.dicom_writer.rendering.overlay import Picture
from clara_stages.dicom_writer.rendering.painter import Painter

TITLE = "Segmentation report"

IDENTITY = (
    "The identity of the patient is in the DICOM header that this document is stored with, and not in the document "
    "itself: an exported or printed copy does not say whose it is."
)

_REGULAR, _BOLD = "Roboto", "Roboto-Bold"
_MARGIN = 18 * mm
_FRAME_PADDING = 6
"""Points that reportlab keeps free on each side of a frame."""

_WIDTH = A4[0] - 2 * _MARGIN - 2 * _FRAME_PADDING
_GAP = 6 * mm
_LEAST_TABLE = 40 * mm
"""Where less of a page is left, a table begins on the next one."""

_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
_RULE = HexColor(0xC8C8C8)
_SHADE = HexColor(0xF2F2F2)
_WARNING = HexColor(0xFFF3D6)
_BODY = ParagraphStyle("body", fontName=_REGULAR, fontSize=9.5, leading=12.5)
_SMALL = ParagraphStyle("small", parent=_BODY, fontSize=8, leading=10.5)
_CELL = ParagraphStyle("cell", parent=_SMALL, fontSize=7.5, alignment=2)
_HEADING_CELL = ParagraphStyle("heading cell", parent=_CELL, fontName=_BOLD)
_NAME_CELL = ParagraphStyle("name cell", parent=_SMALL, splitLongWords=1)
_HEADING = ParagraphStyle("heading", fontName=_BOLD, fontSize=12, leading=16, spaceBefore=10, spaceAfter=4)
_TITLE = ParagraphStyle("title", fontName=_BOLD, fontSize=17, leading=22, spaceAfter=4)
_BOX = ParagraphStyle(
    "box", parent=_BODY, backColor=_WARNING, borderColor=HexColor(0xC99A2E), borderWidth=0.8, borderPadding=6,
    spaceBefore=8, spaceAfter=12, leftIndent=6, rightIndent=6,
)  # fmt: skip


def write_report(job: Job) -> bytes:
    """The report as the bytes of a PDF file.

    Raises:
        BadInputError: The job has no segments.
    """
    _register_fonts()
    measured = [item for item in job.measurements if item.voxels]
    stream = BytesIO()
    table = job.require_segments("pdf").table
    algorithm = legible(f"{table.algorithm.name} {table.algorithm.version}")
    template = SimpleDocTemplate(
        stream, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
        title=f"{TITLE} - {algorithm}", author="clara-ops", lang="en", invariant=1,
    )  # fmt: skip
    story = [
        Paragraph(escape(TITLE), _TITLE),
        Paragraph(f'<font name="{_BOLD}">Intended use.</font> {_text(table.intended_use)}', _BOX),
        Paragraph(escape(IDENTITY), _BODY),
        *_analysed(job),
        *_segments(job, measured),
        *_notes(job),
        *_pictures(job, measured),
    ]
    template.build(story, canvasmaker=_numbered_canvas(algorithm))
    return stream.getvalue()


def _analysed(job: Job) -> list[Any]:
    """Which images, seen from their UIDs and sizes: a description of the source is free text, and may hold a name."""
    source, table = job.source, job.require_segments("pdf").table
    rows = [
        ("Model", f"{table.algorithm.name}, version {table.algorithm.version}"),
        ("Digest of the model", table.algorithm.digest or "not stated"),
        ("Written by", f"clara-ops dicom_writer {software_version()}"),
        ("Images", f"{len(source.slices)} of {source.columns} x {source.rows} pixels, {_modality(job)}"),
    ]
    if source.has_place:
        across, down = source.column_spacing_mm, source.row_spacing_mm
        rows.append(("Pixel spacing", f"{across:.3f} mm across, {down:.3f} mm down{_slice_distance(source)}"))
    if job.volume is not None:
        rows.append(("Unit of the values", shown_unit(job.volume.unit) or "none"))
    rows += [
        ("Study Instance UID", str(source.first.get("StudyInstanceUID", ""))),
        ("Series Instance UID", str(source.first.get("SeriesInstanceUID", ""))),
    ]
    cells = [[Paragraph(_text(name), _NAME_CELL), Paragraph(_text(value), _NAME_CELL)] for name, value in rows]
    style = [("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE), *_PADDING]
    return [
        Paragraph("What was analysed", _HEADING),
        Table(cells, colWidths=[38 * mm, _WIDTH - 38 * mm], style=style, hAlign="LEFT"),
    ]


def _slice_distance(source: SourceStack) -> str:
    uneven_mm, gap_mm = source.uneven_gaps_mm(), source.slice_gap_mm()
    if uneven_mm is not None:
        return f", {uneven_mm[0]:.3f} to {uneven_mm[1]:.3f} mm from slice to slice"
    return f", {gap_mm:.3f} mm from slice to slice" if gap_mm else ""


_PADDING = (("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 3))


def _modality(job: Job) -> str:
    """A code string, so no free text."""
    modality = job.volume.document.modality if job.volume else str(job.source.first.get("Modality") or "")
    return modality or "modality not stated"


def _segments(job: Job, measured: Sequence[SegmentMeasurements]) -> list[Any]:
    table = job.require_segments("pdf").table
    absent = ", ".join(shown_name(label) for label in table.absent)
    story: list[Any] = [CondPageBreak(_LEAST_TABLE), Paragraph("Segments", _HEADING)]
    if measured:
        story.append(_measurement_table(measured))
    else:
        story.append(Paragraph("Nothing was found.", _BODY))
    if absent:
        story += [Spacer(1, 2 * mm), Paragraph(f"Looked for and not found: {_text(absent)}.", _BODY)]
    return story


def _measurement_table(measured: Sequence[SegmentMeasurements]) -> Table:
    columns = table_columns(measured)
    head = [Paragraph("Segment", ParagraphStyle("left", parent=_HEADING_CELL, alignment=0))]
    rows: list[list[Any]] = [["", *head, *[Paragraph(_text(column.heading), _HEADING_CELL) for column in columns]]]
    for place, item in enumerate(measured):
        name = Paragraph(f"{item.label.segment_number} {_text(shown_name(item.label))}", _NAME_CELL)
        rows.append(["", name, *[Paragraph(_text(column.texts[place]), _CELL) for column in columns]])
    swatches = [
        ("BACKGROUND", (0, place), (0, place), _colour(item.label)) for place, item in enumerate(measured, start=1)
    ]
    style = [
        *_PADDING, ("VALIGN", (0, 0), (-1, -1), "TOP"), ("BACKGROUND", (0, 0), (-1, 0), _SHADE), *swatches,
        ("LINEBELOW", (0, 0), (-1, -1), 0.6, white), ("LINEBELOW", (1, 0), (-1, -1), 0.4, _RULE),
        ("LEFTPADDING", (1, 0), (-1, -1), 2), ("RIGHTPADDING", (1, 0), (-1, -1), 2),
    ]  # fmt: skip
    swatch, name_width = 4 * mm, 32 * mm
    part = (_WIDTH - swatch - name_width) / max(sum(column.weight for column in columns), _LEAST_COLUMNS)
    widths = [swatch, name_width, *[part * column.weight for column in columns]]
    return Table(rows, colWidths=widths, style=style, repeatRows=1, hAlign="LEFT")


_LEAST_COLUMNS = 5
"""Fewer columns are not spread over the whole width."""


def _notes(job: Job) -> list[Any]:
    found = [Paragraph(f"• {_text(note)}", _BODY) for note in notes(job)]
    return [Paragraph("To be noted", _HEADING), *found] if found else []


def _pictures(job: Job, measured: Sequence[SegmentMeasurements]) -> list[Any]:
    """The slice that shows most of each segment; segments that share it share the picture."""
    if job.volume is None:
        return []
    slices: dict[int, list[Label]] = {}
    for item in measured:
        if item.largest_slice is not None:
            slices.setdefault(item.largest_slice, []).append(item.label)
    if not slices:
        return []
    painter = Painter(job, "pdf")
    width = (_WIDTH - _GAP) / 2
    cells = [_key_picture(painter, index, slices[index], width) for index in sorted(slices)]
    rows = [[*cells[start : start + 2], ""][:2] for start in range(0, len(cells), 2)]
    style = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (0, -1), _GAP),
        ("RIGHTPADDING", (1, 0), (1, -1), 0),
    ]
    grids = [Table([row], colWidths=[width + _GAP, width], style=style, hAlign="LEFT") for row in rows]
    heading = Paragraph("The slice that shows most of each segment", _HEADING)
    return [KeepTogether([heading, grids[0]]), *grids[1:]]


def _key_picture(painter: Painter, index: int, labels: Sequence[Label], width: float) -> list[Any]:
    names = ", ".join(f"{_swatch(label)} {_text(shown_name(label))}" for label in labels)
    return [
        _picture(painter.framed(index), width),
        Spacer(1, 1 * mm),
        Paragraph(names, _SMALL),
        Paragraph(_text(painter.caption(index)), _SMALL),
    ]


def _swatch(label: Label) -> str:
    colour = "".join(f"{value:02x}" for value in shown_colour(label))
    return f'<font backColor="#{colour}">{_NO_BREAK_SPACE * 3}</font>'


def _picture(pixels: Picture, width: float) -> PictureFlowable:
    rows, columns = pixels.shape[:2]
    # A high, narrow picture would not fit on a page with its caption.
    scale = min(width / columns, 1.6 * width / rows)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG")
    stream.seek(0)
    return PictureFlowable(stream, width=columns * scale, height=rows * scale, hAlign="LEFT")


def _numbered_canvas(algorithm: str) -> type[Canvas]:
    """A canvas that writes "Page 1 of 3" below each page; the number of pages is known when the last one is done."""

    class NumberedCanvas(Canvas):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - reportlab's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, start=1):
                self.__dict__.update(page)
                self.setFont(_REGULAR, 8)
                self.drawString(_MARGIN, 10 * mm, algorithm[:80])
                self.drawRightString(A4[0] - _MARGIN, 10 * mm, f"Page {number} of {len(self._pages)}")
                super().showPage()
            super().save()

    return NumberedCanvas


@cache
def _register_fonts() -> None:
    pdfmetrics.registerFont(TTFont(_REGULAR, str(font_path())))
    pdfmetrics.registerFont(TTFont(_BOLD, str(font_path(bold=True))))


def _text(text: str) -> str:
    """As it can be shown, and without markup."""
    return escape(legible(text))


def _colour(label: Label) -> Color:
    return Color(*[value / 255 for value in shown_colour(label)])
