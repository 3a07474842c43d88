"""A source series and its segmentation on the patient's axes, and the planes through them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import highdicom as hd
import matplotlib as mpl
import numpy as np
from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    Colour = tuple[float, float, float]

WINDOW_HU = (-160.0, 240.0)
"""Soft tissue: width 400, level 40."""

BODY_HU = -300.0
"""Between air and fat: what lies above is body or table."""

MARGIN_MM = 6.0
"""Space that is left around the body."""

FALLBACK_COLOURS = "tab10"
"""For segments that recommend no colour."""

SECOND_LETTER = 0.35
"""A direction is named by two letters where its second component is at least this: 20 degrees off an axis."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment: its number, name, colour (0..1 RGB) and volume."""

    number: int
    name: str
    colour: Colour
    volume_ml: float


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Image and segmentation, axes ordered so that they run as nearly as possible to S, P and L.

    Attributes:
        image: Shape ``(z, y, x)``, the modality's unit.
        labels: Segment numbers, same shape.
        spacing_mm: Along z, y, x.
        directions_lps: Unit vector of rising z, y and x index, LPS, shape ``(3, 3)``.
        window: Lowest and highest value shown.
        segments: In order of segment number.
    """

    image: NDArray[np.float32]
    labels: NDArray[np.uint16]
    spacing_mm: tuple[float, float, float]
    directions_lps: NDArray[np.float64]
    window: tuple[float, float]
    segments: tuple[Segment, ...]


def load_scene(source_folder: Path, seg_file: Path) -> Scene:
    """Read both and turn them so that rising indices run to the head, the back and the patient's left."""
    segmentation = hd.seg.segread(seg_file)
    series_uid = str(segmentation.ReferencedSeriesSequence[0].SeriesInstanceUID)
    instances = _sorted_instances(source_folder, series_uid)
    image = np.stack([_modality_values(instance) for instance in instances])
    labels = segmentation.get_pixels_by_source_instance(
        [instance.SOPInstanceUID for instance in instances],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    directions, spacing_mm = _axes(instances)
    order = _nearest_axes(directions)
    image, labels = np.transpose(image, order), np.transpose(labels, order)
    directions, spacing_mm = directions[list(order)], spacing_mm[list(order)]
    for axis, towards in enumerate(np.array([(0, 0, 1), (0, 1, 0), (1, 0, 0)])):  # S, P, L
        if directions[axis] @ towards < 0:
            image, labels = np.flip(image, axis), np.flip(labels, axis)
            directions[axis] *= -1
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    window = WINDOW_HU if instances[0].Modality == "CT" else tuple(np.percentile(image, (1, 99.5)))
    return Scene(
        image=image.astype(np.float32),
        labels=labels.astype(np.uint16),
        spacing_mm=(float(spacing_mm[0]), float(spacing_mm[1]), float(spacing_mm[2])),
        directions_lps=directions,
        window=window,
        segments=tuple(_segments(segmentation, labels, voxel_ml)),
    )


def _sorted_instances(folder: Path, series_uid: str) -> list[Dataset]:
    """The series' instances along the slice normal."""
    listing = folder / "instances.json"
    if listing.is_file():
        paths = [folder / item["file"] for item in json.loads(listing.read_text())["instances"]]
    else:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
    instances = [
        instance for instance in map(_read, paths) if instance and instance.get("SeriesInstanceUID") == series_uid
    ]
    if len(instances) < 2:
        raise ValueError(f"{folder} holds {len(instances)} instances of the series that the segmentation refers to")
    normal = np.cross(*np.reshape(np.array(instances[0].ImageOrientationPatient, dtype=float), (2, 3)))
    return sorted(instances, key=lambda one: float(normal @ np.array(one.ImagePositionPatient, dtype=float)))


def _read(path: Path) -> Dataset | None:
    try:
        return dcmread(path)
    except (InvalidDicomError, OSError):
        return None


def _modality_values(instance: Dataset) -> NDArray[np.float32]:
    slope, intercept = float(instance.get("RescaleSlope", 1)), float(instance.get("RescaleIntercept", 0))
    return (instance.pixel_array * slope + intercept).astype(np.float32)


def _axes(instances: Sequence[Dataset]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors (LPS) and spacings of the stack's axes: slice, row index, column index."""
    orientation = np.array(instances[0].ImageOrientationPatient, dtype=float).reshape(2, 3)
    first, last = (np.array(one.ImagePositionPatient, dtype=float) for one in (instances[0], instances[-1]))
    step = (last - first) / (len(instances) - 1)
    row_mm, column_mm = map(float, instances[0].PixelSpacing)
    directions = np.stack([step / np.linalg.norm(step), orientation[1], orientation[0]])
    # Along the normal, not along the step: in a tilted stack only that makes the volume right.
    gap_mm = abs(float(np.cross(orientation[0], orientation[1]) @ step))
    return directions, np.array([gap_mm, row_mm, column_mm])


def _nearest_axes(directions: NDArray[np.float64]) -> tuple[int, int, int]:
    """Which stack axis runs along z, y and x: the permutation with the largest total agreement."""
    agreement = np.abs(directions[:, ::-1])  # [stack axis, (z, y, x)]
    orders = [(a, b, 3 - a - b) for a in range(3) for b in range(3) if a != b]
    return max(orders, key=lambda order: float(sum(agreement[axis, place] for place, axis in enumerate(order))))


def _segments(segmentation: hd.seg.Segmentation, labels: NDArray[Any], voxel_ml: float) -> Iterator[Segment]:
    counts = np.bincount(labels.ravel().astype(np.int64), minlength=len(segmentation.SegmentSequence) + 1)
    fallback = mpl.colormaps[FALLBACK_COLOURS]
    for item in segmentation.SegmentSequence:
        number = int(item.SegmentNumber)
        if "RecommendedDisplayCIELabValue" in item:
            rgb = hd.color.CIELabColor.from_dicom_value(tuple(item.RecommendedDisplayCIELabValue)).to_rgb()
            colour = (rgb[0] / 255, rgb[1] / 255, rgb[2] / 255)
        else:
            colour = fallback(number % 10)[:3]
        yield Segment(number=number, name=str(item.SegmentLabel), colour=colour, volume_ml=counts[number] * voxel_ml)


def direction_letters(direction_lps: NDArray[np.float64]) -> str:
    """What lies in a direction: L R, P A, H F (head, feet); two letters where the direction is oblique."""
    ranked = np.argsort(-np.abs(direction_lps))
    names = [("L", "R"), ("P", "A"), ("H", "F")]
    used = [axis for place, axis in enumerate(ranked) if place == 0 or abs(direction_lps[axis]) >= SECOND_LETTER]
    return "".join(names[axis][0 if direction_lps[axis] > 0 else 1] for axis in used[:2])


@dataclass(frozen=True, kw_only=True)
class Plane:
    """One picture: 2-D arrays with rows downwards, pixel size in mm, and the directions to the right and down."""

    image: NDArray[np.float32]
    labels: NDArray[np.uint16]
    pixel_mm: tuple[float, float]
    right_lps: NDArray[np.float64]
    down_lps: NDArray[np.float64]

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width."""
        return self.image.shape[0] * self.pixel_mm[0], self.image.shape[1] * self.pixel_mm[1]


def axial(scene: Scene, z: int) -> Plane:
    """The slice seen from the feet: the patient's right is on the left of the picture, the back is down."""
    _, dy, dx = scene.directions_lps
    _, y_mm, x_mm = scene.spacing_mm
    return Plane(image=scene.image[z], labels=scene.labels[z], pixel_mm=(y_mm, x_mm), right_lps=dx, down_lps=dy)


def coronal(scene: Scene, y: int) -> Plane:
    """Seen from the front: the patient's right is on the left, the feet are down."""
    dz, _, dx = scene.directions_lps
    z_mm, _, x_mm = scene.spacing_mm
    image, labels = scene.image[::-1, y], scene.labels[::-1, y]
    return Plane(image=image, labels=labels, pixel_mm=(z_mm, x_mm), right_lps=dx, down_lps=-dz)


def sagittal(scene: Scene, x: int) -> Plane:
    """Seen from the patient's left: the front is on the left, the feet are down."""
    dz, dy, _ = scene.directions_lps
    z_mm, y_mm, _ = scene.spacing_mm
    image, labels = scene.image[::-1, :, x], scene.labels[::-1, :, x]
    return Plane(image=image, labels=labels, pixel_mm=(z_mm, y_mm), right_lps=dy, down_lps=-dz)


def crop_to_body(scene: Scene) -> Scene:
    """Without the air in front of, behind and beside the body; nothing is cut from the segmentation."""
    floor = BODY_HU if scene.window == WINDOW_HU else scene.window[0]
    shown = _largest_part(scene.image > floor) | (scene.labels > 0)
    box = [slice(None)]
    for axis in (1, 2):
        indices = np.flatnonzero(shown.any(axis=tuple(other for other in range(3) if other != axis)))
        low, high = (indices[0], indices[-1] + 1) if len(indices) else (0, shown.shape[axis])
        margin = round(MARGIN_MM / scene.spacing_mm[axis])
        box.append(slice(max(0, low - margin), high + margin))
    cut = tuple(box)
    return replace(scene, image=scene.image[cut], labels=scene.labels[cut])


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest connected part: the body without the table."""
    parts, count = ndimage.label(ndimage.binary_erosion(mask))
    if count == 0:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return ndimage.binary_dilation(parts == sizes.argmax()) & mask
