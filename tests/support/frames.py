"""Frames of a series built in memory, without a file: what splitting and geometry look at."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from clara_stages.dicom_reader.geometry.plane import Plane
from clara_stages.dicom_reader.headers.frame import Attributes, Frame
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.pixels.format import PixelFormat
from clara_stages.dicom_reader.sop_classes import object_kind
from clara_stages.dicom_reader.values.rescale import Rescale

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "EMR": "1.2.840.10008.5.1.4.1.1.4.1",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
}
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)

_ATTRIBUTES = {field.name for field in fields(Attributes)}


class SeriesBuilder:
    """Adds frames of one series; each gets a UID that says nothing about where it belongs."""

    def __init__(self, kind: str = "CT") -> None:
        self.kind = kind
        self.frames: list[Frame] = []

    def add(
        self,
        z: float | None,
        *,
        kind: str = "",
        orientation: Sequence[float] | None = AXIAL,
        origin: Sequence[float] = (-100.0, -100.0),
        rows: int = 64,
        columns: int = 64,
        pixels: dict[str, Any] | None = None,
        rescale: Rescale | None = None,
        reference: str = "1.2.3",
        fault: str = "",
        uid: str = "",
        number: int | None = None,
        **attributes: Any,
    ) -> Frame:
        """One frame at a distance along the normal; ``z`` None has no place; the rest are ``Attributes``."""
        assert set(attributes) <= _ATTRIBUTES
        plane = Plane(
            rows=rows,
            columns=columns,
            position_lps_mm=None if z is None else _position(z, orientation or AXIAL, origin),
            orientation_lps=None if orientation is None else tuple(orientation),
            pixel_spacing_mm=(1.0, 1.0),
            frame_of_reference_uid=reference,
        )
        count = len(self.frames)
        rescale = rescale or Rescale()
        instance = _instance(
            sop_class_uid=CLASSES[kind or self.kind],
            sop_instance_uid=uid or f"1.2.{(count * 7919 + 13) % 1_000_003}.{count}",
            label=f"file {count}",
            plane=plane,
            pixels=PixelFormat(transfer_syntax_uid="1.2.840.10008.1.2.1", **(pixels or {})),
            rescale=rescale,
            fault=fault,
        )
        frame = Frame(
            instance=instance, plane=plane, number=number, rescale=rescale, attributes=Attributes(**attributes)
        )
        self.frames.append(frame)
        return frame

    def stack(self, count: int = 10, *, start: float = 0.0, step: float = 2.0, **options: Any) -> list[Frame]:
        """Frames one step apart, all with the same attributes."""
        return [self.add(start + k * step, **options) for k in range(count)]

    def break_header(self, index: int) -> None:
        """A frame as a broken header leaves it: no plane, no attributes."""
        frame = self.frames[index]
        plane = Plane(rows=0, columns=0, position_lps_mm=None, orientation_lps=None, pixel_spacing_mm=None)
        instance = replace(frame.instance, fault="a broken header (ValueError)")
        self.frames[index] = Frame(instance=instance, plane=plane)


def _instance(**values: Any) -> Instance:
    given = {
        "path": Path("unused"),
        "study_instance_uid": "1.2",
        "series_instance_uid": "1.2.1",
        "header": {},
        "kind": object_kind(values["sop_class_uid"]),
        "pet": None,
        **values,
    }
    return Instance(**{field.name: given[field.name] for field in fields(Instance) if field.name in given})


def _position(z: float, orientation: Sequence[float], origin: Sequence[float]) -> tuple[float, float, float]:
    row, column = orientation[:3], orientation[3:]
    normal = (
        row[1] * column[2] - row[2] * column[1],
        row[2] * column[0] - row[0] * column[2],
        row[0] * column[1] - row[1] * column[0],
    )
    x, y, z = (z * n + origin[0] * r + origin[1] * c for n, r, c in zip(normal, row, column, strict=True))
    return x, y, z
