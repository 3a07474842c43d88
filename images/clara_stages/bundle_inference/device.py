"""The device a bundle runs on: which, with how many threads, repeatably, and what happens when its memory ends."""

import math
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic algorithms on CUDA ask for

import numpy as np
import torch

from clara_stages.kit import BadInputError, OutOfMemoryError, StageError

SEED = 20261120
"""Of every random generator, so that a re-run gives the same labels."""

_CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""cgroup v2: "<quota> <period>" in microseconds, or "max <period>"."""


def choose_device(device: str) -> torch.device:
    """``auto`` takes the GPU where there is one. Raises BadInputError for ``cuda`` without one."""
    if device not in ("auto", "cpu", "cuda"):
        raise BadInputError(f"device is {device!r}, expected auto, cpu or cuda", remedy="correct the parameter")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise BadInputError(
            "device is cuda, and torch finds no GPU here",
            remedy="give the stage a GPU (resources.gpu: 1), or set device to auto or cpu",
        )
    return torch.device("cuda" if available and device != "cpu" else "cpu")


def make_deterministic() -> None:
    """Fix seeds, algorithms and the number of threads of this process."""
    torch.set_num_threads(_threads())
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.manual_seed(SEED)
    np.random.seed(SEED)  # the global generator: transforms of MONAI and of bundles use it
    random.seed(SEED)


def _threads() -> int:
    """What OMP_NUM_THREADS says, else the cores this process may use; torch would take those of the whole host."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = _CPU_QUOTA.read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        return cores


@contextmanager
def memory_errors(shape: tuple[int, ...], device: torch.device) -> Iterator[None]:
    """Turn the end of a memory, at work on a volume of ``shape``, into OutOfMemoryError."""
    try:
        yield
    except StageError:
        raise
    except Exception as error:
        if not is_memory(error):
            raise
        size = " x ".join(map(str, shape))
        if device.type == "cuda":
            free, total = (value >> 20 for value in torch.cuda.mem_get_info())
            raise OutOfMemoryError(
                f"the GPU ran out of memory on {size} voxels ({free} of {total} MiB are free now)",
                remedy="set region_lps_mm, use a GPU with more memory, or device: cpu",
            ) from error
        raise OutOfMemoryError(
            f"the memory ran out on {size} voxels", remedy="set region_lps_mm, or raise resources.memory_mib"
        ) from error


def is_memory(error: BaseException) -> bool:
    """Whether an exception, or one it came from, says that the host's or the GPU's memory is used up."""
    chain: BaseException | None = error
    while chain is not None:
        text = str(chain)
        if isinstance(chain, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in text:
            return True
        chain = chain.__cause__ or chain.__context__
    return False
