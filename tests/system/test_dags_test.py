"""``airflow dags test`` runs each workflow in one process, without a server: read, segment, write; nothing to send."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.support.airflow_home import airflow_environment
from tests.support.data import case
from tools.phantom import write_study

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """A function that runs ``airflow`` in a migrated home of this module's own; yields (run, io_root)."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {**os.environ, **airflow_environment(home)}
    bin_folder = Path(sys.executable).parent

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [str(bin_folder / "airflow"), *arguments], env=environment, capture_output=True, text=True, timeout=600
        )
        return done.stdout + done.stderr

    setup = "from airflow.utils.db import initdb; initdb()"
    subprocess.run([sys.executable, "-c", setup], env=environment, check=True, capture_output=True, timeout=120)
    return run, home / "io"


def run_workflow(airflow, workflow: str, study: Path) -> tuple[str, Path]:
    """Run it; the log, and the run's folder."""
    run, io_root = airflow
    before = set((io_root / "runs" / workflow).glob("*"))
    log = run("dags", "test", workflow, "--conf", json.dumps({"study": str(study)}))
    (folder,) = set((io_root / "runs" / workflow).glob("*")) - before
    return log, folder


def segment_labels(seg: pydicom.Dataset) -> list[str]:
    return [item.SegmentLabel for item in seg.SegmentSequence]


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "study"
    write_study(folder, seed=7)
    return folder


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        ("OrganSeg", {"liver", "spleen", "kidney", "spine"}),
        ("LiverSeg", {"liver"}),
        ("TissueSeg", {"lung and air", "fat", "soft tissue", "bone and contrast"}),
    ],
)
def test_each_workflow_turns_a_phantom_into_a_segmentation(airflow, phantom, workflow, expected):
    log, folder = run_workflow(airflow, workflow, phantom)
    assert "successful" in log, log[-3000:]
    seg = pydicom.dcmread(folder / "write" / "1" / "instances" / "seg.dcm")
    assert expected <= {label.lower() for label in segment_labels(seg)}
    source = {pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID for file in phantom.rglob("*.dcm")}
    referenced = {
        item.ReferencedSOPInstanceUID
        for series in seg.ReferencedSeriesSequence
        for item in series.ReferencedInstanceSequence
    }
    assert referenced <= source


def test_the_same_study_again_gives_the_same_bytes(airflow, phantom):
    files = [run_workflow(airflow, "TissueSeg", phantom)[1] / "write/1/instances/seg.dcm" for _ in range(2)]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.data
def test_a_real_patient_is_never_given_organs(airflow):
    log, folder = run_workflow(airflow, "OrganSeg", case("ct-abdomen"))
    assert "not_analysed: segment: " in log, log[-3000:]
    assert "Quality Control Subject" in log
    assert not (folder / "write").exists()
    assert list((folder / "segment").iterdir()) == []


@pytest.mark.data
def test_a_real_ct_has_tissue_everywhere_in_its_body(airflow):
    import nibabel

    log, folder = run_workflow(airflow, "TissueSeg", case("ct-abdomen"))
    assert "successful" in log, log[-3000:]
    labels = np.asarray(nibabel.load(folder / "segment/1/labels/labels.nii").dataobj)
    volume = np.asarray(nibabel.load(folder / "read/1/volume/volume.nii").dataobj)
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}
    assert volume[labels == 4].mean() > volume[labels == 3].mean() > volume[labels == 2].mean() > -200
