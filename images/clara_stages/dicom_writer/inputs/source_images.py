"""Which images a source has: as ``series.json`` says, or else as the list and the headers do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_writer.inputs.headers import REMEDY, HeaderReader
from clara_stages.dicom_writer.inputs.planes import PER_FRAME, SHARED, ImageHeader, Plane, read_plane
from clara_stages.dicom_writer.inputs.series_document import SourceImage
from clara_stages.kit import BadInputError
from clara_stages.kit.instances import INSTANCES_FILE, load_instance_list

SAME_PLANE_MM = 1e-3
"""Frames closer than this along the normal show one plane, as dicom_reader has it."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """One source image with what its header says of its place.

    Attributes:
        instance: Its header, shared by the frames of one instance.
        frame: From 1; None of a single-frame instance.
        plane: Where it lies.
        name: What errors call it.
    """

    instance: Dataset
    frame: int | None
    plane: Plane
    name: str


def load_images(folder: Path, wanted: Sequence[SourceImage] | None) -> tuple[Image, ...]:
    """The images of a folder of kind ``dicom_instances``, in their order.

    Args:
        folder: Only files that wanted images are in are read.
        wanted: Which images, in which order. None takes the single-frame instances in the order of the list, or the
            frames of one multi-frame instance along their normal.

    Raises:
        BadInputError: A file, an instance or a frame is missing, a file is another instance than the list says, or
            without ``wanted`` the order is not known.
    """
    entries = load_instance_list(folder, ("file", "sop_instance_uid"), whose="source", remedy=REMEDY)
    files = {str(uid): str(name) for name, uid in entries}
    if len(files) != len(entries):
        raise BadInputError("two source instances have the same SOP Instance UID", remedy=REMEDY)
    reader = HeaderReader()
    if wanted is None:
        instances = [_read(reader, folder, files, uid) for uid in files]
        return _in_order_of_headers(instances)
    needed = {item.sop_instance_uid for item in wanted}
    missing = needed - files.keys()
    if missing:
        raise BadInputError(
            f"series.json names {len(missing)} instances that {INSTANCES_FILE} of the source does not",
            remedy="give the source that the volume was made of",
        )
    read = {uid: _read(reader, folder, files, uid) for uid in files if uid in needed}
    numbers = {uid: number for number, uid in enumerate(read)}
    return tuple(_image(read[item.sop_instance_uid], item.frame, numbers[item.sop_instance_uid]) for item in wanted)


def _read(reader: HeaderReader, folder: Path, files: Mapping[str, str], uid: str) -> Dataset:
    """The header of one of the files. Errors count it: a folder made by hand may have files named after the patient."""
    path = folder / files[uid]
    name = f"{list(files).index(uid) + 1} of {len(files)}"
    if not path.parent.resolve().is_relative_to(folder.resolve()):  # the file itself may be a link
        raise BadInputError(f"{INSTANCES_FILE} of the source names a file outside its folder", remedy=REMEDY)
    instance = reader.read(path, name)
    found = str(instance.get("SOPInstanceUID") or "")
    if found and found != uid:
        raise BadInputError(f"source file {name} is another instance than {INSTANCES_FILE} says", remedy=REMEDY)
    return instance


def _frame_count(instance: Dataset) -> int | None:
    """Number of Frames of a multi-frame instance, None of a single-frame one."""
    try:
        frames = int(instance.get("NumberOfFrames") or 0)
    except (ValueError, TypeError):
        frames = 0
    if frames > 1 or PER_FRAME in instance or SHARED in instance:
        return max(frames, 1)
    return None


def _image(instance: Dataset, frame: int | None, number: int) -> Image:
    name = f"source instance {number}" if frame is None else f"frame {frame} of source instance {number}"
    frames = _frame_count(instance) or 1
    if frame is not None and not 1 <= frame <= frames:
        raise BadInputError(f"series.json names {name}, which has {frames} frames", remedy=REMEDY)
    return Image(instance=instance, frame=frame, plane=read_plane(ImageHeader(instance, frame)), name=name)


def _in_order_of_headers(instances: Sequence[Dataset]) -> tuple[Image, ...]:
    counts = [_frame_count(instance) for instance in instances]
    if all(count is None for count in counts):
        return tuple(_image(instance, None, number) for number, instance in enumerate(instances))
    if len(instances) > 1:
        raise BadInputError(
            f"the source has {len(instances)} instances, some of them multi-frame, and no series.json: the order of "
            "its frames is not known",
            remedy="give the folder `source` that dicom_reader wrote of one volume, or join the volume too",
        )
    return _along_normal([_image(instances[0], frame, 0) for frame in range(1, (counts[0] or 1) + 1)])


def _along_normal(images: Sequence[Image]) -> tuple[Image, ...]:
    """Frames in order along row x column; as they are where they have no place."""
    planes = [image.plane for image in images]
    positions = [plane.position_lps_mm for plane in planes if plane.position_lps_mm is not None]
    first = planes[0].orientation_lps
    if first is None or len(positions) != len(planes):
        return tuple(images)
    places = np.array(positions) @ np.cross(first[:3], first[3:])
    order = np.argsort(places, kind="stable")
    _require_distinct(places[order], [images[index] for index in order])
    return tuple(images[index] for index in order)


def _require_distinct(places: Iterable[float], images: Sequence[Image]) -> None:
    gaps = np.diff(np.fromiter(places, dtype=np.float64))
    if len(gaps) and gaps.min() < SAME_PLANE_MM:
        index = int(gaps.argmin())
        raise BadInputError(
            f"{images[index].name} and frame {images[index + 1].frame} lie at one place: the source has several time "
            "points or other dimensions, and no series.json that says which are meant",
            remedy="give the folder `source` that dicom_reader wrote of one volume, or join the volume too",
        )
