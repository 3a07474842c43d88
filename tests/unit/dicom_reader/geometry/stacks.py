"""Planes made by code and read from files, and the way back from a volume to its source slices."""

import math

import numpy as np
import pydicom

from clara_stages.dicom_reader.geometry.plane import Plane
from tests.support.data import case
from tests.support.series import AXIAL

OBLIQUE = (
    math.cos(0.3), math.sin(0.3), 0.0,
    -math.sin(0.3) * math.cos(0.2), math.cos(0.3) * math.cos(0.2), math.sin(0.2),
)  # fmt: skip

EVEN = (0.0, 2.5, 5.0, 7.5, 10.0)


def stack(
    places_mm=EVEN,
    *,
    orientation=AXIAL,
    origin=(-20.0, -30.0, 40.0),
    lean=(0.0, 0.0),
    size=(10, 12),
    pixel_spacing_mm=(0.9, 0.8),
):
    """Planes at these places along their normal; ``lean``: mm along row and column for each mm along the normal."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    direction = np.cross(row, column) + lean[0] * row + lean[1] * column
    return [
        Plane(
            rows=size[0],
            columns=size[1],
            position_lps_mm=tuple((np.array(origin) + place * direction).tolist()),
            orientation_lps=tuple(orientation),
            pixel_spacing_mm=pixel_spacing_mm,
            frame_of_reference_uid="1.2.3",
        )
        for place in places_mm
    ]


def tangent(degrees):
    return math.tan(math.radians(degrees))


def read_slices(folder, suffix=".dcm"):
    """Data sets of a case of real data that have a position, and their planes, in the order of file names."""
    datasets = [pydicom.dcmread(path) for path in sorted(case(folder.split("/")[0]).parent.joinpath(folder).rglob("*"))
                if path.is_file() and path.suffix == suffix]  # fmt: skip
    datasets = [dataset for dataset in datasets if "ImagePositionPatient" in dataset]
    return datasets, [
        Plane(
            rows=dataset.Rows,
            columns=dataset.Columns,
            position_lps_mm=tuple(float(value) for value in dataset.ImagePositionPatient),
            orientation_lps=tuple(float(value) for value in dataset.ImageOrientationPatient),
            pixel_spacing_mm=tuple(float(value) for value in dataset.PixelSpacing),
            frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID", "")),
        )
        for dataset in datasets
    ]


def read_planes(folder, suffix=".dcm"):
    return read_slices(folder, suffix)[1]


def to_source_slices(labels, transform):
    """Labels of a volume ``[k, j, i]`` on the source slices ``[slice, row, column]``: the nearest voxel's.

    ``transform`` is what ``Resampling.to_json`` writes into series.json.
    """
    columns, rows, slices = transform["source_shape"]
    source = np.zeros((slices, rows, columns), dtype=labels.dtype)
    for index, origin in enumerate(transform["source_origin_index"]):
        i, j, k = (math.floor(value + 0.5) for value in origin)
        source[index] = labels[k, j : j + rows, i : i + columns]
    return source
