"""Programs of other people that tests talk to."""

import os
import shutil
import socket
import sys
from pathlib import Path
from typing import NoReturn

import pytest


def require_program(name: str) -> str:
    """The path of a program, from PATH or, after all else, the environment's own bin folder.

    That one holds programs of other libraries with names of dcmtk's, also where somebody has activated it.
    Without the program the test is skipped; with CLARA_REQUIRE_PEERS=1, as in CI, it fails.
    """
    own = Path(sys.executable).parent
    folders = [*os.environ.get("PATH", os.defpath).split(os.pathsep), "/usr/sbin"]
    others = [folder for folder in folders if Path(folder) != own]
    path = shutil.which(name, path=os.pathsep.join([*others, str(own)]))
    return path or _miss(name)


def require_file(path: Path) -> Path:
    """A file that `make peers` brings; without it the test is skipped, or fails, as without a program."""
    return path if path.is_file() else _miss(path.name)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _miss(name: str) -> NoReturn:
    reason = f"{name} is not installed; `make peers` installs it"
    if os.environ.get("CLARA_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
