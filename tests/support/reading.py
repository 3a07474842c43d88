"""The reader's steps as a test takes them: plans of a folder, the volume a rule selects, the whole stage."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clara_stages.dicom_reader.__main__ import main
from clara_stages.dicom_reader.headers.study import load_study
from clara_stages.dicom_reader.outputs.nifti import write_nifti
from clara_stages.dicom_reader.params import Params
from clara_stages.dicom_reader.planning.plan import plan_study
from clara_stages.dicom_reader.planning.selection import choose
from clara_stages.dicom_reader.planning.volume_plan import VolumePlan
from clara_stages.dicom_reader.quiet_pydicom import quiet_pydicom
from clara_stages.dicom_reader.volume import Volume
from clara_stages.kit import StageIO
from clara_stages.kit.contract import StageRequest


def plans_of(folder: Path, **params: Any) -> list[VolumePlan]:
    """What the reader would make of each volume under a folder; the params are the stage's."""
    given = Params(**params)
    with quiet_pydicom():
        return plan_study(load_study(folder, given.limits), given.policy)


def read_volume(folder: Path, select: str = "", **params: Any) -> Volume:
    """The volume that a rule selects."""
    given = Params(select=select, **params)
    selection = choose(plans_of(folder, **params), select, volumes=given.volumes, images=given.images)
    with quiet_pydicom(), TemporaryDirectory() as work:
        volume = write_nifti(selection.plans[0], Path(work) / "volume.nii", given.limits)
        assert volume.values is not None  # mapped now: the mapping outlives the file
    return volume


def run_stage(study: Path, output: Path, **params: Any) -> tuple[StageIO, dict[str, Any]]:
    """Run the stage here; returns its io, and the content of ``volume/series.json``."""
    request = StageRequest(
        workflow="w", dag_run_id="r", stage="read", stage_key="k", output=str(output), inputs={"study": str(study)},
        params=params,
    )  # fmt: skip
    io = StageIO(request)
    main(io)
    return io, json.loads((output / "volume" / "series.json").read_text())
