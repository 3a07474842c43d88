"""What is installed is what is in the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("project", "package"), [("images", "images/clara_stages"), (".", "plugins/clara_ops")])
def test_the_wheel_holds_what_the_checkout_holds(tmp_path, project, package):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT / project, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    folder = ROOT / package
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "."], cwd=folder, capture_output=True, text=True
    )
    expected = {f"{folder.name}/{line}" for line in tracked.stdout.splitlines() if (folder / line).is_file()}
    assert expected
    assert held == expected


def test_the_base_of_clara_stages_needs_nothing():
    from importlib.metadata import requires

    assert [line for line in requires("clara-stages") or [] if "extra ==" not in line] == []
