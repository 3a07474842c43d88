import pytest

from clara_stages.dicom_writer.seg.build import build
from clara_stages.kit import BadInputError
from tests.support.writing import make_job


def test_probabilities_as_binary_lose_something_and_say_so(write):
    written = write(form="probability_map", params={"segmentation_type": "BINARY"})
    assert written.dataset.SegmentationType == "BINARY"
    assert "probabilities are written as BINARY: a voxel belongs to a segment from 0.5 on" in written.warnings
    assert written.findings_in_full == []


@pytest.mark.parametrize("form", ["label_map", "segment_stack"])
def test_masks_are_no_probabilities(tmp_path, form):
    job = make_job(tmp_path, form=form, params={"segmentation_type": "FRACTIONAL"})
    with pytest.raises(BadInputError, match=f"holds probabilities, the segments are a {form}"):
        list(build(job))


@pytest.mark.parametrize("form", ["segment_stack", "probability_map"])
def test_overlapping_segments_make_no_label_map(tmp_path, form):
    job = make_job(tmp_path, form=form, params={"segmentation_type": "LABELMAP"})
    first, _, third = (job.segments.mask(number) for number in (1, 2, 3))
    with pytest.raises(BadInputError, match=rf"^{int((first & third).sum())} voxels belong to more than one segment"):
        list(build(job))
