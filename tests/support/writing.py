"""Inputs of dicom_writer: synthetic DICOM through the reader, and segments drawn in the patient."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from pydicom.dataset import Dataset

from clara_stages.dicom_reader.__main__ import main as read_study
from clara_stages.dicom_writer.header.file_meta import set_file_meta
from clara_stages.dicom_writer.header.source_time import UNKNOWN_TIME, latest_source_time
from clara_stages.dicom_writer.inputs.grid import check_same_grid
from clara_stages.dicom_writer.inputs.predecessor import Predecessor
from clara_stages.dicom_writer.inputs.segments import VOXELS_FILES, Form, load_segments
from clara_stages.dicom_writer.inputs.source_stack import SourceStack, load_source_stack
from clara_stages.dicom_writer.inputs.volume import load_volume
from clara_stages.dicom_writer.job import Job
from clara_stages.dicom_writer.params import Params
from clara_stages.dicom_writer.quiet_libraries import quiet_libraries
from clara_stages.kit import StageIO
from clara_stages.kit.contract import StageRequest
from tests.support.series import Change
from tests.support.writing_sources import GEOMETRIES, SHAPE, write_geometry

INPUT_NAMES = {Form.LABEL_MAP: "labels", Form.SEGMENT_STACK: "segments", Form.PROBABILITY_MAP: "probabilities"}
"""Form -> the stage's input that takes it."""

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Body:
    """A segment as an ellipsoid in the patient.

    Attributes:
        name: Segment Label.
        code: SNOMED CT code value and meaning of its type.
        centre_mm: From the centre of the volume, LPS.
        semi_axes_mm: Along L, P and S.
        hole_mm: Radius of a ball around its centre that is no part of it; 0 for none.
        laterality: SNOMED CT code value and meaning, or None.
        colour_rgb: 0..255.
    """

    name: str
    code: tuple[str, str]
    centre_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    hole_mm: float = 0.0
    laterality: tuple[str, str] | None = None
    colour_rgb: tuple[int, int, int] = (200, 200, 200)


BODIES = (
    Body(
        name="liver", code=("10200004", "Liver"), centre_mm=(-18, -4, 5), semi_axes_mm=(18, 19, 23), hole_mm=8,
        colour_rgb=(221, 130, 101),
    ),
    Body(
        name="left kidney", code=("64033007", "Kidney"), centre_mm=(19, 14, -8), semi_axes_mm=(12, 12, 18),
        laterality=("7771000", "Left"), colour_rgb=(185, 102, 83),
    ),
    Body(
        name="aorta", code=("15825003", "Aorta"), centre_mm=(12, -18, 4), semi_axes_mm=(10, 9, 25),
        colour_rgb=(224, 97, 76),
    ),
)  # fmt: skip
"""One with a hole, one on the patient's left, none its own mirror image about the centre of the volume."""

OVERLAP_MM = (-14.0, 6.0, 0.0)
"""In stacks and probabilities the last body is moved by this, LPS: it overlaps the first."""


def make_job(
    folder: Path,
    geometry: str = "axial",
    *,
    outputs: Sequence[str] = ("seg",),
    form: str = "label_map",
    params: Mapping[str, Any] | None = None,
    request: Mapping[str, str] | None = None,
    predecessors: Mapping[str, Predecessor] | None = None,
    warnings: list[str] | None = None,
    with_segments: bool = True,
    with_volume: bool = True,
    **options: Any,
) -> Job:
    """A job as the stage makes it.

    Args:
        folder: Empty; inputs are written below it.
        geometry: See ``GEOMETRIES``.
        outputs: The parameter of the stage.
        form: The kind that holds the segments.
        params: Other parameters of the stage.
        request: Fields of the request, such as ``stage_key`` or ``installation``.
        predecessors: Those of the job.
        warnings: Gets what the writers warn of.
        with_segments: Whether the job has them.
        with_volume: Whether the job has one.
        options: Those of ``write_inputs``.
    """
    inputs = write_inputs(folder, geometry, form=form, **options)
    given = Params(outputs=list(outputs), **{"time_point": time_point_of(geometry), **(params or {})})
    kind = Form(form)
    segments = load_segments(inputs[INPUT_NAMES[kind]], kind) if with_segments else None
    volume = load_volume(inputs["volume"], given.time_point)
    source = load_source_stack(inputs["source"], document=volume.document, time_point=given.time_point)
    if segments is not None:
        check_same_grid(segments.affine_ras, segments.shape, source)
    values = {"workflow": "w", "dag_run_id": "r", "stage": "write", "stage_key": "k", "output": "/o", **(request or {})}
    return Job(
        source=source,
        segments=segments,
        volume=volume if with_volume else None,
        params=given,
        request=StageRequest(**values),
        moment=latest_source_time(source.instances) or UNKNOWN_TIME,
        predecessors=dict(predecessors or {}),
        warn=(warnings if warnings is not None else []).append,
    )


def save_results(built: Iterable[tuple[str, Dataset]], folder: Path) -> list[Path]:
    """Save what a builder makes, as the stage does: its files, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with quiet_libraries():
        for name, result in built:
            set_file_meta(result)
            result.save_as(folder / name, enforce_file_format=True)
            files.append(folder / name)
    return files


def time_point_of(geometry: str) -> int:
    """The time point that the segments of a geometry are drawn on."""
    return 1 if geometry == "enhanced_4d" else 0


def write_inputs(
    folder: Path,
    geometry: str = "axial",
    *,
    form: str = "label_map",
    modality: str = "CT",
    shape: tuple[int, int, int] = SHAPE,
    change: Change | None = None,
    empty: Sequence[str] = (),
    bodies: Sequence[Body] = BODIES,
    table: Mapping[str, Any] | None = None,
    reader: Mapping[str, Any] | None = None,
) -> dict[str, Path]:
    """Write the folders of the stage's inputs: ``source``, ``volume`` and the segments' (see ``INPUT_NAMES``).

    Args:
        folder: Empty.
        geometry: See ``GEOMETRIES``.
        form: The kind that holds the segments.
        modality: CT, MR or PT; a projection is a DX image whatever is given.
        shape: Columns, rows, slices of the source.
        change: Called with the index and the finished data set of each source instance before it is written.
        empty: Names of bodies that are not found: labels without a voxel.
        bodies: What is drawn.
        table: Replaces fields of ``labels.json``.
        reader: Further parameters of dicom_reader.
    """
    study, output = folder / "study", folder / "read"
    output.mkdir(parents=True)
    write_geometry(study, geometry, modality=modality, shape=shape, change=change)
    request = StageRequest(
        workflow="w", dag_run_id="r", stage="read", stage_key="k", output=str(output), inputs={"study": str(study)},
        params={**GEOMETRIES[geometry], **(reader or {})},
    )  # fmt: skip
    read_study(StageIO(request))
    kind = Form(form)
    segments = folder / INPUT_NAMES[kind]
    write_segments(segments, output / "volume", kind, bodies=bodies, empty=empty, table=table)
    return {INPUT_NAMES[kind]: segments, "source": output / "source", "volume": output / "volume"}


def write_segments(
    folder: Path,
    volume: Path,
    form: Form,
    *,
    bodies: Sequence[Body] = BODIES,
    empty: Sequence[str] = (),
    table: Mapping[str, Any] | None = None,
) -> None:
    """Draw bodies on the grid of a volume and write them in a form, with their table.

    Args:
        folder: Of the segments; it is made.
        volume: A folder of kind ``volume``.
        form: How they are held.
        bodies: What is drawn; later ones lie over earlier ones in a label map.
        empty: Names of those that are not.
        table: Replaces fields of ``labels.json``.
    """
    image: Any = nibabel.load(volume / "volume.nii")
    affine, shape = np.asarray(image.affine, dtype=np.float64), image.shape[:3]
    fields = []
    for body in bodies:
        moved_mm = OVERLAP_MM if form is not Form.LABEL_MAP and body is bodies[-1] else (0.0, 0.0, 0.0)
        fields.append(draw(body, affine, shape, moved_mm) * (body.name not in empty))
    values = _held(fields, form)
    folder.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(values, affine), folder / VOXELS_FILES[form])
    (folder / "labels.json").write_text(json.dumps(_document(bodies, values, form) | dict(table or {})))


def draw(
    body: Body, affine_ras: np.ndarray, shape: tuple[int, int, int], moved_mm: Sequence[float] = (0, 0, 0)
) -> np.ndarray:
    """How much of a body is at each voxel: 0.5 at its surface, 1 well inside; shape ``(i, j, k)``, float32.

    Args:
        body: What is drawn.
        affine_ras: Of the grid.
        shape: Of the grid; the body of a single plane lies in that plane.
        moved_mm: How far from its place, LPS.
    """
    affine = _LPS_FROM_RAS @ affine_ras
    centre = affine[:3, :3] @ ((np.array(shape) - 1) / 2) + affine[:3, 3]
    points = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    away = points - centre - np.array(body.centre_mm) - np.array(moved_mm)
    if shape[2] == 1:
        normal = np.cross(affine[:3, 0], affine[:3, 1])
        normal /= np.linalg.norm(normal)
        away -= (away @ normal)[..., None] * normal
    radius = np.linalg.norm(away / np.array(body.semi_axes_mm), axis=-1)
    inside = np.clip((1 - radius) * 3 + 0.5, 0, 1)
    if body.hole_mm:
        inside = np.minimum(inside, np.clip((np.linalg.norm(away, axis=-1) - body.hole_mm) / 4 + 0.5, 0, 1))
    return inside.astype(np.float32)


def on_slices(source: SourceStack, values: np.ndarray) -> np.ndarray:
    """What a volume shows on every source slice, shape ``(slices, rows, columns)``."""
    return np.stack([source.on_slice(values, index) for index in range(len(source.slices))])


def _held(fields: Sequence[np.ndarray], form: Form) -> np.ndarray:
    if form is Form.PROBABILITY_MAP:
        return np.stack(fields, axis=-1)[:, :, :, None, :]
    masks = [field >= 0.5 for field in fields]
    if form is Form.SEGMENT_STACK:
        return np.stack(masks, axis=-1).astype(np.uint8)[:, :, :, None, :]
    values = np.zeros(fields[0].shape, dtype=np.uint8)
    for value, mask in enumerate(masks, start=1):
        values[mask] = value
    return values


def _document(bodies: Sequence[Body], values: np.ndarray, form: Form) -> dict[str, Any]:
    labels = []
    present = 0
    for channel, body in enumerate(bodies):
        found = values == channel + 1 if form is Form.LABEL_MAP else values[..., channel] > 0
        voxels = int(np.count_nonzero(found))
        present += voxels > 0
        labels.append(
            {
                "value": channel + 1,
                "segment_number": present if voxels else None,
                "name": body.name,
                "voxels": voxels,
                "category": _code("123037004", "Anatomical Structure"),
                "type": _code(*body.code),
                "laterality": None if body.laterality is None else _code(*body.laterality),
                "anatomic_region": None,
                "colour_rgb": list(body.colour_rgb),
                **({} if form is Form.LABEL_MAP else {"channel": channel}),
            }
        )
    return {
        "algorithm": {
            "name": "ct_organ_seg", "version": "1.0.0", "digest": "ab" * 32,
            "family": _code("123110", "Artificial Intelligence", "DCM"),
        },
        "intended_use": "Demonstration on phantoms only. Not for diagnosis, not for any clinical decision.",
        "series_description": "Organs (demonstration)", "content_label": "DEMONSTRATION", "labels": labels,
    }  # fmt: skip


def _code(value: str, meaning: str, scheme: str = "SCT") -> dict[str, str]:
    return {"scheme": scheme, "value": value, "meaning": meaning}
