"""Synthetic studies of every geometry that results are written for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from tests.support.series import AXIAL, CORONAL, SAGITTAL, Change, set_pixels, slice_dataset, write_enhanced_series
from tests.support.series import write_series as write_classic_series
from tests.support.writing_headers import code, complete_classic, complete_enhanced

SHAPE = (40, 36, 14)
SPACING_MM = (2.0, 2.25, 5.0)
"""Between columns, rows, slices: 80 x 81 x 70 mm, about a cube, so that the bodies fit in it from every side."""

ORIGIN_MM = (-41.5, -17.25, 100.0)

TILT_DEGREES = 14.0

TIMES = 3

GEOMETRIES: dict[str, dict[str, Any]] = {
    "axial": {},
    "oblique": {},
    "sagittal": {},
    "coronal": {},
    "feet_first": {},
    "tilted": {"tilt": "resample"},
    "enhanced": {},
    "enhanced_4d": {"volumes": "4d"},
    "uneven": {"spacing": "resample"},
    "projection": {"images": True},
    "no_frame_of_reference": {},
}
"""Name -> the parameters that dicom_reader needs for it."""

_UNEVEN = (1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5)
"""Gaps in parts of the usual one, over and over."""

_DIGITAL_X_RAY = UID("1.2.840.10008.5.1.4.1.1.1.1")


def _orthonormal(row: Sequence[float], column: Sequence[float]) -> tuple[float, ...]:
    along = np.array(row, dtype=float) / np.linalg.norm(row)
    down = np.array(column, dtype=float) - np.dot(along, column) * along
    return (*along, *(down / np.linalg.norm(down)))


ORIENTATIONS = {
    "oblique": _orthonormal((0.9, 0.3, -0.2), (-0.1, 0.8, 0.5)),
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "feet_first": (-1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
}
"""LPS, row then column; slices follow each other along row x column, of ``feet_first`` towards the feet."""


def write_geometry(
    folder: Path, geometry: str, *, modality: str = "CT", shape: tuple[int, int, int] = SHAPE, change: Change | None
) -> None:
    """Write a study of one series; the arguments are those of ``writing.write_inputs``."""

    def apply(index: int, dataset: FileDataset) -> None:
        if geometry.startswith("enhanced"):
            complete_enhanced(dataset, modality)
        elif geometry != "projection":
            complete_classic(dataset, modality)
        _change_geometry(dataset, geometry, index)
        if change is not None:
            change(index, dataset)

    values = texture((*shape, TIMES) if geometry == "enhanced_4d" else shape)
    given: dict[str, Any] = {
        "modality": modality, "shape": shape, "spacing_mm": SPACING_MM, "origin_lps_mm": ORIGIN_MM,
        "orientation": ORIENTATIONS.get(geometry, AXIAL), "values": values, "change": apply,
    }  # fmt: skip
    if geometry == "projection":
        _write_projection(folder, shape, apply)
    elif geometry.startswith("enhanced"):
        write_enhanced_series(folder, times=TIMES if geometry == "enhanced_4d" else 1, **given)
    else:
        write_classic_series(folder, **given)


def texture(shape: tuple[int, ...]) -> np.ndarray:
    """Stored values of 12 bits that look alike nowhere, shape ``(i, j, k)`` or ``(i, j, k, t)``, int16."""
    i, j, k, *t = np.indices(shape)
    return ((i * 7 + j * 31 + k * 101 + (t[0] * 467 if t else 0)) % 2001).astype(np.int16)


def _change_geometry(dataset: FileDataset, geometry: str, index: int) -> None:
    if geometry == "feet_first":
        if "PatientPosition" in dataset:
            dataset.PatientPosition = "FFS"
        else:
            dataset.PatientGantryRelationshipCodeSequence = code("102541007", "feet-first")
    elif geometry == "no_frame_of_reference":
        del dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator
    elif geometry == "tilted":
        aside = np.tan(np.radians(TILT_DEGREES)) * SPACING_MM[2] * index
        _move(dataset, (0.0, aside, 0.0))
        dataset.GantryDetectorTilt = TILT_DEGREES
    elif geometry == "uneven":
        place = sum(_UNEVEN[gap % len(_UNEVEN)] for gap in range(index))
        _move(dataset, (0.0, 0.0, (place - index) * SPACING_MM[2]))


def _move(dataset: FileDataset, by_mm: Sequence[float]) -> None:
    moved = np.array(dataset.ImagePositionPatient, dtype=float) + by_mm
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in moved]


def _write_projection(folder: Path, shape: tuple[int, int, int], change: Change) -> None:
    """One DX image: it has the spacing of its detector and no place in the patient."""
    folder.mkdir(parents=True, exist_ok=True)
    dataset = slice_dataset("CT", 0)
    for keyword in ("KVP", "RescaleSlope", "RescaleIntercept", "RescaleType", "FrameOfReferenceUID"):
        delattr(dataset, keyword)
    del dataset.PositionReferenceIndicator, dataset.PatientPosition
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = _DIGITAL_X_RAY
    dataset.Modality = "DX"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    values: dict[str, Any] = {
        "PresentationIntentType": "FOR PRESENTATION", "SeriesDescription": "DX phantom",
        "ImagerPixelSpacing": [SPACING_MM[1], SPACING_MM[0]], "PixelIntensityRelationship": "LIN",
        "PixelIntensityRelationshipSign": 1, "RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "US",
        "PresentationLUTShape": "IDENTITY", "LossyImageCompression": "00", "BurnedInAnnotation": "NO",
        "ImageLaterality": "U", "PatientOrientation": ["L", "F"], "DetectorType": "DIRECT",
        "WindowCenter": 1000, "WindowWidth": 2000, "AcquisitionContextSequence": [], "ViewPosition": "AP",
        "AnatomicRegionSequence": code("51185008", "Chest"), "PositionerType": "NONE",
        "ViewCodeSequence": code("399348003", "antero-posterior"),
    }  # fmt: skip
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    set_pixels(dataset, texture((*shape[:2], 1))[:, :, 0].T.astype(np.uint16))
    dataset.BitsStored, dataset.HighBit = 12, 11
    change(0, dataset)
    dataset.save_as(folder / "projection.dcm", enforce_file_format=True)
