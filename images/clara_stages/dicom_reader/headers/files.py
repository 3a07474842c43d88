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
        relative: Path below the folder that was given, for the person whose folder it is.
        refusal: Why it must not be opened, or "".
    """

    path: Path
    label: str
    relative: str = ""
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

    A ``root`` that is a file is the only one. Folders that are links are not entered, and a link to a file outside
    ``root`` is listed with a refusal: a study must not reach into the rest of the disk.
    """
    if root.is_file():
        name = os.fsencode(root.name).decode("utf-8", "replace")
        return StudyFolder(files=(StudyFile(path=root.resolve(), label="file 1 of 1", relative=name),))
    notes: tuple[str, ...] = ()
    digest = ""
    counts: dict[str, int] = {}
    if (root / STUDY_FILE).is_file():
        try:
            digest, counts = _load_study_file(root / STUDY_FILE)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            notes = (f"{STUDY_FILE} cannot be used ({type(error).__name__}): the folder is read as a plain one",)
    instances = root / INSTANCES_FOLDER
    is_arrival = bool(digest) and instances.is_dir() and not instances.is_symlink()
    base = root.resolve()
    entries = sorted(_walk(base / INSTANCES_FOLDER if is_arrival else base), key=lambda entry: os.fsencode(entry[0]))
    files = []
    for number, (path, kind) in enumerate(entries, 1):
        relative = os.fsencode(path[len(str(base)) :].lstrip(os.sep)).decode("utf-8", "replace")
        label = relative if is_arrival else f"file {number} of {len(entries)}"
        files.append(_study_file(path, kind, label, relative, base))
    if not is_arrival:
        digest, counts = "", {}
    return StudyFolder(files=tuple(files), study_digest=digest, instances_by_series=counts, notes=notes)


def _walk(root: Path) -> Iterator[tuple[str, str]]:
    """Path and kind (``file``, ``link``, ``folder``: one that cannot be listed, ``other``) of all that is below."""
    folders = [str(root)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        yield entry.path, "link"
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        yield entry.path, "file" if entry.is_file(follow_symlinks=False) else "other"
        except OSError:
            yield folder, "folder"


def _study_file(path: str, kind: str, label: str, relative: str, base: Path) -> StudyFile:
    """The file at a path; a link that leads to no plain file inside the folder is refused."""
    refusal = {"other": "no plain file", "folder": "a folder that cannot be opened"}.get(kind, "")
    target = Path(path)
    if kind == "link":
        try:
            target = target.resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
            refusal = "a link to nothing"
        else:
            if not target.is_relative_to(base):
                refusal = "a link out of the study folder"
            elif not target.is_file():
                refusal = "a link to a folder" if target.is_dir() else "no plain file"
    return StudyFile(path=target, label=label, relative=relative, refusal=refusal)


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
