"""The two outputs of the reader: the volume with its series.json, and the source instances in order of k."""

import dataclasses
from pathlib import Path
from typing import Any

from clara_stages.dicom_reader.headers.study import LeftOut
from clara_stages.dicom_reader.outputs.nifti import write_nifti
from clara_stages.dicom_reader.selection import Series
from clara_stages.dicom_reader.volume import Volume
from clara_stages.kit.files import link_or_copy, write_json
from clara_stages.kit.instances import write_instance_list


def write_volume(folder: Path, volume: Volume, series: dict[str, Any]) -> None:
    """Write ``volume.nii`` and ``series.json`` (kind ``volume``)."""
    write_nifti(volume, folder / "volume.nii")
    write_json(folder / "series.json", series)


def describe_series(volume: Volume, series: Series, study_digest: str, left_out: list[LeftOut]) -> dict[str, Any]:
    """The content of ``series.json``.

    Args:
        volume: The volume.
        series: The series it was made of.
        study_digest: The root key of the study.
        left_out: Files of the study that no instance was made of, and instances that are no slices.
    """
    grid, first = volume.grid, volume.slices[0]
    return {
        "study_instance_uid": first.study_instance_uid,
        "series_instance_uid": first.series_instance_uid,
        "study_digest": study_digest,
        "modality": first.modality,
        "unit": volume.unit,
        "frame_of_reference_uid": first.plane.frame_of_reference_uid,
        "shape": list(grid.shape),
        "spacing_mm": list(grid.spacing_mm),
        "affine_ras": grid.affine_ras.tolist(),
        "facts": series.facts,
        "slices": [
            {
                "k": k,
                "sop_class_uid": item.sop_class_uid,
                "sop_instance_uid": item.sop_instance_uid,
                "frame": None,
                "position_lps_mm": list(item.plane.position_lps_mm or ()),
            }
            for k, item in enumerate(volume.slices)
        ],
        "left_out": [dataclasses.asdict(item) for item in left_out],
    }


def write_source(folder: Path, volume: Volume) -> None:
    """Give the instances of the volume second names ``000001.dcm`` ... in order of k (kind ``dicom_instances``)."""
    entries = []
    for number, item in enumerate(volume.slices, start=1):
        name = f"{number:06d}.dcm"
        link_or_copy(item.path, folder / name)
        entries.append({"file": name, "sop_class_uid": item.sop_class_uid, "sop_instance_uid": item.sop_instance_uid})
    write_instance_list(folder, entries)
