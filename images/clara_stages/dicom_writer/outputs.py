"""The kinds of DICOM object that this stage writes, by the names of the parameter ``outputs``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import FileDataset

from clara_stages.dicom_writer.check_segmentation import check_segmentation
from clara_stages.dicom_writer.label_map import LabelMap
from clara_stages.dicom_writer.result_context import ResultContext
from clara_stages.dicom_writer.seg import build_segmentation
from clara_stages.dicom_writer.source_series import SourceSeries


@dataclass(frozen=True, kw_only=True)
class Output:
    """One type of object.

    Attributes:
        file: Its name in the output folder.
        build: Makes the object; pure.
        check: Reads the written file back, raises BadInputError where it does not say what the label map says, and
            returns the number of frames.
    """

    file: str
    build: Callable[[LabelMap, SourceSeries, ResultContext], FileDataset]
    check: Callable[[Path, LabelMap, SourceSeries], int]


OUTPUTS: dict[str, Output] = {"seg": Output(file="seg.dcm", build=build_segmentation, check=check_segmentation)}
"""Name in the workflow -> how it is made and checked; ``stage.yaml`` lists the same names."""
