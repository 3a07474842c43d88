"""A picture of a received segmentation over its source series; no patient data.

``python -m tools.demo.overview --source DIR --segmentation FILE --png FILE [--title TEXT]``
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np

from tools.demo.scene import (
    WINDOW_HU,
    Plane,
    Scene,
    Segment,
    axial,
    coronal,
    crop_to_body,
    direction_letters,
    load_scene,
    sagittal,
)

mpl.use("Agg")

from matplotlib import patheffects
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BACKGROUND = "#0b0f16"
PANEL = "#000000"
TEXT = "#e8edf4"
FAINT = "#8a97a8"
FILL_ALPHA = 0.48

AXIAL_SLICES = 6
AXIAL_COLUMNS = 3

WIDTH_INCHES = 16.0
DPI = 100

MARGIN, GAP, HEAD, LEGEND_ROW = 0.32, 0.12, 0.8, 0.42
"""Inches: around the figure, between pictures, for the title, for each row of the legend."""

LEGEND_COLUMNS = 5

REFORMAT_ZOOM = 1.6
"""A thin stack would otherwise push the slices aside."""

Box = tuple[float, float, float, float]


def write_overview(png: Path, source_folder: Path, seg_file: Path, title: str = "DICOM SEG as received") -> None:
    """Draw axial slices, a coronal and a sagittal reformat with the segmentation over them.

    Args:
        png: The picture to write, 1600 pixels wide.
        source_folder: A folder of kind ``dicom_instances``, or any tree with the source series in it.
        seg_file: A DICOM SEG of type BINARY.
        title: Heading; never a patient's name.

    Raises:
        ValueError: The folder does not hold the series that the segmentation refers to.
    """
    scene = load_scene(source_folder, seg_file)
    figure = draw(scene, title)
    png.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(png, dpi=DPI, facecolor=BACKGROUND)
    plt.close(figure)


def _fullest(labels: NDArray[np.uint16], axis: int) -> int:
    """The plane that shows the segments best: large ones must not hide the small, so areas count by their root."""
    others = tuple(other for other in range(3) if other != axis)
    numbers = [number for number in np.unique(labels) if number]
    if not numbers:
        return labels.shape[axis] // 2
    return int(np.argmax(sum(np.sqrt((labels == number).sum(axis=others)) for number in numbers)))


def _axial_places(labels: NDArray[np.uint16]) -> list[int]:
    """Slices spread evenly over the part of the stack that has segments, head first."""
    filled = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    low, high = (filled[0], filled[-1]) if len(filled) else (0, len(labels) - 1)
    fractions = (np.arange(AXIAL_SLICES) + 0.5) / AXIAL_SLICES
    return [round(low + (high - low) * fraction) for fraction in fractions][::-1]


def draw(scene: Scene, title: str) -> Figure:
    """The figure: axial slices on the left, reformats on the right, the legend below."""
    scene = crop_to_body(scene)
    places = _axial_places(scene.labels)
    slices = [axial(scene, z) for z in places]
    reformats = [coronal(scene, _fullest(scene.labels, 1)), sagittal(scene, _fullest(scene.labels, 2))]
    boxes, height = _layout(slices[0], reformats, len(scene.segments))
    figure = plt.figure(figsize=(WIDTH_INCHES, height), facecolor=BACKGROUND)
    for number, (plane, box) in enumerate(zip([*slices, *reformats], boxes, strict=True)):
        axes = figure.add_axes((box[0] / WIDTH_INCHES, box[1] / height, box[2] / WIDTH_INCHES, box[3] / height))
        _draw_plane(axes, plane, scene)
        names = ["coronal", "sagittal"]
        _caption(axes, f"axial {number + 1}" if number < AXIAL_SLICES else names[number - AXIAL_SLICES])
        if number >= AXIAL_SLICES:
            _mark_slices(axes, plane, [len(scene.image) - 1 - z for z in places])
    figure.text(0.32 / WIDTH_INCHES, 1 - 0.42 / height, title, color=TEXT, fontsize=19, weight="bold", va="center")
    note = "window 400 / 40 HU  ·  " if scene.window == WINDOW_HU else ""
    figure.text(
        1 - 0.32 / WIDTH_INCHES, 1 - 0.42 / height, f"{note}radiological convention  ·  not for diagnosis",
        color=FAINT, fontsize=11, va="center", ha="right",
    )  # fmt: skip
    _legend(figure, scene.segments, height)
    return figure


def _layout(first: Plane, reformats: list[Plane], segments: int) -> tuple[list[Box], float]:
    """Where each picture goes, in inches from the lower left, and the figure's height.

    The reformats fill the height of two rows of slices, at most ``REFORMAT_ZOOM`` times as large as these.
    """
    height_mm, width_mm = first.size_mm
    reformat_heights_mm = [plane.size_mm[0] for plane in reformats]
    reformat_width_mm = max(plane.size_mm[1] for plane in reformats)
    rows = AXIAL_SLICES // AXIAL_COLUMNS
    zoom = min(REFORMAT_ZOOM, rows * height_mm / sum(reformat_heights_mm))
    inner = WIDTH_INCHES - 2 * MARGIN - AXIAL_COLUMNS * GAP
    scale = inner / (AXIAL_COLUMNS * width_mm + zoom * reformat_width_mm)
    width, row = width_mm * scale, height_mm * scale
    body = max(rows * row + (rows - 1) * GAP, sum(reformat_heights_mm) * zoom * scale + GAP)
    foot = MARGIN + LEGEND_ROW * -(-max(segments, 1) // LEGEND_COLUMNS) + GAP
    boxes = []
    for number in range(AXIAL_SLICES):
        line, column = divmod(number, AXIAL_COLUMNS)
        boxes.append((MARGIN + column * (width + GAP), foot + body - row - line * (row + GAP), width, row))
    left = MARGIN + AXIAL_COLUMNS * (width + GAP)
    upper, lower = (height * zoom * scale for height in reformat_heights_mm)
    boxes.append((left, foot + body - upper, reformat_width_mm * zoom * scale, upper))
    boxes.append((left, foot + body - upper - GAP - lower, reformat_width_mm * zoom * scale, lower))
    return boxes, foot + body + HEAD


def _draw_plane(axes: Axes, plane: Plane, scene: Scene) -> None:
    height_mm, width_mm = plane.size_mm
    extent = (0, width_mm, height_mm, 0)
    low, high = scene.window
    axes.imshow(plane.image, cmap="gray", vmin=low, vmax=high, extent=extent, interpolation="bicubic")
    overlay = np.zeros((*plane.labels.shape, 4))
    x = (np.arange(plane.labels.shape[1]) + 0.5) * plane.pixel_mm[1]
    y = (np.arange(plane.labels.shape[0]) + 0.5) * plane.pixel_mm[0]
    for segment in scene.segments:
        inside = plane.labels == segment.number
        overlay[inside] = (*segment.colour, FILL_ALPHA)
        if inside.any() and min(inside.shape) > 1:
            axes.contour(x, y, inside, levels=[0.5], colors=[segment.colour], linewidths=1.2)
    axes.imshow(overlay, extent=extent, interpolation="nearest")
    box = axes.get_window_extent()
    frame_mm = height_mm * box.width / box.height
    margin_mm = max(0.0, (frame_mm - width_mm) / 2)  # a narrow picture stands in the middle of its frame
    axes.set(xlim=(-margin_mm, width_mm + margin_mm), ylim=(height_mm, 0), xticks=[], yticks=[], aspect="equal")
    axes.set_facecolor(PANEL)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for letters, at in (
        (direction_letters(-plane.right_lps), (0.032, 0.5)),
        (direction_letters(plane.right_lps), (0.968, 0.5)),
        (direction_letters(-plane.down_lps), (0.5, 0.95)),
        (direction_letters(plane.down_lps), (0.5, 0.05)),
    ):
        _write(axes, at, letters, size=12, weight="bold")


def _write(axes: Axes, at: tuple[float, float], text: str, **style: Any) -> None:
    outline = [patheffects.withStroke(linewidth=2.5, foreground="black")]
    place = {"ha": "center", "va": "center", "color": TEXT} | style
    axes.text(*at, text, transform=axes.transAxes, path_effects=outline, **place)


def _caption(axes: Axes, text: str) -> None:
    _write(axes, (0.025, 0.95), text, size=10, ha="left", color=FAINT)


def _mark_slices(axes: Axes, plane: Plane, rows: list[int]) -> None:
    """Ticks at both edges where the axial slices lie."""
    left, right = axes.get_xlim()
    right -= 0.005 * (right - left)
    for number, row in enumerate(rows, start=1):
        y = (row + 0.5) * plane.pixel_mm[0]
        axes.axhline(y, color=TEXT, linewidth=0.7, alpha=0.35, linestyle=(0, (2, 5)))
        outline = [patheffects.withStroke(linewidth=2, foreground="black")]
        axes.text(right, y, str(number), color=FAINT, size=8, ha="right", va="bottom", path_effects=outline)


def _legend(figure: Figure, segments: tuple[Segment, ...], height: float) -> None:
    step = (WIDTH_INCHES - 2 * MARGIN) / LEGEND_COLUMNS
    rows = -(-len(segments) // LEGEND_COLUMNS)
    for number, segment in enumerate(segments):
        line, column = divmod(number, LEGEND_COLUMNS)
        x = MARGIN + column * step
        y = MARGIN + (rows - 1 - line) * LEGEND_ROW + LEGEND_ROW / 3
        swatch = plt.Rectangle(
            (x / WIDTH_INCHES, (y - 0.1) / height), 0.28 / WIDTH_INCHES, 0.2 / height, color=segment.colour,
            transform=figure.transFigure, figure=figure,
        )  # fmt: skip
        figure.add_artist(swatch)
        figure.text((x + 0.4) / WIDTH_INCHES, y / height, segment.name, color=TEXT, fontsize=13, va="center")
        volume = f"{segment.volume_ml:,.0f} ml" if segment.volume_ml >= 10 else f"{segment.volume_ml:.1f} ml"
        figure.text(
            (x + step - 0.35) / WIDTH_INCHES, y / height, volume, color=FAINT, fontsize=13, va="center", ha="right"
        )


def main() -> None:
    """Draw from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo.overview", description=write_overview.__doc__)
    parser.add_argument("--source", type=Path, required=True, help="folder with the source series")
    parser.add_argument("--segmentation", type=Path, required=True, help="the DICOM SEG")
    parser.add_argument("--png", type=Path, required=True, help="the picture to write")
    parser.add_argument("--title", default="DICOM SEG as received")
    given = parser.parse_args()
    write_overview(given.png, given.source, given.segmentation, given.title)


if __name__ == "__main__":
    main()
