"""Further files of an instance that is read: the same image in another place or transfer syntax, or a conflict."""

import dataclasses
from collections.abc import Iterable

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.study import Study, same_header
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.pixels.stored_values import same_pixels
from clara_stages.kit import BadInputError


def require_equal_copies(study: Study, frames: Iterable[Frame], limits: Limits) -> None:
    """Refuse two files that claim to be one instance and differ.

    Args:
        study: Its copies are looked at.
        frames: Only copies of their instances count.
        limits: For decoding.

    Raises:
        BadInputError: Names both files by number and says what differs.
    """
    by_instance: dict[str, list[Frame]] = {}
    for frame in frames:
        by_instance.setdefault(frame.instance.sop_instance_uid, []).append(frame)
    for copy in study.copies:
        originals = by_instance.get(copy.sop_instance_uid)
        if originals is None:
            continue
        first = originals[0].instance
        difference = ""
        if not same_header(first, copy):
            difference = "differ in series, geometry or rescale"
        for frame in originals:
            difference = difference or same_pixels(frame, dataclasses.replace(frame, instance=copy), limits)
        if difference:
            raise BadInputError(
                f"two files ({first.label}, {copy.label}) have the SOP Instance UID {copy.sop_instance_uid}: "
                f"{difference}",
                remedy="remove the file that is wrong",
            )
