"""The attributes that may tell the volumes of one series apart, in the order in which they are tried.

Physics first, because it names a volume by what it shows: a b-value is asked for in a workflow, an acquisition number
is not. What is only a consequence (the time at which a b-value was acquired) comes after its cause. Times are tried
when nothing else differs at one place, since they differ between any two images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from clara_stages.dicom_reader.headers.frame import Frame


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One attribute that may tell volumes apart.

    Attributes:
        attribute: Its name in ``Part.values``.
        words: Its name in messages.
        read: Its value in a frame; None, "" or () where the header does not say it.
        name: How the value stands in a part's name, for ``str.format``.
        unit: In messages.
        absolute: Numbers closer than this are one value: the rounding of text.
        relative: Added to it, as a part of the value.
        vector_tolerance: For directions: of each component.
        numbered: The value says nothing in a name, so that the parts are counted from 1.
        least_places: Of each group.
        absent: How a value that the header does not say stands in a part's name.
    """

    attribute: str
    words: str
    read: Callable[[Frame], Any]
    name: str
    unit: str = ""
    absolute: float = 0.0
    relative: float = 0.0
    vector_tolerance: float | None = None
    numbered: bool = False
    least_places: int = 2
    absent: str = "other"


def _of(attribute: str) -> Callable[[Frame], Any]:
    return attrgetter(f"attributes.{attribute}")


def _matrix(frame: Frame) -> tuple[int, ...]:
    return (frame.plane.columns, frame.plane.rows)


def _pixel_spacing(frame: Frame) -> tuple[float, ...]:
    return frame.plane.pixel_spacing_mm or ()


def _rescale(frame: Frame) -> tuple[float, ...]:
    slope, intercept = frame.rescale.slope, frame.rescale.intercept
    return () if slope is None or intercept is None else (slope, intercept)


IMAGE_TYPE = Candidate(
    attribute="image_type", words="image type", read=_of("image_type"), name="type{}", least_places=1
)
"""A single image may be told apart by it: a monitoring slice, a screenshot."""

COMPONENT = Candidate(attribute="component", words="component", read=_of("component"), name="{}")
QUANTITY = Candidate(attribute="quantity", words="quantity", read=_of("quantity"), name="{}")
UNITS = Candidate(attribute="units", words="PET units", read=attrgetter("rescale.units"), name="{}")

STACK_ID = Candidate(attribute="stack_id", words="stack", read=_of("stack_id"), name="stack{}")

ACQUISITION_NUMBER = Candidate(
    attribute="acquisition_number", words="acquisition number", read=_of("acquisition_number"), name="acq{}"
)

SEPARATORS: tuple[Candidate, ...] = (
    # Named quantities: where some images do not say theirs, and repeat the places of those that do.
    COMPONENT,
    QUANTITY,
    UNITS,
    # Diffusion: b-values of up to 10000 are written with a rounding of 1 or 2 units; low ones are 10 apart.
    Candidate(
        attribute="b_value", words="b-value", read=_of("b_value"), name="b{:.6g}", unit="s/mm2", absolute=1.0,
        relative=0.002, absent="no-b",
    ),
    Candidate(
        attribute="diffusion_direction", words="diffusion direction", read=_of("diffusion_direction"), name="dir{}",
        vector_tolerance=1e-3, numbered=True,
    ),
    # Echoes: the number before the time, which jitters by hundredths; echoes are tenths of a millisecond apart.
    Candidate(attribute="echo_number", words="echo", read=_of("echo_number"), name="echo{}"),
    Candidate(
        attribute="echo_time_ms", words="echo time", read=_of("echo_time_ms"), name="te{:.6g}ms", unit="ms",
        absolute=0.05,
    ),
    Candidate(
        attribute="inversion_time_ms", words="inversion time", read=_of("inversion_time_ms"), name="ti{:.6g}ms",
        unit="ms", absolute=0.5,
    ),
    Candidate(
        attribute="flip_angle_degrees", words="flip angle", read=_of("flip_angle_degrees"), name="fa{:.6g}",
        unit="degrees", absolute=0.05,
    ),
    # CT: the same scan at several energies, or reconstructed several times.
    Candidate(
        attribute="energy_kev", words="energy", read=_of("energy_kev"), name="energy{:.6g}kev", unit="keV",
        absolute=0.1,
    ),
    Candidate(attribute="kvp", words="tube voltage", read=_of("kvp"), name="kvp{:.6g}", unit="kV", absolute=0.5),
    Candidate(attribute="kernel", words="kernel", read=_of("kernel"), name="kernel-{}"),
    Candidate(
        attribute="slice_thickness_mm", words="slice thickness", read=_of("slice_thickness_mm"), name="thick{:.6g}mm",
        unit="mm", absolute=0.01,
    ),
    # A phase that somebody named is a volume of its own; phases that are only times are points of one 4D.
    Candidate(attribute="contrast_phase", words="contrast phase", read=_of("contrast_phase"), name="{}"),
    Candidate(attribute="scanning_sequence", words="sequence", read=_of("scanning_sequence"), name="seq-{}"),
    Candidate(attribute="coil", words="coil", read=_of("coil"), name="coil-{}"),
    # After all that it follows from: the tail of Image Type names what vendors like.
    IMAGE_TYPE,
    # Volumes that differ in what geometry could not join anyway.
    Candidate(
        attribute="sop_class", words="SOP class", read=attrgetter("instance.sop_class_uid"), name="class{}",
        numbered=True,
    ),
    Candidate(attribute="matrix", words="matrix", read=_matrix, name="{0[0]}x{0[1]}"),
    Candidate(
        attribute="pixel_spacing", words="pixel spacing", read=_pixel_spacing, name="spacing{}",
        vector_tolerance=1e-3, numbered=True,
    ),
    Candidate(
        attribute="frame_of_reference", words="frame of reference",
        read=attrgetter("plane.frame_of_reference_uid"), name="reference{}", numbered=True,
    ),
)  # fmt: skip
"""Tried in this order; the values of each are volumes of their own, never time points."""

TIMES: tuple[Candidate, ...] = (
    # What counts or names time points first, then clocks.
    Candidate(attribute="temporal_position", words="temporal position", read=_of("temporal_position"), name="t{}"),
    Candidate(attribute="time_slot", words="time slot", read=_of("time_slot"), name="slot{}"),
    Candidate(
        attribute="cardiac_phase_percent", words="cardiac phase", read=_of("cardiac_phase_percent"),
        name="cardiac{:.6g}", unit="%", absolute=0.05,
    ),
    Candidate(
        attribute="respiratory_phase_percent", words="respiratory phase", read=_of("respiratory_phase_percent"),
        name="respiratory{:.6g}", unit="%", absolute=0.05,
    ),
    Candidate(
        attribute="trigger_time_ms", words="trigger time", read=_of("trigger_time_ms"), name="trigger{:.6g}ms",
        unit="ms", absolute=1.0,
    ),
    Candidate(
        attribute="frame_reference_time_ms", words="frame reference time", read=_of("frame_reference_time_ms"),
        name="time{:.6g}ms", unit="ms", absolute=1.0,
    ),
    # Before the acquisition's time: its number is the same for all slices of a helical scan, their times are not.
    ACQUISITION_NUMBER,
    Candidate(
        attribute="acquisition_time_s", words="acquisition time", read=_of("acquisition_time_s"), name="time{}",
        unit="s", absolute=1e-4, numbered=True,
    ),
    # When an image was made, not when its data was acquired. Time points only where no acquisition time is known;
    # else one acquisition was reconstructed or copied twice.
    Candidate(
        attribute="content_time_s", words="content time", read=_of("content_time_s"), name="time{}", unit="s",
        absolute=1e-4, numbered=True,
    ),
)  # fmt: skip
"""Tried in this order once no separator differs at one place; their values are time points of one 4D where each covers
the same places."""

OF_ONE_VOLUME = (
    "b_value", "diffusion_direction", "echo_number", "echo_time_ms", "energy_kev", "kvp", "kernel",
    "slice_thickness_mm", "contrast_phase",
)  # fmt: skip
"""What all slices of one volume share. Where no place repeats they may be one stack all the same (a series of which
parts did not arrive looks so too), and a person must be told."""

ACQUISITION_TIME, CONTENT_TIME = "acquisition_time_s", "content_time_s"
CLOCKS = (ACQUISITION_TIME, CONTENT_TIME)
"""Times of day: shown from the first time point on."""

RESCALE = Candidate(
    attribute="rescale", words="rescale slope and intercept", read=_rescale, name="rescale{}",
    vector_tolerance=0.0, numbered=True,
)  # fmt: skip


def dimension_candidate(column: int) -> Candidate:
    """One column of Dimension Index Values (PS3.3 C.7.6.17): an order that the writer gave without saying of what."""

    def read(frame: Frame) -> int | None:
        values = frame.attributes.dimension_index_values
        return values[column] if column < len(values) else None

    number = column + 1
    return Candidate(
        attribute=f"dimension_{number}", words=f"dimension index {number}", read=read, name=f"dim{number}-{{}}"
    )
