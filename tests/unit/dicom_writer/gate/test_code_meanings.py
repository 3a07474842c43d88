"""Whether people read of a code what it means: the findings that tell that they do not are in test_altered_headers."""

from dataclasses import replace

from clara_stages.dicom_writer.inputs.label_table import Code
from tests.support.writing import make_job


def code(value, meaning):
    return Code(scheme="SCT", value=value, meaning=meaning)


def test_a_lesion_in_its_region_is_no_finding(tmp_path, examine_all):
    """Its report has the category too, under a name that organs do not need (TID 1411)."""
    job = make_job(tmp_path / "inputs", outputs=("seg", "sr"))
    table = job.segments.table
    lesion = replace(
        table.labels[0],
        category=code("49755003", "Morphologically Abnormal Structure"),
        type=code("4147007", "Mass"),
        anatomic_region=code("10200004", "Liver"),
    )
    segments = replace(job.segments, table=replace(table, labels=(lesion, *table.labels[1:])))
    assert examine_all(replace(job, segments=segments), tmp_path / "results") == []
