"""Running a stage: request -> main(io) -> result.json, short result and exit code."""

import fcntl
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from clara_stages.kit.command_line import BY_HAND, begin_keys, parse_request
from clara_stages.kit.contract import (
    RESULT_FILE,
    ErrorReport,
    ExitCode,
    Outcome,
    ShortResult,
    StageRequest,
    StageResult,
    folder_digest,
)
from clara_stages.kit.contract.digests import FileDigests
from clara_stages.kit.contract.request import REQUEST_VARIABLE
from clara_stages.kit.errors import BadInputError, StageError, find_machine_fault, raise_machine_fault
from clara_stages.kit.files import write_text
from clara_stages.kit.log import configure_logging, forget_file_names
from clara_stages.kit.params import parse_params
from clara_stages.kit.process import die_with_parent, exit_on_sigterm, open_standard_streams
from clara_stages.kit.versions import installed_version

log = logging.getLogger(__name__)

P = TypeVar("P")

_TERMINATION_LOG = Path("/dev/termination-log")
"""Where Kubernetes looks for a container's last words (``terminationMessagePath``)."""

_BUG = 1
"""Exit status of an unexpected exception; not in the enum because nobody may mean it."""


class StageIO:
    """What a stage's ``main`` gets: its inputs, outputs and parameters, and a way to say how it goes."""

    def __init__(
        self,
        request: StageRequest,
        *,
        digests: FileDigests | None = None,
        add_keys: Callable[[StageRequest], StageRequest] | None = None,
    ) -> None:
        """Of a request.

        Args:
            request: What to do.
            digests: Of files that were hashed already.
            add_keys: Completes a request whose inputs are still being hashed.
        """
        self._request = request
        self._add_keys = add_keys
        self._digests = digests or FileDigests()
        self.output = Path(request.output)
        self.warnings: list[str] = []
        self.metrics: dict[str, Any] = {}
        self.software: dict[str, str] = {}
        self.kept: set[str] = set()
        self._folders: dict[str, str] = {}

    @property
    def request(self) -> StageRequest:
        """The request; waits until its keys are known, which by hand are those of the bytes of its inputs."""
        if self._add_keys is not None:
            self._request, self._add_keys = self._add_keys(self._request), None
        return self._request

    def params(self, cls: type[P]) -> P:
        """The parameters as an instance of the dataclass ``cls``. Raises BadInputError."""
        return parse_params(cls, self._request.params)

    def reads(self, name: str) -> Path:
        """The folder of an input. Raises BadInputError where the request has none or it is gone."""
        folder = self._request.inputs.get(name)
        if folder is None or not Path(folder).is_dir():
            raise BadInputError(
                # The path stays unsaid: a folder given by hand may be named after the patient.
                f"input {name!r} is {'not given' if folder is None else 'gone'}, expected a folder",
                remedy=f"give --input {name}=DIR; inside a workflow, check that the io volume is mounted",
            )
        return Path(folder)

    def has_input(self, name: str) -> bool:
        """Whether the request names this input."""
        return name in self._request.inputs

    def writes(self, name: str) -> Path:
        """The folder of an output, made on the first call."""
        folder = self.output / name
        folder.mkdir(parents=True, exist_ok=True)
        self._folders[name] = name
        return folder

    def keeps(self, name: str) -> Path:
        """The folder of an output that stays when the stage fails: reports for people, never results.

        What is written there must be whole at any moment (``kit.files``), and hold no PHI.
        """
        self.kept.add(name)
        return self.writes(name)

    def warn(self, message: str) -> None:
        """Tell the person who looks at the run; ends up in result and log. No PHI."""
        self.warnings.append(message)
        log.warning("%s", message)

    def metric(self, name: str, value: float | str, *, step: int | None = None) -> None:
        """Report a number; shown in the task log and kept in the result."""
        self.metrics[name] = value
        log.info("%s = %s", name, value, extra={"metric": {"name": name, "value": value, "step": step}})

    def progress(self, fraction: float, message: str) -> None:
        """Report how far the stage is, 0..1."""
        log.info("%s", message, extra={"progress": round(fraction, 3)})

    def knows_digest(self, path: Path, digest: str) -> None:
        """Spare the end of the stage reading an output file whose SHA-256 was made as it was written."""
        self._digests.know(path, digest)

    def will_link(self, files: Iterable[Path]) -> None:
        """Begin to hash files that will get a second name in an output, while the stage does something else."""
        self._digests.begin(files)

    def uses(self, *distributions: str) -> None:
        """Note the versions of the libraries that shape the result."""
        self.software.update((name, installed_version(name)) for name in distributions)

    def finish(self, outcome: Outcome) -> StageResult:
        """Write ``result.json``, last of all."""
        self.uses("clara-stages")
        result = StageResult(
            outcome=outcome,
            stage_key=self.request.stage_key,
            digest=folder_digest(self.output, digests=self._digests),
            folders=dict(self._folders),
            metrics=self.metrics,
            warnings=self.warnings,
            software=dict(sorted(self.software.items())),
        )
        write_text(self.output / RESULT_FILE, result.to_json())
        return result


def run(main: Callable[[StageIO], None], *, stage: str, stage_version: str = "1") -> None:
    """Run a stage and leave the process with its exit code. The last line of every ``__main__.py``.

    Args:
        main: The work; raises a ``StageError`` where it cannot be done.
        stage: The package's name.
        stage_version: The version in ``stage.yaml``, for the key of a run by hand.
    """
    os.umask(0o027)
    open_standard_streams()
    die_with_parent()
    exit_on_sigterm()
    configure_logging()
    short = _attempt(main, stage, stage_version)
    line = short.to_json()
    if os.access(_TERMINATION_LOG, os.W_OK):
        _TERMINATION_LOG.write_text(line, encoding="utf-8", errors="backslashreplace")
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads any more; the result and the exit code are what they are
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(short.exit_code)


def _attempt(main: Callable[[StageIO], None], stage: str, stage_version: str) -> ShortResult:
    io: StageIO | None = None
    lock: int | None = None
    try:
        request = _load_request(stage)
        output = _make_output(Path(request.output))
        digests, add_keys = FileDigests(), None
        if request.workflow == BY_HAND:  # in a workflow the operator makes each attempt's folder, and holds it locked
            lock = _lock(output)
            add_keys = begin_keys(request, stage_version, digests)
        io = StageIO(request, digests=digests, add_keys=add_keys)
        main(io)
        result = io.finish(Outcome.COMPLETED)
    except StageError as error:
        report = error.report()
        log.log(_level(report.code), "%s%s", report.message, f" -> {report.remedy}" if report.remedy else "")
    except Exception as error:  # whatever it is, it must end in an exit code and a short result
        report = _report_unexpected(error, stage)
    except BaseException:  # SIGTERM, Ctrl-C: nobody reads a result, but nothing half-written stays
        _clear(io)
        raise
    else:
        return ShortResult.of_result(result, str(io.output))
    finally:
        if lock is not None:
            os.close(lock)
    _clear(io)
    outcome = Outcome.NOTHING_TO_DO.value if report.code == ExitCode.NOTHING_TO_DO else None
    key = io.request.stage_key if io else ""
    return ShortResult(
        exit_code=report.code, outcome=outcome, stage_key=key, error=report, warnings=io.warnings if io else []
    )


def _make_output(output: Path) -> Path:
    """The output folder, made where it is not there. Raises BadInputError where it cannot be."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        os.close(os.open(output, os.O_RDONLY | os.O_DIRECTORY))
    except OSError as error:
        raise_machine_fault(error)
        raise BadInputError(
            f"the output folder cannot be made ({type(error).__name__})",
            remedy="give a folder that this user may write; inside a workflow, check that the io volume is mounted",
        ) from None
    return output


def _lock(folder: Path) -> int:
    """Keep other runs by hand out of a folder until the descriptor is closed. Raises BadInputError where one is in."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BadInputError(
            "another stage writes into this output folder now", remedy="give each run a folder of its own"
        ) from None
    except OSError:  # a file system without locks
        log.debug("the output folder cannot be locked")
    return descriptor


def _load_request(stage: str) -> StageRequest:
    text = os.environ.get(REQUEST_VARIABLE)
    if text is None or len(sys.argv) > 1:
        return parse_request(stage, sys.argv[1:])
    try:
        return StageRequest.from_json(text)
    except ValueError as error:
        raise BadInputError(f"{REQUEST_VARIABLE}: {error}") from None


def _level(code: int) -> int:
    return logging.INFO if code in (ExitCode.NOTHING_TO_DO, ExitCode.OUT_OF_SCOPE) else logging.ERROR


def _report_unexpected(error: Exception, stage: str) -> ErrorReport:
    forget_file_names(error)
    fault = find_machine_fault(error)
    if fault is not None:
        log.error("%s", fault.message, exc_info=error)
        return fault.report()
    log.error("the stage failed: this is a bug", exc_info=error)
    return ErrorReport(code=_BUG, message=f"{type(error).__name__} in stage {stage}", remedy="see the task log")


def _clear(io: StageIO | None) -> None:
    """Leave nothing half-written but reports; the folder itself belongs to the caller."""
    if io is None or not io.output.is_dir():
        return
    try:
        for item in io.output.iterdir():
            if item.name in io.kept and any(item.iterdir()):
                continue
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item, ignore_errors=True)
            else:
                item.unlink(missing_ok=True)
    except OSError as error:  # what stays has no result.json, so it is no result
        log.warning("the output folder cannot be emptied (%s)", type(error).__name__)
