"""What the reader would do with a folder, as plain data."""

from pathlib import Path
from typing import Any

from clara_stages.dicom_reader.copies import compare_copies, list_copies
from clara_stages.dicom_reader.headers.study import LeftOut, Study, scan_study
from clara_stages.dicom_reader.image_grid import find_pixel_spacing, has_place, image_grid
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.planning.doubts import find_doubts
from clara_stages.dicom_reader.planning.plan import plan_study, without_frames
from clara_stages.dicom_reader.planning.series import modality_code
from clara_stages.dicom_reader.planning.volume_plan import Verdict, VolumePlan
from clara_stages.dicom_reader.policy import Policy
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom
from clara_stages.dicom_reader.sop_classes import ObjectKind, class_name
from clara_stages.dicom_reader.unread import list_damaged
from clara_stages.dicom_reader.volume import DamagedFramesError, check_values
from clara_stages.kit import StageError


def build_report(root: Path, policy: Policy, limits: Limits, *, decode: bool = True) -> dict[str, Any]:
    """Verdicts of all that lies under a folder; no text of a header but codes and UIDs.

    Args:
        root: Any folder, or one file.
        policy: What to do where there is a choice.
        limits: How much a study may ask for.
        decode: Whether pixels are decoded too; without that, damage to pixels is not seen.

    Returns:
        ``notes``: sentences about the folder. ``volumes``: ``series_instance_uid``, ``series_number``, ``volume``
        (name), ``modality``, ``verdict``, ``reason``, ``remedy``, ``split_by``, ``instances``, ``frames``, ``shape``
        (columns, rows, slices, and time points where there are several), ``spacing_mm`` (of an image only along its
        plane), ``affine_lps`` (4 x 4, row by row), ``units``, ``units_basis``, ``warnings``; what is not known of a
        refused one is null. ``objects``: ``path``, ``sop_class``, ``modality``
        and UIDs. ``left_out``: ``path``, ``reason``. Paths are relative to ``root``, as UTF-8.
    """
    study = scan_study(root, limits)
    left_out = {item.path: item for item in [*study.left_out, *list_copies(study)]}
    volumes = []
    with quiet_pydicom():
        for plan in plan_study(study, policy):
            entry, more = _describe(plan, study, policy, limits if decode else None)
            volumes.append(entry)
            left_out |= {item.path: item for item in more}
    return {
        "notes": list(study.folder.notes),
        "volumes": volumes,
        "objects": _describe_objects(study),
        "left_out": [{"path": path, "reason": left_out[path].reason} for path in sorted(left_out)],
    }


def _describe(
    plan: VolumePlan, study: Study, policy: Policy, limits: Limits | None
) -> tuple[dict[str, Any], list[LeftOut]]:
    """The entry of one plan, and the files that are left out of it; without limits nothing is decoded."""
    copies: list[LeftOut] = []
    error: StageError | None = plan.error
    verdict, reason = plan.verdict, plan.reason
    if error is None and limits is not None:
        try:
            plan = _decoded(plan, policy, limits)
            verdict, reason = plan.verdict, plan.reason
            copies = compare_copies(study, plan.frames, limits)
        except StageError as found:  # one volume that takes more room than there is must not hide the others
            error, verdict, reason = found, Verdict.REFUSED, found.message
    first = plan.stacks[0][0]
    grid = plan.grid
    if verdict is Verdict.IMAGE and has_place(plan.frames):
        grid = image_grid(plan.frames)
    known = verdict is not Verdict.REFUSED
    entry = {
        "series_instance_uid": plan.series.series_instance_uid,
        "series_number": plan.series.facts["number"],
        "volume": plan.name,
        "modality": modality_code(first.instance.modality),
        "verdict": verdict.value,
        "reason": reason,
        "remedy": error.remedy if error else "",
        "split_by": list(plan.split_by),
        "instances": len({frame.instance.sop_instance_uid for frame in plan.frames}),
        "frames": len(plan.frames),
        "shape": list(plan.shape) if known and plan.shape else None,
        "spacing_mm": _spacing(plan) if known else None,
        "affine_lps": grid.affine_lps.tolist() if known and grid is not None else None,
        "units": plan.unit.name if known and plan.unit else None,
        "units_basis": plan.unit.basis if known and plan.unit else "",
        "warnings": find_doubts(plan) if known else [],
    }
    return entry, [*copies, *list_damaged(plan)]


def _decoded(plan: VolumePlan, policy: Policy, limits: Limits) -> VolumePlan:
    """The plan, of which every image could be decoded; without the damaged ones where the policy leaves them out."""
    try:
        check_values(plan, limits)
    except DamagedFramesError as error:
        if not policy.leave_out_bad:
            raise
        plan = without_frames(plan, error.damaged, policy)
        check_values(plan, limits)
    return plan


def _spacing(plan: VolumePlan) -> list[float] | None:
    """Along i, j and, of a volume, k; of an image without a place only what its pixels say."""
    if plan.grid is not None:
        return list(plan.grid.spacing_mm)
    first = plan.stacks[0][0]
    pixel_spacing_mm = find_pixel_spacing(first)
    return [pixel_spacing_mm[1], pixel_spacing_mm[0]] if pixel_spacing_mm else None


def _describe_objects(study: Study) -> list[dict[str, Any]]:
    return [
        {
            "path": item.relative,
            "sop_class": class_name(item.sop_class_uid),
            "modality": modality_code(item.modality),
            "sop_class_uid": item.sop_class_uid,
            "series_instance_uid": item.series_instance_uid,
            "sop_instance_uid": item.sop_instance_uid,
        }
        for item in study.instances
        if item.kind is ObjectKind.OBJECT
    ]
