"""The instances to be sent: ``instances.json`` and the files it names."""

from dataclasses import dataclass
from pathlib import Path

from clara_stages.kit import BadInputError
from clara_stages.kit.contract.digests import file_digest
from clara_stages.kit.instances import INSTANCES_FILE, load_instance_list

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
    keys = ("file", "sop_class_uid", "sop_instance_uid")
    entries = load_instance_list(folder, keys, whose="input", remedy=_REMEDY)
    return [
        Instance(file=file, sop_class_uid=sop_class, sop_instance_uid=uid, digest=_digest(folder, file))
        for file, sop_class, uid in (map(str, entry) for entry in entries)
    ]


def _digest(folder: Path, file: str) -> str:
    try:
        return file_digest(folder / file)
    except OSError as error:
        raise BadInputError(
            f"{INSTANCES_FILE} names {file}, which cannot be read: {error.strerror}", remedy=_REMEDY
        ) from None
