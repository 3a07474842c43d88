"""Whether an annotation belongs to a volume, and how that is known."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from clara_stages.dicom_reader.annotations.annotation import Annotation
from clara_stages.dicom_reader.annotations.target_grid import TargetGrid


class Verdict(StrEnum):
    """How an annotation is linked to a series, the strongest link first."""

    INSTANCES = "instances"
    """It refers to instances of the series."""
    SERIES = "series"
    """It refers to the series, but to instances that are not in it."""
    GEOMETRY = "geometry"
    """It refers to no series that is there; Frame of Reference and geometry agree."""
    OTHER_SERIES = "other_series"
    """It refers to another series of the same Frame of Reference; geometry agrees."""
    REFUSED = "refused"
    """It does not belong to the series."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """The link between an annotation and a series, and the reason in words."""

    verdict: Verdict
    reason: str

    @property
    def is_accepted(self) -> bool:
        """Whether the annotation may be read onto the grid."""
        return self.verdict is not Verdict.REFUSED

    @property
    def strength(self) -> int:
        """For comparing matches: 4 for instances, 0 for refused."""
        return len(Verdict) - 1 - list(Verdict).index(self.verdict)


@dataclass(frozen=True, kw_only=True)
class _Planes:
    """How many planes lie on slices, between them, outside of the volume; how far the farthest is from its slice."""

    on: int
    between: int
    outside: int
    worst_mm: float

    @property
    def agree(self) -> bool:
        return self.on > 0 and self.between == 0

    @property
    def mostly_agree(self) -> bool:
        """Enough where the series is named: single ROIs that lie across are refused when they are read."""
        return self.on > self.between or self.on + self.between + self.outside == 0

    @property
    def contradict(self) -> bool:
        return self.on == 0 and self.between + self.outside > 0

    def in_words(self) -> str:
        parts = [f"{self.on} of its {self.on + self.between + self.outside} planes lie on slices"]
        if self.between:
            parts.append(f"{self.between} between slices (up to {self.worst_mm:.2f} mm away)")
        if self.outside:
            parts.append(f"{self.outside} outside of the volume")
        return ", ".join(parts)


def match(annotation: Annotation, grid: TargetGrid, *, present_series: frozenset[str] = frozenset()) -> Match:
    """Whether an annotation belongs to the series of a grid; never raises.

    References to instances decide; without them the reference to the series; without both Frame of Reference and
    geometry together. References that contradict the geometry are refused.

    Args:
        annotation: From ``find_annotations``.
        grid: Of the volume.
        present_series: Series Instance UIDs of the study's images, to tell a reference to another series that is there
            from one to nowhere.
    """
    if annotation.fault:
        return _refused(f"cannot be read: {annotation.fault}")
    planes = _compare_planes(annotation, grid)
    if set(annotation.referenced_instances) & {item.sop_instance_uid for item in grid.slices}:
        return _match_instances(annotation, grid, planes)
    if grid.series_instance_uid in annotation.referenced_series:
        return _match_series(annotation, grid, planes)
    return _match_frame_of_reference(annotation, grid, planes, present_series)


def describe_missing_source(annotation: Annotation) -> str:
    """What to say of an annotation that matches no series of its study."""
    series, instances = len(annotation.referenced_series), len(annotation.referenced_instances)
    if not series and not instances:
        return "refers to no series, and no series of the study has its Frame of Reference and geometry"
    uids = f" ({', '.join(annotation.referenced_series[:3])})" if series else ""
    return (
        f"refers to {instances} instances of {series} series{uids} that are not in the study, and no series that is "
        "there has its Frame of Reference and geometry"
    )


def _match_instances(annotation: Annotation, grid: TargetGrid, planes: _Planes) -> Match:
    own = {item.sop_instance_uid for item in grid.slices}
    referenced = set(annotation.referenced_instances)
    count = len(referenced & own)
    missing = len(referenced - own)
    text = f"refers to {count} of the {len(own)} instances of the series"
    text += f" and to {missing} that are not in it" if missing else ""
    if planes.contradict:
        return _refused(f"{text}, but {planes.in_words()}: references and geometry contradict each other")
    if _frames_of_reference(annotation, grid) is False:
        if not planes.agree:
            return _refused(f"{text}, but its Frame of Reference is another one and {planes.in_words()}")
        return Match(
            verdict=Verdict.INSTANCES,
            reason=f"{text}; its Frame of Reference UID is another one: taken because instances and geometry agree",
        )
    return Match(verdict=Verdict.INSTANCES, reason=text)


def _match_series(annotation: Annotation, grid: TargetGrid, planes: _Planes) -> Match:
    count = len(annotation.referenced_instances)
    text = f"refers to {count} instances that are not in the series" if count else "refers to the series alone"
    if _frames_of_reference(annotation, grid) is False:
        return _refused(f"refers to the series, but {text}, and its Frame of Reference is another one")
    if not planes.mostly_agree:
        return _refused(f"{text}, and {planes.in_words()}")
    if not count:
        return Match(verdict=Verdict.SERIES, reason=text)
    return Match(verdict=Verdict.SERIES, reason=f"{text}; taken because {_agreement(annotation, grid)}")


def _match_frame_of_reference(
    annotation: Annotation, grid: TargetGrid, planes: _Planes, present_series: frozenset[str]
) -> Match:
    count = len(annotation.referenced_instances)
    text = f"refers to {count} instances that are not in the series" if count else "refers to no instances"
    same = _frames_of_reference(annotation, grid)
    if not same:
        said = "has another Frame of Reference" if same is False else "has no Frame of Reference in common with it"
        return _refused(f"{text}, and {said}")
    if not planes.agree:
        return _refused(f"{text}; its Frame of Reference is that of the series, but {planes.in_words()}")
    if present_series & set(annotation.referenced_series):
        return Match(
            verdict=Verdict.OTHER_SERIES,
            reason="refers to another series of the study that has the same Frame of Reference; its planes lie on "
            "slices of this one",
        )
    return Match(verdict=Verdict.GEOMETRY, reason=f"{text}; taken because {_agreement(annotation, grid)}")


def _agreement(annotation: Annotation, grid: TargetGrid) -> str:
    if _frames_of_reference(annotation, grid):
        return "Frame of Reference and geometry agree"
    return "it names the series and geometry agrees; there is no Frame of Reference to compare"


def _frames_of_reference(annotation: Annotation, grid: TargetGrid) -> bool | None:
    """Whether the Frame of Reference is the same; None where one of the two has none."""
    if not annotation.frame_of_reference_uids or not grid.frame_of_reference_uid:
        return None
    return grid.frame_of_reference_uid in annotation.frame_of_reference_uids


def _compare_planes(annotation: Annotation, grid: TargetGrid) -> _Planes:
    points = annotation.planes_lps_mm
    points = points[np.isfinite(points).all(axis=(1, 2))]
    if not len(points) or not grid.slices:
        return _Planes(on=0, between=0, outside=0, worst_mm=0.0)
    depth = grid.to_index(points)[..., 2]
    tolerance = grid.plane_tolerance
    nearest, _ = grid.nearest_slice(depth.mean(axis=1))
    away = np.abs(depth - grid.depths[nearest][:, None]).max(axis=1)
    outside = grid.is_outside(depth.mean(axis=1), tolerance)
    between = ~outside & (away > tolerance)
    return _Planes(
        on=int((~outside & ~between).sum()),
        between=int(between.sum()),
        outside=int(outside.sum()),
        worst_mm=float(away[between].max(initial=0.0)) * grid.gap_mm,
    )


def _refused(reason: str) -> Match:
    return Match(verdict=Verdict.REFUSED, reason=reason)
