"""The part of the stage that makes labels of a SEG or RTSTRUCT of the study."""

import numpy as np

from clara_stages.dicom_reader.annotations.annotation import Annotation
from clara_stages.dicom_reader.annotations.find import find_annotations
from clara_stages.dicom_reader.annotations.match import Match, Verdict, describe_missing_source, match
from clara_stages.dicom_reader.annotations.output import write_segments
from clara_stages.dicom_reader.annotations.read import read_segments
from clara_stages.dicom_reader.annotations.target_grid import SourceSlice, TargetGrid
from clara_stages.dicom_reader.copies import describe_other_files
from clara_stages.dicom_reader.headers.study import Study
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.volume import Volume
from clara_stages.kit import BadInputError, StageIO
from clara_stages.kit.contract import Kind
from clara_stages.kit.contract.rules import RuleError, evaluate_rule

_LISTED = 8
"""Objects that an error lists."""


def write_annotations(io: StageIO, study: Study, volume: Volume, *, form: Kind, rule: str, limits: Limits) -> None:
    """Write the one SEG or RTSTRUCT that a rule selects as labels on the grid of the volume.

    Args:
        io: The output is named as the form.
        study: Where the objects are.
        volume: Gives the grid.
        form: ``label_map`` or ``segment_stack``.
        rule: CEL over ``annotation``; "" matches every object that fits the volume.
        limits: How much an object may ask for.

    Raises:
        BadInputError: No object fits, several do, or the one cannot be read.
    """
    grid = target_grid(volume)
    present = frozenset(frame.instance.series_instance_uid for frame in study.frames)
    annotation, found = choose_annotation(find_annotations(study, limits), grid, rule, present)
    segments = read_segments(annotation, grid, limits, form)
    link = found.reason if found.verdict is not Verdict.INSTANCES else ""
    for note in (link, *segments.notes, *describe_other_files(study, annotation.sop_instance_uid)):
        if note:
            io.warn(f"{annotation.modality} {annotation.label}: {note}")
    write_segments(io.writes(form.value), segments, grid)
    io.metric("segments", len(segments.labels))


def target_grid(volume: Volume) -> TargetGrid:
    """The grid of a volume of one time point, and where its source slices lie in it."""
    plan, grid = volume.plan, volume.grid
    if len(plan.stacks) > 1:
        raise BadInputError("labels are made on one time point", remedy="select a time point, or leave out annotations")
    first = plan.frames[0]
    if not volume.has_place:
        raise BadInputError(
            "the images have no place in the patient that labels could be laid on", remedy="leave out annotations"
        )
    return TargetGrid(
        shape=grid.shape,
        affine_lps=grid.affine_lps,
        frame_of_reference_uid=first.plane.frame_of_reference_uid,
        study_instance_uid=plan.series.study_instance_uid,
        series_instance_uid=plan.series.series_instance_uid,
        slices=tuple(
            SourceSlice(frame.instance.sop_instance_uid, frame.number, frame.plane.position_lps_mm or (0.0, 0.0, 0.0))
            for frame in plan.frames
        ),
        source_origin_index=None if grid.resampling is None else np.asarray(grid.resampling.source_origin_index),
    )


def choose_annotation(
    annotations: tuple[Annotation, ...], grid: TargetGrid, rule: str, present_series: frozenset[str]
) -> tuple[Annotation, Match]:
    """The one object that a rule selects and that fits the grid; of several the one with the strongest link.

    Raises:
        BadInputError: None fits, or several with equally strong links.
    """
    wanted = [item for item in annotations if not rule or _holds(rule, item)]
    matches = [(item, match(item, grid, present_series=present_series)) for item in wanted]
    strongest = max((found.strength for _, found in matches), default=0)
    fitting = [(item, found) for item, found in matches if found.is_accepted and found.strength == strongest]
    if len(fitting) == 1:
        return fitting[0]
    asked = f"the rule {rule}" if rule else "the empty rule"
    if fitting:
        shown = ", ".join(_shown(item) for item, _ in fitting[:_LISTED])
        raise BadInputError(
            f"{len(fitting)} objects fit the volume and {asked}: {shown}",
            remedy='select one: annotation.sop_instance_uid == "..."',
        )
    reasons = "; ".join(f"{_shown(item)}: {_why_not(item, found, present_series)}" for item, found in matches[:_LISTED])
    raise BadInputError(
        f"none of {len(annotations)} SEG and RTSTRUCT objects fits the volume and {asked}"
        + (f" ({reasons})" if reasons else ""),
        remedy="send the object with the study, select another series, or leave out annotations",
    )


def _holds(rule: str, item: Annotation) -> bool:
    facts = {
        "sop_instance_uid": item.sop_instance_uid,
        "series_instance_uid": item.series_instance_uid,
        "modality": item.modality,
        "kind": item.kind.value,
        "segments": [segment.name for segment in item.segments],
    }
    try:
        return evaluate_rule(rule, annotation=facts)
    except RuleError as error:
        raise BadInputError(f"parameter 'annotation': {error}", remedy="correct the rule in the workflow") from None


def _why_not(item: Annotation, found: Match, present_series: frozenset[str]) -> str:
    if item.is_readable and not present_series.intersection(item.referenced_series):
        return describe_missing_source(item)
    return found.reason


def _shown(item: Annotation) -> str:
    return f"{item.modality} {item.label} ({item.sop_instance_uid}, {len(item.segments)} segments)"
