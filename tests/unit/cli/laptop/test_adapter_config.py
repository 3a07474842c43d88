from pathlib import Path

import pytest
import yaml

from clara_ops.cli.laptop.adapter_config import served_ae_titles, write_adapter_config
from clara_ops.cli.laptop.ports import Ports

EXAMPLE = Path(__file__).parents[4] / "config" / "dicom-server-config.yaml"


def test_the_results_go_to_the_demo_pacs_wherever_it_listens(tmp_path):
    target = tmp_path / "config.yaml"
    write_adapter_config(EXAMPLE, target, Ports(pacs_dicom=4299, adapter_dicom=11199))
    written = yaml.safe_load(target.read_text())
    (pacs,) = [entry for entry in written["dicom"]["scu"]["destinations"] if entry["ae-title"] == "ORTHANC"]
    assert (pacs["host-ip"], pacs["port"]) == ("127.0.0.1", 4299)
    assert written["dicom"]["scp"]["port"] == 11199


def test_everything_else_of_the_example_is_kept(tmp_path):
    target = tmp_path / "config.yaml"
    usual = Ports()
    write_adapter_config(EXAMPLE, target, usual)
    example = yaml.safe_load(EXAMPLE.read_text())
    assert yaml.safe_load(target.read_text()) == example


def test_the_three_demonstration_titles_are_served():
    assert {"OrganSeg", "LiverSeg", "TissueSeg"} <= set(served_ae_titles(EXAMPLE))


def test_an_example_without_the_demo_pacs_is_refused(tmp_path):
    config = yaml.safe_load(EXAMPLE.read_text())
    config["dicom"]["scu"]["destinations"] = []
    example = tmp_path / "example.yaml"
    example.write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match=r"names no destination with AE title ORTHANC.*Add one under dicom\.scu"):
        write_adapter_config(example, tmp_path / "config.yaml", Ports())
