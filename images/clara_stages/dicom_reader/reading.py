"""From a study folder to its outputs: volumes, their source instances, labels of others."""

from pathlib import Path

from clara_stages.dicom_reader.copies import compare_copies
from clara_stages.dicom_reader.headers.study import LeftOut, Study, load_study, summarise
from clara_stages.dicom_reader.outputs.lists import list_source, write_source, write_volume_list
from clara_stages.dicom_reader.outputs.nifti import write_nifti
from clara_stages.dicom_reader.outputs.series_json import SERIES_FILE, describe_volume
from clara_stages.dicom_reader.params import Params
from clara_stages.dicom_reader.planning.doubts import find_doubts, find_strangers
from clara_stages.dicom_reader.planning.plan import plan_study, without_frames
from clara_stages.dicom_reader.planning.selection import choose
from clara_stages.dicom_reader.planning.volume_plan import VolumePlan
from clara_stages.dicom_reader.unread import find_left_out
from clara_stages.dicom_reader.volume import DamagedFramesError, Volume
from clara_stages.kit import BadInputError, StageIO
from clara_stages.kit.contract import Kind
from clara_stages.kit.files import link_or_copy, write_json

_PROGRESS_IMAGES = 64
"""Images between two lines of progress."""


def read_study(io: StageIO, params: Params) -> None:
    """Read a study, select volumes, write each with the images that it is made of."""
    io.uses("pydicom", "numpy", "imagecodecs")
    study = load_study(io.reads("study"), params.limits)
    plans = plan_study(study, params.policy)
    selection = choose(plans, params.select, volumes=params.volumes, images=params.images)
    strangers = dict.fromkeys(find_strangers(selection.plans, plans))
    for note in (*study.folder.notes, selection.choice, *strangers):
        if note:
            io.warn(note)
    if params.volumes == "all":
        _write_all(io, study, selection.plans, params)
    else:
        _write_one(io, study, selection.plans[0], params)


def _write_one(io: StageIO, study: Study, plan: VolumePlan, params: Params) -> None:
    io.will_link(list_source(plan.frames))
    volume, left_out = _write(io, study, plan, params, io.writes("volume"))
    _warn_of_files(io, study, left_out)
    write_source(io.writes("source"), volume.plan.frames)
    link_or_copy(io.writes("volume") / SERIES_FILE, io.writes("source") / SERIES_FILE)
    _report(io, volume)
    if params.metaimage:
        from clara_stages.dicom_reader.outputs.metaimage import write_metaimage  # SimpleITK: only where asked for

        io.uses("SimpleITK")
        write_metaimage(volume, io.writes("metaimage"))
    if params.annotations != "none":
        from clara_stages.dicom_reader.annotations.stage import write_annotations  # likewise: not for every run

        form = Kind(params.annotations)
        write_annotations(io, study, volume, form=form, rule=params.annotation, limits=params.limits)


def _write_all(io: StageIO, study: Study, plans: tuple[VolumePlan, ...], params: Params) -> None:
    if params.metaimage or params.annotations != "none":
        raise BadInputError(
            "`metaimage` and `annotations` are about one volume, `volumes: all` asks for several",
            remedy="leave them out, or use `volumes: one`",
        )
    entries: list[dict[str, str]] = []
    volumes: list[Volume] = []
    left_out: dict[LeftOut, None] = {}
    io.will_link(list_source(frame for plan in plans for frame in plan.frames))
    for number, plan in enumerate(plans, start=1):
        folder = f"{number:03d}-{plan.name}"
        volume, left_out_here = _write(io, study, plan, params, io.writes("volumes") / folder)
        left_out |= dict.fromkeys(left_out_here)
        entries.append({"folder": folder, "name": plan.name, "series_instance_uid": plan.series.series_instance_uid})
        volumes.append(volume)
    _warn_of_files(io, study, list(left_out))
    write_volume_list(io.writes("volumes"), entries)
    write_source(io.writes("source"), [frame for volume in volumes for frame in volume.plan.frames])
    io.metric("volumes", len(entries))


def _warn_of_files(io: StageIO, study: Study, left_out: list[LeftOut]) -> None:
    """Say how many files were left out and why; of a multi-frame file several frames may be."""
    if left_out:
        files = len({item.file for item in left_out})
        io.warn(f"{files} of {len(study.folder.files)} files were left out: {summarise(left_out)}")


def _write(io: StageIO, study: Study, plan: VolumePlan, params: Params, folder: Path) -> tuple[Volume, list[LeftOut]]:
    """Write the volume of a plan, checked against what arrived, with every doubt told; returns what was left out."""
    folder.mkdir(parents=True, exist_ok=True)
    _require_all_arrived(study, plan)
    volume = _write_values(io, plan, params, folder / "volume.nii")
    io.knows_digest(volume.file, volume.digest)
    copies = compare_copies(study, volume.plan.frames, params.limits)
    whose = f"{folder.name}: " if params.volumes == "all" else ""
    for doubt in find_doubts(volume.plan):
        io.warn(f"{whose}{doubt}")
    left_out = [*find_left_out(study, volume.plan), *copies]
    digest = study.digest_of(volume.plan.series.study_instance_uid)
    write_json(folder / SERIES_FILE, describe_volume(volume, digest, left_out))
    return volume, left_out


def _write_values(io: StageIO, plan: VolumePlan, params: Params, path: Path) -> Volume:
    def show(done: int, total: int) -> None:
        if done % _PROGRESS_IMAGES == 0 or done == total:
            io.progress(done / total, f"read {done} of {total} images")

    try:
        return write_nifti(plan, path, params.limits, show)
    except DamagedFramesError as error:
        if not params.policy.leave_out_bad:
            raise
        return write_nifti(without_frames(plan, error.damaged, params.policy), path, params.limits, show)


def _require_all_arrived(study: Study, plan: VolumePlan) -> None:
    """Refuse a series of an arrival of which fewer instances can be read than arrived."""
    arrived = study.folder.instances_by_series.get(plan.series.series_instance_uid, 0)
    if plan.series.facts["instances"] < arrived:
        raise BadInputError(
            f"{arrived} instances of the series arrived, {plan.series.facts['instances']} of them can be read",
            remedy="send the series again",
        )


def _report(io: StageIO, volume: Volume) -> None:
    io.metric("slices", volume.grid.shape[2])
    if len(volume.shape) > 3:
        io.metric("time_points", volume.shape[3])
    io.metric("spacing_mm", " x ".join(f"{value:.4g}" for value in volume.grid.spacing_mm))
    io.metric("unevenness_mm", round(volume.grid.unevenness_mm, 4))
    io.metric("data_type", str(volume.dtype))
    if volume.unit.name == "HU":
        io.metric("padding_voxels", volume.padding_voxels)
        io.metric("raised_voxels", volume.raised_voxels)
