"""Why an image cannot become part of a volume, as far as its header tells."""

from collections.abc import Sequence

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES
from clara_stages.kit import BadInputError


def find_fault(frame: Frame) -> str:
    """What is wrong with an image, as the end of "the image is ...", or ""."""
    instance = frame.instance
    fault = instance.fault or instance.pixels.find_other_kind()
    if fault:
        return fault
    modality = SLICE_CLASSES.get(instance.sop_class_uid, instance.modality)
    if instance.modality != modality:
        return f"a {modality} image with another Modality"
    damage = instance.pixels.find_damage()
    return f"an image with {damage}" if damage else ""


def refuse_faulty(frames: Sequence[Frame], faults: Sequence[str]) -> BadInputError | None:
    """The error about images of which some have a fault, or None where none has."""
    faulty = [(frame, fault) for frame, fault in zip(frames, faults, strict=True) if fault]
    if not faulty:
        return None
    first, fault = faulty[0]
    return BadInputError(
        f"{len(faulty)} of {len(frames)} images cannot be read; the first, {name_frame(first)}, is {fault}",
        remedy="send these instances again, select another series, or read without them by `bad_files: leave_out`",
    )


def name_frame(frame: Frame) -> str:
    """SOP Instance UID, and the number of the frame in a multi-frame instance."""
    if frame.number is None:
        return frame.instance.sop_instance_uid
    return f"frame {frame.number} of {frame.instance.sop_instance_uid}"
