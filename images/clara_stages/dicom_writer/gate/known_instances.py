"""The objects that a result may refer to: the source, the results of this run, earlier results of the same study."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.written_file import WrittenFile, items
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.sop_classes import SEGMENTATIONS


@dataclass(frozen=True, kw_only=True)
class KnownInstance:
    """What is known of one object; empty or None is "unknown".

    Attributes:
        sop_class_uid: Of the object.
        series_instance_uid: Of its series.
        study_instance_uid: Of its study.
        frames: How many it has; 0 of an object that is no multi-frame image.
        segments: The segment numbers of a segmentation.
    """

    sop_class_uid: str
    series_instance_uid: str
    study_instance_uid: str
    frames: int | None = 0
    segments: frozenset[int] | None = frozenset()


@dataclass(frozen=True, kw_only=True)
class KnownInstances:
    """All of them.

    Attributes:
        by_uid: SOP Instance UID -> object.
        series: Series Instance UID -> Study Instance UID.
        inherited: References that the source's own headers make, as (keyword of the sequence, SOP Instance UID).
    """

    by_uid: Mapping[str, KnownInstance]
    series: Mapping[str, str]
    inherited: frozenset[tuple[str, str]]


def known_instances(written: Iterable[WrittenFile], job: Job) -> KnownInstances:
    """Everything that a reference in a result may lead to."""
    by_uid: dict[str, KnownInstance] = {}
    for dataset in (*job.source.instances, *(file.dataset for file in written)):
        by_uid[str(dataset.get("SOPInstanceUID"))] = _known(dataset)
    series = {item.series_instance_uid: item.study_instance_uid for item in by_uid.values()}
    for earlier in job.predecessors.values():
        series[earlier.series_instance_uid] = earlier.study_instance_uid
        for sop_class_uid, sop_instance_uid in earlier.instances:
            by_uid[sop_instance_uid] = KnownInstance(
                sop_class_uid=sop_class_uid,
                series_instance_uid=earlier.series_instance_uid,
                study_instance_uid=earlier.study_instance_uid,
                frames=None,
                segments=None,
            )
    inherited = {pair for instance in job.source.instances for pair in _references(instance)}
    return KnownInstances(by_uid=by_uid, series=series, inherited=frozenset(inherited))


def _known(dataset: Dataset) -> KnownInstance:
    sop_class_uid = str(dataset.get("SOPClassUID"))
    frames = int(dataset.get("NumberOfFrames") or 1) if "NumberOfFrames" in dataset else 0
    numbers = {int(item.SegmentNumber) for item in items(dataset, "SegmentSequence") if "SegmentNumber" in item}
    return KnownInstance(
        sop_class_uid=sop_class_uid,
        series_instance_uid=str(dataset.get("SeriesInstanceUID")),
        study_instance_uid=str(dataset.get("StudyInstanceUID")),
        frames=frames,
        segments=frozenset(numbers) if sop_class_uid in SEGMENTATIONS else frozenset(),
    )


def _references(dataset: Dataset) -> Iterable[tuple[str, str]]:
    """The references of a header outside the groups of its frames."""
    for element in dataset:
        if element.VR != "SQ" or element.keyword == "PerFrameFunctionalGroupsSequence":
            continue
        for item in element.value or ():
            if item.get("ReferencedSOPInstanceUID"):
                yield element.keyword, str(item.ReferencedSOPInstanceUID)
            yield from _references(item)
