"""What can never be in one volume: images that measure different things."""

from collections.abc import Callable, Sequence

import numpy as np

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.dicom_reader.sop_classes import SLICE_CLASSES, ObjectKind
from clara_stages.dicom_reader.splitting.candidates import COMPONENT, IMAGE_TYPE, QUANTITY, UNITS, Candidate
from clara_stages.dicom_reader.splitting.clusters import Labels
from clara_stages.dicom_reader.splitting.columns import UNKNOWN, Column, build_column
from clara_stages.dicom_reader.splitting.places import Places
from clara_stages.dicom_reader.splitting.steps import Group, build_steps

MEASURED = frozenset(
    {
        # Diffusion: maps made of the images, and the images averaged over directions.
        "ADC", "EADC", "TRACEW", "TRACE", "FA", "COLFA", "TENSOR", "TENSOR_B0", "ISOTROPIC",
        # Perfusion.
        "CBF", "CBV", "RCBF", "RCBV", "MTT", "TTP", "TMAX", "PBP", "GBP", "KTRANS",
        # Relaxation and field maps.
        "T1 MAP", "T2 MAP", "T2_STAR MAP", "R2_STAR MAP", "T1_MAP", "T2_MAP", "T2_STAR_MAP", "R1_MAP", "R2_MAP",
        "R2_STAR_MAP", "PD_MAP", "B0_MAP", "B1_MAP", "PHASE MAP", "FIELD_MAP", "UNI",
        # Fat and water.
        "WATER", "FAT", "IN_PHASE", "OUT_PHASE", "OPP_PHASE", "FAT_FRACTION", "WATER_FRACTION", "W", "F", "IP", "OP",
        "FF",
        # Projections, differences, averages, statistics: values of several images in one.
        "MIP", "MINIP", "MAXIP", "MNIP", "PROJECTION IMAGE", "MAX_IP", "MIN_IP", "SUB", "SUBTRACTION", "MEAN",
        "AVERAGE", "STDDEV", "T-MAP", "T_TEST", "SWI", "MSWI",
        # Spectral CT.
        "IODINE", "IODINE_MAP", "VNC", "VIRTUAL_NON_CONTRAST", "EFF_ATOMIC_NUM", "EFFECTIVE_Z", "ELECTRON_DENSITY",
        "MAT_SPECIFIC", "MAT_FRACTIONAL", "MAT_REMOVED", "MAT_VALUE_BASED", "Z_EFF", "RHO",
    }
)  # fmt: skip
"""Values of Image Type that say what was measured or computed: those that PS3.3 C.8.13.3.1.4, C.8.15.2.1 and
C.8.16.2 define, and those that vendors write in classic objects. The others (``NORM``, ``DIS2D``, ``HELIX``) say how,
and may differ from slice to slice of one volume."""

LOCALIZER = "LOCALIZER"
"""Image Type value 3 of a CT projection, whose values are no Hounsfield units (PS3.3 C.8.2.1.1.1)."""

_GREY = ("MONOCHROME1", "MONOCHROME2", "")
"""Photometric interpretations with one value a pixel, "" where the header does not say one."""


def measured(frame: Frame) -> str:
    """The values of Image Type that say what a frame measures, sorted and joined, or ""."""
    return "-".join(sorted(MEASURED.intersection(frame.attributes.image_type)))


def is_colour(frame: Frame) -> bool:
    """Whether the pixels are colours."""
    pixels = frame.instance.pixels
    return pixels.samples_per_pixel > 1 or pixels.photometric_interpretation not in _GREY


def modality_of(frame: Frame) -> str:
    """``ct``, ``mr`` or ``pt`` of slices, ``image`` of two-dimensional classes."""
    return SLICE_CLASSES.get(frame.instance.sop_class_uid, "image").lower()


def is_slice(frame: Frame) -> bool:
    """Whether a frame may be a slice of a volume, by its class."""
    return frame.instance.kind is ObjectKind.SLICES


def is_localizer(frame: Frame) -> bool:
    """Whether a CT says that it is a projection."""
    return modality_of(frame) == "ct" and frame.attributes.image_type[2:3] == (LOCALIZER,)


def divide_by_quantity(frames: Sequence[Frame], places: Places, rows: Labels) -> list[list[Group]]:
    """All decisions that separate different quantities; each divides the groups of the one before.

    Returns:
        Of each final group its chain of decisions, whose last holds the frames; empty where there is one quantity.
    """
    decisions: list[Callable[[Labels], list[Group]]] = [
        lambda part: _divide_known(_MEASURED, frames, part, has_unknown=False),
        *(
            lambda part, candidate=candidate: _divide_known(candidate, frames, part)
            for candidate in (COMPONENT, QUANTITY, UNITS)
        ),
        lambda part: _divide_by_type(frames, part, places.orientations[part]),
        lambda part: _divide_by_type(frames, part, _matrices([frames[row] for row in part])),
    ]
    chains: list[tuple[list[Group], Labels]] = [([], rows)]
    for decide in decisions:
        following: list[tuple[list[Group], Labels]] = []
        for chain, part in chains:
            groups = decide(part)
            following += [([*chain, group], group.rows) for group in groups] if groups else [(chain, part)]
        chains = following
    return [chain for chain, _ in chains]


_MEASURED = Candidate(attribute="measured", words="measured quantity", read=measured, name="{}", absent="")


def _divide_known(
    candidate: Candidate, frames: Sequence[Frame], rows: Labels, *, has_unknown: bool = True
) -> list[Group]:
    """Groups of frames that name different values; those that name none belong to the only one that is named."""
    column = build_column(candidate, [frames[row] for row in rows])
    found = sorted(set(column.labels.tolist()), key=lambda label: (label == UNKNOWN, label))
    named = [label for label in found if label != UNKNOWN]
    if len(found) < 2 or (has_unknown and len(named) < 2):
        return []
    return _groups(column, rows, found)


def _groups(column: Column, rows: Labels, labels: Sequence[int]) -> list[Group]:
    steps = build_steps(column.candidate, [column.value(label) for label in labels])
    return [Group(rows=rows[column.labels == label], step=step) for label, step in zip(labels, steps, strict=True)]


def _matrices(frames: Sequence[Frame]) -> Labels:
    sizes = [(frame.plane.rows, frame.plane.columns) for frame in frames]
    numbers = {size: number for number, size in enumerate(sorted(set(sizes)))}
    return np.array([numbers[size] for size in sizes], dtype=np.int64)


def _divide_by_type(frames: Sequence[Frame], rows: Labels, shapes: Labels) -> list[Group]:
    """Groups where Image Type explains why frames have several shapes (orientations, matrix sizes).

    Types that share a shape stay together, so that a type which varies in one stack divides nothing. Three
    orientations of one type are not divided: nothing but their directions says that they were not meant as one.
    """
    if len(set(shapes.tolist())) < 2:
        return []
    types = [frames[row].attributes.image_type for row in rows]
    joined = _join(list(zip(types, shapes.tolist(), strict=True)))
    first_types = sorted({joined[kind] for kind in types})
    if len(first_types) < 2:
        return []
    steps = build_steps(IMAGE_TYPE, first_types)
    labels = np.array([first_types.index(joined[kind]) for kind in types])
    return [Group(rows=rows[labels == number], step=step) for number, step in enumerate(steps)]


def _join(pairs: list[tuple[tuple[str, ...], int]]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For each type the least of those that it shares shapes with, directly or over others."""
    shapes_of: dict[tuple[str, ...], set[int]] = {}
    types_of: dict[int, set[tuple[str, ...]]] = {}
    for kind, shape in set(pairs):
        shapes_of.setdefault(kind, set()).add(shape)
        types_of.setdefault(shape, set()).add(kind)
    joined: dict[tuple[str, ...], tuple[str, ...]] = {}
    for first in sorted(shapes_of):
        waiting = [] if first in joined else [first]
        while waiting:
            kind = waiting.pop()
            if kind in joined:
                continue
            joined[kind] = first
            for shape in shapes_of[kind]:
                waiting += [other for other in types_of[shape] if other not in joined]
                types_of[shape] = set()
    return joined
