"""The instances to be sent: ``instances.json`` and the files it names."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from clara_stages.kit import BadInputError

INSTANCES_FILE = "instances.json"

_CHUNK_BYTES = 1 << 20

_REMEDY = "give the folder `instances` of a finished dicom_writer stage"


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One file to be sent; ``file`` is relative to the input folder, ``digest`` the SHA-256 of its bytes."""

    file: str
    sop_class_uid: str
    sop_instance_uid: str
    digest: str


def load_instances(folder: Path) -> list[Instance]:
    """What a folder of kind ``dicom_instances`` holds, in its order.

    Raises:
        BadInputError: The list or a file is missing, or the list is not of the format.
    """
    try:
        document = json.loads((folder / INSTANCES_FILE).read_text(encoding="utf-8"))
        entries = [
            (str(item["file"]), str(item["sop_class_uid"]), str(item["sop_instance_uid"]))
            for item in document["instances"]
        ]
    except FileNotFoundError:
        raise BadInputError(f"the input folder has no {INSTANCES_FILE}", remedy=_REMEDY) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{INSTANCES_FILE} cannot be used: {type(error).__name__}: {error}", remedy=_REMEDY
        ) from None
    if not entries:
        raise BadInputError(f"{INSTANCES_FILE} names no instance", remedy=_REMEDY)
    return [
        Instance(file=file, sop_class_uid=sop_class, sop_instance_uid=uid, digest=_digest(folder, file))
        for file, sop_class, uid in entries
    ]


def _digest(folder: Path, file: str) -> str:
    total = hashlib.sha256()
    try:
        with (folder / file).open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total.update(chunk)
    except OSError as error:
        raise BadInputError(
            f"{INSTANCES_FILE} names {file}, which cannot be read: {error.strerror}", remedy=_REMEDY
        ) from None
    return total.hexdigest()
