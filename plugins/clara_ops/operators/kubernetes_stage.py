"""KubernetesStageOperator: one stage as a pod. Imported only where that runtime is chosen."""

import dataclasses
import signal
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import PodLaunchFailedException
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodLaunchTimeoutException, PodManager, PodPhase
from airflow.sdk.exceptions import AirflowException

from clara_ops.dag.stage_task import StageTask
from clara_ops.operators.attempts import find_finished, make_attempt_folder
from clara_ops.operators.outcome import refusals_reported, report_outcome, result_xcom
from clara_ops.operators.pod_result import read_pod_request, read_pod_result, report_never_started
from clara_ops.operators.pod_spec import CONTAINER, attempt_pod_arguments, static_pod_arguments
from clara_ops.operators.stage_log import StageLog
from clara_ops.operators.stage_request import build_request, stage_folder
from clara_ops.settings import load_kubernetes_settings, load_settings
from clara_stages.kit.contract import ShortResult, StageRequest

# Deferral costs seconds and can fail a task that succeeded (Airflow 3.3.2): stages run synchronously.
_LIFECYCLE: dict[str, Any] = {
    "deferrable": False,
    "do_xcom_push": False,  # in this operator it means the sidecar, which would hold the GPU
    "durable": False,  # the provider would run a succeeded pod again and take a failed one for new: see _take_over
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
    """Runs one stage of a workflow as a pod; same request, result and outcomes as ``StageOperator``.

    A pod outlives a worker that dies: the next attempt takes it over, running or succeeded.
    """

    ui_color = "#0e7c86"
    ui_fgcolor = "#ffffff"
    template_fields: Sequence[str] = ()  # no Jinja: a request that holds {{ is data

    def __init__(self, *, stage_task: StageTask, **kwargs: Any) -> None:
        settings = load_settings()
        super().__init__(
            **_LIFECYCLE,
            **static_pod_arguments(stage_task, load_kubernetes_settings()),
            startup_timeout_seconds=settings.queue_timeout_s,
            schedule_timeout_seconds=settings.queue_timeout_s,
            termination_grace_period=int(settings.term_grace_s),
            **kwargs,
        )
        self.stage_task = stage_task
        self._short: ShortResult | None = None

    @cached_property
    def pod_manager(self) -> PodManager:
        """The provider's, which writes a stage's lines as the process runtime does."""
        return _StagePodManager(kube_client=self.client, callbacks=self.callbacks)

    def execute(self, context: Any) -> dict[str, Any]:
        """Run the pod, or adopt the pod or the finished result of an earlier attempt. Raises as ``StageOperator``."""
        settings = load_settings()
        with refusals_reported(context):
            request = build_request(context, self.stage_task, settings)
            folder = stage_folder(context, self.stage_task, settings)
        taken_over = self._take_over(request.stage_key, context)
        if taken_over is None:
            adopted = find_finished(folder, request.stage_key)
            if adopted is not None:
                self.log.info("an earlier attempt made the same result: adopted from %s", adopted.io_folder)
                return result_xcom(adopted, dataclasses.replace(request, output=adopted.io_folder))
            request = dataclasses.replace(request, output=str(make_attempt_folder(folder, request.attempt)))
            self.prepare(request)
        short = self._follow_pod(context)
        if short.completed:
            return result_xcom(short, taken_over or request)
        raise report_outcome(short, context, retries=self.retries or 0)

    def prepare(self, request: StageRequest) -> None:
        """Fill in what only the run knows; after it the pod can be built."""
        arguments = attempt_pod_arguments(self.stage_task, request, load_settings().io_root, load_kubernetes_settings())
        for name, value in arguments.items():
            setattr(self, name, value)

    def _take_over(self, stage_key: str, context: Any) -> StageRequest | None:
        """Take the pod of an attempt whose worker went away, where it makes or has made what this attempt would.

        Any other is marked as looked at, so that nobody finds it again; one that still runs is deleted.

        Returns:
            The request of the pod that is now this attempt's; None where there is none.
        """
        pod = self.find_pod(self.namespace, context=context)
        if pod is None:
            return None
        failed, leaving = pod.status.phase == PodPhase.FAILED, pod.metadata.deletion_timestamp is not None
        request = read_pod_request(pod, container=CONTAINER)
        if request is not None and request.stage_key == stage_key and not failed and not leaving:
            self.log.info("pod %s of an earlier attempt: taken over", pod.metadata.name)
            self.pod = pod
            return request
        self.patch_already_checked(pod, reraise=False)
        if not failed:  # a failed one is kept to be looked at
            self.pod_manager.delete_pod(pod)
        return None

    def _follow_pod(self, context: Any) -> ShortResult:
        """Create the pod unless there is one, follow it to its end.

        Whatever else is raised, an API server that is away or the task's time-out, leaves the pod alone: the next
        attempt takes it over, or ``on_kill`` deletes it.
        """
        try:
            super().execute(context)
        except (PodLaunchFailedException, PodLaunchTimeoutException) as error:
            pod = self.pod_manager.read_pod(self.pod)
            self.pod_manager.delete_pod(self.pod)  # it would start later, with nobody to watch it
            if pod.status.phase != PodPhase.FAILED:
                return report_never_started(str(error))
            self._short = self._read(pod)
        # The provider stays silent where on_kill deleted the pod.
        return self._short or ShortResult(exit_code=128 + signal.SIGTERM if self._killed else 1)

    def _read(self, pod: Any) -> ShortResult:
        limits = self.stage_task.limits
        return read_pod_result(pod, container=CONTAINER, memory_mib=limits.memory_mib, timeout_s=limits.timeout_s)

    def cleanup(
        self, pod: Any, remote_pod: Any, xcom_result: dict[str, Any] | None = None, context: Any = None
    ) -> None:
        """Read the short result of a pod that has ended, then let the provider delete or keep the pod.

        The provider raises for every failed pod; which failure it is, the exit code says, and ``execute`` raises it.
        """
        if self._killed or remote_pod is None or remote_pod.status.phase not in PodPhase.terminal_states:
            return
        self._short = self._read(remote_pod)
        try:
            super().cleanup(pod, remote_pod, xcom_result, context)
        except AirflowException as error:
            self.log.info("%s", str(error).splitlines()[0])


class _StagePodManager(PodManager):
    """Reads JSON lines, which the provider would log whole and all at one level."""

    def _log_message(self, message: str, *_args: Any) -> None:
        StageLog(self.log).line(message)
