"""StageOperator: what a task leaves when its stage ends, and when it never starts."""

import dataclasses
import json

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from clara_ops.dag.stage_task import StageLimits, StageTask
from clara_ops.operators.outcome import StageFailedError
from clara_ops.settings import load_settings
from tests.support.task_instance import TaskInstance

COMPLETE = """
import json, os, pathlib
request = json.loads(os.environ["CLARA_STAGE_REQUEST"])
output = pathlib.Path(request["output"])
(output / "volume").mkdir()
result = {"contract": 1, "outcome": "completed", "stage_key": request["stage_key"], "digest": "d",
          "folders": {"volume": "volume"}}
(output / "result.json").write_text(json.dumps(result))
print(json.dumps({"short_result": {**result, "exit_code": 0, "io_folder": request["output"]}}))
"""


@pytest.fixture(autouse=True)
def io_root(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW__CLARA__IO_ROOT", str(tmp_path / "io"))
    load_settings.cache_clear()
    yield tmp_path / "io"
    load_settings.cache_clear()


def stage(*command, **changed):
    task = StageTask(
        workflow="OrganSeg",
        stage="read",
        stage_version="mine@1",
        image="mine",
        module=None,
        command=command,
        limits=StageLimits(cpu=1, memory_mib=512, gpu=0, timeout_s=60),
    )
    return dataclasses.replace(task, **changed)


def run(task, *, try_number=1, **params):
    """One attempt: the task instance, and what execute returned or raised."""
    from clara_ops.operators.stage import StageOperator

    ti = TaskInstance(dag_id="OrganSeg", run_id="manual__1")
    ti.try_number = try_number
    operator = StageOperator(task_id="read", stage_task=task, retries=5)
    try:
        return ti, operator.execute({"ti": ti, "run_id": ti.run_id, "params": params})
    except Exception as error:
        return ti, error


def python(code):
    return stage(load_settings().python, "-c", code)


def test_a_second_attempt_adopts_what_the_first_one_made(io_root):
    first, second = (run(python(COMPLETE), try_number=number)[1] for number in (1, 2))
    assert first["process_s"] > 0
    assert "process_s" not in second
    assert second["io_folder"] == first["io_folder"] == str(io_root / "runs/OrganSeg/manual__1/read/1")


@pytest.mark.parametrize(("code", "raised"), [(10, AirflowSkipException), (20, AirflowFailException)])
def test_a_stage_without_a_result_leaves_its_reason_and_no_folder(io_root, code, raised):
    short = {"exit_code": code, "error": {"code": code, "message": "found this", "remedy": "do that"}}
    ti, error = run(python(f"print({json.dumps({'short_result': short})!r}); raise SystemExit({code})"))
    assert type(error) is raised
    assert ti.xcoms["outcome"]["error"]["message"] == "found this"
    assert list((io_root / "runs/OrganSeg/manual__1/read").iterdir()) == []


def test_a_program_that_is_not_installed_is_named_and_not_tried_again():
    ti, error = run(stage("/opt/nobody/has/this"))
    assert type(error) is AirflowFailException
    assert "/opt/nobody/has/this cannot be started: there is no such program" in str(error)
    assert ti.xcoms["outcome"]["exit_code"] == 125


def test_what_keeps_a_stage_from_starting_is_told_to_close():
    ti, error = run(stage("true", inputs={"study": "payload.study"}), study="/nobody/has/this")
    assert type(error) is AirflowFailException
    assert ti.xcoms["outcome"]["error"]["message"] == str(error)


def test_a_missing_connection_is_told_to_close_and_not_tried_again():
    task = stage("true", services=("dicom_adapter",), params={"destinations": ["PACS"]})
    ti, error = run(task)
    assert type(error) is AirflowFailException
    assert "Airflow has no connection clara_adapter" in ti.xcoms["outcome"]["error"]["message"]


def test_a_stage_of_another_service_gets_no_token(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CLARA_ADAPTER", json.dumps({"host": "http://a", "password": "secret"}))
    task = python("import os, sys; sys.exit(any('secret' in value for value in os.environ.values()))")
    _, error = run(dataclasses.replace(task, services=("triton",), params={"destinations": ["PACS"]}))
    assert "exit status 0 and no short result" in str(error)
    assert type(error) is StageFailedError


def test_the_files_of_any_program_are_closed_to_others(io_root):
    code = COMPLETE + "(output / 'volume' / 'x').write_text('x')\n"
    folder = run(python(code))[1]["io_folder"]
    assert (io_root / folder / "volume" / "x").stat().st_mode & 0o777 == 0o640


def test_a_program_cannot_name_another_key_or_folder_for_its_result(io_root):
    code = COMPLETE.replace("print(json.dumps({", "result['stage_key'] = ''; print(json.dumps({")
    result = run(python(code.replace('"io_folder": request["output"]', '"io_folder": "/"')))[1]
    assert len(result["stage_key"]) == 64
    assert result["io_folder"] == str(io_root / "runs/OrganSeg/manual__1/read/1")


def test_completed_without_result_json_is_no_result():
    _, error = run(python(COMPLETE.replace('"result.json"', '"other.json"')))
    assert "said completed and left no result.json" in str(error)
