"""``instances.json``: the files of a folder of kind ``dicom_instances``, in their order."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clara_stages.kit.errors import BadInputError
from clara_stages.kit.files import write_json

INSTANCES_FILE = "instances.json"


def load_instance_list(folder: Path, keys: tuple[str, ...], *, whose: str, remedy: str) -> list[tuple[Any, ...]]:
    """The values of ``keys`` for each instance, in the order of the list.

    Args:
        folder: A folder of kind ``dicom_instances``.
        keys: Among ``file``, ``sop_class_uid`` and ``sop_instance_uid``.
        whose: Which folder it is, for the error.
        remedy: What to do where the list cannot be used.

    Raises:
        BadInputError: There is no list, it is not of the format, or it is empty.
    """
    try:
        document = json.loads((folder / INSTANCES_FILE).read_text(encoding="utf-8"))
        entries = [tuple(item[key] for key in keys) for item in document["instances"]]
    except FileNotFoundError:
        raise BadInputError(f"the {whose} folder has no {INSTANCES_FILE}", remedy=remedy) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{INSTANCES_FILE} cannot be used: {type(error).__name__}: {error}", remedy=remedy
        ) from None
    if not entries:
        raise BadInputError(f"{INSTANCES_FILE} names no instance", remedy=remedy)
    return entries


def write_instance_list(folder: Path, instances: Iterable[dict[str, str]]) -> None:
    """Write the list: ``file``, ``sop_class_uid`` and ``sop_instance_uid`` of each instance."""
    write_json(folder / INSTANCES_FILE, {"instances": list(instances)})
