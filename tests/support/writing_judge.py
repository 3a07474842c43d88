"""Reads written results back with programs of others, or from their attributes alone, and says where they are wrong.

Nothing of the writer or of its checks is used: places come from the files' own positions, directions and spacings.
"""

import functools
import json
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from clara_stages.dicom_writer.params import OUTPUT_NAMES
from tests.support.peers import require_program
from tests.support.reading_cases import Voxels, compare
from tests.support.reading_judge import read_with_stage
from tests.support.writing_cases import Case, Drawn, Written, write_case
from tests.support.writing_planes import (
    PLACE_MM,
    Plane,
    affine_of,
    fill_odd,
    find_wrong_voxels,
    planes_of_time_point,
)

RELATIVE = 1e-4
"""Largest relative difference of a number in the report; it is written with six digits."""

HU_STEP = 0.5
"""Largest error of a value in Hounsfield units: they are stored as whole numbers."""

STORED_STEPS = 60000
"""Other values are stored in about so many steps, from the lowest to the highest."""

_STATISTICS = {"373098007": "mean", "386136009": "SD", "255605001": "minimum", "56851009": "maximum"}
_VOLUME = "118565006"


@dataclass(kw_only=True)
class Judgement:
    """One row of the page, and every way in which it is not what was expected.

    Attributes:
        found: Output -> what was found of it.
    """

    case: Case
    images: str = ""
    found: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    refused: str = ""
    faults: list[str] = field(default_factory=list)


@functools.cache
def judge(item: Case) -> Judgement:
    """Write one case and judge everything that was written."""
    judgement = Judgement(case=item)
    with tempfile.TemporaryDirectory() as name:
        written = write_case(item, Path(name))
        series, shape = written.drawn.series, written.drawn.values.shape
        unit = f", {series['unit']}" if series["unit"] != "1" else ""
        judgement.images = f"{series['modality']}, {' x '.join(map(str, shape))}{unit}"
        judgement.warnings, judgement.refused = written.warnings, written.error
        if bool(item.refused) != bool(written.error) or item.refused not in written.error:
            judgement.faults.append(f"expected a refusal with {item.refused!r}, found {written.error!r}")
        if not written.error:
            judge_outputs(judgement, item, written)
            judgement.faults += _secrets(written)
    return judgement


def judge_outputs(judgement: Judgement, item: Case, written: Written) -> None:
    """Judge everything that was written of a case."""
    for output in OUTPUT_NAMES:
        files = written.files({"pdf": "report", "sc": "sc_", "image": "image_"}.get(output, output))
        if bool(files) != (output not in item.left_out):
            judgement.faults.append(f"{output}: {len(files)} files were written")
        if not files:
            judgement.found[output] = "left out"
            continue
        checks = {
            "image": _image, "seg": _seg, "rtstruct": _rtstruct, "sr": _sr, "sc": _sc, "pdf": _pdf,
            "key_object": _key_object,
        }  # fmt: skip
        faults = list(checks[output](files, item, written))
        judgement.faults += [f"{output}: {fault}" for fault in faults]
        count = len(files) if output in ("image", "sc") else len(written.drawn.masks)
        judgement.found[output] = "**wrong**" if faults else _told(count, _seen_by(output, item))


def _told(count: int, seen_by: str) -> str:
    return f"{count}, {seen_by}" if seen_by else str(count)


def _seen_by(output: str, item: Case) -> str:
    others = {
        "seg": "dcmqi" if item.dcmqi else "frames", "rtstruct": "plastimatch" if item.plastimatch else "contours",
        "sr": "dcmqi", "image": "reader", "pdf": "pdftotext",
    }  # fmt: skip
    return others.get(output, "")


def _seg(files: Sequence[Path], item: Case, written: Written) -> Iterator[str]:
    drawn, dataset = written.drawn, pydicom.dcmread(files[0])
    named = {int(segment.SegmentNumber): str(segment.SegmentLabel) for segment in dataset.SegmentSequence}
    if named != drawn.names:
        yield f"segments are {named}, drawn were {drawn.names}"
        return
    half = int(dataset.get("MaximumFractionalValue") or 1) / 2
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns) >= half
    shown = {}
    for index, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        reference = (str(source.ReferencedSOPInstanceUID), source.get("ReferencedFrameNumber"))
        number = int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        shown[number, reference] = pixels[index], affine_of(dataset, index)
    for plane in planes_of_time_point(written, [reference for _, reference in shown]):
        for number, mask in drawn.masks.items():
            expected = plane.shows(mask)
            found, affine = shown.pop((number, plane.reference), (np.zeros_like(expected), plane.affine_lps))
            if not np.allclose(affine, plane.affine_lps, atol=PLACE_MM):
                yield f"a frame of segment {number} does not lie on the image that it refers to"
            if (wrong := (found != expected) & plane.is_sure).any():
                yield f"{wrong.sum()} pixels of segment {number} are wrong"
    if shown:
        yield f"{len(shown)} frames refer to other images"
    if item.dcmqi:
        yield from _dcmqi_voxels(files[0], drawn)


def _dcmqi_voxels(file: Path, drawn: Drawn) -> Iterator[str]:
    program = require_program("segimage2itkimage")
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--inputDICOM", str(file), "--outputDirectory", folder, "-t", "nifti", "-p", "s"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        for number, mask in drawn.masks.items():
            yield from find_wrong_voxels("dcmqi", Path(folder) / f"s-{number}.nii.gz", mask, drawn)


def _rtstruct(files: Sequence[Path], item: Case, written: Written) -> Iterator[str]:
    drawn, dataset = written.drawn, pydicom.dcmread(files[0])
    names = {int(roi.ROINumber): str(roi.ROIName) for roi in dataset.StructureSetROISequence}
    if names != drawn.names:
        yield f"regions are {names}, drawn were {drawn.names}"
        return
    for region in dataset.ROIContourSequence:
        number = int(region.ReferencedROINumber)
        contours: dict[tuple[str, int | None], list[np.ndarray]] = {}
        for contour in region.get("ContourSequence", []):
            image = contour.ContourImageSequence[0]
            reference = (str(image.ReferencedSOPInstanceUID), image.get("ReferencedFrameNumber"))
            contours.setdefault(reference, []).append(np.array(contour.ContourData, dtype=float).reshape(-1, 3))
        for plane in planes_of_time_point(written, list(contours)):
            yield from _filled(contours.pop(plane.reference, []), number, drawn, plane)
        if contours:
            yield f"contours of region {number} refer to other images"
    if item.plastimatch:
        yield from _plastimatch_voxels(files[0], written)


def _filled(contours: list[np.ndarray], number: int, drawn: Drawn, plane: Plane) -> Iterator[str]:
    """A pixel is inside where its centre is inside an odd number of the polygons on its image."""
    inside = np.zeros(plane.voxels.shape, dtype=bool)
    for points in contours:
        on_plane = np.c_[points, np.ones(len(points))] @ np.linalg.inv(plane.affine_lps).T
        if np.abs(on_plane[:, 2]).max() > PLACE_MM:
            yield f"a contour of region {number} lies beside its image"
        inside ^= fill_odd(on_plane[:, :2], inside.shape)
    if (wrong := (inside != plane.shows(drawn.masks[number])) & plane.is_sure).any():
        yield f"{wrong.sum()} pixels of region {number} are wrong"


def _plastimatch_voxels(file: Path, written: Written) -> Iterator[str]:
    program = require_program("plastimatch")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(program, "convert", "--input", str(file), "--referenced-ct", str(written.source)),
            *("--output-prefix", folder, "--prefix-format", "nii.gz"),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        for number, name in written.drawn.names.items():
            file = Path(folder) / f"{name}.nii.gz"
            yield from find_wrong_voxels("plastimatch", file, written.drawn.masks[number], written.drawn)


def _sr(files: Sequence[Path], item: Case, written: Written) -> Iterator[str]:
    program, drawn = require_program("tid1500reader"), written.drawn
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "read.json"
        command = [program, "--inputDICOM", str(files[0]), "--outputMetadata", str(output)]
        subprocess.run(command, capture_output=True, check=False, timeout=120)
        groups = json.loads(output.read_text())["Measurements"]
    if len(groups) != len(drawn.masks):
        yield f"{len(groups)} groups for {len(drawn.masks)} segments"
        return
    for (number, mask), group in zip(drawn.masks.items(), groups, strict=True):
        if "ReferencedSegment" in group and group["ReferencedSegment"] != number:
            yield f"the group of segment {number} refers to segment {group['ReferencedSegment']}"
        expected, found = _expected_numbers(mask, drawn), _found_numbers(group)
        for name in expected.keys() | found.keys():
            pair = (found.get(name), expected.get(name))
            if None in pair or not np.isclose(*pair, rtol=RELATIVE, atol=1e-6):
                yield f"{name} of segment {number} is {pair[0]}, measured {pair[1]}"
    has_seg = "seg" not in item.left_out
    if has_seg != all("ReferencedSegment" in group for group in groups):
        yield "it does not refer to the segments of the SEG"


def _expected_numbers(mask: np.ndarray, drawn: Drawn) -> dict[str, float]:
    values = drawn.values[mask]
    numbers = {"mean": values.mean(), "SD": values.std(), "minimum": values.min(), "maximum": values.max()}
    if drawn.series["patient_space"] and mask.shape[2] > 1:
        numbers["volume"] = mask.sum() * abs(np.linalg.det(drawn.affine_lps)) / 1000
    return {name: float(value) for name, value in numbers.items()}


def _found_numbers(group: dict[str, Any]) -> dict[str, float]:
    found = {}
    for item in group["measurementItems"]:
        if "derivationModifier" in item:
            found[_STATISTICS[item["derivationModifier"]["CodeValue"]]] = float(item["value"])
        elif item["quantity"]["CodeValue"] == _VOLUME:
            found["volume"] = float(item["value"])
    return found


def _image(files: Sequence[Path], _item: Case, written: Written) -> Iterator[str]:
    drawn = written.drawn
    folder = written.folder / "images"
    folder.mkdir()
    for path in files:
        (folder / path.name).hardlink_to(path)
    result = read_with_stage(folder, written.folder / "reread", images=True)
    if result.series["unit"] != drawn.series["unit"]:
        yield f"the unit is {result.series['unit']}, that of the volume {drawn.series['unit']}"
    difference = compare(result.voxels, Voxels(values=drawn.values, affine_lps=drawn.affine_lps))
    allowed = HU_STEP if drawn.series["unit"] == "HU" else float(np.ptp(drawn.values)) / STORED_STEPS
    if not difference.shape or difference.corner_mm > PLACE_MM or difference.largest > allowed:
        yield f"the reader makes another volume of them: {difference}"


def _sc(files: Sequence[Path], _item: Case, written: Written) -> Iterator[str]:
    texts = {str(pydicom.dcmread(path, stop_before_pixels=True).get("BurnedInAnnotation")) for path in files}
    if texts != {"YES"}:
        yield f"Burned In Annotation is {texts}"
    if not written.drawn.series["transform"]:
        showing = int(np.any(list(written.drawn.masks.values()), axis=(0, 1, 2)).sum())
        if len(files) != showing:
            yield f"{len(files)} pictures of {showing} slices with segments"


def _pdf(files: Sequence[Path], _item: Case, written: Written) -> Iterator[str]:
    document = written.folder / "report.pdf"
    document.write_bytes(pydicom.dcmread(files[0]).EncapsulatedDocument)
    command = [require_program("pdftotext"), "-layout", str(document), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for number, name in written.drawn.names.items():
        if not any(name in line and f"{written.drawn.masks[number].sum()}" in line for line in text.splitlines()):
            yield f"no line has segment {number} and its number of voxels"


def _key_object(files: Sequence[Path], _item: Case, written: Written) -> Iterator[str]:
    (study,) = pydicom.dcmread(files[0]).CurrentRequestedProcedureEvidenceSequence
    known = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in written.source.glob("*.dcm")}
    named = {image.ReferencedSOPInstanceUID for series in study.ReferencedSeriesSequence
             for image in series.ReferencedSOPSequence if "SegmentSequence" not in image}  # fmt: skip
    if not named & known:
        yield "it names no image of the source"


def _secrets(written: Written) -> Iterator[str]:
    """Whose images they are must stand in no warning, report or list."""
    header = pydicom.dcmread(next(written.source.glob("*.dcm")), stop_before_pixels=True)
    keywords = ("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber")
    secrets = {text for keyword in keywords if len(text := str(header.get(keyword) or "")) > 3}
    told = list(written.warnings)
    told += [path.read_text() for path in (written.folder / "written").rglob("*") if path.suffix in (".md", ".json")]
    if any(secret in text for secret in secrets for text in told):
        yield "a warning or the report names the patient"
