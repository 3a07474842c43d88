"""The images of a study, series by series."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.instance import Instance
from clara_stages.kit.contract.facts import build_series_facts

_CODE_LENGTH = 16
"""Longest Modality (VR CS); a longer text in its place may be anything."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series with at least one image.

    Attributes:
        facts: What rules see: of all its instances, images or not.
        frames: Of its images, in the order of the files.
    """

    facts: dict[str, Any]
    frames: tuple[Frame, ...]

    @property
    def study_instance_uid(self) -> str:
        """Study Instance UID."""
        return self.frames[0].instance.study_instance_uid

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID."""
        return self.frames[0].instance.series_instance_uid

    def describe(self) -> str:
        """Number, modality and size; no description, which may hold a name."""
        code = modality_code(self.facts["modality"]) or "no modality"
        return f"series {self.facts['number']}, {code}, {self.facts['instances']} instances"


def modality_code(modality: str) -> str:
    """A Modality as it may be shown: "" for a text that is no code and may be anything."""
    return modality if len(modality) <= _CODE_LENGTH and modality.isalnum() else ""


def group_series(instances: Sequence[Instance], frames: Iterable[Frame]) -> list[Series]:
    """The series of a study that have images, in the order of number and UID."""
    groups: dict[tuple[str, str], list[Frame]] = {}
    for frame in frames:
        groups.setdefault(_key(frame.instance), []).append(frame)
    headers: dict[tuple[str, str], list[Mapping[str, Any]]] = {key: [] for key in groups}
    for instance in instances:
        if _key(instance) in headers:
            headers[_key(instance)].append(instance.header)
    series = [Series(facts=build_series_facts(headers[key]), frames=tuple(group)) for key, group in groups.items()]
    return sorted(series, key=lambda item: (item.facts["number"], item.series_instance_uid, item.study_instance_uid))


def _key(instance: Instance) -> tuple[str, str]:
    return instance.study_instance_uid, instance.series_instance_uid
