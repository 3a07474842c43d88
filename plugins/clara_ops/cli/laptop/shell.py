"""``.clara/env.sh``: what a shell needs for ``airflow`` commands on this instance."""

import shlex
import sys
from pathlib import Path

from clara_ops.cli.laptop.environment import component_environment
from clara_ops.cli.laptop.home import Home, write_private


def write_shell_environment(home: Home, variables: dict[str, str]) -> Path:
    """Write ``env.sh``, which a POSIX shell can source, and return its path.

    It holds the instance's secrets, so only its owner can read it. It does not carry the marker: what runs in a
    person's shell is no part of the instance and is not stopped with it.
    """
    known = component_environment(home, variables)
    names = (*variables, "CLARA_ADAPTER_TOKEN", "NO_PROXY", "no_proxy")
    lines = [
        "# Source this in a shell: `airflow` and `clara-ops` then work on the instance in this folder.",
        *(f"export {name}={shlex.quote(known[name])}" for name in names),
        f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"',
    ]
    target = home.root / "env.sh"
    write_private(target, "\n".join(lines) + "\n")
    return target
