"""Stacks that lie between each other without sharing a place."""

import numpy as np

from clara_stages.dicom_reader.splitting.clusters import Floats, Labels
from clara_stages.dicom_reader.splitting.steps import gaps_are_even

EVEN_PART = 0.02
"""How far gaps may differ in a group that is a stack in its own right."""

_LEAST_SLICES = 3
"""Two slices are always even; three that are even by chance are rare."""

_LEAST_MIXED = 4
"""Gaps between slices of different groups; below this the groups only touch."""

_ODD_PART = 0.1
"""A gap between groups that differs by this part from the usual one."""

_LEAST_ODD = 1 / 3
"""Part of the gaps between groups that must be odd. Where an even stack was acquired in turns and lost a slice, one or
two are; where two stacks lie between each other, every second one is."""


def alternate(labels: Labels, along_mm: Floats) -> bool:
    """Whether parallel slices, all evenly spaced, belong to two groups in turn: two stacks half a step apart.

    Args:
        labels: The group of each slice, by an attribute that one volume has one value of.
        along_mm: Its distance along the normal; all differ.
    """
    ordered = labels[np.argsort(along_mm, kind="stable")]
    groups = len(np.unique(ordered))
    if groups != 2 or len(ordered) < groups * _LEAST_SLICES:
        return False
    return bool((ordered[1:] != ordered[:-1]).all())


def are_interleaved(labels: Labels, along_mm: Floats) -> bool:
    """Whether groups of parallel slices at different places are even stacks that together are none.

    Two helical acquisitions of one region with different starts look so. A stack acquired in turns does not, also
    where it lost a slice: that must not be read as two stacks.

    Args:
        labels: The group of each slice.
        along_mm: Its distance along the normal; all differ.
    """
    order = np.argsort(along_mm, kind="stable")
    labels, along_mm = labels[order], along_mm[order]
    groups = [along_mm[labels == label] for label in np.unique(labels)]
    if len(groups) < 2 or any(len(group) < _LEAST_SLICES or not gaps_are_even(group, EVEN_PART) for group in groups):
        return False
    mixed = np.diff(along_mm)[labels[1:] != labels[:-1]]
    if len(mixed) < _LEAST_MIXED:
        return False
    usual = np.sort(mixed)[len(mixed) // 2]
    return bool(np.mean(np.abs(mixed - usual) > _ODD_PART * usual) >= _LEAST_ODD)
