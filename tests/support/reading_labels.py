"""Labels of others in the shared data: read with the product, compared with the masks given with the case."""

import functools
import json
import re
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from clara_stages.kit import BadInputError
from tests.support.data import case
from tests.support.reading_cases import EXPECTATIONS, Voxels, read_nifti
from tests.support.reading_judge import dice, on_grid_of, read_with_stage


@dataclass(frozen=True, kw_only=True)
class ExpectedLabels:
    """What must become of one SEG or RTSTRUCT on the grid of one series.

    Attributes:
        series: How the Series Instance UID of the volume ends.
        annotation: How that of the SEG or RTSTRUCT ends.
        masks: Segments of the result, each with the file and value that it must equal and the least Dice.
        segments: How many segments the result has, where no masks are given.
        refused: A pattern that the refusal must contain, or "".
    """

    case: str
    form: str
    series: str
    annotation: str
    why: str = ""
    masks: tuple[dict[str, Any], ...] = ()
    segments: int = 0
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelsRow:
    """One line of the page."""

    case: str
    form: str
    modality: str
    found: str
    overlap: str = ""


@functools.cache
def expected_labels() -> tuple[ExpectedLabels, ...]:
    """Every annotation of ``expected_verdicts.toml``."""
    tables = tomllib.loads(EXPECTATIONS.read_text())["annotation"]
    return tuple(ExpectedLabels(**{**table, "masks": tuple(table.get("masks", ()))}) for table in tables)


@functools.cache
def judge_labels(expected: int) -> tuple[LabelsRow, tuple[str, ...]]:
    """Read one expected annotation, by its number: the line of the page, and what is wrong."""
    wanted = expected_labels()[expected]
    folder = case(wanted.case)
    params = {
        "select": f'series.series_instance_uid.endsWith("{wanted.series}")',
        "annotations": wanted.form,
        "annotation": f'annotation.series_instance_uid.endsWith("{wanted.annotation}")',
    }
    with tempfile.TemporaryDirectory() as name:
        output = Path(name) / "out"
        try:
            read_with_stage(folder, output, **params)
        except BadInputError as error:
            faults = () if wanted.refused and re.search(wanted.refused, str(error)) else (f"refused: {error}",)
            return _row(wanted, f"refused: {error}"), faults
        if wanted.refused:
            return _row(wanted, "read"), (f"read, expected a refusal with {wanted.refused!r}",)
        return _compared(wanted, output)


def _row(wanted: ExpectedLabels, found: str, overlap: str = "") -> LabelsRow:
    modality = "RTSTRUCT" if "rtstruct" in wanted.case else "SEG"
    return LabelsRow(case=wanted.case, form=wanted.form, modality=modality, found=found, overlap=overlap)


def _compared(wanted: ExpectedLabels, output: Path) -> tuple[LabelsRow, tuple[str, ...]]:
    labels = json.loads((output / wanted.form / "labels.json").read_text())["labels"]
    segments = dict(_segments(wanted, output, labels))
    faults, overlaps = [], []
    for mask in wanted.masks:
        ours = segments.get(mask["segment"])
        if ours is None:
            faults.append(f"no segment {mask['segment']} among {sorted(segments)}")
            continue
        theirs = on_grid_of(_read_mask(case(wanted.case).parent / mask["reference"]), ours) == mask["value"]
        overlap = dice(ours.values > 0, theirs) if ours.values.shape == theirs.shape else 0.0
        overlaps.append(f"{overlap:.3f}")
        if round(overlap, 2) < mask["dice"]:
            faults.append(f"segment {mask['segment']}: Dice {overlap:.4f}, expected {mask['dice']}")
    if wanted.segments and len(segments) != wanted.segments:
        faults.append(f"{len(segments)} segments, expected {wanted.segments}")
    if not all(segment.values.any() for segment in segments.values()):
        faults.append("an empty segment")
    found = f"{len(segments)} segment" + ("s" if len(segments) > 1 else "")
    return _row(wanted, found, ", ".join(overlaps)), tuple(faults)


def _segments(wanted: ExpectedLabels, output: Path, labels: list[dict[str, Any]]) -> Iterator[tuple[int, Voxels]]:
    """Number of each segment and its mask ``[i, j, k]``."""
    if wanted.form == "label_map":
        found = read_nifti(output / "label_map" / "labels.nii")
        for label in labels:
            yield label["value"], Voxels(values=found.values == label["value"], affine_lps=found.affine_lps)
        return
    found = read_nifti(output / "segment_stack" / "segments.nii")
    for index, label in enumerate(labels):
        yield label["value"], Voxels(values=found.values[:, :, :, 0, index] > 0, affine_lps=found.affine_lps)


def _read_mask(path: Path) -> Voxels:
    if path.suffix != ".nrrd":
        return read_nifti(path)
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Voxels(values=sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine_lps=affine)
