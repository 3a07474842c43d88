"""The instances of a study folder, and the files that are left out."""

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from clara_stages.dicom_reader.headers.files import StudyFolder, list_study_folder
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.headers.read import NotAnInstanceError, read_file
from clara_stages.dicom_reader.limits import Limits
from clara_stages.kit import BadInputError
from clara_stages.kit.contract import study_digest

_LISTED = 12
"""Reasons that a summary lists: damaged images have one each, and ``series.json`` has them all."""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A file that is no part of what was read.

    Attributes:
        file: The relative path in an arrival, else a running number.
        reason: Why, without anything that the file says about a person.
        path: Below the folder that was given; for that folder's owner alone, a name may be a patient's.
    """

    file: str
    reason: str
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a study folder holds.

    Attributes:
        folder: The files, and what the adapter noted.
        instances: One for each SOP Instance UID, in the order of the files.
        copies: Further files with the UID of an instance.
        left_out: Files without an instance.
        frames: Of all instances that are images, in the order of the files; one without a plane for an image that is
            broken or has no pixel data.
    """

    folder: StudyFolder
    instances: tuple[Instance, ...]
    copies: tuple[Instance, ...]
    left_out: tuple[LeftOut, ...]
    frames: tuple[Frame, ...] = ()

    def digest_of(self, study_instance_uid: str) -> str:
        """The root key: the adapter's for an arrival, else made of the instances of that study."""
        return self.folder.study_digest or study_digest(
            item.sop_instance_uid for item in self.instances if item.study_instance_uid == study_instance_uid
        )


def load_study(root: Path, limits: Limits = Limits()) -> Study:  # noqa: B008 a frozen value
    """Read the headers of all files under ``root``.

    Raises:
        BadInputError: No file is a DICOM instance.
    """
    study = scan_study(root, limits)
    if not study.instances:
        raise BadInputError(
            f"none of {len(study.folder.files)} files is a DICOM instance"
            f"{_in_brackets(summarise(list(study.left_out)))}",
            remedy="give the folder that holds the study's DICOM files",
        )
    return study


def scan_study(root: Path, limits: Limits = Limits()) -> Study:  # noqa: B008 a frozen value
    """As ``load_study``, for any folder: one without an instance is an empty study."""
    folder = list_study_folder(root)
    instances: dict[str, Instance] = {}
    frames: dict[str, tuple[Frame, ...]] = {}
    copies: list[Instance] = []
    left_out: list[LeftOut] = []
    for file in folder.files:
        try:
            instance, own_frames = read_file(file, limits)
        except NotAnInstanceError as error:
            left_out.append(LeftOut(file=file.label, path=file.relative, reason=str(error)))
            continue
        first = instances.get(instance.sop_instance_uid)
        if first is not None and (instance.is_damaged or not first.is_damaged):
            copies.append(instance)
            continue
        if first is not None:
            copies.append(first)
        instances[instance.sop_instance_uid] = instance
        frames[instance.sop_instance_uid] = own_frames
    return Study(
        folder=folder,
        instances=tuple(instances.values()),
        copies=tuple(copies),
        left_out=tuple(left_out),
        frames=tuple(frame for own_frames in frames.values() for frame in own_frames),
    )


def summarise(left_out: list[LeftOut]) -> str:
    """The reasons with their counts, most frequent first."""
    counts = sorted(Counter(item.reason for item in left_out).items(), key=lambda pair: (-pair[1], pair))
    more = f" and {len(counts) - _LISTED} other reasons" if len(counts) > _LISTED else ""
    return ", ".join(f"{count} {reason}" for reason, count in counts[:_LISTED]) + more


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def same_header(one: Instance, other: Instance) -> bool:
    """Whether two files with one SOP Instance UID say the same about series, plane and rescale.

    Pixel formats may differ: the same instance may come in two transfer syntaxes.
    """
    return dataclasses.astuple(one.plane) == dataclasses.astuple(other.plane) and (
        one.series_instance_uid,
        one.sop_class_uid,
        one.rescale,
    ) == (other.series_instance_uid, other.sop_class_uid, other.rescale)
