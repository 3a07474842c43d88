"""Parameters of the stage."""

from dataclasses import dataclass
from typing import Any, cast

from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.policy import GeometryPolicy, Policy
from clara_stages.kit import BadInputError

CHOICES = {
    "volumes": ("one", "all", "4d"),
    "tilt": ("resample", "shear", "refuse"),
    "spacing": ("refuse", "resample"),
    "bad_files": ("refuse", "leave_out"),
    "pet": ("suv", "activity"),
    "annotations": ("none", "label_map", "segment_stack"),
}
"""Parameters that are one of several words; the first is the default."""


@dataclass(frozen=True, kw_only=True)
class Params:
    """What ``stage.yaml`` says of each."""

    select: str = ""
    volumes: str = "one"
    images: bool = False
    tilt: str = "resample"
    spacing: str = "refuse"
    bad_files: str = "refuse"
    pet: str = "suv"
    metaimage: bool = False
    annotations: str = "none"
    annotation: str = ""
    max_voxels: int = Limits.max_voxels
    max_header_mib: int = Limits.max_header_mib

    def __post_init__(self) -> None:
        for name, words in CHOICES.items():
            found = getattr(self, name)
            if found not in words:
                raise BadInputError(
                    f"parameter {name!r} is {found!r}, expected {' or '.join(words)}",
                    remedy="correct the workflow's params, or the --param on the command line",
                )

        for name in ("max_voxels", "max_header_mib"):
            found = getattr(self, name)
            if found < 1:
                raise BadInputError(
                    f"parameter {name!r} is {found}, expected at least 1",
                    remedy="leave it out: the default fits the memory that the stage asks for",
                )

    @property
    def policy(self) -> Policy:
        """What to do where there is a choice."""
        return Policy(
            geometry=GeometryPolicy(tilt=cast("Any", self.tilt), spacing=cast("Any", self.spacing)),  # checked above
            pet=self.pet,
            leave_out_bad=self.bad_files == "leave_out",
        )

    @property
    def limits(self) -> Limits:
        """How much a study may ask for."""
        return Limits(max_voxels=self.max_voxels, max_header_mib=self.max_header_mib)
