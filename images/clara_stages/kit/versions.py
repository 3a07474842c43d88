"""Versions of installed distributions, for the record of a result."""

import os
import sys

UNKNOWN = "unknown"


def installed_version(distribution: str) -> str:
    """The version of a distribution as its ``.dist-info`` folder is named (PEP 427), or ``unknown``.

    ``importlib.metadata`` says the same after loading a parser of e-mail.
    """
    start = distribution.replace("-", "_").lower() + "-"
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            if name.lower().startswith(start) and name.endswith(".dist-info"):
                return name[len(start) : -len(".dist-info")]
    return UNKNOWN
