"""Files of a study that are no part of a volume, each with its reason."""

from clara_stages.dicom_reader.headers.study import LeftOut, Study
from clara_stages.dicom_reader.planning.faults import name_frame
from clara_stages.dicom_reader.planning.volume_plan import VolumePlan
from clara_stages.dicom_reader.sop_classes import ObjectKind, class_name


def find_left_out(study: Study, plan: VolumePlan) -> list[LeftOut]:
    """What was left out of a volume: files without an instance, objects that are no image, damaged images.

    Sound images of other series and of other volumes of the same series are not listed.
    """
    return [*study.left_out, *list_damaged(plan), *_others(study, plan)]


def list_damaged(plan: VolumePlan) -> list[LeftOut]:
    """The damaged images that a plan leaves out."""
    return [
        LeftOut(file=frame.instance.label, path=frame.instance.relative, reason=f"{name_frame(frame)}: {reason}")
        for frame, reason in plan.left_out
    ]


def _others(study: Study, plan: VolumePlan) -> list[LeftOut]:
    read = {frame.instance.sop_instance_uid for frame in plan.frames}
    damaged = {frame.instance.sop_instance_uid for frame, _ in plan.left_out}
    others = []
    for item in study.instances:
        reason = ""
        if item.kind is ObjectKind.OBJECT:
            reason = f"no image: {class_name(item.sop_class_uid)}"
        elif not item.pixels.pixel_element and item.sop_instance_uid not in read | damaged:
            reason = "an image without pixel data"  # it may seem to be of another series because it is damaged
        if reason:
            others.append(LeftOut(file=item.label, path=item.relative, reason=reason))
    return others
