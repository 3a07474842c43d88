"""The results of others in a study: which there are, and what they refer to."""

from typing import Any

from clara_stages.dicom_reader.annotations.annotation import Annotation
from clara_stages.dicom_reader.annotations.open_object import ObjectError, open_object
from clara_stages.dicom_reader.annotations.rtstruct_header import read_rtstruct_header
from clara_stages.dicom_reader.annotations.seg_header import read_seg_header
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.dicom_reader.headers.study import Study
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom

SEGMENTATION_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation Storage and Label Map Segmentation Storage."""

RTSTRUCT_CLASS = "1.2.840.10008.5.1.4.1.1.481.3"
"""RT Structure Set Storage."""


def find_annotations(study: Study, limits: Limits | None = None) -> tuple[Annotation, ...]:
    """The SEG and RTSTRUCT objects of a study, in the order of its files; reads headers only and never raises.

    One that cannot be read has a ``fault``.
    """
    with quiet_pydicom():
        return tuple(
            _describe(item, limits or Limits())
            for item in study.instances
            if item.sop_class_uid in SEGMENTATION_CLASSES or item.sop_class_uid == RTSTRUCT_CLASS
        )


def _describe(instance: Instance, limits: Limits) -> Annotation:
    is_rtstruct = instance.sop_class_uid == RTSTRUCT_CLASS
    common: dict[str, Any] = {
        "path": instance.path,
        "label": instance.label,
        "sop_instance_uid": instance.sop_instance_uid,
        "series_instance_uid": instance.series_instance_uid,
        "study_instance_uid": instance.study_instance_uid,
        "modality": "RTSTRUCT" if is_rtstruct else "SEG",
    }
    try:
        header = open_object(instance.path, limits).header
        own = read_rtstruct_header(header) if is_rtstruct else read_seg_header(header, limits)
        return Annotation(**common, **own)
    except ObjectError as error:
        return Annotation(**common, fault=str(error))
    except Exception as error:  # whatever a broken file holds, it is one object that cannot be read
        return Annotation(**common, fault=f"a broken header ({type(error).__name__})")
