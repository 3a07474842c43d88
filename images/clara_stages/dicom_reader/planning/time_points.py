"""Volumes of several time points: one at a time, or several volumes as one."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

from clara_stages.dicom_reader.geometry.grid import largest_shift_mm
from clara_stages.dicom_reader.planning.plan import SAME_GRID_MM
from clara_stages.dicom_reader.planning.volume_plan import Verdict, VolumePlan

FOURTH_AXES = ("b_value", "echo_number", "echo_time_ms", "inversion_time_ms", "flip_angle_degrees", "trigger_time_ms",
               "cardiac_phase_percent", "respiratory_phase_percent", "temporal_position", "time_slot",
               "acquisition_number")  # fmt: skip
"""Numbers of the acquisition that one quantity may be measured at again and again. What is not here (component, image
type, quantity, kernel, tube voltage) makes another quantity, and different quantities are never one volume."""


_QUANTITY = frozenset({"component", "quantity", "units", "kernel", "kvp", "energy_kev", "coil"})
"""Where these differ, values measure something else."""

_MEASURED_AT = frozenset({"b_value", "echo_number", "echo_time_ms", "inversion_time_ms", "flip_angle_degrees"})
"""Of these only the fourth axis may differ: along two at once its values would not say what was measured."""

SAME_FACTOR = 1e-3
"""Largest relative difference of the factors to one unit: clocks of whole seconds make so much of SUV
(``SCAN_START_SPREAD_S``), another weight or dose makes more. The joined volume has one factor."""

_RUN_TOGETHER = {key: frozenset({key}) for key in FOURTH_AXES} | dict.fromkeys(
    ("echo_number", "echo_time_ms"), frozenset({"echo_number", "echo_time_ms"})
)
"""What may differ along each axis: an echo has its number and its time."""


def single_time_points(plan: VolumePlan) -> list[VolumePlan]:
    """Each time point of a plan as a plan of its own; cine, and what has only one, stays as it is."""
    total = len(plan.stacks)
    if total == 1 or plan.verdict is Verdict.IMAGE:
        return [plan]
    width = len(str(total))
    points = []
    for index, stack in enumerate(plan.stacks):
        base = plan.points[index] if plan.points else plan
        name = f"t{index + 1:0{width}d}" if plan.name == "volume" else f"{plan.name}-t{index + 1:0{width}d}"
        facts = base.facts | {"name": name, "time_point": index, "time_points": total}
        if plan.time_attribute in facts:
            facts[plan.time_attribute] = type(facts[plan.time_attribute])(plan.time_values[index])
        points.append(
            dataclasses.replace(
                base,
                name=name,
                stacks=base.stacks if plan.points else (stack,),
                facts=facts,
                time_attribute="",
                time_values=(),
            )
        )
    return points


def join_volumes(plans: Sequence[VolumePlan]) -> list[VolumePlan]:
    """Plans of one series, with those that show one quantity at several values of one number made one.

    Plans that cannot be joined stay as they are.
    """
    groups: dict[Any, list[VolumePlan]] = {}
    for plan in plans:
        groups.setdefault(_alike(plan), []).append(plan)
    joined: list[VolumePlan] = []
    for key, group in groups.items():
        joined += [_joined(group, key[0])] if key is not None and _can_join(group, key[0]) else group
    return _with_own_names(joined)


def _with_own_names(plans: Sequence[VolumePlan]) -> list[VolumePlan]:
    """Plans of which no two have one name: where magnitude and phase were both joined, a number is added."""
    counts = Counter(plan.name for plan in plans)
    seen: Counter[str] = Counter()
    named = []
    for plan in plans:
        seen[plan.name] += 1
        name = plan.name if counts[plan.name] == 1 else f"{plan.name}-{seen[plan.name]}"
        named.append(dataclasses.replace(plan, name=name, facts=plan.facts | {"name": name}))
    return named


def _alike(plan: VolumePlan) -> Any:
    """What plans share that become one: the attribute that tells them apart, and the quantity; None: stays alone."""
    axes = [key for key in plan.facts["split_by"] if key in FOURTH_AXES]
    if plan.verdict not in (Verdict.VOLUME, Verdict.RESAMPLE) or plan.error or len(plan.stacks) > 1 or not axes:
        return None
    axis = _axis(axes)
    same = {key for key in plan.facts["split_by"] if key not in FOURTH_AXES} | (_MEASURED_AT - _RUN_TOGETHER[axis])
    others = tuple((key, str(plan.values.get(key))) for key in sorted(same | _QUANTITY))
    return axis, others, plan.facts["unit"], plan.shape, plan.frames[0].plane.frame_of_reference_uid


def _axis(axes: Sequence[str]) -> str:
    return min(axes, key=FOURTH_AXES.index)


def _can_join(plans: Sequence[VolumePlan], axis: str) -> bool:
    """Whether plans have one grid and one factor, and each its own value of what becomes the fourth axis."""
    if len({plan.facts[axis] for plan in plans}) < len(plans):
        return False
    grids = [plan.grid for plan in plans if plan.grid is not None]
    if len(grids) < len(plans) or len(plans) < 2:
        return False
    factors = [plan.unit.factor for plan in plans if plan.unit is not None]
    if max(factors) > min(factors) * (1 + SAME_FACTOR):
        return False
    return all(largest_shift_mm(grid, grids[0]) <= SAME_GRID_MM for grid in grids)


def _joined(plans: Sequence[VolumePlan], axis: str) -> VolumePlan:
    ordered = sorted(plans, key=lambda plan: (plan.facts[axis], plan.name))
    first = ordered[0]
    differing = {
        key: type(value)()
        for key, value in first.facts.items()
        if key in FOURTH_AXES and any(plan.facts[key] != value for plan in ordered)
    }
    split_by = [key for key in first.facts["split_by"] if key not in differing]
    name = f"by-{axis.replace('_', '-')}"
    return dataclasses.replace(
        first,
        name=name,
        stacks=tuple(plan.stacks[0] for plan in ordered),
        facts=first.facts | differing | {"name": name, "time_points": len(ordered), "split_by": split_by},
        values={key: value for key, value in first.values.items() if key not in differing},
        time_attribute=axis,
        time_values=tuple(float(plan.facts[axis]) for plan in ordered),
        reason=f"{len(ordered)} volumes joined along {axis}; the first: {first.reason}",
    )
