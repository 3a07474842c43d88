"""Reading an annotation of any kind onto the grid of a volume."""

from clara_stages.dicom_reader.annotations.annotation import Annotation, AnnotationKind
from clara_stages.dicom_reader.annotations.rtstruct import read_rtstruct
from clara_stages.dicom_reader.annotations.seg import read_seg
from clara_stages.dicom_reader.annotations.segments import Segments, require_readable
from clara_stages.dicom_reader.annotations.target_grid import TargetGrid
from clara_stages.dicom_reader.limits import Limits
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom
from clara_stages.kit.contract.kinds import Kind


def read_segments(annotation: Annotation, grid: TargetGrid, limits: Limits, kind: Kind = Kind.LABEL_MAP) -> Segments:
    """The segments of an annotation on a grid; whether it belongs there is for ``match`` to say.

    Args:
        annotation: From ``find_annotations``.
        grid: Of the volume.
        limits: What may be allocated.
        kind: ``label_map``, ``segment_stack``, or ``probability_map`` of a FRACTIONAL SEG.

    Raises:
        BadInputError: The object cannot be read, does not lie on the grid, or segments overlap in a label map.
        NothingToDoError: A stack was asked for and no segment has a voxel.
    """
    require_readable(annotation, kind)
    read = read_rtstruct if annotation.kind is AnnotationKind.RTSTRUCT else read_seg
    with quiet_pydicom():
        return read(annotation, grid, limits, kind)
