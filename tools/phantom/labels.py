"""The label table of the phantom."""

from __future__ import annotations

from enum import IntEnum


class Label(IntEnum):
    """Voxel values of the ground truth."""

    BACKGROUND = 0
    LIVER = 1
    SPLEEN = 2
    KIDNEY = 3
    SPINE = 4
    LIVER_TUMOUR = 5
