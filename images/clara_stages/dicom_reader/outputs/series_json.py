"""The content of ``series.json``: where a volume comes from, image by image."""

from collections.abc import Iterable
from typing import Any

from clara_stages.dicom_reader.headers.study import LeftOut
from clara_stages.dicom_reader.volume import Volume

SERIES_FILE = "series.json"


def describe_volume(volume: Volume, study_digest: str, left_out: Iterable[LeftOut]) -> dict[str, Any]:
    """What ``kinds.md`` says of ``series.json``.

    Args:
        volume: The volume.
        study_digest: The root key of the study.
        left_out: Files that are no part of what was read, and why.
    """
    plan, grid = volume.plan, volume.grid
    first = plan.stacks[0][0]
    time = {"attribute": plan.time_attribute, "values": list(plan.time_values)} if len(plan.stacks) > 1 else None
    return {
        "study_instance_uid": plan.series.study_instance_uid,
        "series_instance_uid": plan.series.series_instance_uid,
        "study_digest": study_digest,
        "modality": first.instance.modality,
        "unit": volume.unit.name,
        "unit_basis": volume.unit.basis,
        "frame_of_reference_uid": first.plane.frame_of_reference_uid,
        "volume": plan.name,
        "split_by": list(plan.split_by),
        "shape": list(volume.shape),
        "spacing_mm": list(grid.spacing_mm),
        "affine_ras": grid.affine_ras.tolist(),
        "affine_lps": grid.affine_lps.tolist(),
        "patient_space": volume.has_place,
        "transform": None if grid.resampling is None else grid.resampling.to_json() | {"padding": volume.padding},
        "time": time,
        "facts": plan.series.facts,
        "volume_facts": plan.facts,
        "slices": _describe_slices(volume),
        "left_out": [{"file": item.file, "reason": item.reason} for item in left_out],
    }


def _describe_slices(volume: Volume) -> list[dict[str, Any]]:
    return [
        {
            "k": k,
            "t": t,
            "sop_class_uid": frame.instance.sop_class_uid,
            "sop_instance_uid": frame.instance.sop_instance_uid,
            "frame": frame.number,
            "position_lps_mm": list(frame.plane.position_lps_mm or ()),
        }
        for t, stack in enumerate(volume.plan.stacks)
        for k, frame in enumerate(stack)
    ]
