"""Programs of other people that tests talk to."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def require_program(name: str) -> str:
    """The path of a program, from PATH or the environment's own bin folder.

    Without it the test is skipped; with CLARA_REQUIRE_PEERS=1, as in CI, it fails.
    """
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path:
        return path
    reason = f"{name} is not installed; `make peers` installs it"
    if os.environ.get("CLARA_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
