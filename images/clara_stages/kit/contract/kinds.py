"""The kinds of data that stages exchange: what files a folder of each kind holds. ``kinds.md`` says more."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of an input or output, as ``stage.yaml`` declares it."""

    DICOM_STUDY = "dicom_study"
    DICOM_INSTANCES = "dicom_instances"
    VOLUME = "volume"
    VOLUMES = "volumes"
    LABEL_MAP = "label_map"
    PROBABILITY_MAP = "probability_map"
    SEGMENT_STACK = "segment_stack"
    FINDINGS = "findings"
    BUNDLE = "bundle"
    FILES = "files"


@dataclass(frozen=True, kw_only=True)
class KindSpec:
    """What a folder of one kind must hold."""

    summary: str
    required_files: tuple[str, ...] = ()


KINDS: dict[Kind, KindSpec] = {
    Kind.DICOM_STUDY: KindSpec(summary="a folder tree of DICOM files, with study.json where an adapter received it"),
    Kind.DICOM_INSTANCES: KindSpec(
        summary="DICOM files in the order of instances.json", required_files=("instances.json",)
    ),
    Kind.VOLUME: KindSpec(
        summary="one uncompressed NIfTI, axes i, j, k, affine to RAS mm, and the series it came from",
        required_files=("volume.nii", "series.json"),
    ),
    Kind.VOLUMES: KindSpec(summary="one folder of kind volume for each volume", required_files=("volumes.json",)),
    Kind.LABEL_MAP: KindSpec(
        summary="one uncompressed NIfTI of unsigned integers on the volume's grid, and what each value means",
        required_files=("labels.nii", "labels.json"),
    ),
    Kind.PROBABILITY_MAP: KindSpec(
        summary="float32 [i, j, k, 1, segment] in 0..1, and what each segment means",
        required_files=("probabilities.nii", "labels.json"),
    ),
    Kind.SEGMENT_STACK: KindSpec(
        summary="uint8 0 or 1 [i, j, k, 1, segment]; segments may overlap",
        required_files=("segments.nii", "labels.json"),
    ),
    Kind.FINDINGS: KindSpec(summary="classes, boxes and measurements", required_files=("findings.json",)),
    Kind.BUNDLE: KindSpec(summary="a MONAI Bundle", required_files=("configs/metadata.json",)),
    Kind.FILES: KindSpec(summary="any files"),
}


def joins(produced: Kind, consumed: Kind) -> bool:
    """Whether an output of one kind may feed an input of another.

    ``files`` joins anything (the workflow check warns); a study is also a set of instances.
    """
    if Kind.FILES in (produced, consumed) or produced is consumed:
        return True
    return (produced, consumed) == (Kind.DICOM_INSTANCES, Kind.DICOM_STUDY)
