"""From the stage's inputs to a ``Job``: everything loaded, on one grid, in one study."""

from collections.abc import Callable

from clara_stages.dicom_writer.header.source_time import result_moment
from clara_stages.dicom_writer.header.uids import result_uid
from clara_stages.dicom_writer.inputs.grid import check_same_grid
from clara_stages.dicom_writer.inputs.predecessor import Predecessor, load_predecessors
from clara_stages.dicom_writer.inputs.segments import Form, Segments, load_segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack, load_source_stack
from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.params import OUTPUT_NAMES, Params
from clara_stages.kit import BadInputError, StageIO

FORMS = {"labels": Form.LABEL_MAP, "segments": Form.SEGMENT_STACK, "probabilities": Form.PROBABILITY_MAP}
"""Input that holds segments -> how; at most one of them is given."""


def load_job(io: StageIO, params: Params) -> Job:
    """Load every input that the request names.

    Raises:
        BadInputError: An input is missing or broken, segments are given twice, an input lies on another grid than the
            source, or the predecessor belongs to another study.
    """
    segments_input = _segments_input(io)
    warn = _once(io.warn)
    volume = load_volume(io.reads("volume"), params.time_point) if io.has_input("volume") else None
    document = volume.document if volume else None
    source = load_source_stack(io.reads("source"), document=document, time_point=params.time_point)
    segments: Segments | None = None
    if segments_input:
        segments = load_segments(io.reads(segments_input), FORMS[segments_input])
    if segments is not None:
        check_same_grid(segments.affine_ras, segments.shape, source)
        _require_same_volume(segments, source)
    if volume is not None:
        ni, nj, nk = volume.values.shape
        check_same_grid(volume.affine_ras, (ni, nj, nk), source, whose="volume")
    return Job(
        source=source,
        segments=segments,
        volume=volume,
        params=params,
        request=io.request,
        moment=result_moment(source.instances, warn),
        predecessors=_predecessors(io, source, warn),
        warn=warn,
    )


def _require_same_volume(segments: Segments, source: SourceStack) -> None:
    """Segments of one series must not be written for another on the same grid (diffusion and its ADC, two phases)."""
    made_on = segments.table.first_image
    first = source.slices[0]
    if made_on not in (None, (first.sop_instance_uid, first.frame)):
        raise BadInputError(
            "the segments were made on another volume than that of the source: labels.json names an image that is not "
            "the source's first",
            remedy="give the source that was read with the volume of the segments, and its time point",
        )


def _segments_input(io: StageIO) -> str | None:
    given = [name for name in FORMS if io.has_input(name)]
    if len(given) > 1:
        raise BadInputError(
            f"the inputs {' and '.join(given)} are given, expected at most one of {', '.join(FORMS)}",
            remedy="join one of them in the workflow; a second stage writes the other",
        )
    return given[0] if given else None


def _predecessors(io: StageIO, source: SourceStack, warn: Callable[[str], None]) -> dict[str, Predecessor]:
    """The series of an earlier result by output; one with our own UIDs is what this run writes again."""
    if not io.has_input("predecessor"):
        return {}
    found = load_predecessors(io.reads("predecessor"), str(source.first.StudyInstanceUID), warn)
    ours = {name: result_uid(io.request, f"{name} series") for name in OUTPUT_NAMES}
    for name in [name for name, earlier in found.items() if earlier.series_instance_uid in ours.values()]:
        warn(f"the {name} of input predecessor has the UIDs of this result itself: it is not named as a predecessor")
        del found[name]
    return found


def _once(warn: Callable[[str], None]) -> Callable[[str], None]:
    """Say each thing once: what is wrong with a source is wrong with each of its images."""
    said: set[str] = set()

    def say(message: str) -> None:
        if message not in said:
            said.add(message)
            warn(message)

    return say
