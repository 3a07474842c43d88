"""Damaged files are read, refused or left out; none crashes the process, hangs it or fills its memory."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydicom import dcmread, dcmwrite
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from tests.support.data import case
from tests.support.fuzz import HANG_S, MEMORY_BYTES
from tests.support.series import write_enhanced_series, write_series

FILES = int(os.environ.get("CLARA_FUZZ_FILES", "1000"))
SEED = int(os.environ.get("CLARA_FUZZ_SEED", "20261121"))
BATCH = 250
"""Files of one process."""

REAL_CASES = (
    "hard-pydicom", "hard-pydicom-data", "hard-ct-transfer-syntaxes", "hard-compressed-mr", "mr-enhanced",
    "mr-enhanced-xa10", "seg-small", "seg-bit-packing", "hard-rgb-volume", "hard-per-slice-rescale", "wsi-dicom",
)  # fmt: skip


def write_corpus(folder):
    """One synthetic file of each encoding."""
    for modality in ("CT", "MR", "PT"):
        write_series(folder, modality=modality, series=modality, shape=(12, 10, 1))
        write_enhanced_series(folder, modality=modality, series=f"enhanced-{modality}", shape=(12, 10, 3), times=2)
    write_series(folder, series="large", shape=(64, 64, 1))
    for name, syntax in (("rle", RLELossless), ("j2k", JPEG2000Lossless)):
        dataset = dcmread(folder / "large-slice000.dcm")
        dataset.compress(syntax)
        dataset.save_as(folder / name)
    dataset = dcmread(folder / "CT-slice000.dcm")
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(folder / "deflated")
    for name, implicit, little in (("implicit", True, True), ("big", False, False)):
        dataset = dcmread(folder / "CT-slice000.dcm")
        del dataset.file_meta, dataset.preamble
        dcmwrite(folder / name, dataset, implicit_vr=implicit, little_endian=little)


def fuzz(corpus, folder, files):
    outcomes: Counter[str] = Counter()
    for first in range(0, files, BATCH):
        batch = folder / str(first)
        batch.mkdir(parents=True)
        count = min(BATCH, files - first)
        arguments = [str(value) for value in (corpus, batch, SEED, first, count)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.support.fuzz", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            cwd=Path(__file__).parents[4],
            env=os.environ | {"PYTHONPATH": ".:images", "OPENBLAS_NUM_THREADS": "1"},
        )
        assert done.returncode == 0, f"ended with {done.returncode} after:\n{done.stderr[-3000:]}"
        result = json.loads(done.stdout)
        assert result["slowest_s"] < HANG_S, result["slowest_file"]
        assert result["memory_mib"] < MEMORY_BYTES >> 20
        outcomes.update(result["outcomes"])
        for path in batch.iterdir():
            path.unlink()
    print(json.dumps(dict(outcomes.most_common()), indent=1))
    assert outcomes["too many pixels"] == 0
    return outcomes


def test_damaged_synthetic_files_do_no_harm(tmp_path):
    write_corpus(tmp_path / "corpus")
    outcomes = fuzz(tmp_path / "corpus", tmp_path / "damaged", FILES // 2)
    assert outcomes["pixels"] > FILES // 20  # the damage must reach what comes behind the header
    assert outcomes["no pixels"] > FILES // 20


@pytest.mark.data
def test_damaged_real_files_do_no_harm(tmp_path):
    corpus = tmp_path / "corpus"
    for name in REAL_CASES:
        folder = case(name)
        (corpus / name).mkdir(parents=True)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                (corpus / name / path.relative_to(folder).as_posix().replace("/", "-")).symlink_to(path)
    outcomes = fuzz(corpus, tmp_path / "damaged", FILES - FILES // 2)
    assert outcomes["pixels"] > FILES // 20
