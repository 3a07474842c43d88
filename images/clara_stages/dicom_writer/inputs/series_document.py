"""``series.json``, parsed: where a volume comes from, image by image."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clara_stages.kit import BadInputError

SERIES_FILE = "series.json"

_REMEDY = "give the folder as dicom_reader wrote it; kinds.md in the kit shows the format"


@dataclass(frozen=True, kw_only=True)
class SourceImage:
    """One source image of a volume.

    Attributes:
        t: Time point, from 0.
        sop_instance_uid: Of the instance that holds it.
        frame: Its 1-based number in a multi-frame instance, None in a single-frame one.
    """

    t: int
    sop_instance_uid: str
    frame: int | None


@dataclass(frozen=True, kw_only=True)
class SeriesDocument:
    """What the writer needs of ``series.json`` (kinds.md of the kit).

    Attributes:
        modality: DICOM Modality.
        unit: Of the voxel values, UCUM-like.
        unit_basis: How values were converted; may be empty.
        shape: Of the volume, ``(i, j, k)`` or ``(i, j, k, t)``.
        patient_space: Whether the affine says where the images lie in the patient.
        images: In order of t, then of place along row x column.
        origin_index: Where the volume was resampled, the voxel index ``(i, j, k)`` of each slice's first pixel, shape
            ``(slices, 3)``; None where slice k is plane k.
        tilt_degrees: Of the gantry; 0 where there is none.
    """

    modality: str
    unit: str
    unit_basis: str
    shape: tuple[int, ...]
    patient_space: bool
    images: tuple[SourceImage, ...]
    origin_index: npt.NDArray[np.float64] | None = None
    tilt_degrees: float = 0.0

    @property
    def time_points(self) -> int:
        """How many volumes there are, one after the other."""
        return self.shape[3] if len(self.shape) > 3 else 1

    def images_at(self, time_point: int) -> tuple[SourceImage, ...]:
        """The images of one time point, in order.

        Raises:
            BadInputError: There is no such time point; the message says how many there are.
        """
        require_time_point(time_point, self.time_points)
        return tuple(image for image in self.images if image.t == time_point)


def require_time_point(time_point: int, time_points: int) -> None:
    """Raise BadInputError where there is no such time point, saying how many there are."""
    if not 0 <= time_point < time_points:
        has = f"{time_points} time points, 0 to {time_points - 1}" if time_points > 1 else "1 time point, 0"
        raise BadInputError(
            f"parameter 'time_point' is {time_point}, the source has {has}",
            remedy="name the time point that the segments were made of",
        )


def load_series_document(path: Path) -> SeriesDocument:
    """The content of a ``series.json``.

    Raises:
        BadInputError: The file is missing, no JSON, or a field is missing, of another type or contradicts another.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInputError(f"{SERIES_FILE} is missing", remedy=_REMEDY) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BadInputError(f"{SERIES_FILE} cannot be read: {error}", remedy=_REMEDY) from None
    return parse_series_document(document)


def parse_series_document(document: Any) -> SeriesDocument:
    """What the writer needs of a parsed ``series.json``. Raises BadInputError, naming the field."""
    shape = tuple(_field(document, "shape", list))
    if len(shape) not in (3, 4) or not all(type(size) is int and size > 0 for size in shape):
        raise _fault(f"shape is {list(shape)}, expected three or four numbers above 0")
    transform = document.get("transform")
    found = SeriesDocument(
        modality=_field(document, "modality", str),
        unit=_field(document, "unit", str),
        unit_basis=document.get("unit_basis") or "",
        shape=shape,
        patient_space=_field(document, "patient_space", bool),
        images=tuple(_image(item, f"slices[{index}]") for index, item in enumerate(_field(document, "slices", list))),
        origin_index=None if transform is None else _origin_index(transform),
        tilt_degrees=0.0 if transform is None else float(_field(transform, "degrees", (int, float), "transform")),
    )
    _check_images(found)
    return found


def _image(item: Any, where: str) -> SourceImage:
    frame = _field(item, "frame", (int, type(None)), where)
    image = SourceImage(
        t=_field(item, "t", int, where),
        sop_instance_uid=_field(item, "sop_instance_uid", str, where),
        frame=frame,
    )
    if (frame is not None and frame < 1) or image.t < 0 or not image.sop_instance_uid:
        raise _fault(f"{where} has frame {frame} and t {image.t}, expected from 1 and from 0, and a sop_instance_uid")
    return image


def _origin_index(transform: Any) -> npt.NDArray[np.float64]:
    rows = _field(transform, "source_origin_index", list, "transform")
    try:
        index = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError):
        index = np.empty(0)
    if index.ndim != 2 or index.shape[1] != 3 or not np.isfinite(index).all():
        raise _fault("transform.source_origin_index is no list of three numbers for each slice")
    return index


def _check_images(document: SeriesDocument) -> None:
    """As many images at each time point as there are planes, or as many as the transform speaks of."""
    expected = document.shape[2] if document.origin_index is None else len(document.origin_index)
    counts = [0] * document.time_points
    for image in document.images:
        if image.t >= len(counts):
            raise _fault(f"slices name time point {image.t}, the shape has {len(counts)}")
        counts[image.t] += 1
    for t, count in enumerate(counts):
        if count != expected:
            raise _fault(f"slices has {count} images of time point {t}, expected {expected}")


def _field(document: Any, name: str, kind: type | tuple[type, ...], where: str = "") -> Any:
    path = f"{where}.{name}" if where else name
    if not isinstance(document, dict):
        raise _fault(f"{where or 'the document'} is {type(document).__name__}, expected an object")
    if name not in document:
        raise _fault(f"{path} is missing")
    value = document[name]
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join(item.__name__ for item in kinds)
        raise _fault(f"{path} is {type(value).__name__}, expected {expected}")
    return value


def _fault(message: str) -> BadInputError:
    return BadInputError(f"{SERIES_FILE}: {message}", remedy=_REMEDY)
