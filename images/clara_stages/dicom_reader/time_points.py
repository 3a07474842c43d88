"""Volumes of several time points: one at a time, or several volumes as one."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from clara_stages.dicom_reader.plan import SAME_GRID_MM, Verdict, VolumePlan

FOURTH_AXES = ("b_value", "echo_number", "echo_time_ms", "inversion_time_ms", "flip_angle_degrees", "trigger_time_ms",
               "cardiac_phase_percent", "respiratory_phase_percent", "temporal_position", "time_slot",
               "acquisition_number")  # fmt: skip
"""Numbers of the acquisition that one quantity may be measured at again and again. What is not here (component, image
type, quantity, kernel, tube voltage) makes another quantity, and different quantities are never one volume."""


def single_time_points(plan: VolumePlan) -> list[VolumePlan]:
    """Each time point of a plan as a plan of its own; cine, and what has only one, stays as it is."""
    total = len(plan.stacks)
    if total == 1 or plan.verdict is Verdict.IMAGE:
        return [plan]
    width = len(str(total))
    points = []
    for index, stack in enumerate(plan.stacks):
        name = f"t{index + 1:0{width}d}" if plan.name == "volume" else f"{plan.name}-t{index + 1:0{width}d}"
        facts = plan.facts | {"name": name, "time_point": index}
        if plan.time_attribute in facts:
            facts[plan.time_attribute] = type(facts[plan.time_attribute])(plan.time_values[index])
        points.append(
            dataclasses.replace(plan, name=name, stacks=(stack,), facts=facts, time_attribute="", time_values=())
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
    return joined


def _alike(plan: VolumePlan) -> Any:
    """What plans share that become one: the attribute that tells them apart, and the quantity; None: stays alone."""
    axes = [key for key in plan.facts["split_by"] if key in FOURTH_AXES]
    if plan.verdict not in (Verdict.VOLUME, Verdict.RESAMPLE) or plan.error or len(plan.stacks) > 1 or not axes:
        return None
    facts = plan.facts
    others = tuple(str(facts[key]) for key in ("component", "quantity", "unit", "kernel", "kvp", "energy_kev", "coil"))
    rest = tuple((key, str(facts.get(key))) for key in facts["split_by"] if key not in FOURTH_AXES)
    return _axis(axes), others, rest, plan.shape


def _axis(axes: Sequence[str]) -> str:
    return min(axes, key=FOURTH_AXES.index)


def _can_join(plans: Sequence[VolumePlan], axis: str) -> bool:
    """Whether plans have one grid, and each its own value of the attribute that becomes the fourth axis."""
    if len({plan.facts[axis] for plan in plans}) < len(plans):
        return False
    grids = [plan.grid for plan in plans]
    first = grids[0]
    if first is None or len(plans) < 2:
        return False
    return all(grid is not None and np.abs(grid.affine_lps - first.affine_lps).max() <= SAME_GRID_MM for grid in grids)


def _joined(plans: Sequence[VolumePlan], axis: str) -> VolumePlan:
    ordered = sorted(plans, key=lambda plan: (plan.facts[axis], plan.name))
    name = f"by-{axis.replace('_', '-')}"
    return dataclasses.replace(
        ordered[0],
        name=name,
        stacks=tuple(plan.stacks[0] for plan in ordered),
        facts=ordered[0].facts | {"name": name, "time_points": len(ordered)},
        time_attribute=axis,
        time_values=tuple(float(plan.facts[axis]) for plan in ordered),
        reason=f"{ordered[0].reason}; {len(ordered)} volumes joined along {axis}",
    )
