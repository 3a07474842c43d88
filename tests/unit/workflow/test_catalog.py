"""Stages come from packages and from a site's folders."""

from pathlib import Path

from clara_ops.workflow import load_catalog

SITE_STAGE = """\
stage: site_stage
version: "3"
contract: [1]
outputs: {out: {kind: files}}
command: [/opt/site/stage]
"""


def write_stage(folder: Path, name: str, text: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "stage.yaml").write_text(text)


def test_the_packaged_stages_start_as_python_modules():
    entries = load_catalog().entries
    assert entries["dicom_reader"].module == "clara_stages.dicom_reader"
    assert {"dicom_reader", "bundle_inference", "dicom_writer", "dicom_sender"} <= set(entries)


def test_a_site_adds_a_stage_with_its_own_command(tmp_path):
    write_stage(tmp_path, "site_stage", SITE_STAGE)
    entry = load_catalog((tmp_path,)).entries["site_stage"]
    assert (entry.module, entry.manifest.command, entry.manifest.version) == (None, ["/opt/site/stage"], "3")


def test_a_manifest_that_cannot_be_read_is_a_problem_and_the_others_stay(tmp_path):
    write_stage(tmp_path, "broken", "stage: [")
    write_stage(tmp_path, "future", SITE_STAGE.replace("contract: [1]", "contract: [2]"))
    catalog = load_catalog((tmp_path,))
    assert "dicom_reader" in catalog.entries
    assert [problem.file for problem in catalog.problems] == ["broken/stage.yaml", "future/stage.yaml"]
    assert "speaks contract [2]; expected 1 among them" in str(catalog.problems[1])
