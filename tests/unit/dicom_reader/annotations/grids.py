"""Target grids for tests, built from the headers of a series alone."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom

from clara_stages.dicom_reader.annotations.find import find_annotations
from clara_stages.dicom_reader.annotations.target_grid import SourceSlice, TargetGrid


def grid_of(files) -> TargetGrid:
    """The grid of a series of single-frame images."""
    headers = [pydicom.dcmread(path, stop_before_pixels=True, force=True) for path in files]
    first = headers[0]
    row, column = np.array(first.ImageOrientationPatient[:3], float), np.array(first.ImageOrientationPatient[3:], float)
    normal = np.cross(row, column)
    headers.sort(key=lambda header: float(normal @ np.array(header.ImagePositionPatient, float)))
    positions = np.array([header.ImagePositionPatient for header in headers], float)
    step = (positions[-1] - positions[0]) / (len(headers) - 1) if len(headers) > 1 else normal
    affine = np.eye(4)
    affine[:3, 0] = row * float(first.PixelSpacing[1])
    affine[:3, 1] = column * float(first.PixelSpacing[0])
    affine[:3, 2], affine[:3, 3] = step, positions[0]
    return TargetGrid(
        shape=(first.Columns, first.Rows, len(headers)),
        affine_lps=affine,
        frame_of_reference_uid=str(first.get("FrameOfReferenceUID", "")),
        study_instance_uid=str(first.StudyInstanceUID),
        series_instance_uid=str(first.SeriesInstanceUID),
        slices=tuple(
            SourceSlice(str(header.SOPInstanceUID), None, tuple(map(float, header.ImagePositionPatient)))
            for header in headers
        ),
    )


def annotation_of(path: Path):
    """What ``find_annotations`` says of one file."""
    header = pydicom.dcmread(
        path, force=True, specific_tags=["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]
    )
    instance = SimpleNamespace(
        path=Path(path),
        label="file 1",
        sop_instance_uid=str(header.get("SOPInstanceUID", "")),
        series_instance_uid=str(header.get("SeriesInstanceUID", "")),
        study_instance_uid=str(header.get("StudyInstanceUID", "")),
        sop_class_uid=str(header.SOPClassUID),
    )
    (found,) = find_annotations(SimpleNamespace(instances=[instance]))
    return found


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Dice coefficient of two masks."""
    one, other = one != 0, other != 0
    return 2 * float((one & other).sum()) / max(int(one.sum() + other.sum()), 1)
