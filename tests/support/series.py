"""Synthetic series, written as DICOM files by code: what a test needs in place of a patient."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
ENHANCED_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2.1",
    "MR": "1.2.840.10008.5.1.4.1.1.4.1",
    "PT": "1.2.840.10008.5.1.4.1.1.130",
}

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)

Change = Callable[[int, FileDataset], None]
ChangeGroups = Callable[[int, Dataset], None]


def uid(*parts: object) -> str:
    """A UID that is the same for the same parts."""
    return str(generate_uid(entropy_srcs=[str(part) for part in parts]))


def slice_dataset(modality: str, k: int, *, study: str = "study", series: str = "series") -> FileDataset:
    """One slice without geometry and pixels: identity, equipment and the attributes of type 1 and 2."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(SOP_CLASSES[modality])
    meta.MediaStorageSOPInstanceUID = UID(uid(study, series, k))
    meta.ImplementationClassUID = UID(uid("clara-ops tests"))
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ImageType": ["ORIGINAL", "PRIMARY", "OTHER" if modality == "MR" else "AXIAL"],
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyDate": "20260102",
        "ContentDate": "20260102",
        "AcquisitionDate": "20260102",
        "StudyTime": "080000",
        "ContentTime": "080000",
        "AcquisitionTime": "080000",
        "AccessionNumber": "",
        "Modality": modality,
        "Manufacturer": "ACME",
        "ReferringPhysicianName": "",
        "StudyDescription": "Phantom study",
        "SeriesDescription": f"{modality} phantom",
        "ManufacturerModelName": "One",
        "PatientName": "Phantom^Cube",
        "PatientID": "PHANTOM1",
        "PatientBirthDate": "",
        "PatientSex": "O",
        "BodyPartExamined": "ABDOMEN",
        "PatientPosition": "HFS",
        "StudyInstanceUID": uid(study),
        "SeriesInstanceUID": uid(study, series),
        "StudyID": "1",
        "SeriesNumber": 1,
        "AcquisitionNumber": 1,
        "InstanceNumber": k + 1,
        "FrameOfReferenceUID": uid(study, "frame of reference"),
        "PositionReferenceIndicator": "",
    }
    values |= _of_modality(modality)
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _of_modality(modality: str) -> dict[str, Any]:
    if modality == "CT":
        return {"KVP": "120", "RescaleSlope": "1", "RescaleIntercept": "-1024", "RescaleType": "HU"}
    if modality == "PT":
        return {"Units": "BQML", "RescaleSlope": "0.5", "RescaleIntercept": "0", "DecayCorrection": "START"}
    return {
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": "2000",
        "EchoTime": "80",
        "EchoTrainLength": "1",
    }


def ramp(shape: tuple[int, int, int]) -> np.ndarray:
    """Stored values ``[i, j, k]`` int16, 0..2000, that tell every axis from every other and its two ends apart."""
    i, j, k = np.indices(shape)
    return ((i * 7 + j * 31 + k * 101) % 2001).astype(np.int16)


def write_series(
    folder: Path,
    *,
    modality: str = "CT",
    shape: tuple[int, int, int] = (12, 10, 6),
    spacing_mm: tuple[float, float, float] = (0.8, 0.9, 2.5),
    orientation: Sequence[float] = AXIAL,
    origin_lps_mm: Sequence[float] = (-20.0, -30.0, 40.0),
    values: np.ndarray | None = None,
    study: str = "study",
    series: str = "series",
    change: Change | None = None,
) -> list[Path]:
    """Write one series of single-frame objects, one file a slice, and return the files in order of k.

    Args:
        folder: Made where it is not there; files are ``slice000.dcm`` and so on, prefixed by ``series``.
        modality: CT, MR or PT.
        shape: Columns (i), rows (j), slices (k).
        spacing_mm: Between columns, between rows, between slices.
        orientation: Image Orientation (Patient), LPS: the row's direction, then the column's.
        origin_lps_mm: Image Position (Patient) of slice 0.
        values: Stored values ``[i, j, k]`` int16; ``ramp(shape)`` where none are given.
        study: Names the study; equal names, equal UIDs.
        series: Names the series.
        change: Called with k and the finished data set of each slice before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = ramp(shape) if values is None else values
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    step = np.cross(row, column) * spacing_mm[2]
    paths = []
    for k in range(shape[2]):
        dataset = slice_dataset(modality, k, study=study, series=series)
        dataset.SliceThickness = _decimal(spacing_mm[2])
        dataset.ImagePositionPatient = [_decimal(value) for value in np.array(origin_lps_mm, float) + k * step]
        dataset.ImageOrientationPatient = [_decimal(value) for value in orientation]
        dataset.PixelSpacing = [_decimal(spacing_mm[1]), _decimal(spacing_mm[0])]
        set_pixels(dataset, stored[:, :, k].T)
        if change is not None:
            change(k, dataset)
        path = folder / f"{series}-slice{k:03d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_ct_series(folder: Path, **options: Any) -> list[Path]:
    """A CT series, rescale slope 1, intercept -1024; the options are those of ``write_series``."""
    return write_series(folder, modality="CT", **options)


def write_enhanced_series(
    folder: Path,
    *,
    modality: str = "MR",
    shape: tuple[int, int, int] = (12, 10, 6),
    times: int = 1,
    spacing_mm: tuple[float, float, float] = (0.8, 0.9, 2.5),
    orientation: Sequence[float] = AXIAL,
    origin_lps_mm: Sequence[float] = (-20.0, -30.0, 40.0),
    values: np.ndarray | None = None,
    study: str = "study",
    series: str = "series",
    change: Change | None = None,
    change_frame: ChangeGroups | None = None,
) -> Path:
    """Write one Enhanced object with all slices as frames, slices fastest, and return its file.

    Position, echo time, rescale, stack and time are per frame; spacing and orientation are shared.

    Args:
        folder: Made where it is not there; the file is ``{series}.dcm``.
        modality: CT, MR or PT.
        shape: Columns (i), rows (j), slices (k).
        times: Time points; frame ``t * slices + k`` is slice k of time t.
        spacing_mm: Between columns, between rows, between slices.
        orientation: Image Orientation (Patient), LPS: the row's direction, then the column's.
        origin_lps_mm: Image Position (Patient) of slice 0.
        values: Stored values ``[i, j, k]`` or ``[i, j, k, t]`` int16; ``ramp(shape)`` plus t where none are given.
        study: Names the study; equal names, equal UIDs.
        series: Names the series.
        change: Called with 0 and the finished data set before it is written.
        change_frame: Called with the index of each frame and its functional groups.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = np.stack([ramp(shape) + t for t in range(times)], axis=3) if values is None else values
    stored = stored.reshape(*shape, times)
    dataset = slice_dataset(modality, 0, study=study, series=series)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(ENHANCED_CLASSES[modality])
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "KVP", "EchoTime", "ScanningSequence"):
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    organization = uid(study, series, "dimensions")
    dataset.DimensionOrganizationSequence = _item(DimensionOrganizationUID=organization)
    dataset.DimensionIndexSequence = DicomSequence(
        [
            _item(
                DimensionOrganizationUID=organization, DimensionIndexPointer=pointer, FunctionalGroupPointer=0x00209111
            )[0]
            for pointer in (0x00209056, 0x00209057, 0x00209128)  # Stack ID, In-Stack Position, Temporal Position Index
        ]
    )
    shared = Dataset()
    shared.PixelMeasuresSequence = _item(
        PixelSpacing=[_decimal(spacing_mm[1]), _decimal(spacing_mm[0])], SliceThickness=_decimal(spacing_mm[2])
    )
    shared.PlaneOrientationSequence = _item(ImageOrientationPatient=[_decimal(value) for value in orientation])
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    step = np.cross(np.array(orientation[:3], float), np.array(orientation[3:], float)) * spacing_mm[2]
    groups = []
    for index in range(shape[2] * times):
        t, k = divmod(index, shape[2])
        item = _frame_groups(modality, k, t)
        position = np.array(origin_lps_mm, float) + k * step
        item.PlanePositionSequence = _item(ImagePositionPatient=[_decimal(value) for value in position])
        if change_frame is not None:
            change_frame(index, item)
        groups.append(item)
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    set_pixels(dataset, stored[:, :, 0, 0].T)
    dataset.NumberOfFrames = len(groups)
    dataset.PixelData = np.ascontiguousarray(stored.transpose(3, 2, 1, 0)).tobytes()
    if change is not None:
        change(0, dataset)
    path = folder / f"{series}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def _frame_groups(modality: str, k: int, t: int) -> Dataset:
    """The functional groups of slice k at time t, without its position."""
    item = Dataset()
    item.FrameContentSequence = _item(
        StackID="1",
        InStackPositionNumber=k + 1,
        TemporalPositionIndex=t + 1,
        DimensionIndexValues=[1, k + 1, t + 1],
        FrameAcquisitionDateTime=f"202601020800{t:02d}",
    )
    slope, intercept, kind = ("1", "-1024", "HU") if modality == "CT" else ("1", "0", "US")
    item.PixelValueTransformationSequence = _item(RescaleSlope=slope, RescaleIntercept=intercept, RescaleType=kind)
    frame_type = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    if modality == "CT":
        item.CTImageFrameTypeSequence = _item(FrameType=frame_type)
    elif modality == "PT":
        item.PETFrameTypeSequence = _item(FrameType=frame_type)
    else:
        item.MRImageFrameTypeSequence = _item(FrameType=frame_type, ComplexImageComponent="MAGNITUDE")
        item.MREchoSequence = _item(EffectiveEchoTime=80.0)
    return item


def _item(**values: Any) -> DicomSequence:
    """A sequence of one item."""
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return DicomSequence([item])


def set_pixels(dataset: FileDataset, stored: np.ndarray) -> None:
    """Give a data set one monochrome frame ``[row, column]`` of 8 or 16 bits, signed as the array is."""
    bits = stored.dtype.itemsize * 8
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = np.ascontiguousarray(stored).tobytes()


def _decimal(value: float) -> str:
    """A number as the VR DS allows it: at most 16 characters (PS3.5 6.2)."""
    return f"{value:.10g}"[:16]
