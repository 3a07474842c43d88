"""Reads the shared data with the product and says where that differs from what is expected.

The product is asked as a person or a workflow asks it: ``inspection FOLDER --json``, then the stage with a rule that
selects one volume. Nothing of its inner workings is used.
"""

import contextlib
import functools
import hashlib
import io
import json
import re
import runpy
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from clara_stages.dicom_reader.__main__ import main
from clara_stages.kit import BadInputError, StageIO
from clara_stages.kit.contract import StageRequest
from tests.support.reading_cases import (
    ExpectedVolume,
    Reading,
    Voxels,
    compare,
    count_files,
    files_of_series,
    matches_name,
    plain_volume,
    read_nifti,
    wanted_voxels,
)
from tests.support.reading_resampled import find_resampling_faults

SPACING_MM = 1e-3
"""Largest difference of a spacing; the expectations are rounded to it."""

CORNER_MM = 1e-4
"""Largest distance of a corner from where the headers put it."""

REFERENCE_CORNER_MM = 1e-3
"""The same where a NIfTI says it: an affine of float32, made by another program."""

ROUNDING = 1e-6
"""Relative difference that float32 explains."""


@dataclass(kw_only=True)
class Row:
    """One line of the page: an entry of the inspection."""

    reading: str
    modality: str
    name: str
    expected: str
    verdict: str
    reason: str
    shape: tuple[int, ...] = ()
    unit: str = ""
    voxels: str = ""


@dataclass(kw_only=True)
class Judgement:
    """One reading: what was found, and every way in which it is not what was expected."""

    reading: Reading
    rows: list[Row] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    objects: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def inspect(folder: Path) -> dict[str, Any]:
    """What ``inspection FOLDER --json`` prints."""
    module, shown, arguments = "clara_stages.dicom_reader.inspection", io.StringIO(), sys.argv
    sys.argv = [module, str(folder), "--json"]
    try:
        with contextlib.redirect_stdout(shown):
            runpy.run_module(module, run_name="__main__", alter_sys=False)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise AssertionError(f"inspection of {folder.name} ends with {end.code}") from None
    finally:
        sys.argv = arguments
    found: dict[str, Any] = json.loads(shown.getvalue())
    return found


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """What the stage wrote of one volume."""

    voxels: Voxels
    series: dict[str, Any]
    digest: str


def read_with_stage(study: Path, output: Path, **params: Any) -> StageResult:
    """Run the stage and read its volume back.

    Raises:
        BadInputError: The stage refuses.
    """
    request = StageRequest(
        workflow="w", dag_run_id="r", stage="read", stage_key="k", output=str(output),
        inputs={"study": str(study)}, params=params,
    )  # fmt: skip
    output.mkdir(parents=True)
    main(StageIO(request))
    voxels = read_nifti(output / "volume" / "volume.nii")
    return StageResult(
        voxels=voxels,
        series=json.loads((output / "volume" / "series.json").read_text()),
        digest=hashlib.sha256(np.asfortranarray(voxels.values).tobytes(order="F")).hexdigest()[:12],
    )


@functools.cache
def judge(reading: Reading) -> Judgement:
    """Read one reading's files with the product and compare with what is expected."""
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        folder = reading.folder(workspace / "files")
        found = inspect(folder)
        judgement = Judgement(reading=reading)
        _judge_entries(judgement, found["volumes"], folder, workspace / "out")
        _judge_others(judgement, found, folder)
        return judgement


def _judge_entries(judgement: Judgement, entries: list[dict[str, Any]], folder: Path, out: Path) -> None:
    left = list(entries)
    for expected in judgement.reading.volumes:
        entry = next((item for item in left if _is_meant(item, expected)), None)
        label = f"series ...{expected.series[-12:]} {expected.name}".strip()
        if entry is None:
            judgement.faults.append(f"{label}: expected {expected.verdict}, found no such entry")
            continue
        left.remove(entry)
        faults = _entry_faults(entry, expected, folder)
        row = Row(
            reading=judgement.reading.name,
            modality=entry["modality"],
            name=entry["volume"],
            expected=expected.verdict,
            verdict=entry["verdict"],
            reason=entry["reason"],
            shape=tuple(entry["shape"] or ()),
            unit=entry["units"] or "",
        )
        number = len(judgement.rows)
        row.voxels, more = _judge_voxels(judgement.reading, entry, expected, folder, out / str(number))
        judgement.rows.append(row)
        judgement.faults += [f"{label}: {fault}" for fault in [*faults, *more]]
    for entry in left:
        what = f"{entry['modality']} {entry['volume']}, {entry['verdict']}: {entry['reason']}"
        judgement.faults.append(f"an entry that was not expected: {what}")


def _is_meant(entry: dict[str, Any], expected: ExpectedVolume) -> bool:
    return entry["series_instance_uid"].endswith(expected.series) and expected.name in ("", entry["volume"])


def _entry_faults(entry: dict[str, Any], expected: ExpectedVolume, folder: Path) -> list[str]:
    """What the inspection says of an entry, against what is expected of it."""
    pairs = {
        "verdict": (entry["verdict"], expected.verdict),
        "modality": (entry["modality"], expected.modality or entry["modality"]),
        "units": (entry["units"], expected.unit or entry["units"]),
        "instances": (entry["instances"], expected.instances or entry["instances"]),
        "shape": (tuple(entry["shape"] or ())[: len(expected.shape)], expected.shape),
    }
    faults = [f"{key} is {found!r}, expected {wanted!r}" for key, (found, wanted) in pairs.items() if found != wanted]
    if expected.verdict == "volume" and len(entry["shape"] or ()) != len(expected.shape):
        faults.append(f"shape is {entry['shape']}, expected {expected.shape}")
    if expected.spacing and not np.allclose(entry["spacing_mm"] or np.nan, expected.spacing, atol=SPACING_MM):
        faults.append(f"spacing is {entry['spacing_mm']}, expected {expected.spacing}")
    if not re.search(expected.reason, entry["reason"], re.DOTALL):
        faults.append(f"reason is {entry['reason']!r}, expected something with {expected.reason!r}")
    if expected.verdict != "volume" and not entry["reason"]:
        faults.append("no reason is given")
    if str(folder.parent) in entry["reason"]:
        faults.append("the reason names a path")
    return faults


def _judge_voxels(
    reading: Reading, entry: dict[str, Any], expected: ExpectedVolume, folder: Path, out: Path
) -> tuple[str, list[str]]:
    """Run the stage on one entry: what the page says of its voxels, and what is wrong with them."""
    rule = f'series.series_instance_uid == "{entry["series_instance_uid"]}" && volume.name == "{entry["volume"]}"'
    several = len(expected.shape) == 4 or (expected.verdict == "image" and len(entry["shape"] or ()) == 4)
    params = {"select": rule, "images": expected.verdict == "image", "volumes": "4d" if several else "one"}
    try:
        result = read_with_stage(folder, out, **params)
    except BadInputError as error:
        fault = [] if expected.verdict == "refused" else [f"the stage refuses: {error}"]
        return "", fault
    if expected.verdict == "refused":
        return f"`{result.digest}`", ["the stage makes a volume of what must be refused"]
    faults = _stage_faults(result, entry)
    if expected.verdict == "resample":
        source = plain_volume(files_of_series(folder, expected.series))
        faults += find_resampling_faults(result.voxels, source)
        return "**wrong**" if faults else "equal to an independent linear interpolation", faults
    wanted = wanted_voxels(reading, expected, folder)
    if wanted is None:
        return "" if expected.tolerance else f"`{result.digest}`", faults
    text, more = _compared(result, wanted, expected)
    return text, faults + more


def _stage_faults(result: StageResult, entry: dict[str, Any]) -> list[str]:
    """The stage must make what the inspection announced."""
    faults = []
    shape = tuple(entry["shape"] or ())
    if result.voxels.values.shape != shape:
        faults.append(f"the stage's shape is {result.voxels.values.shape}, the inspection's {shape}")
    if result.series["unit"] != entry["units"]:
        faults.append(f"the stage's unit is {result.series['unit']}, the inspection's {entry['units']}")
    announced = np.array(entry["affine_lps"] if entry["affine_lps"] is not None else result.series["affine_lps"], float)
    for name, affine in (("series.json", np.array(result.series["affine_lps"])), ("NIfTI", result.voxels.affine_lps)):
        if not np.allclose(affine, announced, atol=CORNER_MM):
            faults.append(f"the affine of the {name} is not the inspection's")
    return faults


def _compared(result: StageResult, wanted: Voxels, expected: ExpectedVolume) -> tuple[str, list[str]]:
    has_place = result.series.get("patient_space", True)
    ours = result.voxels if has_place else Voxels(values=result.voxels.values, affine_lps=wanted.affine_lps)
    found = compare(ours, wanted)
    other = "the reference of the case" if expected.reference else "an independent reading"
    if not found.shape:
        return "", [f"shape {ours.values.shape} is not that of {other}, {wanted.values.shape}"]
    faults = []
    limit_mm = REFERENCE_CORNER_MM if expected.reference else CORNER_MM
    if not found.corner_mm <= limit_mm:
        faults.append(f"a corner lies {found.corner_mm:.4g} mm beside that of {other}")
    allowed = expected.tolerance + ROUNDING * float(np.abs(wanted.values).max(initial=0))
    if not found.largest <= allowed:
        faults.append(f"a voxel differs by {found.largest:.6g} from {other}, accepted is {expected.tolerance:g}")
    if expected.mean_tolerance is not None and not found.mean <= expected.mean_tolerance:
        faults.append(f"voxels differ by {found.mean:.4g} in the mean from {other}")
    if faults:
        return f"**not {other}**", faults
    if expected.tolerance >= 1:
        return f"within {expected.tolerance:g} of the original", faults
    return f"`{result.digest}` equal to {other}", faults


def _judge_others(judgement: Judgement, found: dict[str, Any], folder: Path) -> None:
    reading, faults = judgement.reading, judgement.faults
    judgement.left_out = found["left_out"]
    judgement.objects = Counter(item.get("modality", "") for item in found["objects"])
    if judgement.objects != Counter(reading.objects):
        faults.append(f"objects are {dict(judgement.objects)}, expected {reading.objects}")
    unmatched = list(found["left_out"])
    for expected in reading.left_out:
        named = [item for item in unmatched if matches_name(item["path"], expected.files)]
        said = [item for item in named if re.search(expected.reason, item["reason"])]
        unmatched = [item for item in unmatched if item not in named]
        if len(said) != expected.count:
            reasons = sorted({item["reason"] for item in named})
            faults.append(
                f"left out of {', '.join(expected.files)}: {len(said)} with a reason like {expected.reason!r}, "
                f"expected {expected.count}; found {len(named)}: {reasons}"
            )
    faults += [f"left out, but not expected to be: {Path(item['path']).name}: {item['reason']}" for item in unmatched]
    accounted = sum(item["instances"] for item in found["volumes"]) + len(found["objects"]) + len(found["left_out"])
    if accounted != count_files(folder):
        faults.append(f"{count_files(folder)} files, {accounted} accounted for")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks: 1 where they are equal."""
    total = int(one.sum()) + int(other.sum())
    return 2 * int((one & other).sum()) / total if total else 1.0


def on_grid_of(mask: Voxels, grid: Voxels) -> np.ndarray:
    """A mask's voxels in the order of another grid of the same voxels; they may be flipped or swapped."""
    ours = nibabel.io_orientation(grid.affine_lps)
    theirs = nibabel.io_orientation(mask.affine_lps)
    turn = nibabel.orientations.ornt_transform(theirs, ours)
    return np.asarray(nibabel.apply_orientation(mask.values, turn))
