"""What tissue looks like in CT: HU by contrast phase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, kw_only=True)
class Tissue:
    """Mean HU of each tissue in one study."""

    liver: float
    spleen: float
    renal_cortex: float
    renal_medulla: float
    pancreas: float
    artery: float
    vein: float
    muscle: float = 55.0
    fat: float = -103.0
    bowel_wall: float = 50.0
    spongiosa: float = 210.0
    cortical_bone: float = 650.0
    disc: float = 85.0


_PHASES = {
    "native": Tissue(
        liver=58, spleen=48, renal_cortex=32, renal_medulla=30, pancreas=40, artery=42, vein=40, bowel_wall=38
    ),
    "arterial": Tissue(
        liver=74, spleen=118, renal_cortex=180, renal_medulla=85, pancreas=100, artery=300, vein=80, bowel_wall=75
    ),
    "portal venous": Tissue(
        liver=110, spleen=122, renal_cortex=172, renal_medulla=150, pancreas=92, artery=150, vein=155, bowel_wall=80
    ),
}
PHASES = tuple(_PHASES)


def draw_tissue(rng: np.random.Generator, phase: str) -> Tissue:
    """The HU of one study in the contrast phase ``phase`` (one of ``PHASES``)."""
    mean = _PHASES[phase]
    spread = 6 if phase == "native" else 11
    changes = {
        name: getattr(mean, name) + rng.uniform(-spread, spread)
        for name in ("liver", "spleen", "pancreas", "vein", "bowel_wall")
    }
    kidney = rng.uniform(-spread, spread)
    return replace(
        mean,
        **changes,
        renal_cortex=mean.renal_cortex + kidney,
        renal_medulla=mean.renal_medulla + kidney,
        artery=mean.artery * rng.uniform(0.85, 1.15),
        muscle=rng.uniform(45, 65),
        fat=rng.uniform(-112, -92),
        spongiosa=rng.uniform(150, 270),
        cortical_bone=rng.uniform(450, 850),
    )
