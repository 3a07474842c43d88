"""Attempt folders: each attempt has its own; what is finished is adopted, what is not is discarded."""

import shutil
from pathlib import Path

from clara_stages.kit.contract import RESULT_FILE, ExitCode, Outcome, ShortResult, StageResult

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


def find_finished(stage_folder: Path, stage_key: str) -> ShortResult | None:
    """The result of an earlier attempt with an equal key: what this attempt would make again."""
    for folder in sorted(stage_folder.glob("*/"), key=lambda item: item.name):
        result = load_result(folder)
        if result and result.stage_key == stage_key and result.outcome is Outcome.COMPLETED:
            return ShortResult(
                exit_code=int(ExitCode.COMPLETED),
                outcome=result.outcome.value,
                io_folder=str(folder),
                folders=result.folders,
                metrics=result.metrics,
                warnings=result.warnings,
                stage_key=result.stage_key,
                digest=result.digest,
            )
    return None


def discard_unfinished(stage_folder: Path) -> list[str]:
    """Remove the folders of attempts that left no result; returns their names.

    Only where no attempt can still be running: an attempt's processes die with its task.
    """
    discarded = []
    for folder in sorted(stage_folder.glob("*/")):
        if load_result(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            discarded.append(folder.name)
    return discarded


def load_result(folder: Path) -> StageResult | None:
    """The result in a folder; None where there is none, and so no result at all."""
    try:
        return StageResult.from_json((folder / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
