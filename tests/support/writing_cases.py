"""Real studies that results are written of: what is read, what is drawn on it, and what must become of it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom

from clara_stages.dicom_reader.__main__ import main as read_study
from clara_stages.dicom_writer.__main__ import main as write_results
from clara_stages.dicom_writer.inputs.segments import VOXELS_FILES, Form
from clara_stages.dicom_writer.params import OUTPUT_NAMES
from clara_stages.kit import StageError, StageIO
from clara_stages.kit.contract import StageRequest
from tests.support.data import case
from tests.support.writing import INPUT_NAMES, Body, write_segments

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

NOWHERE = ("image", "seg", "rtstruct")
"""What cannot be written of images that do not say in which frame of reference they lie."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Files that are read together, and results written of one volume of them.

    Attributes:
        name: Heads the row of the page; begins with the folder of the data.
        what: What is special about the images.
        files: Globs below the data folder; none takes the whole case.
        params: Of dicom_reader.
        form: How segments are held. With ``annotations`` among the params they are somebody else's.
        time_point: Which one of several.
        other: Parameters of dicom_reader for the ``volume`` input, where that is of another reading.
        with_frame_of_reference: Whether one is put into the files: what lacks it in the data has rare geometry.
        left_out: Outputs that cannot be written of it.
        refused: What the refusal must say, where nothing is written.
        dcmqi: Whether the frames are an even, upright stack, as dcmqi needs.
        plastimatch: Whether it can read the source: uncompressed, single frames, even and upright.
    """

    name: str
    what: str
    files: Sequence[str] = ()
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    form: Form = Form.LABEL_MAP
    time_point: int = 0
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)
    with_frame_of_reference: bool = False
    left_out: Sequence[str] = ()
    refused: str = ""
    dcmqi: bool = False
    plastimatch: bool = False


def _series(end: str, more: str = "") -> dict[str, Any]:
    return {"select": f'series.series_instance_uid.endsWith("{end}"){more}'}


CASES = (
    Case(
        name="ct-abdomen, ten slices", what="CT of a patient who lies feet first; files numbered from top to bottom",
        files=("ct-abdomen/ct/1-2?.dcm",), dcmqi=True, plastimatch=True,
    ),
    Case(
        name="ct-abdomen, 5 mm and then 10 mm apart", what="slices at two distances: segmented on an even volume",
        files=("ct-abdomen/ct/1-0[1-8].dcm", "ct-abdomen/ct/1-1[0246].dcm"), params={"spacing": "resample"},
    ),
    Case(
        name="ct-seg-liver", what="five overlapping segments of somebody else's SEG",
        params=_series("6.22.21.43.10.23430.1") | {
            "annotations": "segment_stack",
            "annotation": 'annotation.series_instance_uid.endsWith("191011.1701890452.128469")',
        }, form=Form.SEGMENT_STACK, dcmqi=True, plastimatch=True,
    ),
    Case(
        name="ct-mr-pet-rtstruct, PET", what="PET as SUV, rescaled in each slice; Study ID longer than allowed",
        params=_series("142963618618363255929189745236"), dcmqi=True, plastimatch=True,
    ),
    Case(
        name="mr-prostate, ADC", what="oblique MR; probabilities, so the SEG is FRACTIONAL",
        params=_series("339319789559896104041345048780"), form=Form.PROBABILITY_MAP, plastimatch=True,
    ),
    Case(
        name="mr-prostate, ADC with values of b50", what="a volume of another series on the same grid",
        params=_series("339319789559896104041345048780"),
        other=_series("193930593885836732899229869284", ' && volume.name == "b50"'),
        refused="its values are not those of the images that results refer to",
    ),
    Case(
        name="mr-enhanced-xa10", what="Enhanced MR, four files of one time point each; the third",
        params={"volumes": "4d"}, time_point=2, dcmqi=True,
    ),
    Case(
        name="mr-enhanced, Philips", what="Enhanced MR without a Frame of Reference UID; Patient's Age is invalid",
        params=_series("356729824825182"), left_out=NOWHERE,
    ),
    Case(
        name="hard-oblique-kanji-charset", what="doubly oblique MR, Kanji; a Frame of Reference UID was put in",
        with_frame_of_reference=True, dcmqi=True, plastimatch=True,
    ),
    Case(
        name="hard-gantry-tilt", what="gantry tilted by 14 degrees; a Frame of Reference UID was put in",
        with_frame_of_reference=True,
    ),
    Case(
        name="hard-per-slice-rescale", what="pixels of 6.4 x 4 mm; a Frame of Reference UID was put in",
        with_frame_of_reference=True, dcmqi=True, plastimatch=True,
    ),
    Case(
        name="hard-two-slices", what="two sagittal slices without a Frame of Reference UID", left_out=NOWHERE,
    ),
    Case(
        name="hard-compressed-mr", what="sagittal MR, compressed in several ways; a Frame of Reference UID was put in",
        with_frame_of_reference=True, dcmqi=True,
    ),
    Case(
        name="hard-ct-transfer-syntaxes, JPEG 2000", what="one CT image that was compressed with loss",
        files=("hard-ct-transfer-syntaxes/*_1.2.840.10008.1.2.4.91.dcm",), params={"images": True}, dcmqi=True,
    ),
    Case(
        name="hard-pydicom, a capture", what="one image that does not say where it lies, nor when it was made",
        params=_series("1175775772.5720.0") | {"images": True}, left_out=NOWHERE,
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What was segmented, as the inputs of the writer say it.

    Attributes:
        masks: Segment Number -> shape ``(i, j, k)``.
        names: Segment Number -> name.
        affine_lps: ``(i, j, k, 1)`` to LPS mm.
        values: Of the voxels, shape ``(i, j, k)``.
        series: ``series.json``.
    """

    masks: dict[int, np.ndarray]
    names: dict[int, str]
    affine_lps: np.ndarray
    values: np.ndarray
    series: dict[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Written:
    """What the stages left of one case.

    Attributes:
        folder: Below it ``read`` of dicom_reader and ``written`` of dicom_writer.
        drawn: What was segmented.
        warnings: What the writer warned of.
        error: Why it refused, or "".
    """

    folder: Path
    drawn: Drawn
    warnings: tuple[str, ...] = ()
    error: str = ""

    def files(self, prefix: str) -> list[Path]:
        """The results whose names begin so."""
        return sorted((self.folder / "written" / "instances").glob(f"{prefix}*.dcm"))

    @property
    def source(self) -> Path:
        """The images that results refer to."""
        return self.folder / "read" / "source"


def write_case(item: Case, folder: Path) -> Written:
    """Read a case, draw segments on it or take those of others, and write every output."""
    study = _study(item, folder / "study")
    _read(study, folder / "read", item.params)
    form = item.form
    segments = folder / "read" / form
    if not segments.exists():
        segments = folder / "segments"
        bodies = _bodies(folder / "read" / "volume")
        write_segments(segments, _one_time_point(folder, item.time_point), form, bodies=bodies)
    volume = folder / "read" / "volume"
    if item.other:
        _read(study, folder / "other", item.other)
        volume = folder / "other" / "volume"
    inputs = {INPUT_NAMES[form]: str(segments), "source": str(folder / "read" / "source"), "volume": str(volume)}
    params = {"outputs": list(OUTPUT_NAMES), "time_point": item.time_point}
    io = StageIO(_request("write", folder / "written", inputs, params))
    error = ""
    try:
        write_results(io)
    except StageError as fault:
        error = str(fault)
    drawn = _drawn(segments, form, folder / "read" / "volume", item.time_point)
    return Written(folder=folder, drawn=drawn, warnings=tuple(dict.fromkeys(io.warnings)), error=error)


def _study(item: Case, folder: Path) -> Path:
    root = case(item.name.split(",")[0])
    if not item.files and not item.with_frame_of_reference:
        return root
    folder.mkdir(parents=True)
    found = [path for pattern in item.files for path in root.parent.glob(pattern)] or list(root.rglob("*.dcm"))
    for number, path in enumerate(sorted(found)):
        if item.with_frame_of_reference:
            dataset = pydicom.dcmread(path)
            dataset.FrameOfReferenceUID = "2.25.1"
            dataset.save_as(folder / f"{number}.dcm")
        else:
            shutil.copy(path, folder / f"{number}.dcm")
    return folder


def _read(study: Path, output: Path, params: Mapping[str, Any]) -> None:
    read_study(StageIO(_request("read", output, {"study": str(study)}, params)))


def _request(stage: str, output: Path, inputs: dict[str, str], params: Mapping[str, Any]) -> StageRequest:
    output.mkdir(parents=True)
    return StageRequest(
        workflow="w", dag_run_id="r", stage=stage, stage_key="k", output=str(output), inputs=inputs,
        params=dict(params),
    )  # fmt: skip


def _one_time_point(folder: Path, time_point: int) -> Path:
    """A folder with a volume of three axes, which segments are drawn on."""
    volume: Any = nibabel.load(folder / "read" / "volume" / "volume.nii")
    if len(volume.shape) == 3:
        return folder / "read" / "volume"
    one = folder / "one"
    one.mkdir()
    nibabel.save(nibabel.Nifti1Image(volume.dataobj[..., time_point], volume.affine), one / "volume.nii")
    return one


def _bodies(volume: Path) -> list[Body]:
    """Three that fit into a volume of any size: one with a hole, one on the left, each at a place of its own."""
    image: Any = nibabel.load(volume / "volume.nii")
    steps = np.abs(image.affine[:3, :3])
    extent = steps @ np.array(image.shape[:3])
    least = 1.2 * steps.max(axis=1)
    fractions = (
        ("liver", ("10200004", "Liver"), (-0.20, -0.06, 0.08), (0.22, 0.20, 0.30), None),
        ("left kidney", ("64033007", "Kidney"), (0.22, 0.16, -0.15), (0.14, 0.12, 0.22), ("7771000", "Left")),
        ("aorta", ("15825003", "Aorta"), (0.18, -0.24, 0.05), (0.10, 0.09, 0.35), None),
    )
    return [
        Body(
            name=name, code=code, laterality=side, centre_mm=tuple(extent * centre),
            semi_axes_mm=tuple(np.maximum(extent * axes, least)),
            hole_mm=0.06 * float(np.sort(extent)[-2]) if name == "liver" else 0.0,
        )
        for name, code, centre, axes, side in fractions
    ]  # fmt: skip


def _drawn(segments: Path, form: Form, volume: Path, time_point: int) -> Drawn:
    image: Any = nibabel.load(segments / VOXELS_FILES[form])
    held = np.asarray(image.dataobj)
    masks, names = {}, {}
    for label in json.loads((segments / "labels.json").read_text())["labels"]:
        number = label["segment_number"]
        if number is None:
            continue
        names[number] = label["name"]
        mask = held == label["value"] if form is Form.LABEL_MAP else held[:, :, :, 0, label["channel"]] >= 0.5
        masks[number] = np.ascontiguousarray(mask)
    values = np.asarray(nibabel.load(volume / "volume.nii").dataobj, dtype=np.float64)
    return Drawn(
        masks=masks,
        names=names,
        affine_lps=LPS_FROM_RAS @ image.affine,
        values=values[..., time_point] if values.ndim == 4 else values,
        series=json.loads((volume / "series.json").read_text()),
    )
