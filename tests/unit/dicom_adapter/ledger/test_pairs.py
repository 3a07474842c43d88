import threading
import time

import pytest
from sqlalchemy import select, update

from clara_stages.dicom_adapter.ledger import arrivals as ledger_arrivals
from clara_stages.dicom_adapter.ledger import intake, pairs, schema
from clara_stages.dicom_adapter.ledger.arrivals import Judgement, Match, NewArrival
from clara_stages.dicom_adapter.ledger.intake import ReceivedInstance
from clara_stages.dicom_adapter.ledger.pairs import PairConflictError, UnknownPairError
from clara_stages.dicom_adapter.ledger.views import view_arrival


def receive(ledger, number=1, study="1.2"):
    ledger.write(
        lambda c: intake.record_instance(
            c,
            ReceivedInstance(
                called_ae_title="OrganSeg",
                calling_ae_title="CT",
                study_instance_uid=study,
                sop_instance_uid=f"{study}.{number}",
                sop_class_uid="1",
                transfer_syntax_uid="2",
                dataset_digest=f"d{number}",
                file=f"f{number}",
                size_bytes=1,
                association_id="a",
            ),
        )
    )
    return ledger.read(lambda c: ledger_arrivals.find_study(c, "OrganSeg", study))


def arrive(ledger, name="a1", study="1.2", *workflows):
    row = receive(ledger, study=study)
    matches = tuple(Match(workflow=item, destinations=("MYPACS",)) for item in workflows or ("Organ",))
    arrival = NewArrival(
        arrival_id=name,
        study_id=row.id,
        study_digest=name,
        instances=1,
        received_at=time.time(),
        seen_changes=row.changes,
        judgement=Judgement(verdict="matched", matches=matches),
    )
    return ledger.write(lambda c: ledger_arrivals.record_arrival(c, arrival))


def lease(ledger, limit=16, lease_s=60, overdue_s=600):
    return ledger.write(lambda c: pairs.lease(c, limit=limit, lease_s=lease_s, overdue_s=overdue_s))


def leased(ledger, **more):
    return [(item["arrival_id"], item["workflow"]) for item in lease(ledger, **more)["pairs"]]


def confirm(ledger, arrival="a1", workflow="Organ", run=None):
    run = run or f"dicom__{arrival}"
    return ledger.write(lambda c: pairs.confirm(c, arrival_id=arrival, workflow=workflow, dag_run_id=run))


def release(ledger, arrival="a1", workflow="Organ", reason="no such DAG"):
    return ledger.write(lambda c: pairs.release(c, arrival_id=arrival, workflow=workflow, reason=reason))


def close(ledger, state, arrival="a1", workflow="Organ", run=None, reason=""):
    run = run or f"dicom__{arrival}"
    return ledger.write(lambda c: pairs.close(c, workflow=workflow, dag_run_id=run, state=state, reason=reason))


def state(ledger, arrival="a1"):
    view = ledger.read(lambda c: view_arrival(c, arrival))
    return view["state"], [item["state"] for item in view["pairs"]]


def make_due(ledger):
    """As if every back-off and lease had run out."""
    ledger.write(lambda c: c.execute(update(schema.pairs).values(due_at=0)))


def test_a_leased_pair_carries_what_the_dag_run_gets(ledger):
    arrive(ledger)
    assert lease(ledger) == {
        "pairs": [
            {
                "arrival_id": "a1",
                "workflow": "Organ",
                "dag_run_id": "dicom__a1",
                "conf": {"study": "a1", "destinations": ["MYPACS"]},
            }
        ],
        "overdue": [],
    }


def test_the_oldest_are_leased_first_and_nobody_gets_them_again(ledger):
    for number in range(4):
        arrive(ledger, f"a{number}", f"1.{number}")
    assert [name for name, _ in leased(ledger, limit=3)] == ["a0", "a1", "a2"]
    assert [name for name, _ in leased(ledger)] == ["a3"]
    assert leased(ledger) == []


def test_every_pair_goes_to_one_of_many_dispatchers(ledger):
    for number in range(20):
        arrive(ledger, f"a{number}", f"1.{number}", "A", "B")
    taken: list[tuple[str, str]] = []
    threads = [threading.Thread(target=lambda: taken.extend(leased(ledger, limit=7))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_a_lease_that_ran_out_is_offered_again(ledger):
    arrive(ledger)
    assert leased(ledger)
    make_due(ledger)
    assert ledger.read(lambda c: pairs.count_offers(c, 600)) == (1, 0)
    assert leased(ledger) == [("a1", "Organ")]


def test_a_clock_that_is_set_back_holds_no_study_up(ledger):
    day_s = 86400
    arrive(ledger)
    ledger.write(lambda c: c.execute(update(schema.pairs).values(due_at=schema.pairs.c.due_at + day_s)))
    assert leased(ledger) == [("a1", "Organ")]
    release(ledger)
    assert leased(ledger) == []
    ledger.write(lambda c: c.execute(update(schema.pairs).values(due_at=schema.pairs.c.due_at + day_s)))
    assert leased(ledger) == [("a1", "Organ")]


def test_a_confirmed_pair_runs_and_is_never_offered_again(ledger):
    arrive(ledger)
    lease(ledger)
    assert confirm(ledger) == confirm(ledger) == "running"
    make_due(ledger)
    assert leased(ledger) == []
    assert state(ledger) == ("running", ["running"])


def test_a_confirmation_of_a_run_that_already_ended_changes_nothing(ledger):
    arrive(ledger)
    lease(ledger)
    assert close(ledger, "succeeded") == "succeeded"
    assert confirm(ledger) == "succeeded"
    assert state(ledger) == ("done", ["succeeded"])


def test_a_released_pair_waits_longer_each_time(ledger):
    arrive(ledger)
    waits = []
    for _ in range(8):
        assert leased(ledger)
        answer, retry_at = release(ledger)
        assert answer == "held"
        waits.append(round(retry_at - time.time()))
        assert leased(ledger) == []
        make_due(ledger)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    view = ledger.read(lambda c: view_arrival(c, "a1"))
    assert (view["state"], view["reason"]) == ("held", "Organ: no such DAG")
    assert leased(ledger)
    assert confirm(ledger) == "running"
    assert state(ledger) == ("running", ["running"])


def test_a_running_pair_cannot_be_released(ledger):
    arrive(ledger)
    confirm(ledger)
    with pytest.raises(PairConflictError, match="is running, expected a leased one"):
        release(ledger)


def test_a_foreign_run_id_confirms_nothing(ledger):
    arrive(ledger)
    with pytest.raises(PairConflictError, match="expected 'dicom__a1'"):
        confirm(ledger, run="dicom__other")
    assert confirm(ledger, run="dicom__a1__r2") == "running"


@pytest.mark.parametrize("ask", [confirm, release])
def test_an_unknown_pair_is_named(ledger, ask):
    with pytest.raises(UnknownPairError, match=r"no pair of arrival 'a1' and workflow 'Organ'"):
        ask(ledger)


def test_a_run_nobody_knows_cannot_be_closed(ledger):
    with pytest.raises(UnknownPairError, match="run 'dicom__a1' of workflow 'Organ' is unknown"):
        close(ledger, "succeeded")


def test_closing_is_idempotent_and_a_re_run_may_say_otherwise(ledger):
    arrive(ledger)
    confirm(ledger)
    assert close(ledger, "failed", reason="segment: out of memory") == "failed"
    assert close(ledger, "failed") == "failed"
    assert ledger.read(lambda c: view_arrival(c, "a1"))["reason"] == "Organ: segment: out of memory"
    assert close(ledger, "succeeded", run="dicom__a1__r1") == "succeeded"
    assert state(ledger) == ("done", ["succeeded"])


def test_a_run_that_never_reports_is_asked_after_once_a_minute(ledger):
    arrive(ledger)
    confirm(ledger)
    assert lease(ledger)["overdue"] == []
    assert ledger.read(lambda c: pairs.count_offers(c, 0)) == (0, 1)
    assert lease(ledger, overdue_s=0)["overdue"] == [{"workflow": "Organ", "dag_run_id": "dicom__a1"}]
    assert lease(ledger, overdue_s=0)["overdue"] == []
    asked = ledger.read(lambda c: c.execute(select(schema.pairs.c.asked_at)).scalar())
    assert ledger.read(lambda c: pairs.next_due(c, 0)) == pytest.approx(asked + 60)


def test_late_instances_supersede_pairs_that_do_not_run_yet(ledger):
    arrive(ledger, "a1", "1.2", "Waiting", "Running")
    confirm(ledger, workflow="Running")
    receive(ledger, 2)
    arrive(ledger, "a2", "1.2")
    assert state(ledger) == ("running", ["superseded", "running"])
    assert [name for name, _ in leased(ledger)] == ["a2"]
    close(ledger, "succeeded", workflow="Running")
    assert state(ledger) == ("done", ["superseded", "succeeded"])


def test_a_pair_leased_when_it_is_superseded_may_still_become_a_run(ledger):
    arrive(ledger, "a1")
    lease(ledger)
    arrive(ledger, "a2")
    assert state(ledger) == ("complete", ["leased"])
    assert confirm(ledger) == "running"


def test_a_pair_leased_when_it_is_superseded_is_not_offered_again(ledger):
    for name, end in (("a1", lambda: release(ledger)), ("a2", lambda: make_due(ledger))):
        arrive(ledger, name)
        lease(ledger)
        arrive(ledger, f"{name}-next")
        end()
        assert name not in [item for item, _ in leased(ledger)]
        assert state(ledger, name) == ("superseded", ["superseded"])


def test_the_same_arrival_again_makes_no_new_pair(ledger):
    assert arrive(ledger)
    lease(ledger)
    assert not arrive(ledger)
    assert leased(ledger) == []
    assert "received again 1 time" in ledger.read(lambda c: view_arrival(c, "a1"))["reason"]
