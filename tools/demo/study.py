"""The study that the demonstration sends: which files of a folder are DICOM, and what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.errors import InvalidDicomError

if TYPE_CHECKING:
    from pathlib import Path

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
"""A DICOMDIR: an index of files on a medium, never sent (PS3.10 section 8)."""

_NEEDED = ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"]


class StudyError(Exception):
    """The folder cannot be sent as one study."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One file to send, as it lies on disk."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True, kw_only=True)
class Study:
    """One study in a folder.

    Attributes:
        folder: Where it lies.
        study_instance_uid: Its UID.
        instances: Its files, by path.
        skipped: Files that are no DICOM instances.
    """

    folder: Path
    study_instance_uid: str
    instances: tuple[Instance, ...]
    skipped: tuple[Path, ...]


def find_study(folder: Path) -> Study:
    """Look at every file below a folder.

    Raises:
        StudyError: There is no such folder, no DICOM in it, or more than one study.
    """
    if not folder.is_dir():
        raise StudyError(f"{folder} is no folder: name the folder that holds the DICOM files of a study")
    studies: dict[str, list[Instance]] = {}
    skipped = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = _read(path)
        if found is None:
            skipped.append(path)
        else:
            uid, instance = found
            studies.setdefault(uid, []).append(instance)
    if not studies:
        raise StudyError(f"{folder} holds no DICOM file among {len(skipped)} files: name the folder of a study")
    if len(studies) > 1:
        raise StudyError(f"{folder} holds {len(studies)} studies: name the folder of one")
    ((uid, instances),) = studies.items()
    return Study(folder=folder, study_instance_uid=uid, instances=tuple(instances), skipped=tuple(skipped))


def _read(path: Path) -> tuple[str, Instance] | None:
    """StudyInstanceUID and description of a file, or None when it is no DICOM instance."""
    try:
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=_NEEDED)
        syntax = str(dataset.file_meta.TransferSyntaxUID)
        sop_class = str(dataset.get("SOPClassUID") or dataset.file_meta.MediaStorageSOPClassUID)
        sop_instance = str(dataset.get("SOPInstanceUID") or dataset.file_meta.MediaStorageSOPInstanceUID)
        study_uid = str(dataset.StudyInstanceUID)
    except (InvalidDicomError, OSError, AttributeError, EOFError, ValueError):
        return None
    if sop_class == MEDIA_STORAGE_DIRECTORY or not study_uid:
        return None
    return study_uid, Instance(
        path=path, sop_class_uid=sop_class, sop_instance_uid=sop_instance, transfer_syntax_uid=syntax
    )
