"""``python -m tools.environment.lock``: write constraints.txt, the versions everything was tested with."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

HEADER = """\
# The versions everything was tested with, as pip constraints; `make lock` writes this file from .venv.
# Versions only: the CPU and the CUDA build of torch both satisfy it, on every machine.
"""

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^+\s]+)(\+\S+)?$")

OURS = ("clara-ops", "clara-stages")
"""Installed from this checkout, not from an index."""

CUDA = re.compile(r"^(nvidia-|cuda-|triton$)")
"""What the CUDA build of torch brings along; the CPU build has none of it, so it must not be demanded."""


def build_lock(freeze: str) -> str:
    """The text of constraints.txt from the output of ``pip freeze``.

    Only plain pins are kept; local versions (``+cpu``) are cut off, since no index offers them.
    """
    pins = (match for line in freeze.splitlines() if (match := _PIN.match(line.strip())))
    kept = {
        match["name"]: match["version"]
        for match in pins
        if match["name"].lower().replace("_", "-") not in OURS and not CUDA.match(match["name"].lower())
    }
    return HEADER + "".join(f"{name}=={kept[name]}\n" for name in sorted(kept, key=str.lower))


def main(argv: list[str] | None = None) -> int:
    """Write the lock; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.environment.lock", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("constraints.txt"))
    arguments = parser.parse_args(argv)
    command = [sys.executable, "-m", "pip", "freeze", "--disable-pip-version-check"]
    freeze = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lock = build_lock(freeze)
    arguments.out.write_text(lock)
    print(f"{len(lock.splitlines()) - len(HEADER.splitlines())} pins in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
