"""Other people's programs read the report, and read the same."""

import json
import subprocess

import pytest

from clara_stages.dicom_writer.measurements import measure_segments
from tests.support.peers import require_program
from tests.support.writing_sources import GEOMETRIES

pytestmark = pytest.mark.peers

NAMES = {"118565006": "volume_ml", "103339001": "long_axis_mm", "L0JK": "diameter_3d_mm"}
STATISTICS = {"373098007": "mean", "386136009": "sd", "255605001": "minimum", "56851009": "maximum"}


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_dciodvfy_finds_no_error(geometry, write):
    run = subprocess.run([require_program("dciodvfy"), write(geometry).path], capture_output=True, text=True)
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []
    assert "EnhancedSR" in run.stderr


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_dcmqi_reads_the_values_that_were_measured(geometry, write, tmp_path):
    report = write(geometry)
    output = tmp_path / "read.json"
    arguments = ["--inputDICOM", report.path, "--outputMetadata", output]
    subprocess.run([require_program("tid1500reader"), *arguments], capture_output=True, check=False)
    groups = json.loads(output.read_text())["Measurements"]
    for group, measured in zip(groups, measure_segments(report.job), strict=True):
        values = {attribute(item): float(item["value"]) for item in group["measurementItems"]}
        expected = {name: getattr(measured, name) for name in (*NAMES.values(), *STATISTICS.values())}
        assert values == pytest.approx({name: value for name, value in expected.items() if value is not None}, rel=1e-5)
        label = measured.label
        assert group["FindingSite"]["CodeValue"] == label.type.value
        assert group.get("Laterality", {}).get("CodeValue") == (label.laterality and label.laterality.value)
        if report.job.written:
            assert group["ReferencedSegment"] == label.segment_number
            assert group["segmentationSOPInstanceUID"] == report.job.written["seg"][0].SOPInstanceUID


def attribute(item):
    if "derivationModifier" in item:
        return STATISTICS[item["derivationModifier"]["CodeValue"]]
    return NAMES[item["quantity"]["CodeValue"]]


@pytest.mark.parametrize("geometry", ["axial", "enhanced", "projection"])
def test_dcmtk_reads_the_content_tree_without_a_complaint(geometry, write):
    run = subprocess.run([require_program("dsrdump"), "-Ei", write(geometry).path], capture_output=True, text=True)
    assert run.returncode == 0
    assert [line for line in run.stderr.splitlines() if line.startswith("E:")] == []
    assert '"Imaging Measurements"' in run.stdout
