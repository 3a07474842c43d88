"""What a segment is called across objects, so that a report's measurements find their segment again."""

from clara_stages.dicom_writer.header.text import long_string
from clara_stages.dicom_writer.inputs.label_table import Label
from clara_stages.dicom_writer.job import Job


def tracking(job: Job, label: Label) -> tuple[str, str]:
    """Tracking Identifier and Tracking UID of a segment, the same in every object of one result.

    PS3.3 C.8.20.2 (0062,0020), (0062,0021) and PS3.16 TID 1411 rows "Tracking Identifier" and "Tracking Unique
    Identifier". Segment numbers are unique in a table, names need not be.

    Args:
        job: The call.
        label: One of its segments.

    Returns:
        The identifier, for people; the UID.
    """
    identifier = f"{long_string(label.name)} ({label.segment_number})"
    return identifier, job.uid(f"tracking segment {label.segment_number}")
