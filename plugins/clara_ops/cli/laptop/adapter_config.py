"""The adapter configuration of one instance: the example, with this instance's ports in it."""

from pathlib import Path
from typing import Any

import yaml

from clara_ops.cli.laptop.components import PACS_AE_TITLE
from clara_ops.cli.laptop.environment import HOST
from clara_ops.cli.laptop.ports import Ports


def served_ae_titles(config_file: Path) -> tuple[str, ...]:
    """The AE titles a configuration serves."""
    config = yaml.safe_load(config_file.read_text())
    return tuple(entry["ae-title"] for entry in config["dicom"]["scp"]["ae-titles"])


def write_adapter_config(example: Path, target: Path, ports: Ports) -> None:
    """Write the configuration of an instance.

    Raises:
        ValueError: The example names no destination with the demo PACS's AE title.
    """
    config: dict[str, Any] = yaml.safe_load(example.read_text())
    dicom = config["dicom"]
    destinations = [entry for entry in dicom["scu"]["destinations"] if entry.get("ae-title") == PACS_AE_TITLE]
    if not destinations:
        raise ValueError(
            f"{example} names no destination with AE title {PACS_AE_TITLE}, which is the demo PACS: "
            "results would go nowhere. Add one under dicom.scu.destinations."
        )
    for destination in destinations:
        destination.update({"host-ip": HOST, "port": ports.pacs_dicom})
    dicom["scp"]["port"] = ports.adapter_dicom
    target.write_text(
        "# Written at every start from config/dicom-server-config.yaml; change that one.\n"
        + yaml.safe_dump(config, sort_keys=False)
    )
