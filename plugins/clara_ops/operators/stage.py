"""StageOperator: one stage as a child process of its task."""

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator

from clara_ops.dag.stage_task import StageTask
from clara_ops.hooks.adapter import AdapterHook
from clara_ops.operators.attempts import discard_unfinished, find_finished, make_attempt_folder
from clara_ops.operators.outcome import (
    OUTCOME_XCOM_KEY,
    attempt_since_clear,
    exception_for,
    outcome_xcom,
    result_xcom,
)
from clara_ops.operators.process_runtime import ProcessRun, stage_environment
from clara_ops.operators.stage_log import StageLog
from clara_ops.operators.stage_request import build_request, stage_folder
from clara_ops.settings import load_settings
from clara_stages.kit.contract import ShortResult, StageRequest
from clara_stages.kit.contract.request import request_environment

ADAPTER_SERVICE = "dicom_adapter"
"""The service that a manifest names to be given the adapter's address and token."""


class StageOperator(BaseOperator):
    """Runs one stage of a workflow as a local process and returns where its result lies.

    The return value is ``{"io_folder", "folders", "metrics", "warnings", "stage_key", "digest"}`` and, where the stage
    ran, ``started_at`` (Unix time) and ``process_s`` (from spawn to exit). A stage without a result leaves the XCom
    ``outcome`` and is skipped, failed or retried by its exit code.
    """

    ui_color = "#0e7c86"
    ui_fgcolor = "#ffffff"

    def __init__(self, *, stage_task: StageTask, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stage_task = stage_task
        self._run: ProcessRun | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the stage, or adopt the finished result of an earlier attempt.

        Raises:
            AirflowSkipException: Nothing to do, or out of scope.
            AirflowFailException: A failure that a retry would repeat.
            StageFailedError: A failure that a retry may mend.
        """
        settings = load_settings()
        request = build_request(context, self.stage_task, settings)
        folder = stage_folder(context, self.stage_task, settings)
        short = find_finished(folder, request.stage_key)
        if short is not None:
            self.log.info("an earlier attempt made the same result: adopted from %s", short.io_folder)
            return result_xcom(short)
        for name in discard_unfinished(folder):
            self.log.info("attempt %s left no result: removed", name)
        output = make_attempt_folder(folder, request.attempt)
        started = time.time()
        short = self._run_process(dataclasses.replace(request, output=str(output)))
        if short.completed:
            return result_xcom(short, started_at=started, process_s=round(time.time() - started, 3))
        shutil.rmtree(output, ignore_errors=True)
        context["ti"].xcom_push(key=OUTCOME_XCOM_KEY, value=outcome_xcom(short))
        raise exception_for(short, attempt=attempt_since_clear(context["ti"], self.retries or 0))

    def _run_process(self, request: StageRequest) -> ShortResult:
        settings = load_settings()
        task = self.stage_task
        environment = stage_environment(request_environment(request, task.primary_input))
        if ADAPTER_SERVICE in task.services and request.params.get("destinations"):
            environment.update(AdapterHook(settings.adapter_conn_id).stage_environment())
        command = [settings.python, "-m", task.module] if task.module else list(task.command or ())
        self._run = ProcessRun(
            command=command,
            environment=environment,
            folder=Path(request.output),
            limits=task.limits,
            term_grace_s=settings.term_grace_s,
            log=StageLog(self.log),
        )
        return self._run.wait()

    def on_kill(self) -> None:
        """Airflow ends the task: end the stage too."""
        if self._run is not None:
            self._run.cancel()
