"""The kinds of DICOM object that this stage writes, by the names of the parameter ``outputs``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from pydicom.dataset import Dataset

from clara_stages.dicom_writer.gate.finding import Finding
from clara_stages.dicom_writer.job import Job


@dataclass(frozen=True, kw_only=True)
class Output:
    """One type of object, in a package of its own with the modules ``build`` and ``check``.

    Attributes:
        package: Below ``clara_stages.dicom_writer``. Its ``build.build(job)`` yields (file name, data set), all of one
            series; its ``check.check(files, job)`` reads the written files alone and yields what is wrong with them.
        needs_frame_of_reference: Whether the object states places in the patient, so that it cannot be made where the
            source has no Frame of Reference UID.
        needs_segments: Whether the object says something about segments, so that it cannot be made without any.
    """

    package: str
    needs_frame_of_reference: bool = False
    needs_segments: bool = True

    def build(self, job: Job) -> Iterator[tuple[str, Dataset]]:
        """The objects and their file names. Heavy libraries load only here."""
        module = import_module(f"clara_stages.dicom_writer.{self.package}.build")
        builder: Callable[[Job], Iterator[tuple[str, Dataset]]] = module.build
        return builder(job)

    def check(self, files: Sequence[Path], job: Job) -> Iterator[Finding]:
        """What is wrong with the written files, seen from the files and the inputs alone."""
        module = import_module(f"clara_stages.dicom_writer.{self.package}.check")
        checker: Callable[[Sequence[Path], Job], Iterator[Finding]] = module.check
        return checker(files, job)


OUTPUTS: dict[str, Output] = {
    "image": Output(package="image_series", needs_frame_of_reference=True, needs_segments=False),
    "seg": Output(package="seg", needs_frame_of_reference=True),
    "rtstruct": Output(package="rtstruct", needs_frame_of_reference=True),
    "sr": Output(package="sr"),
    "sc": Output(package="secondary_capture"),
    "pdf": Output(package="pdf"),
    "key_object": Output(package="key_object"),
}
"""Name in the workflow -> how it is made and checked; ``params.OUTPUT_NAMES`` has the same names and order."""
