"""Programs of other people that tests talk to."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def require_program(name: str) -> str:
    """The path of a program, from PATH or, after all else, the environment's own bin folder.

    That one holds programs of other libraries with names of dcmtk's, also where somebody has activated it.
    Without the program the test is skipped; with CLARA_REQUIRE_PEERS=1, as in CI, it fails.
    """
    own = Path(sys.executable).parent
    others = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(folder) != own]
    path = shutil.which(name, path=os.pathsep.join([*others, str(own)]))
    if path:
        return path
    reason = f"{name} is not installed; `make peers` installs it"
    if os.environ.get("CLARA_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
