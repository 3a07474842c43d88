"""Results of real studies are, for other programs too, what was segmented."""

from dataclasses import replace

import pytest

from tests.support.reading_page import require_same_page
from tests.support.writing_cases import CASES, Written, write_case
from tests.support.writing_judge import Judgement, judge, judge_outputs
from tests.support.writing_page import render_page

pytestmark = [pytest.mark.data, pytest.mark.peers, pytest.mark.system]


@pytest.mark.parametrize("item", CASES, ids=lambda item: item.name)
def test_results_of_a_case_are_what_was_segmented(item):
    assert judge(item).faults == []


def test_the_judge_sees_a_mirrored_segment_in_every_output_that_has_places(tmp_path):
    item = next(item for item in CASES if item.name == "hard-oblique-kanji-charset")
    written = write_case(item, tmp_path)
    mirrored = {number: mask[::-1] for number, mask in written.drawn.masks.items()}
    judgement = Judgement(case=item)
    other = replace(written.drawn, masks=mirrored)
    judge_outputs(judgement, item, Written(folder=tmp_path, drawn=other))
    assert {fault.split(":")[0] for fault in judgement.faults} == {"seg", "rtstruct", "sr"}
    assert any("dcmqi reads" in fault for fault in judgement.faults)
    assert any("plastimatch reads" in fault for fault in judgement.faults)


def test_the_page_says_what_the_writer_does_now():
    require_same_page("writing.md", render_page([judge(item) for item in CASES]))
