from dataclasses import replace

import pytest

from clara_stages.dicom_adapter import matching
from clara_stages.dicom_adapter.config import ConfigError
from clara_stages.dicom_adapter.config.model import ForcedMatch
from clara_stages.dicom_adapter.ledger.arrivals import Match
from clara_stages.dicom_adapter.matching import Matcher, arrival_destinations, judge
from clara_stages.dicom_adapter.workflows import Workflow, WorkflowCatalog
from clara_stages.kit.contract.facts import SAMPLE_STUDY

CT = 'study.series.exists(s, s.modality == "CT")'
ID = "1db65f99-c9b7-4329-ab9c-d519e0557638"


def serves(name="Organ", when="", title="OrganSeg", **more):
    return Workflow(name=name, when=when, called_ae_titles=(title,), **more)


def test_a_workflow_whose_rule_holds_matches_with_the_destinations_of_the_ae_title(make_config):
    judgement = judge((serves(when=CT), serves("Other", title="LiverSeg")), make_config(), SAMPLE_STUDY)
    assert judgement.verdict == "matched"
    assert judgement.matches == (Match(workflow="Organ", destinations=("MYPACS",)),)


def test_several_workflows_match_one_study(make_config):
    assert len(judge((serves("A"), serves("B", CT)), make_config(), SAMPLE_STUDY).matches) == 2


def test_no_match_says_why_each_workflow_of_the_ae_title_did_not(make_config):
    rule = 'study.modalities == ["MR"]'
    judgement = judge((serves("A", rule), serves("B", "study.instances > 999")), make_config(), SAMPLE_STUDY)
    assert judgement.verdict == "no match"
    assert judgement.reason == f"A: {rule} is false; B: study.instances > 999 is false"
    assert judge((), make_config(), SAMPLE_STUDY).reason == "no workflow serves the AE title OrganSeg"


def test_a_rule_that_fails_on_the_facts_holds_the_study_and_the_others_go_on(make_config):
    judgement = judge((serves("A", "study.series[7].rows > 1"), serves("B")), make_config(), SAMPLE_STUDY)
    assert judgement.verdict == "held"
    assert "A: 'study.series[7].rows > 1' cannot be evaluated" in judgement.reason
    assert [item.workflow for item in judgement.matches] == ["B"]


def test_a_broken_file_holds_only_studies_it_could_have_matched(make_config):
    broken = serves("A", title="LiverSeg", fault="A.yaml:3: wrong")
    assert judge((broken,), make_config(), SAMPLE_STUDY).verdict == "no match"
    judgement = judge((broken,), make_config(), {**SAMPLE_STUDY, "called_ae_title": "LiverSeg"})
    assert (judgement.verdict, judgement.reason) == ("held", "A.yaml:3: wrong")


def test_a_file_whose_ae_titles_cannot_be_read_holds_what_nothing_else_matched(make_config):
    unreadable = Workflow(name="A", fault="A.yaml:1: wrong")
    assert judge((unreadable,), make_config(), SAMPLE_STUDY).verdict == "held"
    assert judge((unreadable, serves("B")), make_config(), SAMPLE_STUDY).verdict == "matched"


def test_a_row_of_the_configuration_matches_whatever_the_rule_says(make_config):
    row = ForcedMatch(name="x", clara_ae_title="LiverSeg", destination_name="MYPACS", workflow=ID)
    config = replace(make_config(), forced_matches=(row,))
    workflow = serves("Organ", "study.instances > 999", workflow_id=ID)
    judgement = judge((workflow,), config, {**SAMPLE_STUDY, "called_ae_title": "LiverSeg"})
    assert judgement.matches == (Match(workflow="Organ", destinations=("MYPACS",)),)
    assert judge((workflow,), config, SAMPLE_STUDY).verdict == "no match"
    assert arrival_destinations(config, "LiverSeg") == ("MYPACS",)


def test_a_row_whose_workflow_no_file_has_is_refused_at_start(tmp_path, make_config, make_workflow):
    row = ForcedMatch(name="x", clara_ae_title="LiverSeg", destination_name="MYPACS", workflow=ID, line=7)
    config = replace(make_config(), forced_matches=(row,), file="c.yaml")
    matcher = Matcher(config, WorkflowCatalog(tmp_path))
    with pytest.raises(ConfigError, match=rf"c\.yaml:7: the row 'x' of 'workflows' names the workflow '{ID}'"):
        matcher.check_forced_matches()
    (tmp_path / "A.yaml").write_text(make_workflow("A", workflow_id=ID.upper()))
    matcher.check_forced_matches()


def test_a_folder_of_workflows_that_is_away_holds_the_study(tmp_path, make_config):
    judgement = Matcher(make_config(), WorkflowCatalog(tmp_path / "away")).judge(SAMPLE_STUDY)
    assert judgement.verdict == "held"
    assert "away cannot be read: No such file or directory; mount it, or correct --workflows" in judgement.reason


def test_a_rule_that_breaks_the_evaluator_holds_the_study_and_the_others_go_on(make_config, monkeypatch):
    def overflow(*_, **__):
        raise RecursionError

    monkeypatch.setattr(matching, "evaluate_rule", overflow)
    judgement = judge((serves("A", CT), serves("B")), make_config(), SAMPLE_STUDY)
    assert judgement.verdict == "held"
    assert "fails with RecursionError; correct the rule" in judgement.reason
    assert [match.workflow for match in judgement.matches] == ["B"]
