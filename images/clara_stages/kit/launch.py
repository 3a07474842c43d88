"""``python -m clara_stages.kit.launch PROGRAM ...``: become a program that dies with its parent.

A stage built on the kit asks the kernel itself; a program that does not know us is started through here. The wish
outlives ``execve`` (prctl(2), PR_SET_PDEATHSIG).
"""

import os
import sys

from clara_stages.kit.process import die_with_parent

if __name__ == "__main__":
    die_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell on purpose: the manifest's words are the arguments
