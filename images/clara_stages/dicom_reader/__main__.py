"""The stage: study folder in, one volume and its source instances out."""

from dataclasses import dataclass

from clara_stages.dicom_reader.headers.study import LeftOut, Study, load_study, quiet_pydicom, same_header, summarise
from clara_stages.dicom_reader.outputs.folders import describe_series, write_source, write_volume
from clara_stages.dicom_reader.selection import SLICE_CLASSES, Series, choose_series, class_name, group_series
from clara_stages.dicom_reader.volume import Volume, build_volume, require_same_pixels
from clara_stages.kit import BadInputError, StageIO, run

FEW_SLICES = 4
"""Below this a stack is a volume, but its evenness shows in two gaps at most."""

_PROGRESS_SLICES = 64
"""Slices between two lines of progress."""


@dataclass(frozen=True, kw_only=True)
class Params:
    """Parameters of the stage."""

    select: str = ""


def main(io: StageIO) -> None:
    """Read a study, select a series, write its volume."""
    params = io.params(Params)
    io.uses("pydicom", "numpy", "nibabel", "python-gdcm", "pylibjpeg-openjpeg")
    study = load_study(io.reads("study"))
    selection = choose_series(group_series(study.instances), params.select)
    series = selection.series
    with quiet_pydicom():
        _require_all_arrived(study, series)
        left_out = [*study.left_out, *_copies_left_out(study), *_others_left_out(study, series)]
        volume = build_volume(series.slices, lambda done, total: _show_progress(io, done, total))
        _require_equal_copies(study, series)
    for note in (*study.folder.notes, selection.choice, *_doubts(volume)):
        if note:
            io.warn(note)
    if left_out:
        io.warn(f"{len(left_out)} of {len(study.folder.files)} files were left out: {summarise(left_out)}")
    digest = study.digest_of(series.study_instance_uid)
    write_volume(io.writes("volume"), volume, describe_series(volume, series, digest, left_out))
    write_source(io.writes("source"), volume)
    _report(io, volume)


def _require_all_arrived(study: Study, series: Series) -> None:
    """Refuse a series of an arrival of which fewer instances can be read than arrived."""
    series_instance_uid = series.facts["series_instance_uid"]
    arrived = study.folder.instances_by_series.get(series_instance_uid, 0)
    if series.facts["instances"] < arrived:
        raise BadInputError(
            f"{arrived} instances of the series arrived, {series.facts['instances']} of them can be read",
            remedy="send the series again",
        )


def _require_equal_copies(study: Study, series: Series) -> None:
    """Refuse two files that claim to be one slice and differ; the slices themselves have been read by then."""
    slices = {item.sop_instance_uid: item for item in series.slices}
    for copy in study.copies:
        instance = slices.get(copy.sop_instance_uid)
        if instance is None:
            continue
        if not same_header(instance, copy):
            raise BadInputError(
                f"two files ({instance.label}, {copy.label}) have the SOP Instance UID {copy.sop_instance_uid} and "
                "differ in series, geometry or rescale",
                remedy="remove the file that is wrong",
            )
        require_same_pixels(instance, copy)


def _copies_left_out(study: Study) -> list[LeftOut]:
    return [LeftOut(file=item.label, reason="another file of an instance that was read") for item in study.copies]


def _others_left_out(study: Study, chosen: Series) -> list[LeftOut]:
    """Instances that are no slices, in whichever series, and images without pixel data.

    These because a damaged file may seem to be of another series. Sound slices of other series are not listed.
    """
    left_out = []
    for item in study.instances:
        if item.sop_class_uid not in SLICE_CLASSES:
            left_out.append(LeftOut(file=item.label, reason=f"no slice: {class_name(item.sop_class_uid)}"))
        elif not item.pixels.pixel_element and item not in chosen.slices:
            left_out.append(LeftOut(file=item.label, reason="an image without pixel data"))
    return left_out


def _doubts(volume: Volume) -> list[str]:
    doubts = []
    slices = volume.grid.shape[2]
    if slices < FEW_SLICES:
        doubts.append(f"the volume has {slices} slices: that none is missing cannot be seen from so few")
    if not volume.slices[0].plane.frame_of_reference_uid:
        doubts.append("the series has no Frame of Reference UID: results cannot refer to one")
    lossy = sum(item.pixels.lossy for item in volume.slices)
    if lossy:
        doubts.append(f"{lossy} of {slices} slices were compressed with loss")
    if volume.slices[0].modality == "PT":
        doubts.append(f"PET values are in {volume.unit}, as the scanner stored them; no SUV is computed")
    return doubts


def _show_progress(io: StageIO, done: int, total: int) -> None:
    if done % _PROGRESS_SLICES == 0 or done == total:
        io.progress(done / total, f"read {done} of {total} slices")


def _report(io: StageIO, volume: Volume) -> None:
    io.metric("slices", volume.grid.shape[2])
    io.metric("spacing_mm", " x ".join(f"{value:.4g}" for value in volume.grid.spacing_mm))
    io.metric("unevenness_mm", round(volume.grid.unevenness_mm, 4))
    io.metric("data_type", str(volume.values.dtype))
    if volume.unit == "HU":
        io.metric("padding_voxels", volume.padding_voxels)
        io.metric("raised_voxels", volume.raised_voxels)


if __name__ == "__main__":
    run(main, stage="dicom_reader", stage_version="1")
