"""The files of a study folder: which there are, and what the adapter's study.json says about them."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

STUDY_FILE = "study.json"
"""Written by the adapter at the root of an arrival; a folder without it was put there by a person."""

INSTANCES_FOLDER = "instances"
"""Where an arrival keeps its files, under names that the adapter made."""


@dataclass(frozen=True, kw_only=True)
class StudyFile:
    """One file under a study folder.

    Attributes:
        path: Where it is, links resolved.
        label: How messages and ``series.json`` name it: the relative path in an arrival, where names are ours; else
            ``file 7 of 41``, for a name that a person gave may be a patient's.
        refusal: Why it must not be opened, or "".
    """

    path: Path
    label: str
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class StudyFolder:
    """The files of a study folder, and what the adapter noted about the arrival.

    Attributes:
        files: In the order of their relative paths.
        study_digest: The root key of the arrival, or "" for a plain folder.
        instances_by_series: Series Instance UID -> number of instances that arrived; empty for a plain folder.
        notes: Sentences for the person who looks at the run.
    """

    files: tuple[StudyFile, ...]
    study_digest: str = ""
    instances_by_series: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def list_study_folder(root: Path) -> StudyFolder:
    """The files under ``root``: of ``instances/`` where study.json makes it an arrival, else of the whole tree.

    Folders that are links are not entered, and a link to a file outside ``root`` is listed with a refusal: a study
    must not reach into the rest of the disk.
    """
    notes: tuple[str, ...] = ()
    digest = ""
    counts: dict[str, int] = {}
    if (root / STUDY_FILE).is_file():
        try:
            digest, counts = _load_study_file(root / STUDY_FILE)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            notes = (f"{STUDY_FILE} cannot be used ({type(error).__name__}): the folder is read as a plain one",)
    is_arrival = bool(digest) and (root / INSTANCES_FOLDER).is_dir()
    paths = sorted(_walk(root / INSTANCES_FOLDER if is_arrival else root), key=os.fsencode)
    if is_arrival:
        labels = [str(path.relative_to(root)) for path in paths]
    else:
        labels = [f"file {number} of {len(paths)}" for number in range(1, len(paths) + 1)]
    base = root.resolve()
    files = tuple(_study_file(path, label, base) for path, label in zip(paths, labels, strict=True))
    if not is_arrival:
        digest, counts = "", {}
    return StudyFolder(files=files, study_digest=digest, instances_by_series=counts, notes=notes)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _study_file(path: Path, label: str, base: Path) -> StudyFile:
    target = path
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        return StudyFile(path=path, label=label, refusal="a link to nothing")
    if not target.is_relative_to(base):
        return StudyFile(path=path, label=label, refusal="a link out of the study folder")
    if not target.is_file():
        return StudyFile(path=path, label=label, refusal="no plain file")
    return StudyFile(path=target, label=label)


def _load_study_file(path: Path) -> tuple[str, dict[str, int]]:
    """Root digest and instances by series of a study.json.

    Raises:
        OSError, ValueError, TypeError, KeyError, AttributeError: It cannot be read or is not the adapter's.
    """
    study = json.loads(path.read_text(encoding="utf-8"))
    digest = study["study_digest"]
    if not isinstance(digest, str) or not digest:
        raise ValueError("study_digest is no text")
    series = study.get("facts", {}).get("series", [])
    return digest, {str(item["series_instance_uid"]): int(item["instances"]) for item in series}
