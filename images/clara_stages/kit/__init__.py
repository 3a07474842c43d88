"""What every stage needs: request in, result out, exit codes, log lines. Standard library only."""

from clara_stages.kit.errors import (
    BadInputError,
    NothingToDoError,
    OutOfMemoryError,
    OutOfScopeError,
    PeerUnavailableError,
    ResourceBusyError,
    StageError,
    raise_machine_fault,
)
from clara_stages.kit.stage import StageIO, run

__all__ = [
    "BadInputError",
    "NothingToDoError",
    "OutOfMemoryError",
    "OutOfScopeError",
    "PeerUnavailableError",
    "ResourceBusyError",
    "StageError",
    "StageIO",
    "raise_machine_fault",
    "run",
]
