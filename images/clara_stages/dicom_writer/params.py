"""Parameters of the stage."""

from dataclasses import dataclass, field

from clara_stages.kit import BadInputError

OUTPUT_NAMES = ("image", "seg", "rtstruct", "sr", "sc", "pdf", "key_object")
"""What ``outputs`` may name, in the order in which they are built: later ones refer to earlier ones."""

CHOICES = {
    "segmentation_type": ("", "BINARY", "FRACTIONAL", "LABELMAP"),
    "empty_segments": ("omit", "keep", "refuse"),
    "holes": ("keyhole", "xor"),
}
"""Parameters that are one of several words; the first is the default."""

_REMEDY = "correct the workflow's params, or the --param on the command line"


@dataclass(frozen=True, kw_only=True)
class Params:
    """What ``stage.yaml`` says of each.

    Attributes:
        outputs: The objects to write.
        segmentation_type: Of the SEG; empty takes FRACTIONAL for probabilities, else BINARY.
        empty_segments: What becomes of a segment without a voxel: left out, kept with one empty frame, or refused.
        holes: How contours have holes: one line that runs in through a keyhole, or CLOSEDPLANAR_XOR.
        time_point: Which time point of a 4D source the labels belong to, from 0.
        window: Centre and width, in the unit of the volume, of the pictures in ``sc`` and ``pdf``; None takes the
            source's.
        key_images: How many images ``key_object`` names for each segment.
        accept: Names of findings of the gate that are warnings in this workflow.
    """

    outputs: list[str] = field(default_factory=lambda: ["seg"])
    segmentation_type: str = ""
    empty_segments: str = "omit"
    holes: str = "keyhole"
    time_point: int = 0
    window: list[float] | None = None
    key_images: int = 1
    accept: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        unknown = [name for name in self.outputs if name not in OUTPUT_NAMES]
        if unknown or not self.outputs:
            raise BadInputError(
                f"parameter 'outputs' is {self.outputs}, expected one or more of {', '.join(OUTPUT_NAMES)}",
                remedy=_REMEDY,
            )
        for name, words in CHOICES.items():
            found = getattr(self, name)
            if found not in words:
                expected = " or ".join(filter(None, words))
                raise BadInputError(f"parameter {name!r} is {found!r}, expected {expected}", remedy=_REMEDY)
        if self.time_point < 0 or self.key_images < 1:
            raise BadInputError(
                f"parameters 'time_point' and 'key_images' are {self.time_point} and {self.key_images}, expected at "
                "least 0 and 1",
                remedy=_REMEDY,
            )
        if self.window is not None and (len(self.window) != 2 or not self.window[1] > 0):
            raise BadInputError(
                f"parameter 'window' is {self.window}, expected a centre and a width above 0", remedy=_REMEDY
            )

    @property
    def chosen(self) -> list[str]:
        """The outputs in the order in which they are built, each once."""
        return [name for name in OUTPUT_NAMES if name in self.outputs]
