"""Writing a segmentation: ours beside a bare highdicom call and dcmqi's itkimage2segimage.

300 slices of 512 x 512 and 5 segments, each on every slice. Every round runs all of them one after another, each in a
fresh process, so that other work on the machine meets all; the figures are medians. Files are in the page cache.
``build`` and ``highdicom`` are timed inside their processes, without imports and loading; ``stage`` and ``dcmqi`` from
process start to exit.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from tests.support.series import write_ct_series

ROUNDS = 3
SHAPE = (512, 512, 300)
SEGMENTS = 5
TARGET = 1.3
"""Largest ratio of building and saving to a bare highdicom call."""

_MIB = 1 << 20


def write_inputs(root: Path) -> dict[str, float]:
    """The folders ``study``, ``read/source``, ``read/volume`` and ``labels`` of one synthetic CT."""
    k = np.arange(SHAPE[2])
    values = np.broadcast_to((k % 100).astype(np.int16), SHAPE)
    write_ct_series(root / "study", shape=SHAPE, spacing_mm=(0.8, 0.8, 1.0), values=values)
    reader = [sys.executable, "-m", "clara_stages.dicom_reader", "--input", f"study={root / 'study'}"]
    subprocess.run([*reader, "--output", str(root / "read")], check=True, capture_output=True)
    affine = nibabel.load(root / "read" / "volume" / "volume.nii").affine
    (root / "labels").mkdir()
    values = draw()
    nibabel.save(nibabel.Nifti1Image(values, affine), root / "labels" / "labels.nii")
    (root / "labels" / "labels.json").write_text(json.dumps(label_table(values)))
    (root / "dcmqi.json").write_text(json.dumps(dcmqi_table(label_table(values))))
    return {}


def draw() -> np.ndarray:
    """Five discs that move from slice to slice, shape ``(i, j, k)``, uint8 in the order of a NIfTI file."""
    i, j = np.meshgrid(np.arange(SHAPE[0]), np.arange(SHAPE[1]), indexing="ij")
    values = np.zeros(SHAPE, dtype=np.uint8, order="F")
    for k in range(SHAPE[2]):
        for segment in range(SEGMENTS):
            x, y = 90 + 80 * segment + 10 * np.sin(k / 20), 256 + 60 * np.cos(k / 30 + segment)
            values[:, :, k][(i - x) ** 2 + (j - y) ** 2 < (30 + k % 9) ** 2] = segment + 1
    return values


def label_table(values: np.ndarray) -> dict[str, Any]:
    """As ``labels.json``."""
    counts = np.bincount(values.ravel(order="K"), minlength=SEGMENTS + 1)
    category, organ = ("123037004", "Anatomical Structure"), ("113343008", "Organ")
    labels = [
        {
            "value": number, "segment_number": number, "name": f"organ {number}", "laterality": None,
            "voxels": int(counts[number]),
            "category": _code(*category), "type": _code(*organ), "anatomic_region": None,
            "colour_rgb": [40 * number, 255 - 40 * number, 128],
        }
        for number in range(1, SEGMENTS + 1)
    ]  # fmt: skip
    family = {"scheme": "DCM", "value": "123110", "meaning": "Artificial Intelligence"}
    return {
        "algorithm": {"name": "benchmark", "version": "1", "digest": "", "family": family}, "labels": labels,
        "intended_use": "Benchmark", "series_description": "Benchmark", "content_label": "BENCHMARK",
    }  # fmt: skip


def _code(value: str, meaning: str) -> dict[str, str]:
    return {"scheme": "SCT", "value": value, "meaning": meaning}


def dcmqi_table(table: dict[str, Any]) -> dict[str, Any]:
    """The same for dcmqi."""

    def code(item: dict[str, str]) -> dict[str, str]:
        return {
            "CodeValue": item["value"], "CodingSchemeDesignator": item["scheme"], "CodeMeaning": item["meaning"],
        }  # fmt: skip

    attributes = [
        {
            "labelID": label["value"], "SegmentLabel": label["name"], "SegmentDescription": label["name"],
            "SegmentAlgorithmType": "AUTOMATIC", "SegmentAlgorithmName": "benchmark",
            "recommendedDisplayRGBValue": label["colour_rgb"],
            "SegmentedPropertyCategoryCodeSequence": code(label["category"]),
            "SegmentedPropertyTypeCodeSequence": code(label["type"]),
        }
        for label in table["labels"]
    ]  # fmt: skip
    return {
        "ContentCreatorName": "benchmark", "ClinicalTrialSeriesID": "1", "ClinicalTrialTimePointID": "1",
        "SeriesDescription": "Benchmark", "SeriesNumber": "9000", "InstanceNumber": "1", "BodyPartExamined": "",
        "segmentAttributes": [attributes],
    }  # fmt: skip


def run_ours(root: Path) -> dict[str, float]:
    """Seconds of building and saving, and of the check."""
    from clara_stages.dicom_writer.load_job import load_job
    from clara_stages.dicom_writer.params import Params
    from clara_stages.dicom_writer.quiet_libraries import quiet_libraries
    from clara_stages.dicom_writer.seg.build import build
    from clara_stages.dicom_writer.seg.check import check
    from clara_stages.kit import StageIO
    from clara_stages.kit.contract import StageRequest

    inputs = {"source": str(root / "read" / "source"), "labels": str(root / "labels")}
    request = StageRequest(
        workflow="w", dag_run_id="r", stage="write", stage_key="k", output=str(root / "ours"), inputs=inputs
    )
    with quiet_libraries():
        job = load_job(StageIO(request), Params())
        started = time.perf_counter()
        ((_, result),) = build(job)
        result.save_as(root / "ours.dcm", enforce_file_format=True)
        built = time.perf_counter()
        findings = list(check([root / "ours.dcm"], job))
    if findings:
        raise SystemExit(f"the check found {findings}")
    return {"build": built - started, "check": time.perf_counter() - built}


def run_highdicom(root: Path) -> dict[str, float]:
    """Seconds of one call of highdicom and of saving."""
    import highdicom
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom import dcmread
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    paths = sorted((root / "study").iterdir())
    images = [dcmread(path, stop_before_pixels=True) for path in paths]
    values = np.asarray(nibabel.load(root / "labels" / "labels.nii").dataobj).transpose(2, 1, 0)
    algorithm = highdicom.AlgorithmIdentificationSequence("benchmark", codes.DCM.ArtificialIntelligence, "1")
    segments = [
        SegmentDescription(
            number, f"organ {number}", codes.SCT.Organ, codes.SCT.Organ, "AUTOMATIC", algorithm,
            display_color=highdicom.color.CIELabColor.from_rgb(40 * number, 255 - 40 * number, 128),
        )
        for number in range(1, SEGMENTS + 1)
    ]  # fmt: skip
    started = time.perf_counter()
    result = Segmentation(
        source_images=images, pixel_array=values, segmentation_type="BINARY", segment_descriptions=segments,
        series_instance_uid=generate_uid(), series_number=1, sop_instance_uid=generate_uid(), instance_number=1,
        manufacturer="m", manufacturer_model_name="m", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    result.save_as(root / "highdicom.dcm", enforce_file_format=True)
    return {"highdicom": time.perf_counter() - started}


INSIDE: dict[str, Callable[[Path], dict[str, float]]] = {"ours": run_ours, "bare": run_highdicom}
"""What a fresh process of this module measures in itself."""

INPUTS = "inputs"
"""Made by a process of its own as well: a child's peak of memory begins with that of its parent."""


def measure(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, peak resident MiB (of the largest process) and output of a command."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        run = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(run.pid, 0)
        seconds = time.perf_counter() - started
        run.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {run.returncode}:\n{text[-2000:]}")
    return seconds, usage.ru_maxrss * 1024 / _MIB, text


def one_round(root: Path, number: int) -> dict[str, tuple[float, float]]:
    """Seconds and peak MiB of everything, once."""
    found: dict[str, tuple[float, float]] = {}
    for name in INSIDE:
        _, peak_mib, said = measure([sys.executable, "-m", "benchmarks.writing", name, str(root)])
        for what, seconds in json.loads(said.splitlines()[-1]).items():
            found[what] = seconds, peak_mib
    stage = [sys.executable, "-m", "clara_stages.dicom_writer", "--input", f"source={root / 'read' / 'source'}"]
    stage += ["--input", f"labels={root / 'labels'}", "--output", str(root / f"stage{number}")]
    found["stage"] = measure(stage)[:2]
    dcmqi = shutil.which(
        "itkimage2segimage", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    )
    if dcmqi:
        command = [dcmqi, "--inputImageList", str(root / "labels" / "labels.nii"), "--inputDICOMDirectory"]
        command += [str(root / "study"), "--inputMetadata", str(root / "dcmqi.json")]
        found["dcmqi"] = measure([*command, "--outputDICOM", str(root / "dcmqi.dcm")])[:2]
    return found


def main() -> None:
    """Print the figures."""
    print(f"SEG of {SHAPE[2]} slices of {SHAPE[0]} x {SHAPE[1]}, {SEGMENTS} segments on each")
    print(f"target: build / highdicom <= {TARGET}")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        measure([sys.executable, "-m", "benchmarks.writing", INPUTS, str(root)])
        rounds = [one_round(root, number) for number in range(ROUNDS)]
    found = {what: [statistics.median(values) for values in zip(*(one[what] for one in rounds), strict=True)]
             for what in rounds[0]}  # fmt: skip
    for what, (seconds, peak_mib) in found.items():
        print(f"  {what:10} {seconds:6.2f} s   peak {peak_mib:6.0f} MiB")
    build, check, bare = (found[what][0] for what in ("build", "check", "highdicom"))
    print(f"  build / highdicom {build / bare:.2f}, with the check {(build + check) / bare:.2f}")
    if "dcmqi" in found:
        print(f"  stage / dcmqi {found['stage'][0] / found['dcmqi'][0]:.2f}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps({**INSIDE, INPUTS: write_inputs}[sys.argv[1]](Path(sys.argv[2]))))
    else:
        main()
