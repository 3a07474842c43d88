"""What one series was split into."""

from dataclasses import dataclass, field

from clara_stages.dicom_reader.headers.frame import Frame

Value = str | int | float


@dataclass(frozen=True, kw_only=True)
class Part:
    """Frames of one series that belong together.

    Attributes:
        name: Safe as the name of a folder (``[a-z0-9._-]``, at most 48 characters), unique in the series.
        values: Attribute -> its value, for rules: what this part was split by, and each further attribute of
            ``Attributes`` that the header gives and that is the same in all its frames. Image Type is joined with
            ``/``, a direction is its number among those of the part's b-value.
        times: One stack a time point, earliest first; length 1 where there is no time. In a stack, frames go along
            the normal. Stacks of one part may differ in length where a slice is lost: no 4D can be made of it then.
        time_values: One for each of ``times``, ascending; empty where there is no time.
        time_attribute: What ``time_values`` are: an attribute's name, its unit as suffix (``temporal_position``,
            ``trigger_time_ms``, ``acquisition_time_s``, ...), ``frame_number`` in one multi-frame instance, ``index``
            where no attribute orders the frames, "" where there is no time. Acquisition and content times count from
            the first time point, because a date may tell who the patient is.
        explanation: In words, why these frames are a part.
        kind_of: ``stack``: geometry decides whether it is a volume. ``image``: two-dimensional; ``times`` holds one
            frame each. ``refused``: neither; the explanation says why.
    """

    name: str
    times: tuple[tuple[Frame, ...], ...]
    kind_of: str
    values: dict[str, Value] = field(default_factory=dict)
    time_values: tuple[float, ...] = ()
    time_attribute: str = ""
    explanation: str = ""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """All frames, time point by time point."""
        return tuple(frame for stack in self.times for frame in stack)


@dataclass(frozen=True, kw_only=True)
class Split:
    """The parts of one series: each frame is in exactly one.

    Attributes:
        by: What told the parts, or the time points of a part, apart, for a person: ``b-value: 50, 400, 800 s/mm2``.
            Empty where nothing was split.
        parts: Stacks, then images, then what is refused; each kind in the order of its values.
    """

    by: tuple[str, ...]
    parts: tuple[Part, ...]
