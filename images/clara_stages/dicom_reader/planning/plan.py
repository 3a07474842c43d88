"""What the reader would make of a series, from headers alone: each volume with its verdict and the reason."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from clara_stages.dicom_reader.geometry.findings import FindingKind
from clara_stages.dicom_reader.geometry.grid import Grid, NoStackError, build_grid, largest_shift_mm
from clara_stages.dicom_reader.geometry.stack import StackReport, examine_stack
from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.headers.study import Study
from clara_stages.dicom_reader.image_grid import has_place
from clara_stages.dicom_reader.planning.faults import find_fault, refuse_faulty
from clara_stages.dicom_reader.planning.series import Series, group_series
from clara_stages.dicom_reader.planning.volume_facts import build_volume_facts
from clara_stages.dicom_reader.planning.volume_plan import Verdict, VolumePlan
from clara_stages.dicom_reader.planning.whole import refuse_mixed_or_incomplete
from clara_stages.dicom_reader.policy import GeometryPolicy, Policy
from clara_stages.dicom_reader.splitting.split import Part, split_frames
from clara_stages.dicom_reader.values.unit import find_unit
from clara_stages.kit import BadInputError

SAME_GRID_MM = 0.1
"""Largest distance of a voxel between two time points: one scan writes their positions and directions with equal text
or nearly so (a last digit of a direction moves the far corner by hundredths), and a patient who moved is not in the
header."""

HEALING = GeometryPolicy(tilt="resample", spacing="resample")
"""What could be done at most; its grid is shown where the policy refuses it."""


def plan_study(study: Study, policy: Policy) -> list[VolumePlan]:
    """The volumes of all series of a study, in the order of number and UID."""
    return [plan for series in group_series(study.instances, study.frames) for plan in plan_series(series, policy)]


def plan_series(series: Series, policy: Policy) -> list[VolumePlan]:
    """The volumes of one series, in the order of the split; at least one."""
    frames, left_out = _sound_frames(series.frames) if policy.leave_out_bad else (series.frames, ())
    split = split_frames(frames)
    differing = _differing([part.values for part in split.parts])
    plans = []
    for part in split.parts:
        plan = _plan_part(series, part, split.by, policy)
        plans.append(_completed(plan, {"split_by": sorted(differing & part.values.keys())}, left_out))
    return plans


def _completed(plan: VolumePlan, facts: dict[str, Any], left_out: tuple[tuple[Frame, str], ...]) -> VolumePlan:
    """A plan with what is known of its series as a whole."""
    points = tuple(_completed(point, facts, left_out) for point in plan.points)
    return dataclasses.replace(plan, facts=plan.facts | facts, left_out=left_out, points=points)


def _differing(values: Sequence[Mapping[str, Any]]) -> set[str]:
    """Attributes that do not have one value in all parts of a series."""
    keys = {key for item in values for key in item}
    return {key for key in keys if any(item.get(key) != values[0].get(key) for item in values)}


def without_frames(plan: VolumePlan, damaged: Sequence[tuple[Frame, str]], policy: Policy) -> VolumePlan:
    """A plan made again of the images that are left; the damaged ones are listed with their reasons.

    It is refused where no image is left of a volume, or of one of its time points.
    """
    gone = {id(frame) for frame, _ in damaged}
    times = [tuple(frame for frame in stack if id(frame) not in gone) for stack in plan.stacks]
    time_values = plan.time_values
    if plan.verdict is Verdict.IMAGE:  # cine: each image is a time of its own
        time_values = tuple(value for value, stack in zip(time_values, times, strict=False) if stack)
        times = [stack for stack in times if stack]
    if not times or not all(times):
        whole = len(plan.stacks) == 1 or not any(times)
        what = "the volume" if whole else f"time point {times.index(()) + 1} of {len(times)}"
        error = BadInputError(f"no image of {what} can be read", remedy="send the series again")
        return dataclasses.replace(plan, verdict=Verdict.REFUSED, reason=error.message, error=error)
    part = Part(
        name=plan.name,
        values=dict(plan.values),
        times=tuple(times),
        time_values=time_values,
        time_attribute=plan.time_attribute,
        explanation="",
        kind_of="image" if plan.verdict is Verdict.IMAGE else "stack",
    )
    again = _plan_part(plan.series, part, plan.split_by, policy)
    found = {key: again.facts[key] for key in ("verdict", "slices")}
    if plan.verdict is Verdict.IMAGE:
        found["time_points"] = len(times)
    return dataclasses.replace(again, facts=plan.facts | found, left_out=(*plan.left_out, *damaged))


def _sound_frames(frames: tuple[Frame, ...]) -> tuple[tuple[Frame, ...], tuple[tuple[Frame, str], ...]]:
    """Frames without a fault, and the others with it; all of them where none is sound."""
    faults = [(frame, find_fault(frame)) for frame in frames]
    sound = tuple(frame for frame, fault in faults if not fault)
    return (sound, tuple((frame, fault) for frame, fault in faults if fault)) if sound else (frames, ())


def _plan_part(series: Series, part: Part, split_by: tuple[str, ...], policy: Policy) -> VolumePlan:
    frames = [frame for stack in part.times for frame in stack]
    outcome = _judge(series, part, frames, policy)
    plan = VolumePlan(
        series=series,
        name=part.name,
        split_by=split_by,
        stacks=part.times,
        facts={},
        values=part.values,
        points=_plan_points(series, part, split_by, policy, outcome),
        time_attribute=part.time_attribute if len(part.times) > 1 else "",
        time_values=part.time_values if len(part.times) > 1 else (),
        **outcome,
    )
    if plan.grid is not None:
        plan = dataclasses.replace(plan, stacks=tuple(_ordered(stack) for stack in part.times))
    facts = build_volume_facts(
        part.name,
        frames,
        part.values,
        verdict=plan.verdict.value,
        unit=plan.unit.name if plan.unit else "",
        slices=plan.shape[2] if plan.shape else len(part.times[0]),
    )
    told_apart = part.explanation if split_by or len(part.times) > 1 or part.kind_of == "image" else ""
    reason = "; ".join(text for text in (plan.reason, told_apart) if text)
    return dataclasses.replace(plan, facts=facts | {"time_points": len(part.times)}, reason=reason)


def _plan_points(
    series: Series, part: Part, split_by: tuple[str, ...], policy: Policy, outcome: Mapping[str, Any]
) -> tuple[VolumePlan, ...]:
    """The time points of a part one by one, where its geometry is refused: one that lost a slice spoils no other."""
    is_refused_for_geometry = outcome["verdict"] is Verdict.REFUSED and "unit" in outcome
    if len(part.times) == 1 or not is_refused_for_geometry:
        return ()
    alone = (dataclasses.replace(part, times=(stack,), time_values=(), time_attribute="") for stack in part.times)
    return tuple(_plan_part(series, point, split_by, policy) for point in alone)


def _ordered(stack: Sequence[Frame]) -> tuple[Frame, ...]:
    return tuple(stack[index] for index in examine_stack([frame.plane for frame in stack]).order)


def _judge(series: Series, part: Part, frames: Sequence[Frame], policy: Policy) -> dict[str, Any]:
    """Verdict, reason, grid, unit and error of one part."""
    if part.kind_of == "refused":
        kinds = [frame.instance.pixels.find_other_kind() for frame in frames]
        what = next((kind for kind in kinds if kind), "no image that this stage reads")
        return _refused(NoStackError(f"each image is {what}", remedy="select another series"))
    faulty = refuse_faulty(frames, [find_fault(frame) for frame in frames])
    if faulty is not None:
        return _refused(faulty)
    mixed = refuse_mixed_or_incomplete(frame.instance for frame in series.frames)
    if mixed is not None:
        return _refused(mixed)
    try:
        unit = find_unit(frames, pet=policy.pet)
    except BadInputError as error:
        return _refused(error)
    if part.kind_of == "image":
        return _judge_images(part, frames) | {"unit": unit}
    return _judge_stack(part, policy) | {"unit": unit}


def _judge_images(part: Part, frames: Sequence[Frame]) -> dict[str, Any]:
    """Images at one place have one size; whether they share the place itself is for their grid to say."""
    findings = examine_stack([frame.plane for frame in frames]).findings
    sizes = next((finding for finding in findings if finding.kind is FindingKind.SIZES), None)
    if sizes is not None:
        return _refused(NoStackError(sizes.message, remedy=sizes.remedy))
    return {"verdict": Verdict.IMAGE, "reason": _image_reason(part)}


def _judge_stack(part: Part, policy: Policy) -> dict[str, Any]:
    reports = [examine_stack([frame.plane for frame in stack]) for stack in part.times]
    if all(report.is_single_place for report in reports) and not _blocks_image(reports[0]):
        return {"verdict": Verdict.IMAGE, "reason": _image_reason(part)}
    try:
        grid = _common_grid(reports, policy.geometry)
    except NoStackError as error:
        return _refused(error)
    except BadInputError as error:
        error = _with_all_findings(error, reports[0])
        try:
            grid = _common_grid(reports, HEALING)
        except BadInputError:
            return _refused(error)
        return {
            "verdict": Verdict.RESAMPLE,
            "reason": f"{error.message}; it can be resampled on request",
            "grid": grid,
            "error": error,
        }
    verdict = Verdict.VOLUME if grid.resampling is None else Verdict.RESAMPLE
    return {"verdict": verdict, "reason": _grid_reason(grid, reports[0]), "grid": grid}


def _with_all_findings(error: BadInputError, report: StackReport) -> BadInputError:
    """The error about a stack, and what would not have refused it alone."""
    more = [finding.message for finding in report.findings if finding.message not in error.message]
    return BadInputError("; ".join([error.message, *more]), remedy=error.remedy)


def _common_grid(reports: Sequence[StackReport], policy: GeometryPolicy) -> Grid:
    """The grid of every time point. Raises BadInputError where one has none or another one."""
    grids = [build_grid(report, policy) for report in reports]
    for number, grid in enumerate(grids[1:], start=2):
        shift_mm = largest_shift_mm(grid, grids[0])
        if shift_mm > SAME_GRID_MM:
            size = " x ".join(map(str, grid.shape))
            apart = f"up to {shift_mm:.3f} mm apart" if math.isfinite(shift_mm) else f"{size} voxels"
            raise BadInputError(
                f"time point {number} of {len(grids)} lies on another grid than the first ({apart})",
                remedy=f"select one time point, for example volume.time_point == {number - 1}",
            )
    return grids[0]


def _blocks_image(report: StackReport) -> bool:
    """Whether images at one place are not even that: they differ in size or frame of reference."""
    return any(finding.kind.value in _MIXED for finding in report.findings)


_MIXED = ("sizes", "frames_of_reference", "pixel_spacings", "bad_orientation")
"""Findings that keep images at one place from being one image over time."""


def _refused(error: BadInputError) -> dict[str, Any]:
    return {
        "verdict": Verdict.REFUSED,
        "reason": error.message,
        "error": error,
        "was_meant": not isinstance(error, NoStackError),
    }


def _image_reason(part: Part) -> str:
    frames = [frame for stack in part.times for frame in stack]
    if len(frames) == 1:
        return "a single image: one slice is no volume"
    place = "at one place" if has_place(frames) else "without a common place in the patient"
    return f"{len(frames)} images {place}: no volume"


def _grid_reason(grid: Grid, report: StackReport) -> str:
    texts = [finding.message for finding in report.findings]
    slices = f"{grid.shape[2]} slices, {grid.spacing_mm[2]:.4g} mm apart"
    return "; ".join([*texts, f"resampled to {slices}" if grid.resampling else slices])
