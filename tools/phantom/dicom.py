"""A phantom as a DICOM study: one CT series, written without looking at the clock: equal specs, equal bytes."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import uuid
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from tools.phantom.anatomy import PhantomSpec, build_phantom

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tools.phantom.anatomy import Phantom

NAMESPACE = uuid.UUID("8f3f7f1c-6a55-4c55-9d0b-0f5f3a1f9c11")
"""Root of all UIDs of phantoms."""

GENERATION = 1
"""Raised when the same spec gives other pixels: new content must not bear old UIDs."""

RESCALE_INTERCEPT_HU = -1024

EPOCH = dt.date(2026, 1, 1)


class OutputNotEmptyError(FileExistsError):
    """The output folder holds files already."""


def write_study(  # the options a test needs; write_phantom takes any spec
    folder: Path,
    *,
    seed: int = 1,
    slices: int = 48,
    rows: int = 256,
    patient: bool = False,
    oblique_deg: float = 0.0,
) -> str:
    """Make a phantom and write it as a DICOM study.

    Args:
        folder: Must not exist, or be empty. It appears complete or not at all.
        seed: Decides anatomy, noise and identifiers.
        slices: Number of slices, 5 mm apart.
        rows: Number of rows and of columns.
        patient: Leave out Quality Control Subject, so that the study passes for one of a person.
        oblique_deg: Turn of the slices about the patient's left-right axis.

    Returns:
        The Study Instance UID.

    Raises:
        OutputNotEmptyError: ``folder`` holds files.
    """
    spec = PhantomSpec(seed=seed, slices=slices, rows=rows, oblique_deg=oblique_deg)
    return write_phantom(folder, build_phantom(spec), patient=patient)


def write_phantom(folder: Path, phantom: Phantom, *, patient: bool = False) -> str:
    """Write ``phantom`` as a DICOM study of one series into ``folder``; see ``write_study``."""
    require_empty(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.parent / f".{folder.name}.{os.getpid()}.partial"
    partial.mkdir()
    try:
        datasets = build_datasets(phantom, patient=patient)
        for dataset in datasets:
            dataset.save_as(partial / f"CT{dataset.InstanceNumber:04d}.dcm", enforce_file_format=True)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return str(datasets[0].StudyInstanceUID)


def require_empty(folder: Path) -> None:
    """Refuse a folder that holds files.

    Raises:
        OutputNotEmptyError: ``folder`` is a file or holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputNotEmptyError(
            f"{folder} is not empty; a phantom is written to a new or an empty folder. Remove it or name another one."
        )


def build_datasets(phantom: Phantom, *, patient: bool = False) -> list[Dataset]:
    """The instances of the series, from head to feet, Instance Number from 1."""
    stored = (phantom.volume_hu.astype(np.int32) - RESCALE_INTERCEPT_HU).astype("<i2")
    count = stored.shape[2]
    datasets = []
    for number, index in enumerate(reversed(range(count)), start=1):
        dataset = _common(phantom, patient=patient)
        dataset.InstanceNumber = number
        dataset.SOPInstanceUID = _uid(phantom, f"instance {number}", patient=patient)
        dataset.ImagePositionPatient = _numbers(phantom.affine_lps @ [0, 0, index, 1])[:3]
        # Stored row by row: axes (row, column).
        dataset.PixelData = np.ascontiguousarray(stored[:, :, index].T).tobytes()
        dataset.file_meta = _file_meta(dataset.SOPInstanceUID)
        datasets.append(dataset)
    return datasets


def _common(phantom: Phantom, *, patient: bool) -> Dataset:
    """What all instances share."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    _add_study(dataset, phantom, patient=patient)
    _add_series(dataset, phantom, patient=patient)
    _add_image(dataset, phantom)
    return dataset


def _add_study(dataset: Dataset, phantom: Phantom, *, patient: bool) -> None:
    seed = phantom.spec.seed
    day = (EPOCH + dt.timedelta(days=seed % 300)).strftime("%Y%m%d")
    dataset.PatientName = "Phantom^Abdomen"
    dataset.PatientID = f"PHANTOM-{seed:06d}"
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    if not patient:
        dataset.QualityControlSubject = "YES"
    dataset.StudyInstanceUID = _uid(phantom, "study", patient=patient)
    dataset.StudyID = f"P{seed}"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "CT Abdomen, synthetic phantom"
    for name in ("Study", "Series", "Acquisition", "Content"):
        setattr(dataset, f"{name}Date", day)
        setattr(dataset, f"{name}Time", "120000")


def _add_series(dataset: Dataset, phantom: Phantom, *, patient: bool) -> None:
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = _uid(phantom, "series", patient=patient)
    dataset.SeriesNumber = 2
    dataset.SeriesDescription = f"Abdomen {phantom.phase}"
    dataset.ProtocolName = "Abdomen"
    dataset.BodyPartExamined = "ABDOMEN"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = _uid(phantom, "frame of reference", patient=patient)
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "clara-ops"
    dataset.ManufacturerModelName = "Phantom generator"
    dataset.SoftwareVersions = str(GENERATION)
    if phantom.phase != "native":
        dataset.ContrastBolusAgent = "Iodinated contrast medium"


def _add_image(dataset: Dataset, phantom: Phantom) -> None:
    affine = phantom.affine_lps
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.AcquisitionNumber = 1
    dataset.KVP = 120
    dataset.ConvolutionKernel = "SYNTHETIC"
    dataset.SliceThickness = _numbers(spacing)[2]
    dataset.SpacingBetweenSlices = _numbers(spacing)[2]
    dataset.ImageOrientationPatient = _numbers(np.concatenate([affine[:3, 0] / spacing[0], affine[:3, 1] / spacing[1]]))
    dataset.PixelSpacing = _numbers(spacing[[1, 0]])
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = phantom.volume_hu.shape[1]
    dataset.Columns = phantom.volume_hu.shape[0]
    dataset.BitsAllocated = 16
    dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = RESCALE_INTERCEPT_HU
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"
    dataset.WindowCenter = 40
    dataset.WindowWidth = 400


def _file_meta(sop_instance_uid: UID) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = sop_instance_uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(f"2.25.{NAMESPACE.int}")
    meta.ImplementationVersionName = "CLARA_PHANTOM"
    return meta


def _uid(phantom: Phantom, what: str, *, patient: bool) -> UID:
    """A UID that follows from everything that decides the content."""
    return UID(f"2.25.{uuid.uuid5(NAMESPACE, f'{GENERATION} {phantom.spec} {patient} {what}').int}")


def _numbers(values: NDArray[np.float64]) -> list[str]:
    """Decimal strings of at most 16 characters; -0 becomes 0."""
    return [f"{round(float(v), 9) + 0.0:.9f}".rstrip("0").rstrip(".") for v in values]
