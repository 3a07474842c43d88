"""Attempt folders: each attempt has its own; what is finished is adopted, what is not is discarded."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from clara_stages.kit.contract import RESULT_FILE, Outcome, ShortResult, StageResult

_MODE = 0o750
"""Folders of patients' data: one user and group, nobody else."""


def make_attempt_folder(stage_folder: Path, attempt: int) -> Path:
    """A new, empty folder for an attempt: its number, or the next one that is free."""
    stage_folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
    while True:
        folder = stage_folder / str(attempt)
        try:
            folder.mkdir(mode=_MODE)
        except FileExistsError:
            attempt += 1
        else:
            return folder


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep an attempt's folder from ``discard_unfinished`` while the attempt runs.

    Airflow may start the next attempt while this one still runs: a task whose heartbeats were lost counts as dead
    before it is. The kernel gives the lock back when this process dies, however it dies.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # Waits at most for another attempt's look in _is_held; some network file systems lock no folder.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def find_finished(stage_folder: Path, stage_key: str) -> ShortResult | None:
    """The result of an earlier attempt with an equal key: what this attempt would make again."""
    for folder in sorted(stage_folder.glob("*/"), key=lambda item: item.name):
        result = load_result(folder)
        if result and result.stage_key == stage_key and result.outcome is Outcome.COMPLETED and _whole(folder, result):
            return ShortResult.of_result(result, str(folder))
    return None


def discard_unfinished(stage_folder: Path) -> list[str]:
    """Remove the folders of attempts that left no result and no longer run; returns their names."""
    discarded = []
    for folder in sorted(stage_folder.glob("*/")):
        if load_result(folder) is None and not _is_held(folder):
            shutil.rmtree(folder, ignore_errors=True)
            discarded.append(folder.name)
    return discarded


def load_result(folder: Path) -> StageResult | None:
    """The result in a folder; None where there is none, and so no result at all."""
    try:
        return StageResult.from_json((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _whole(folder: Path, result: StageResult) -> bool:
    return all((folder / output).is_dir() for output in result.folders.values())


def _is_held(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # gone meanwhile
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # held, or a file system that cannot say
        return True
    finally:
        os.close(descriptor)
    return False
