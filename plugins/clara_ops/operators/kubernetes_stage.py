"""KubernetesStageOperator: one stage as a pod. Imported only where that runtime is chosen."""

import dataclasses
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException

from clara_ops.dag.stage_task import StageTask
from clara_ops.operators.attempts import find_finished, make_attempt_folder
from clara_ops.operators.outcome import (
    OUTCOME_XCOM_KEY,
    attempt_since_clear,
    exception_for,
    outcome_xcom,
    result_xcom,
)
from clara_ops.operators.pod_result import read_pod_result
from clara_ops.operators.pod_spec import attempt_pod_arguments, static_pod_arguments
from clara_ops.operators.stage_log import readable_line
from clara_ops.operators.stage_request import build_request, stage_folder
from clara_ops.settings import load_kubernetes_settings, load_settings
from clara_stages.kit.contract import ShortResult, StageRequest

CONTAINER = "stage"

# Deferral costs seconds and can fail a task that succeeded (Airflow 3.3.2): stages run synchronously.
_LIFECYCLE: dict[str, Any] = {
    "deferrable": False,
    "do_xcom_push": False,  # in this operator it means the sidecar, which would hold the GPU
    "base_container_name": CONTAINER,
    "random_name_suffix": True,
    "startup_check_interval_seconds": 1,
    "log_events_on_startup": False,
    "log_events_on_failure": True,
    "log_pod_spec_on_failure": False,  # the request is in it
    "termination_message_policy": "FallbackToLogsOnError",
    "on_finish_action": "delete_succeeded_pod",
}


class KubernetesStageOperator(KubernetesPodOperator):
    """Runs one stage of a workflow as a pod; same request, result and outcomes as ``StageOperator``."""

    ui_color = "#0e7c86"
    ui_fgcolor = "#ffffff"

    def __init__(self, *, stage_task: StageTask, **kwargs: Any) -> None:
        settings = load_settings()
        super().__init__(
            **_LIFECYCLE,
            **static_pod_arguments(stage_task, load_kubernetes_settings()),
            log_formatter=lambda _container, line: readable_line(line),
            startup_timeout_seconds=settings.queue_timeout_s,
            schedule_timeout_seconds=settings.queue_timeout_s,
            termination_grace_period=int(settings.term_grace_s),
            **kwargs,
        )
        self.stage_task = stage_task
        self._short: ShortResult | None = None

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the pod, or adopt the finished result of an earlier attempt. Raises as ``StageOperator`` does."""
        settings = load_settings()
        request = build_request(context, self.stage_task, settings)
        folder = stage_folder(context, self.stage_task, settings)
        adopted = find_finished(folder, request.stage_key)
        if adopted is not None:
            self.log.info("an earlier attempt made the same result: adopted from %s", adopted.io_folder)
            return result_xcom(adopted)
        output = make_attempt_folder(folder, request.attempt)
        self.prepare(dataclasses.replace(request, output=str(output)))
        super().execute(context)
        short = self._short
        if short is None or not short.completed:
            short = short or ShortResult(exit_code=1)
            context["ti"].xcom_push(key=OUTCOME_XCOM_KEY, value=outcome_xcom(short))
            raise exception_for(short, attempt=attempt_since_clear(context["ti"], self.retries or 0))
        return result_xcom(short)

    def prepare(self, request: StageRequest) -> None:
        """Fill in what only the run knows; after it the pod can be built."""
        arguments = attempt_pod_arguments(self.stage_task, request, load_settings().io_root, load_kubernetes_settings())
        for name, value in arguments.items():
            setattr(self, name, value)

    def cleanup(
        self, pod: Any, remote_pod: Any, xcom_result: dict[str, Any] | None = None, context: Any = None
    ) -> None:
        """Read the short result, then let the provider delete or keep the pod.

        The provider raises for every failed pod; which failure it is, the exit code says, and ``execute`` raises it.
        """
        limits = self.stage_task.limits
        if remote_pod is not None:
            self._short = read_pod_result(
                remote_pod, container=CONTAINER, memory_mib=limits.memory_mib, timeout_s=limits.timeout_s
            )
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException as error:
            self.log.info("%s", str(error).splitlines()[0])
