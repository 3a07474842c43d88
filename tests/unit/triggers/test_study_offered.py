import asyncio
import threading

import pytest

from tests.support.intake import connection, serve_intake


@pytest.fixture
def module():
    from clara_ops.triggers import study_offered

    return study_offered


@pytest.fixture
def intake(monkeypatch):
    with serve_intake() as server:
        monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(server.url))
        yield server


async def first_event(trigger):
    async for event in trigger.run():
        return event.payload
    return None


def test_a_trigger_is_made_again_from_what_it_serializes(module):
    path, kwargs = module.StudyOfferedTrigger(conn_id="clara_adapter", wait_s=5).serialize()

    assert path == "clara_ops.triggers.study_offered.StudyOfferedTrigger"
    assert kwargs == {"conn_id": "clara_adapter", "wait_s": 5}
    assert module.StudyOfferedTrigger(**kwargs).serialize() == (path, kwargs)


def test_it_fires_for_offers_and_takes_nothing(module, intake):
    intake.offer("a1", "OrganSeg")

    event = asyncio.run(first_event(module.StudyOfferedTrigger("clara_adapter")))

    assert event == {"offers": 1, "overdue": 0}
    assert intake.requests == []


def test_it_fires_for_overdue_runs(module, intake):
    intake.overdue = [{"workflow": "OrganSeg", "dag_run_id": "dicom__a1"}]

    event = asyncio.run(first_event(module.StudyOfferedTrigger("clara_adapter")))

    assert event == {"offers": 0, "overdue": 1}


def test_a_study_that_comes_later_ends_the_long_poll(module, intake):
    timer = threading.Timer(0.2, intake.offer, ("a1", "OrganSeg"))
    timer.start()

    event = asyncio.run(first_event(module.StudyOfferedTrigger("clara_adapter", wait_s=20)))

    assert event == {"offers": 1, "overdue": 0}
    assert intake.polls == 1


def test_an_outage_is_logged_once_and_waited_out(module, intake, monkeypatch, capsys):
    pauses = []

    async def short_sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 7:
            intake.status = None
            intake.offer("a1", "OrganSeg")

    monkeypatch.setattr(module.asyncio, "sleep", short_sleep)
    intake.status, intake.body = 503, b'{"detail": "starting"}'
    event = asyncio.run(first_event(module.StudyOfferedTrigger("clara_adapter")))

    assert event == {"offers": 1, "overdue": 0}
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    logged = [line for line in capsys.readouterr().out.splitlines() if "clara_ops.triggers" in line]
    assert len(logged) == 2
    assert "answered 503: starting. Asking again until it answers." in logged[0]
    assert "The DICOM adapter answers again." in logged[1]


def test_a_wrong_token_is_waited_out_until_the_connection_is_corrected(module, intake, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(intake.url, token="wrong"))
    intake.offer("a1", "OrganSeg")

    async def correct_the_connection(_seconds):
        monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", connection(intake.url))

    monkeypatch.setattr(module.asyncio, "sleep", correct_the_connection)

    assert asyncio.run(first_event(module.StudyOfferedTrigger("clara_adapter"))) == {"offers": 1, "overdue": 0}


def test_an_adapter_that_does_not_wait_is_not_asked_in_a_tight_loop(module, intake, monkeypatch):
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            intake.offer("a1", "OrganSeg")

    monkeypatch.setattr(module.asyncio, "sleep", pause)
    asyncio.run(first_event(module.StudyOfferedTrigger("clara_adapter", wait_s=0)))

    assert pauses == [1.0, 1.0, 1.0]
    assert intake.polls == 4


def test_a_cancelled_trigger_ends_at_once(module, intake):
    async def cancel_it():
        waiting = asyncio.create_task(first_event(module.StudyOfferedTrigger("clara_adapter", wait_s=20)))
        while intake.polls == 0:
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(asyncio.wait_for(cancel_it(), timeout=15))
