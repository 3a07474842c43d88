"""The exceptions that a stage raises; each is one decision of the operator.

StageError
 +- NothingToDoError      10  skipped
 +- BadInputError         20  no retry
 +- OutOfScopeError       21  skipped, the study is "not analysed"
 +- PeerUnavailableError  30  retry
 +- ResourceBusyError     31  retry
 +- OutOfMemoryError      32  no retry
"""

import errno

from clara_stages.kit.contract import ErrorReport, ExitCode

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space, no quota, or a file beyond the limit of the process."""

_NO_THREAD = "can't start new thread"
"""What Python says where the system has no room for one."""


class StageError(Exception):
    """A stage ends without a result, for a reason that a person can act on.

    Args:
        message: What was found and what was expected; never a patient's name, id, birth date or accession number.
        remedy: What to do.
    """

    code: ExitCode

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def report(self) -> ErrorReport:
        """The error as the contract carries it."""
        return ErrorReport(code=int(self.code), message=self.message, remedy=self.remedy)


class NothingToDoError(StageError):
    """There is no work, and that is no fault."""

    code = ExitCode.NOTHING_TO_DO


class BadInputError(StageError):
    """The input cannot be used; the same bytes would fail again."""

    code = ExitCode.BAD_INPUT


class OutOfScopeError(StageError):
    """The study is outside what the bundle, or the object to be written, is made for."""

    code = ExitCode.OUT_OF_SCOPE


class PeerUnavailableError(StageError):
    """A service did not answer; it may later."""

    code = ExitCode.UNAVAILABLE


class ResourceBusyError(StageError):
    """A GPU or the disk is taken; it may be free later."""

    code = ExitCode.RESOURCE_BUSY


class OutOfMemoryError(StageError):
    """The stage's own memory limit was reached."""

    code = ExitCode.OUT_OF_MEMORY


def find_machine_fault(error: BaseException) -> StageError | None:
    """The stage error for an exception that blames this machine and not the input; None for any other.

    To be asked before a file is called bad: the same bytes are good once there is room.
    """
    if isinstance(error, OSError) and error.errno is None and error.__cause__ is not None:
        return find_machine_fault(error.__cause__)  # pydicom raises the error anew, and drops its number
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return ResourceBusyError(
            "no thread can be started: memory or the number of processes is at its limit",
            remedy="raise resources.memory_mib of this stage in the workflow, or the limit of processes",
        )
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return OutOfMemoryError(
            "the stage ran out of memory", remedy="raise resources.memory_mib of this stage in the workflow"
        )
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return ResourceBusyError(
            f"the disk is full ({errno.errorcode[error.errno]})", remedy="free space on the io volume, or enlarge it"
        )
    return None


def raise_machine_fault(error: BaseException) -> None:
    """Raise ``find_machine_fault(error)`` where there is one."""
    fault = find_machine_fault(error)
    if fault is not None:
        raise fault from error
