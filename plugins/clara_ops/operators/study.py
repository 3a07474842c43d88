"""A run's study: an arrival, or a folder that the settings allow."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from airflow.sdk.exceptions import AirflowFailException

from clara_ops.settings import ANY_PATH, Settings
from clara_stages.kit.contract import folder_digest

_ARRIVAL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""An id of the ledger: never a path."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Where a run's study lies, and its root key."""

    folder: Path
    key: str


def find_study(study: str, settings: Settings) -> Study:
    """The study that ``conf.study`` names.

    Raises:
        AirflowFailException: No such arrival, no such folder, or a folder outside the study roots.
    """
    if _ARRIVAL_ID.fullmatch(study):
        arrival = settings.io_root / "studies" / study
        # A worker that does not mount the volume trusts the id; the stage's own check is then the one that counts.
        if arrival.is_dir() or not settings.io_root.is_dir():
            return Study(folder=arrival, key=_arrival_key(arrival, study))
    folder = _existing_folder(study)
    if folder is None:
        raise AirflowFailException(
            f"conf.study is neither an arrival id nor an existing folder ({len(study)} characters given) -> "
            "give an arrival id from `GET /api/v1/studies`, or the absolute path of a folder of DICOM files"
        )
    if not _allowed(folder, settings):
        raise AirflowFailException(
            "conf.study is a folder outside the study roots -> add its parent to study_roots in the [clara] section"
        )
    try:
        return Study(folder=folder, key=folder_digest(folder))
    except OSError as error:  # its text would name the file, and the file may be named after the patient
        raise AirflowFailException(
            f"a file of the study cannot be read ({error.strerror}) -> let Airflow's user read the whole folder"
        ) from None


def _existing_folder(text: str) -> Path | None:
    try:
        folder = Path(text).expanduser().resolve()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError, ValueError):  # a loop of links, an unknown user's ~, a null byte
        return None


def _arrival_key(folder: Path, arrival_id: str) -> str:
    try:
        return str(json.loads((folder / "study.json").read_text(encoding="utf-8"))["study_digest"])
    except (OSError, ValueError, KeyError):
        return arrival_id


def _allowed(folder: Path, settings: Settings) -> bool:
    if ANY_PATH in settings.study_roots:
        return True
    return any(folder.is_relative_to(Path(root).resolve()) for root in settings.study_roots)
