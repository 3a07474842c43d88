"""SEG and RTSTRUCT objects written by code, as good or as bad as a test wants them."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from clara_stages.dicom_reader.annotations.target_grid import SourceSlice, TargetGrid
from tests.support.series import uid

FRAME_OF_REFERENCE = uid("frame of reference")
SEG, LABEL_MAP_SEG = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"

OBLIQUE = np.array([[0.8, 0.6, 0.0], [-0.36, 0.48, 0.8], [0.48, -0.64, 0.6]]).T
"""Columns: row direction, column direction, normal."""


def make_grid(shape=(11, 9, 5), spacing_mm=(0.8, 0.9, 2.5), axes=None, origin=(-20.0, -30.0, 40.0), **changes):
    """A grid whose slices are single-frame instances."""
    axes = np.eye(3) if axes is None else axes
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = axes * np.array(spacing_mm), origin
    slices = tuple(
        SourceSlice(uid("image", k), None, tuple((affine @ [0, 0, k, 1])[:3].tolist())) for k in range(shape[2])
    )
    fields = {
        "shape": shape,
        "affine_lps": affine,
        "frame_of_reference_uid": FRAME_OF_REFERENCE,
        "study_instance_uid": uid("study"),
        "series_instance_uid": uid("series"),
        "slices": slices,
    }
    return TargetGrid(**(fields | changes))


def item(**values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value="T", scheme="99TEST", meaning="A thing") -> list[Dataset]:
    return [item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)]


def new_object(sop_class: str, modality: str, syntax=ExplicitVRLittleEndian) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(uid("object"))
    meta.ImplementationClassUID = UID(uid("clara-ops tests"))
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), uid("object")
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid("study"), uid("object series")
    dataset.Modality, dataset.PatientName = modality, "Phantom^Cube"
    return dataset


def decimals(values) -> list[str]:
    return [f"{float(value):.10g}" for value in values]


def seg_dataset(grid: TargetGrid, frames, kind="BINARY", numbers=(1,)) -> FileDataset:
    """A SEG with one item of ``frames`` for each frame: (Segment Number or None, k, values ``[row, column]``)."""
    dataset = new_object(LABEL_MAP_SEG if kind == "LABELMAP" else SEG, "SEG")
    dataset.FrameOfReferenceUID, dataset.SegmentationType = grid.frame_of_reference_uid, kind
    if kind == "FRACTIONAL":
        dataset.SegmentationFractionalType, dataset.MaximumFractionalValue = "PROBABILITY", 200
    dataset.SegmentSequence = [
        item(
            SegmentNumber=number,
            SegmentLabel=f"part {number}",
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyCategoryCodeSequence=code(),
            SegmentedPropertyTypeCodeSequence=code(),
        )
        for number in numbers
    ]
    i, j, k = grid.affine_lps[:3, :3].T
    spacing = [np.linalg.norm(axis) for axis in (j, i)]
    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=decimals([*(i / spacing[1]), *(j / spacing[0])]))],
        PixelMeasuresSequence=[
            item(PixelSpacing=decimals(spacing), SpacingBetweenSlices=decimals([np.linalg.norm(k)])[0])
        ],
    )
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = [_groups(grid, number, k) for number, k, _ in frames]
    dataset.ReferencedSeriesSequence = [
        item(
            SeriesInstanceUID=grid.series_instance_uid,
            ReferencedInstanceSequence=[item(ReferencedSOPInstanceUID=entry.sop_instance_uid) for entry in grid.slices],
        )
    ]
    set_frames(dataset, np.array([values for _, _, values in frames]), kind)
    return dataset


def _groups(grid: TargetGrid, number, k: float) -> Dataset:
    position = grid.affine_lps @ [0, 0, k, 1]
    groups = item(PlanePositionSequence=[item(ImagePositionPatient=decimals(position[:3]))])
    if number is not None:
        groups.SegmentIdentificationSequence = [item(ReferencedSegmentNumber=number)]
    if float(k).is_integer() and 0 <= k < len(grid.slices):
        source = item(ReferencedSOPInstanceUID=grid.slices[int(k)].sop_instance_uid)
        groups.DerivationImageSequence = [item(SourceImageSequence=[source])]
    return groups


def set_frames(dataset: Dataset, values: np.ndarray, kind: str) -> None:
    """Pixel data of frames ``[frame, row, column]``; bits run on across frames."""
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = values.shape
    bits = 1 if kind == "BINARY" else values.dtype.itemsize * 8
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    data = np.packbits(values.ravel() != 0, bitorder="little").tobytes() if bits == 1 else values.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if bits == 16 else "OB"


def save(dataset: FileDataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def contour(grid: TargetGrid, corners, k: float, kind="CLOSED_PLANAR", image: str = "") -> Dataset:
    """A contour through points (i, j) of slice k; with three values each, (i, j, k)."""
    index = np.array([(*corner, k, 1) if len(corner) == 2 else (*corner, 1) for corner in corners], float)
    points = (index @ grid.affine_lps.T)[:, :3]
    made = item(
        ContourGeometricType=kind,
        NumberOfContourPoints=len(points),
        ContourData=[f"{value:.6f}" for value in points.ravel()],
    )
    if image:
        made.ContourImageSequence = [item(ReferencedSOPInstanceUID=image)]
    return made


def rtstruct_dataset(grid: TargetGrid, rois: dict[int, list[Dataset]], *, with_references=True) -> FileDataset:
    """An RTSTRUCT with the contours of each ROI Number."""
    dataset = new_object(RTSTRUCT, "RTSTRUCT")
    images = [item(ReferencedSOPInstanceUID=entry.sop_instance_uid) for entry in grid.slices]
    series = item(SeriesInstanceUID=grid.series_instance_uid, ContourImageSequence=images)
    frame = item(FrameOfReferenceUID=grid.frame_of_reference_uid)
    if with_references:
        frame.RTReferencedStudySequence = [
            item(ReferencedSOPInstanceUID=grid.study_instance_uid, RTReferencedSeriesSequence=[series])
        ]
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    dataset.StructureSetROISequence = [
        item(ROINumber=number, ROIName=f"region {number}", ROIGenerationAlgorithm="MANUAL",
             ReferencedFrameOfReferenceUID=grid.frame_of_reference_uid)
        for number in rois
    ]  # fmt: skip
    dataset.ROIContourSequence = [
        item(ReferencedROINumber=number, ROIDisplayColor=["255", "128", "0"], ContourSequence=contours)
        for number, contours in rois.items()
    ]
    dataset.RTROIObservationsSequence = [
        item(ObservationNumber=number, ReferencedROINumber=number, RTROIInterpretedType="GTV") for number in rois
    ]
    return dataset
