"""The folder of real studies that tests use in place."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


def case(name: str) -> Path:
    """The folder of one case of real data.

    Without the folder the test is skipped; with CLARA_REQUIRE_PEERS=1, as in CI, it fails.
    """
    root = Path(os.environ.get("CLARA_TEST_DATA", _ROOT.parent / "shared" / "data"))
    folder = root / name
    if folder.is_dir():
        return folder
    reason = f"no {folder}: set CLARA_TEST_DATA to the folder of real studies"
    if os.environ.get("CLARA_REQUIRE_PEERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
