"""Earlier results that a new result replaces: what they are called, so that the new one can name them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    EnhancedSRStorage,
    KeyObjectSelectionDocumentStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from clara_stages.dicom_writer.header.equipment import MANUFACTURER
from clara_stages.dicom_writer.inputs.headers import HeaderReader
from clara_stages.dicom_writer.sop_classes import LABEL_MAP_SEGMENTATION_STORAGE
from clara_stages.kit import BadInputError
from clara_stages.kit.instances import load_instance_list

_OUTPUT_OF = {
    SegmentationStorage: "seg",
    LABEL_MAP_SEGMENTATION_STORAGE: "seg",
    RTStructureSetStorage: "rtstruct",
    EnhancedSRStorage: "sr",
    ComprehensiveSRStorage: "sr",
    Comprehensive3DSRStorage: "sr",
    EncapsulatedPDFStorage: "pdf",
    KeyObjectSelectionDocumentStorage: "key_object",
    SecondaryCaptureImageStorage: "sc",
    MultiFrameSingleBitSecondaryCaptureImageStorage: "sc",
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage: "sc",
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage: "sc",
    MultiFrameTrueColorSecondaryCaptureImageStorage: "sc",
}
"""SOP class -> output; any other of ours is a derived image."""

_REMEDY = "give the folder `instances` of an earlier run of this stage on the same study, or no predecessor"


@dataclass(frozen=True, kw_only=True)
class Predecessor:
    """One series of an earlier result of the same study (DESIGN: new software or a new model names its predecessor).

    Attributes:
        study_instance_uid: Of the study.
        series_instance_uid: Of the earlier series.
        instances: (SOP Class UID, SOP Instance UID) of each of its objects.
    """

    study_instance_uid: str
    series_instance_uid: str
    instances: tuple[tuple[str, str], ...]


def load_predecessors(folder: Path, study_instance_uid: str, warn: Callable[[str], None]) -> dict[str, Predecessor]:
    """The series in a folder of kind ``dicom_instances``, by the output that would write them today.

    Args:
        folder: An earlier result of this stage.
        study_instance_uid: Of the study that the new result belongs to.
        warn: Called where objects are left out because others than clara-ops made them.

    Raises:
        BadInputError: A file is missing or broken, an object is of another study, or one output has two series.
    """
    series: dict[tuple[str, str], list[tuple[str, str]]] = {}
    strangers = 0
    for header in _headers(folder):
        if str(header.get("StudyInstanceUID", "")) != study_instance_uid:
            raise BadInputError(
                "input predecessor holds an object of another study: a result can replace only what was made of its "
                "own study",
                remedy=_REMEDY,
            )
        if not _is_ours(header):
            strangers += 1
            continue
        sop_class_uid = header.SOPClassUID
        key = (_OUTPUT_OF.get(sop_class_uid, "image"), str(header.SeriesInstanceUID))
        series.setdefault(key, []).append((str(sop_class_uid), str(header.SOPInstanceUID)))
    if strangers:
        warn(f"{strangers} object(s) of input predecessor were not made by {MANUFACTURER}: not named as predecessors")
    return _by_output(series, study_instance_uid)


def _headers(folder: Path) -> list[Dataset]:
    names = load_instance_list(folder, ("file",), whose="predecessor", remedy=_REMEDY)
    reader = HeaderReader()
    headers = []
    for number, (name,) in enumerate(names, start=1):
        path = folder / str(name)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise BadInputError("instances.json of input predecessor names a file outside its folder", remedy=_REMEDY)
        try:
            header = reader.read(path, f"{number} of {len(names)}")
        except BadInputError as error:
            raise BadInputError(f"input predecessor: {error.message}", remedy=_REMEDY) from None
        missing = [key for key in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID") if not header.get(key)]
        if missing:
            raise BadInputError(f"a file of input predecessor has no {', '.join(missing)}", remedy=_REMEDY)
        headers.append(header)
    return headers


def _is_ours(header: Dataset) -> bool:
    """Whether the marks stand in it that every result of this stage carries."""
    items = header.get("ContributingEquipmentSequence") or ()
    return header.get("Manufacturer") == MANUFACTURER or any(item.get("Manufacturer") == MANUFACTURER for item in items)


def _by_output(series: dict[tuple[str, str], list[tuple[str, str]]], study_instance_uid: str) -> dict[str, Predecessor]:
    found: dict[str, Predecessor] = {}
    for (output, series_instance_uid), instances in series.items():
        if output in found:
            raise BadInputError(
                f"input predecessor holds two series of output {output!r}, expected one result", remedy=_REMEDY
            )
        found[output] = Predecessor(
            study_instance_uid=study_instance_uid,
            series_instance_uid=series_instance_uid,
            instances=tuple(instances),
        )
    return found
