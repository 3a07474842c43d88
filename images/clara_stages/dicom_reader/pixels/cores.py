"""How many cores this process may use."""

import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def available_cores(cgroups: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Cores by affinity and by the quota of the container (cgroup version 2 or 1), at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for quota in (_quota_v1(cgroups / "cpu"), *_quotas_v2(cgroups, own)) if quota]
    return max(1, int(min([cores, *quotas])))


def _quotas_v2(cgroups: Path, own: Path) -> list[float | None]:
    """Of this process's group and all above it; in a container the first is the root of what it sees."""
    try:
        path = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        path = "/"
    group = Path(path.lstrip("/"))
    return [_quota_of(cgroups / folder / "cpu.max") for folder in (group, *group.parents)]


def _quota_of(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        period = int((folder / "cpu.cfs_period_us").read_text())
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
