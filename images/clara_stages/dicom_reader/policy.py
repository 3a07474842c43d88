"""What a workflow asks for where there is a choice."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class GeometryPolicy:
    """What to do with a stack that is not even or not straight.

    Attributes:
        tilt: Of a tilted gantry: make an orthogonal volume, keep the slices and shear the affine, or refuse.
        spacing: Of several or irregular spacings: interpolate slices at an even one, or refuse.
    """

    tilt: Literal["resample", "shear", "refuse"] = "resample"
    spacing: Literal["refuse", "resample"] = "refuse"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the workflow asks for where there is a choice.

    Attributes:
        geometry: Of tilted and unevenly spaced slices.
        pet: ``suv`` or ``activity``.
        leave_out_bad: Whether a damaged image is left out; else it refuses its volume.
    """

    geometry: GeometryPolicy = field(default_factory=GeometryPolicy)
    pet: str = "suv"
    leave_out_bad: bool = False
