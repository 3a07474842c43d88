"""A finished pod -> the stage's short result, from its termination message and its status."""

from typing import Any

from clara_ops.operators.outcome import NOT_STARTED
from clara_stages.kit.contract import ErrorReport, ExitCode, ShortResult, StageRequest
from clara_stages.kit.contract.request import REQUEST_VARIABLE

_CRASHED = 1


def read_pod_result(pod: Any, *, container: str, memory_mib: int, timeout_s: int) -> ShortResult:
    """What a pod's container said last, or what Kubernetes says became of it.

    Args:
        pod: A ``V1Pod`` that has ended.
        container: Name of the stage's container.
        memory_mib: The stage's limit, for the text of the error.
        timeout_s: Likewise.
    """
    status = getattr(pod, "status", None)
    if status is not None and status.reason == "Evicted":
        report = ErrorReport(code=int(ExitCode.RESOURCE_BUSY), message="the node evicted the pod")
        return ShortResult(exit_code=report.code, error=report)
    if status is not None and status.reason == "DeadlineExceeded":
        return _failed(
            ExitCode.TIMED_OUT,
            f"the pod ran longer than the stage's time-out of {timeout_s} s",
            "raise resources.timeout_s of this stage in the workflow",
        )
    terminated = _terminated(status, container)
    if terminated is None:
        report = ErrorReport(code=137, message="the pod is gone without an exit status", remedy="see the pod's events")
        return ShortResult(exit_code=report.code, error=report)
    if terminated.reason == "OOMKilled":
        return _failed(
            ExitCode.OUT_OF_MEMORY,
            f"the stage reached its memory limit of {memory_mib} MiB",
            "raise resources.memory_mib of this stage in the workflow",
        )
    for line in reversed((terminated.message or "").splitlines()):
        short = ShortResult.from_line(line)
        if short is not None and short.exit_code == terminated.exit_code:
            return short
    report = ErrorReport(
        code=terminated.exit_code or _CRASHED,
        message=f"the stage ended with exit status {terminated.exit_code} and no short result",
        remedy="see the task log for what the program said",
    )
    return ShortResult(exit_code=report.code, error=report)


def read_pod_request(pod: Any, *, container: str) -> StageRequest | None:
    """The request that a pod was given; None where it has none of this version."""
    for item in pod.spec.containers:
        for variable in (item.env or ()) if item.name == container else ():
            if variable.name == REQUEST_VARIABLE:
                try:
                    return StageRequest.from_json(variable.value or "")
                except ValueError:
                    return None
    return None


def report_never_started(reason: str) -> ShortResult:
    """The short result of a pod that got no node or no image in time.

    Args:
        reason: What the provider found.
    """
    report = ErrorReport(
        code=NOT_STARTED,
        message=f"the pod did not start: {' '.join(reason.split())}",
        remedy="correct [clara] images where the image is at fault; free a node, or raise [clara] queue_timeout_s",
    )
    return ShortResult(exit_code=report.code, error=report)


def _terminated(status: Any, container: str) -> Any:
    for item in (status.container_statuses if status is not None else None) or ():
        if item.name == container and item.state is not None:
            return item.state.terminated
    return None


def _failed(code: ExitCode, message: str, remedy: str) -> ShortResult:
    return ShortResult(exit_code=int(code), error=ErrorReport(code=int(code), message=message, remedy=remedy))
