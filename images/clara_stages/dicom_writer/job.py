"""What every writer gets: the segments, the source, the volume, the run, and what was written before."""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.header.character_set import CharacterSets
from clara_stages.dicom_writer.header.equipment import acquisition_equipment, processing_equipment
from clara_stages.dicom_writer.header.patient_study import patient_and_study
from clara_stages.dicom_writer.header.uids import result_uid
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.segments import Segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack
from clara_stages.dicom_writer.inputs.volume import Volume
from clara_stages.dicom_writer.params import Params
from clara_stages.kit import BadInputError
from clara_stages.kit.contract import StageRequest

if TYPE_CHECKING:
    from clara_stages.dicom_writer.measurements import SegmentMeasurements


@dataclass(frozen=True, kw_only=True)
class Job:
    """One call of the stage. Writers are pure: equal jobs make equal bytes.

    Attributes:
        source: The images that results refer to.
        segments: What was found, on the grid of the volume; None where the stage has no such input.
        volume: The voxel values that are measured, shown or written as images; None where the stage has no such input.
        params: How to write.
        request: Its key, installation and rollout mode make the UIDs.
        moment: The date and time of all results: the source's, in its own time zone (``result_moment``).
        predecessors: Output name -> the series that an earlier software or model made of the same study.
        written: Output name -> data sets that this run has built so far, in the order of ``OUTPUTS``. A report refers
            to the segmentation in it.
        warn: Tells the person who looks at the run; attributes are named, values never.
    """

    source: SourceStack
    segments: Segments | None = None
    volume: Volume | None = None
    params: Params = field(default_factory=Params)
    request: StageRequest
    moment: datetime.datetime
    predecessors: Mapping[str, Predecessor] = field(default_factory=dict)
    written: dict[str, list[Dataset]] = field(default_factory=dict)
    warn: Callable[[str], None]

    def uid(self, role: str) -> str:
        """The UID of one role in this result, for example ``seg instance``, ``sc series`` or ``sc instance 17``."""
        return result_uid(self.request, role)

    def require_segments(self, output: str) -> Segments:
        """The segments. Raises BadInputError where there are none, naming the output that needs them."""
        if self.segments is None:
            raise BadInputError(
                f"output {output!r} needs segments, none of the inputs labels, segments, probabilities is given",
                remedy=f"join one of them in the workflow, or take {output!r} out of outputs",
            )
        return self.segments

    def require_volume(self, output: str) -> Volume:
        """The volume. Raises BadInputError where there is none, naming the output that needs it."""
        if self.volume is None:
            raise BadInputError(
                f"output {output!r} needs the voxel values, input volume is not given",
                remedy=f"join volume (for example read.volume) in the workflow, or take {output!r} out of outputs",
            )
        return self.volume

    @property
    def described_labels(self) -> tuple[Label, ...]:
        """The labels that results tell of, in order of segment number; empty ones only where the workflow keeps them.

        Raises:
            BadInputError: There are no segments.
        """
        table = self.require_segments("segments").table
        return (*table.labels, *table.absent) if self.params.empty_segments == "keep" else table.labels

    @cached_property
    def measurements(self) -> "tuple[SegmentMeasurements, ...]":
        """What is measured of each segment: once for all reports."""
        from clara_stages.dicom_writer.measurements import measure_segments  # which needs a job itself

        return measure_segments(self)

    @cached_property
    def patient_and_study(self) -> Dataset:
        """What every result says of patient and study; the source's faults are warned of once."""
        return patient_and_study(self.source.first, self.warn)

    @cached_property
    def character_sets(self) -> CharacterSets:
        """Sets the character set of each result."""
        return CharacterSets(self.source.first, self.warn)

    @cached_property
    def contributing_equipment(self) -> tuple[Dataset, ...]:
        """The items that say what acquired the source and that clara-ops processed it."""
        table = self.segments.table if self.segments else None
        ours = processing_equipment(
            algorithm=f"{table.algorithm.name} {table.algorithm.version}" if table else "",
            installation=self.request.installation,
            description=table.intended_use if table else "",
            moment=self.moment,
        )
        acquisition = acquisition_equipment(self.source.first)
        return (ours,) if acquisition is None else (acquisition, ours)
