"""The lists that the stage writes: which volumes, which source instances."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from clara_stages.dicom_reader.headers.frame import Frame
from clara_stages.kit import BadInputError
from clara_stages.kit.files import link_or_copy, write_json
from clara_stages.kit.instances import write_instance_list


def write_volume_list(folder: Path, entries: Sequence[dict[str, str]]) -> None:
    """Write ``volumes.json``: ``folder``, ``name`` and ``series_instance_uid`` of each (kind ``volumes``)."""
    write_json(folder / "volumes.json", {"volumes": list(entries)})


def list_source(frames: Iterable[Frame]) -> list[Path]:
    """The files that ``write_source`` gives second names."""
    return list(dict.fromkeys(frame.instance.path for frame in frames))


def write_source(folder: Path, frames: Iterable[Frame]) -> None:
    """Give the instances of a volume second names ``000001.dcm`` ... (kind ``dicom_instances``).

    Their order is that of the frames, time point by time point along k; a multi-frame instance stands where its first
    frame does.

    Raises:
        BadInputError: A file is gone.
    """
    instances = {frame.instance.sop_instance_uid: frame.instance for frame in frames}
    entries = []
    for number, item in enumerate(instances.values(), start=1):
        name = f"{number:06d}.dcm"
        try:
            link_or_copy(item.path, folder / name)
        except FileNotFoundError:
            raise BadInputError(
                f"the file of the instance {item.sop_instance_uid} is gone since its pixels were read",
                remedy="leave the study where it is until the run ends",
            ) from None
        entries.append({"file": name, "sop_class_uid": item.sop_class_uid, "sop_instance_uid": item.sop_instance_uid})
    write_instance_list(folder, entries)
