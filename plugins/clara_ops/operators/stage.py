"""StageOperator: one stage as a child process of its task."""

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from clara_ops.dag.stage_task import ADAPTER_SERVICE, StageTask
from clara_ops.hooks.adapter import AdapterHook
from clara_ops.hooks.adapter_errors import AdapterRefusedError
from clara_ops.operators.attempts import discard_unfinished, find_finished, held, load_result, make_attempt_folder
from clara_ops.operators.outcome import NOT_STARTED, refusals_reported, report_outcome, result_xcom
from clara_ops.operators.process_runtime import ProcessRun, stage_environment
from clara_ops.operators.stage_log import StageLog
from clara_ops.operators.stage_request import build_request, stage_folder
from clara_ops.settings import Settings, load_settings
from clara_stages.kit.contract import ErrorReport, ShortResult, StageRequest
from clara_stages.kit.contract.request import request_environment

LAUNCHER = "clara_stages.kit.launch"
"""Starts a program that is not built on the kit, so that it dies with its task."""


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
        with refusals_reported(context):
            request = build_request(context, self.stage_task, settings)
            folder = stage_folder(context, self.stage_task, settings)
            services = self._service_environment(request, settings)
        short = find_finished(folder, request.stage_key)
        if short is not None:
            self.log.info("an earlier attempt made the same result: adopted from %s", short.io_folder)
            return result_xcom(short, dataclasses.replace(request, output=short.io_folder))
        for name in discard_unfinished(folder):
            self.log.info("attempt %s left no result: removed", name)
        output = make_attempt_folder(folder, request.attempt)
        started = time.time()
        request = dataclasses.replace(request, output=str(output))
        with held(output):
            short = self._run_process(request, services, settings)
        if short.completed and load_result(output) is None:
            report = ErrorReport(
                code=1, message="the stage said completed and left no result.json", remedy="write it last of all"
            )
            short = ShortResult(exit_code=report.code, error=report)
        if short.completed:
            return result_xcom(short, request, started_at=started, process_s=round(time.time() - started, 3))
        shutil.rmtree(output, ignore_errors=True)
        raise report_outcome(short, context, retries=self.retries or 0)

    def _service_environment(self, request: StageRequest, settings: Settings) -> dict[str, str]:
        """Address and token of the adapter, for a stage that talks to it and has something to say."""
        if ADAPTER_SERVICE not in self.stage_task.services or not request.params.get("destinations"):
            return {}
        try:
            return AdapterHook(settings.adapter_conn_id).stage_environment()
        except AdapterRefusedError as error:  # a connection that a person has to correct
            raise AirflowFailException(str(error)) from None

    def _run_process(self, request: StageRequest, services: dict[str, str], settings: Settings) -> ShortResult:
        task = self.stage_task
        program = task.command[0] if task.command else settings.python
        if shutil.which(program) is None:
            report = ErrorReport(
                code=NOT_STARTED,
                message=f"{program} cannot be started: there is no such program",
                remedy="install it on every worker, or correct `command` in the stage's manifest",
            )
            return ShortResult(exit_code=report.code, error=report)
        self._run = ProcessRun(
            command=[settings.python, "-m", *([task.module] if task.module else [LAUNCHER, *(task.command or ())])],
            environment={**stage_environment(request_environment(request, task.primary_input)), **services},
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
