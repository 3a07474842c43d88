"""Proof that a written series shows the volume: every voxel and every position, from the files and the inputs alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.image_series.check_attributes import check_attributes
from clara_stages.dicom_writer.inputs.source_stack import LPS_FROM_RAS, Floats, SourceStack
from clara_stages.dicom_writer.job import Job
from clara_stages.kit import raise_machine_fault

PLACE_TOLERANCE_MM = 1e-3
"""Of any corner of an image. A DS holds ten digits or more, and the affine of a NIfTI file seven."""

INDEX_TOLERANCE = 0.01
"""How far an image may be from a plane of the volume, as a part of the distance of planes."""

STEP_PART = 0.5001
"""A value may be off by half the slope, and by what floating point leaves."""

_UNITS = {"GML": "g/ml", "CM2ML": "cm2/ml", "BQML": "Bq/ml", "CNTS": "{counts}", "CPS": "{counts}/s"}
"""Units (0054,1001) -> what the unit of the volume ends in."""


def check(files: Sequence[Path], job: Job) -> Iterator[Finding]:
    """What is wrong with the written images.

    Names of findings: ``unreadable``, ``missing_frames``, ``duplicate_frames``, ``frame_position``,
    ``frame_orientation``, ``pixel_spacing``, ``slice_thickness``, ``voxels_differ``, ``unit``, ``source_reference``,
    ``copied_attribute``.

    Args:
        files: Of the series, in any order.
        job: The call that they were written for.
    """
    found: dict[int, str] = {}
    for path in files:
        try:
            yield from _check_file(path, job, found)
        except Exception as error:  # whatever pydicom or numpy raise for a malformed object: it is a fault of ours
            raise_machine_fault(error)
            yield _finding("unreadable", f"{path.name} cannot be read to its end: {type(error).__name__}")
    planes = job.require_volume("image").values.shape[2]
    missing = sorted(set(range(planes)) - found.keys())
    if missing:
        yield _finding("missing_frames", f"{len(missing)} of {planes} planes have no image, the first is {missing[0]}")


def _check_file(path: Path, job: Job, found: dict[int, str]) -> Iterator[Finding]:
    image = dcmread(path)
    volume = job.require_volume("image")
    affine = LPS_FROM_RAS @ volume.affine_ras
    position = np.array(image.ImagePositionPatient, dtype=np.float64)
    index = np.linalg.solve(affine[:3, :3], position - affine[:3, 3])
    k = round(float(index[2]))
    if not 0 <= k < volume.values.shape[2] or abs(index[2] - k) > INDEX_TOLERANCE:
        yield _finding(
            "frame_position", f"{path.name} lies at index {index[2]:.3f} of the volume, on none of its planes"
        )
        return
    if k in found:
        yield _finding("duplicate_frames", f"{path.name} and {found[k]} both lie on plane {k}")
    found[k] = path.name
    yield from _check_place(path.name, image, affine, k)
    yield from _check_values(path.name, image, volume.values[:, :, k].T)
    yield from _check_unit(path.name, image, volume.unit)
    yield from _check_references(path.name, image, job.source)
    yield from check_attributes(path.name, image, job.source)


def _check_place(name: str, image: Dataset, affine: Floats, k: int) -> Iterator[Finding]:
    """The three corners that make a plane (PS3.3 equation C.7.6.2.1-1)."""
    axes = np.array(image.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
    rows_mm, columns_mm = (float(value) for value in image.PixelSpacing)
    position = np.array(image.ImagePositionPatient, dtype=np.float64)
    expected = affine[:3, 3] + k * affine[:3, 2]
    away = float(np.linalg.norm(position - expected))
    if away > PLACE_TOLERANCE_MM:
        yield _finding("frame_position", f"{name} lies {away:.4f} mm from plane {k} of the volume")
    ends = ((0, axes[0] * columns_mm, image.Columns), (1, axes[1] * rows_mm, image.Rows))
    for axis, step, count in ends:
        wanted = affine[:3, axis]
        cosine = float(step @ wanted / np.linalg.norm(step) / np.linalg.norm(wanted))
        turned_mm = float(np.sqrt(max(0.0, 1 - cosine**2)) * np.linalg.norm(wanted) * count) if cosine > 0 else np.inf
        if turned_mm > 2 * PLACE_TOLERANCE_MM:
            yield _finding("frame_orientation", f"axis {axis} of {name} has another direction than the volume's")
        stretched_mm = abs(float(np.linalg.norm(step) - np.linalg.norm(wanted))) * count
        if stretched_mm > PLACE_TOLERANCE_MM:
            yield _finding("pixel_spacing", f"axis {axis} of {name} is {stretched_mm:.4f} mm longer or shorter")
    gap_mm = abs(float(np.cross(axes[0], axes[1]) @ affine[:3, 2]))
    thickness = image.get("SliceThickness")
    if k > 0 and (thickness is None or abs(float(thickness) - gap_mm) > PLACE_TOLERANCE_MM):
        yield _finding("slice_thickness", f"{name} does not state the distance of planes, {gap_mm:.4f} mm")


def _check_values(name: str, image: Dataset, expected: np.ndarray) -> Iterator[Finding]:
    stored = image.pixel_array
    if stored.shape != expected.shape:
        yield _finding("voxels_differ", f"{name} has {stored.shape} pixels, the plane {expected.shape}")
        return
    slope, intercept = float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))
    is_exact = slope == 1 and intercept == 0
    away = np.abs(stored.astype(np.float64) * slope + intercept - expected)
    allowed = 0.0 if is_exact else STEP_PART * abs(slope)
    wrong = int(np.count_nonzero(~(away <= allowed)))
    if wrong:
        yield _finding(
            "voxels_differ",
            f"{wrong} of {away.size} pixels of {name} differ from the volume, by up to {float(away.max()):.6g}; at "
            f"most {allowed:.6g} is expected",
        )


def _check_unit(name: str, image: Dataset, unit: str) -> Iterator[Finding]:
    if image.Modality == "PT":
        stated = str(image.get("Units", ""))
        suv = str(image.get("SUVType", ""))
        is_right = unit.endswith(_UNITS.get(stated, unit)) and (("SUV" in unit) == bool(suv))
        if not is_right or (suv and f"SUV{suv}".lower() not in unit.replace("(", "").replace(")", "").lower()):
            yield _finding("unit", f"{name} has Units {stated!r} and SUV Type {suv!r}, the volume is in {unit}")
        if float(image.RescaleIntercept) != 0:
            yield _finding("unit", f"{name} has a Rescale Intercept, which a PET image must not have")
    elif unit == "HU" and image.get("RescaleType") != "HU":
        yield _finding("unit", f"{name} has Rescale Type {image.get('RescaleType')!r}, the volume is in HU")


def _check_references(name: str, image: Dataset, source: SourceStack) -> Iterator[Finding]:
    """The nearest source image is named, by its frame where it is one of several."""
    position = np.array(image.ImagePositionPatient, dtype=np.float64)
    axes = np.array(image.ImageOrientationPatient, dtype=np.float64).reshape(2, 3)
    reach = np.array([image.Columns - 1, image.Rows - 1]) * np.array(image.PixelSpacing, dtype=np.float64)[::-1]
    centre = position + reach @ axes / 2
    distances = np.abs((source.positions_lps_mm - centre) @ source.normal)
    near = [item for item, away in zip(source.slices, distances, strict=True) if away <= distances.min() + 1e-3]
    stated = {
        str(item.ReferencedSOPInstanceUID): item.get("ReferencedFrameNumber") for item in image.SourceImageSequence
    }
    for item in near:
        frames = np.atleast_1d(stated.get(item.sop_instance_uid) or [])
        if item.sop_instance_uid in stated and (item.frame is None or item.frame in frames):
            return
    yield _finding("source_reference", f"{name} does not name the source image that lies nearest to it")


def _finding(name: str, message: str) -> Finding:
    return Finding(name=name, output="image", message=message)
