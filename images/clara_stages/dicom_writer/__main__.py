"""Write a label map as DICOM objects that refer to the source series."""

import logging
from dataclasses import dataclass, field

from pydicom import config

from clara_stages.dicom_writer.grid import check_same_grid
from clara_stages.dicom_writer.label_map import LabelMap, load_label_map
from clara_stages.dicom_writer.outputs import OUTPUTS, Output
from clara_stages.dicom_writer.result_context import ResultContext
from clara_stages.dicom_writer.source_series import SourceSeries, load_source_series
from clara_stages.kit import BadInputError, NothingToDoError, StageIO, run
from clara_stages.kit.files import atomic_path
from clara_stages.kit.instances import write_instance_list

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Params:
    """Parameters of the stage; ``outputs`` names the objects to write."""

    outputs: list[str] = field(default_factory=lambda: ["seg"])


def main(io: StageIO) -> None:
    """Load, check that labels and source share a grid, write each object and read it back."""
    _silence_values()
    io.uses("highdicom", "pydicom")
    chosen = _chosen_outputs(io.params(Params))
    labels = load_label_map(io.reads("labels"))
    source = load_source_series(io.reads("source"))
    check_same_grid(labels, source)
    if labels.is_empty:
        raise NothingToDoError(
            "no label has a voxel: nothing was found, and a segmentation without a segment is no valid object",
            remedy="none needed; the stages that read from this one are skipped",
        )
    context = ResultContext(request=io.request, warn=io.warn)
    instances = [_write(io, output, labels, source, context) for output in chosen]
    write_instance_list(io.writes("instances"), instances)
    io.metric("segments", len(labels.table.labels))


def _chosen_outputs(params: Params) -> list[Output]:
    unknown = [name for name in params.outputs if name not in OUTPUTS]
    if unknown or not params.outputs:
        raise BadInputError(
            f"parameter 'outputs' is {params.outputs}, expected one or more of {', '.join(OUTPUTS)}",
            remedy="correct the workflow's params, or the --param on the command line",
        )
    return [OUTPUTS[name] for name in dict.fromkeys(params.outputs)]


def _write(
    io: StageIO, output: Output, labels: LabelMap, source: SourceSeries, context: ResultContext
) -> dict[str, str]:
    result = output.build(labels, source, context)
    path = io.writes("instances") / output.file
    with atomic_path(path) as partial:
        result.save_as(partial, enforce_file_format=True)
        frames = output.check(partial, labels, source)
    io.metric(f"{path.stem}_frames", frames)
    io.metric(f"{path.stem}_bytes", path.stat().st_size)
    return {
        "file": output.file,
        "sop_class_uid": str(result.SOPClassUID),
        "sop_instance_uid": str(result.SOPInstanceUID),
    }


def _silence_values() -> None:
    """Keep patient data out of the log: pydicom and highdicom quote the values that they find odd."""
    config.settings.reading_validation_mode = config.IGNORE
    config.settings.writing_validation_mode = config.IGNORE
    logging.getLogger("highdicom").setLevel(logging.ERROR)
    logging.getLogger("pydicom").setLevel(logging.ERROR)


if __name__ == "__main__":
    run(main, stage="dicom_writer")
