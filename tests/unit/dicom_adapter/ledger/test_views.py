from types import SimpleNamespace

import pytest

from clara_stages.dicom_adapter.ledger.views import study_state


def arrival(verdict="matched", reason="", superseded_by=None):
    return SimpleNamespace(verdict=verdict, reason=reason, superseded_by=superseded_by)


def pair(state, workflow="W", reason=""):
    return SimpleNamespace(state=state, workflow=workflow, reason=reason)


@pytest.mark.parametrize(
    ("states", "delivered", "expected"),
    [
        (["offered"], [], "complete"),
        (["leased"], [], "complete"),
        (["offered", "running"], [], "running"),
        (["running", "held"], [], "held"),
        (["running", "failed"], [], "failed"),
        (["succeeded", "succeeded"], [], "done"),
        (["succeeded"], [("P", "sent", "")], "delivered"),
        (["succeeded", "not_analysed"], [("P", "sent", "")], "delivered"),
        (["succeeded"], [("P", "sent", ""), ("Q", "pending", "down")], "running"),
        (["succeeded"], [("P", "sent", ""), ("Q", "failed", "A900")], "failed"),
        (["not_analysed"], [], "not analysed"),
        (["succeeded", "not_analysed"], [], "done"),
        (["superseded"], [], "superseded"),
        (["superseded", "succeeded"], [], "done"),
    ],
)
def test_the_state_of_a_study_follows_from_its_pairs_and_deliveries(states, delivered, expected):
    assert study_state(arrival(), [pair(item) for item in states], delivered)[0] == expected


def test_a_study_without_pairs_says_why():
    assert study_state(arrival("no match", "A: rule is false"), [], []) == ("no match", "A: rule is false")
    assert study_state(arrival("held", "A.yaml:3: wrong"), [], []) == ("held", "A.yaml:3: wrong")
    assert study_state(arrival("held", "A.yaml:3: wrong", "a2"), [], [])[0] == "superseded"


def test_a_held_workflow_shows_while_another_one_runs():
    assert study_state(arrival("held", "A.yaml:3: wrong"), [pair("running")], []) == ("held", "A.yaml:3: wrong")
    assert study_state(arrival("held", "A.yaml:3: wrong"), [pair("failed")], [])[0] == "failed"


def test_the_reason_names_workflow_and_destination():
    assert study_state(arrival(), [pair("failed", "Organ", "no GPU")], []) == ("failed", "Organ: no GPU")
    reason = study_state(arrival(), [pair("succeeded")], [("PACS", "failed", "refused (A900)")])[1]
    assert reason == "delivery to PACS: refused (A900)"
