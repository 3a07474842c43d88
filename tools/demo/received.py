"""What came back to the demo PACS, and whether it is a segmentation of what was sent."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import highdicom as hd
from pydicom import dcmread

if TYPE_CHECKING:
    from pathlib import Path

    from tools.demo.study import Study

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
ENCAPSULATED_PDF_STORAGE = "1.2.840.10008.5.1.4.1.1.104.1"


class ReceivedError(Exception):
    """What came back is not a valid result for the study."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One instance that the demo PACS stored."""

    path: Path
    sop_class_uid: str
    modality: str


def collect_received(pacs: Path, target: Path) -> tuple[Received, ...]:
    """Copy what the PACS stored into a new folder and say what it is."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    found = []
    for source in sorted(pacs.glob("*.dcm")):
        path = target / source.name
        shutil.copyfile(source, path)
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID", "Modality"])
        found.append(Received(path=path, sop_class_uid=str(dataset.SOPClassUID), modality=str(dataset.Modality)))
    return tuple(found)


def unpack_report(received: tuple[Received, ...], target: Path) -> bool:
    """Write the PDF among what came back, for any PDF reader; False where there is none."""
    for item in received:
        if item.sop_class_uid == ENCAPSULATED_PDF_STORAGE:
            target.write_bytes(dcmread(item.path).EncapsulatedDocument)
            return True
    return False


def require_segmentation(received: tuple[Received, ...], study: Study) -> Path:
    """The segmentation among what came back, after a look at its content.

    Raises:
        ReceivedError: There is none; it cannot be read, has no segment, or refers to images that were not sent.
    """
    candidates = [item.path for item in received if item.sop_class_uid == SEGMENTATION_STORAGE]
    if not candidates:
        what = ", ".join(item.modality for item in received) or "nothing"
        raise ReceivedError(f"the demo PACS received {what}, no DICOM SEG")
    path = candidates[0]
    try:
        segmentation = hd.seg.segread(path)
    except Exception as error:  # whatever is wrong with it, it is not a valid segmentation
        raise ReceivedError(f"{path} is no valid DICOM SEG: {type(error).__name__}: {error}") from error
    if segmentation.number_of_segments < 1:
        raise ReceivedError(f"{path} holds no segment")
    sent = {instance.sop_instance_uid for instance in study.instances}
    referenced = {str(uid) for _, _, uid in segmentation.get_source_image_uids()}
    if not referenced or not referenced <= sent:
        raise ReceivedError(
            f"{path} refers to {len(referenced - sent)} of {len(referenced)} images that were not in the study sent"
        )
    return path
