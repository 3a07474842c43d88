"""The stage in the kit's README is a stage: its code and manifest are taken from the page and run."""

import re
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import yaml

from clara_ops.workflow.catalog import Manifest
from clara_stages.kit.contract import StageResult

README = Path(__file__).parents[2] / "images" / "clara_stages" / "kit" / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def test_the_readme_s_manifest_is_one():
    manifest = Manifest.model_validate(yaml.safe_load(blocks("yaml")[0]))
    assert (manifest.stage, manifest.defaults()) == ("bright_voxels", {"threshold_hu": 300})


def test_the_readme_s_stage_labels_bright_voxels(tmp_path):
    package = tmp_path / "mine" / "bright_voxels"
    package.mkdir(parents=True)
    (package / "__main__.py").write_text(blocks("python")[1])
    volume = tmp_path / "volume"
    volume.mkdir()
    image = nibabel.Nifti1Image(np.array([[[0, 260, 400]]], np.int16), np.diag([1.0, 2.0, 3.0, 1.0]))
    nibabel.save(image, volume / "volume.nii")

    command = [sys.executable, "-m", "mine.bright_voxels", "--input", f"volume={volume}", "--output", "out"]
    done = subprocess.run(
        [*command, "--param", "threshold_hu=250"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stdout + done.stderr
    result = StageResult.from_json((tmp_path / "out" / "result.json").read_text())
    assert result.metrics == {"voxels": 2}
    labels = nibabel.load(tmp_path / "out" / result.folders["labels"] / "labels.nii")
    assert np.asarray(labels.dataobj).tolist() == [[[0, 1, 1]]]
