"""The process runtime: a stage as a child of its task, which never outlives it."""

import contextlib
import os
import queue
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

from clara_ops.dag.stage_task import StageLimits
from clara_ops.operators.stage_log import StageLog
from clara_stages.kit.contract import ErrorReport, ExitCode, ShortResult

ALLOWED_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES",
    "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH", "SSL_CERT_FILE",
    "CLARA_INSTANCE", "COVERAGE_PROCESS_START",
)  # fmt: skip
"""What a stage inherits. Everything else stays out: a task's environment may hold the Fernet key and tokens."""

_POLL_S = 0.2
"""How often limits and cancellation are looked at; the end of the stage itself is noticed at once."""

_KILL_WAIT_S = 5
"""SIGKILL cannot be refused, but a process in the middle of disk I/O takes it late."""

_CRASHED = 1


def stage_environment(request: dict[str, str]) -> dict[str, str]:
    """The environment of a stage: the request and an allow-list, nothing of Airflow's."""
    inherited = {name: os.environ[name] for name in ALLOWED_VARIABLES if name in os.environ}
    # CLARA_PARENT_PID lets the kit ask the kernel for its own death when this process dies.
    return {**inherited, **request, "CLARA_PARENT_PID": str(os.getpid()), "PYTHONUNBUFFERED": "1"}


class ProcessRun:
    """One child process from start to end.

    The child stays in the task's process group, which Airflow kills as a whole, asks the kernel to die with its
    parent, and is watched for its time-out, its memory limit and the loss of the task's supervisor.
    """

    def __init__(
        self,
        *,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        limits: StageLimits,
        term_grace_s: float,
        log: StageLog,
    ) -> None:
        self._limits, self._term_grace_s, self._log = limits, term_grace_s, log
        self._cancelled = threading.Event()
        self._supervisor = os.getppid() if _supervised() else None
        self._started = time.monotonic()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,  # descriptor 0 of a task is its supervisor's socket
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            umask=0o027,  # the kit sets it as well; a program without the kit has only this
            encoding="utf-8",
            errors="replace",
        )
        threading.Thread(target=self._read_lines, daemon=True).start()

    def cancel(self) -> None:
        """Ask for the end; safe in a signal handler. ``wait`` does the rest."""
        self._cancelled.set()

    def wait(self) -> ShortResult:
        """Follow the child to its end and return what it said, or why it was ended."""
        try:
            ended = self._follow()
        finally:
            self._end_tree()
        if ended is not None:
            return ShortResult(exit_code=ended.code, error=ended)
        code = self._child.wait()
        short = self._log.short_result
        if short is not None and short.exit_code == code:
            return short
        return ShortResult(exit_code=code or _CRASHED, error=_crash_report(code))

    def _follow(self) -> ErrorReport | None:
        """Log the child's lines until it ends (None), or until there is a reason to end it."""
        looked = time.monotonic()
        while True:
            try:
                line = self._lines.get(timeout=_POLL_S)
            except queue.Empty:
                line = ""
            if line:
                self._log.line(line)
            # None is the end of the pipe; a grandchild may hold it open longer than the child lives.
            if line is None or (not line and self._child.poll() is not None):
                return self._await_exit()
            if time.monotonic() - looked >= _POLL_S:
                looked = time.monotonic()
                if (reason := self._reason_to_end()) is not None:
                    return reason

    def _await_exit(self) -> ErrorReport | None:
        while True:
            try:
                self._child.wait(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                if (reason := self._reason_to_end()) is not None:
                    return reason
            else:
                return None

    def _read_lines(self) -> None:
        assert self._child.stdout is not None  # noqa: S101 - for the type checker: we asked for a pipe
        for line in self._child.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _reason_to_end(self) -> ErrorReport | None:
        limits = self._limits
        if self._cancelled.is_set():
            return ErrorReport(code=128 + signal.SIGTERM, message="the task was ended from outside")
        if self._supervisor is not None and os.getppid() != self._supervisor:
            return ErrorReport(code=128 + signal.SIGKILL, message="the task's supervisor is gone")
        if time.monotonic() - self._started > limits.timeout_s:
            return ErrorReport(
                code=int(ExitCode.TIMED_OUT),
                message=f"the stage ran longer than its time-out of {limits.timeout_s} s",
                remedy="raise resources.timeout_s of this stage in the workflow",
            )
        used_mib = _tree_memory_mib(self._child.pid)
        if used_mib > limits.memory_mib:
            return ErrorReport(
                code=int(ExitCode.OUT_OF_MEMORY),
                message=f"the stage used {used_mib:.0f} MiB, its limit is {limits.memory_mib} MiB",
                remedy="raise resources.memory_mib of this stage in the workflow",
            )
        return None

    def _end_tree(self) -> None:
        """TERM, grace, KILL for what of the child's tree still runs; nothing where the child has ended."""
        import psutil

        if self._child.poll() is not None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            descendants = psutil.Process(self._child.pid).children(recursive=True)
            for process in descendants:
                _signal(process, signal.SIGTERM)
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=self._term_grace_s)
            # Only Popen may wait for the child itself: whoever else reaps it takes its exit status away.
            self._child.kill()
            self._child.wait()
            _, alive = psutil.wait_procs(descendants, timeout=_POLL_S)
            for process in alive:
                _signal(process, signal.SIGKILL)
            psutil.wait_procs(alive, timeout=_KILL_WAIT_S)


def _supervised() -> bool:
    """Whether an Airflow supervisor is our parent: it gives its tasks a socket as standard input."""
    try:
        return stat.S_ISSOCK(os.fstat(0).st_mode)
    except OSError:
        return False


def _crash_report(code: int) -> ErrorReport:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return ErrorReport(code=code, message=f"the stage was killed by {name}", remedy="see the task log")
    message = f"the stage ended with exit status {code} and no short result"
    return ErrorReport(code=code or _CRASHED, message=message, remedy="see the task log for what the program said")


def _tree_memory_mib(pid: int) -> float:
    """Resident memory of a process and its descendants, without what they share with files."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            info = process.memory_info()
            total += info.rss - getattr(info, "shared", 0)
    return total / (1 << 20)


def _signal(process: object, number: int) -> None:
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)  # type: ignore[attr-defined]
