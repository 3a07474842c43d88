"""Further files of an instance that is read: the same image in another place or transfer syntax, or a conflict."""

import dataclasses
from collections.abc import Iterable, Sequence

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.headers.study import LeftOut, Study, same_header
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.format import PixelError
from clara_stages.dicom_reader.pixels.stored_values import read_frames, same_pixels
from clara_stages.dicom_reader.sop_classes import ObjectKind
from clara_stages.kit import BadInputError
from clara_stages.kit.contract.digests import file_digest

_COPY = "another file of an instance that was read"


def compare_copies(study: Study, frames: Iterable[Frame], limits: Limits) -> list[LeftOut]:
    """The further files of the instances of a volume, each with what it is; one that differs is refused.

    Args:
        study: Its copies are looked at.
        frames: Of the volume; their pixels can be read.
        limits: For decoding.

    Raises:
        BadInputError: Two files claim to be one instance and show different images; names both by number.
    """
    by_instance: dict[str, list[Frame]] = {}
    for frame in frames:
        by_instance.setdefault(frame.instance.sop_instance_uid, []).append(frame)
    left_out = []
    for copy in study.copies:
        originals = by_instance.get(copy.sop_instance_uid)
        if originals is not None:
            damage = _compare(copy, originals, limits)
            reason = f"{_COPY}, damaged: {damage}" if damage else _COPY
            left_out.append(LeftOut(file=copy.label, path=copy.relative, reason=reason))
    return left_out


def list_copies(study: Study) -> list[LeftOut]:
    """The further files of all instances of a study, by what their bytes and headers say; nothing is decoded."""
    firsts = {item.sop_instance_uid: item for item in study.instances}
    return [
        LeftOut(file=copy.label, path=copy.relative, reason=_COPY + _difference(firsts[copy.sop_instance_uid], copy))
        for copy in study.copies
    ]


def describe_other_files(study: Study, sop_instance_uid: str) -> list[str]:
    """Sentences about further files of an object that is no image, where their bytes are not those that are read."""
    first = next(item for item in study.instances if item.sop_instance_uid == sop_instance_uid)
    others = [copy for copy in study.copies if copy.sop_instance_uid == sop_instance_uid]
    return [
        f"two files ({first.label}, {copy.label}) claim to be this object and differ; the first is read"
        for copy in others
        if _difference(first, copy)
    ]


def _difference(first: Instance, copy: Instance) -> str:
    if copy.fault:
        return f", damaged: {copy.fault}"
    if copy.kind is ObjectKind.OBJECT and file_digest(first.path) != file_digest(copy.path):
        return ", and differs from it"
    return ""


def _compare(copy: Instance, originals: Sequence[Frame], limits: Limits) -> str:
    """What is damaged in a copy of a sound instance, or "". Raises BadInputError where it is sound and differs."""
    if copy.fault:
        return copy.fault
    first = originals[0].instance
    difference = "" if same_header(first, copy) else "differ in series, geometry or rescale"
    for frame in originals:
        twin = dataclasses.replace(frame, instance=copy)
        difference = difference or same_pixels(frame, twin, limits)
        if difference:
            (stored,) = read_frames([twin], limits)
            if isinstance(stored, PixelError):
                return str(stored)
            break
    if difference:
        raise BadInputError(
            f"two files ({first.label}, {copy.label}) have the SOP Instance UID {copy.sop_instance_uid}: {difference}",
            remedy="remove the file that is wrong",
        )
    return ""
