"""Following one study through the adapter and Airflow until its run has ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from clara_ops.cli.laptop.airflow_api import AirflowApi
    from clara_ops.cli.laptop.system import System

POLL_S = 0.3
"""Between two looks."""

TIMEOUT_S = 15 * 60
"""For the whole analysis; a real study takes minutes on a slow processor."""

HELD_PATIENCE_S = 30.0
"""A pair is held while it is tried again; a study that stays held this long wants a person."""

CLOSE_PATIENCE_S = 30.0
"""From the end of a run to the study's final state at the adapter."""

REMINDER_S = 15.0
"""A stage that runs longer says so this often."""

WITHOUT_A_RUN = ("no match", "superseded", "failed", "not analysed", "done")
"""States of a study from which no run will come."""

FINAL = ("delivered", "done", "not analysed", "failed", "superseded")
"""States of a study whose runs have ended."""

_NO_RUN_REMEDY = "Choose another workflow with WORKFLOW=, or change the rule (dags/workflows/{workflow}.yaml, trigger)."

FINISHED_TASK = ("success", "failed", "skipped", "upstream_failed", "removed")
FINISHED_RUN = ("success", "failed")


class FollowError(Exception):
    """The study did not come to a run, or the run did not end in time; the text says why and what to do.

    Attributes:
        state: The study's, in the adapter's words.
    """

    def __init__(self, text: str, *, state: str = "failed") -> None:
        super().__init__(text)
        self.state = state


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run that has ended.

    Attributes:
        dag_id: The workflow.
        dag_run_id: The run.
        state: ``success`` or ``failed``, as Airflow has it.
        study_state: As the adapter has it: ``delivered``, ``done``, ``not analysed``, ``failed``.
        reason: The adapter's, with the remedy; empty where all went well.
        tasks: Airflow's task instances, by task id.
        io_folders: Stage -> path of its result.
    """

    dag_id: str
    dag_run_id: str
    state: str
    study_state: str
    reason: str
    tasks: dict[str, dict[str, Any]] = field(repr=False)
    io_folders: dict[str, str] = field(repr=False)


class Follower:
    """Watches one study of a running system and tells what changes."""

    def __init__(self, system: System, airflow: AirflowApi, study_uid: str, say: Callable[[str], None]) -> None:
        self._system = system
        self._airflow = airflow
        self._study_uid = study_uid
        self._say = say
        self._deadline = time.monotonic() + TIMEOUT_S
        self._adapter = httpx.Client(
            base_url=f"http://127.0.0.1:{system.ports.adapter_http}",
            headers={"Authorization": f"Bearer {system.home.secrets.adapter_token}"},
            trust_env=False,
            timeout=10.0,
        )

    def wait_for_run(self, workflow: str) -> tuple[str, str]:
        """DAG id and run id of the run that the sensor started for the study.

        Raises:
            FollowError: The study matches no workflow, is held, or nothing came of it in time.
            ComponentFailedError: A component died.
        """
        state = ""
        held_since: float | None = None
        while True:
            study = self._study()
            if study and study["state"] != state:
                state = study["state"]
                self._say(f"study is {state}: {study['instances']} instances")
            pairs = {pair["workflow"]: pair for pair in study["pairs"]} if study else {}
            if workflow in pairs and pairs[workflow]["state"] in ("running", "succeeded", "failed", "not_analysed"):
                return workflow, str(pairs[workflow]["dag_run_id"])
            if state in WITHOUT_A_RUN and study:
                remedy = _NO_RUN_REMEDY.format(workflow=workflow)
                raise FollowError(f"{_reason(study, workflow)}. {remedy}", state=state)
            held_since = (held_since or time.monotonic()) if state == "held" else None
            if study and held_since and time.monotonic() - held_since > HELD_PATIENCE_S:
                remedy = "`clara-ops workflows check dags/workflows` in `make shell` says which file to correct."
                raise FollowError(f"{_reason(study, workflow)}. {remedy}", state=state)
            self._pause(f"a run of {workflow}", "adapter")

    def wait_for_end(self, dag_id: str, dag_run_id: str) -> Run:
        """Follow the run's stages to their end.

        Raises:
            FollowError: It did not end in time.
            ComponentFailedError: A component died.
        """
        progress = _StageProgress(self._say)
        while True:
            state = self._airflow.dag_run(dag_id, dag_run_id)["state"]
            tasks = {task["task_id"]: task for task in self._airflow.task_instances(dag_id, dag_run_id)}
            progress.show(tasks)
            if state in FINISHED_RUN:
                break
            self._pause(f"the end of run {dag_run_id}", "scheduler")
        study = self._closed_study()
        return Run(
            dag_id=dag_id,
            dag_run_id=dag_run_id,
            state=state,
            study_state=study["state"],
            reason=_reason(study, dag_id) if study["state"] not in ("delivered", "done") else "",
            tasks=tasks,
            io_folders=self._io_folders(dag_id, dag_run_id, tasks),
        )

    def failed_log(self, run: Run, lines: int) -> str:
        """The end of the log of the first stage that failed, or nothing."""
        failed = [task for task in run.tasks.values() if task["state"] == "failed"]
        if not failed:
            return ""
        first = min(failed, key=lambda task: task["end_date"] or "")
        log = self._airflow.log(run.dag_id, run.dag_run_id, first["task_id"], first["try_number"])
        shown = [line for line in log if not line.startswith("::")][-lines:]  # without the UI's fold marks
        return f"the end of the log of stage {first['task_id']}:\n" + "\n".join(f"    {line}" for line in shown)

    def _closed_study(self) -> dict[str, Any]:
        deadline = time.monotonic() + CLOSE_PATIENCE_S
        while True:
            study = self._study()
            if study and (study["state"] in FINAL or time.monotonic() > deadline):
                return study
            self._pause("the study's final state", "adapter")

    def _io_folders(self, dag_id: str, dag_run_id: str, tasks: dict[str, dict[str, Any]]) -> dict[str, str]:
        found = {}
        for task_id, task in tasks.items():
            value = self._airflow.returned(dag_id, dag_run_id, task_id) if task["state"] == "success" else None
            if isinstance(value, dict) and "io_folder" in value:
                found[task_id] = str(value["io_folder"])
        return found

    def _study(self) -> dict[str, Any] | None:
        """The study at the adapter, newest arrival first."""
        answer = self._adapter.get("/api/v1/studies")
        answer.raise_for_status()
        studies = answer.json()["studies"]
        return next((study for study in studies if study["study_instance_uid"] == self._study_uid), None)

    def _pause(self, waiting_for: str, component: str) -> None:
        self._system.require_alive()
        if time.monotonic() > self._deadline:
            raise FollowError(f"waited {TIMEOUT_S // 60} minutes for {waiting_for}{self._system.log_tail(component)}")
        time.sleep(POLL_S)


class _StageProgress:
    """Says what each task does, once per change."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._states: dict[str, str] = {}
        self._said_at: dict[str, float] = {}

    def show(self, tasks: dict[str, dict[str, Any]]) -> None:
        for task_id, task in sorted(tasks.items(), key=lambda item: (item[1]["start_date"] or "9", item[0])):
            state = task["state"] or "waiting"
            former = self._states.get(task_id)
            self._states[task_id] = state
            if state == "running" and former == "running":
                self._remind(task_id, task)
            elif state != former and state in ("running", "up_for_retry", *FINISHED_TASK):
                self._said_at[task_id] = time.monotonic()
                seconds = f" after {task['duration']:.1f} s" if state in FINISHED_TASK and task["duration"] else ""
                attempt = f" (attempt {task['try_number']})" if task["try_number"] > 1 else ""
                self._say(f"stage {task_id:<10} {state}{seconds}{attempt}")

    def _remind(self, task_id: str, task: dict[str, Any]) -> None:
        if time.monotonic() - self._said_at[task_id] > REMINDER_S:
            self._said_at[task_id] = time.monotonic()
            running_s = time.time() - datetime.fromisoformat(task["start_date"]).timestamp()
            self._say(f"stage {task_id:<10} has been running for {running_s:.0f} s")


def _reason(study: dict[str, Any], workflow: str) -> str:
    pairs = (pair["reason"] for pair in study["pairs"] if pair["workflow"] == workflow)
    return next(filter(None, (*pairs, study["reason"])), "no reason given; see the adapter's log")
