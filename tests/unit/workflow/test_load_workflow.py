"""A workflow file is accepted, or refused with file, line, found, expected and remedy."""

from pathlib import Path

import pytest

from clara_ops.workflow import Catalog, Workflow, WorkflowError, load_catalog, load_workflow
from clara_ops.workflow.check import find_unchecked_joins
from clara_ops.workflow.graph import upstream

ROOT = Path(__file__).parents[3]

GOOD = """\
workflow: Good
trigger:
  called_ae_titles: [GOOD]
  when: study.series.exists(s, s.modality == "CT" && s.instances >= 20)
params:
  bundle: {type: string, default: ct_tissue}
stages:
  read:
    image: dicom_reader
    inputs: {study: payload.study}
    params: {select: 'series.modality == "CT"'}
  segment:
    image: bundle_inference
    inputs:
      volume: read.volume
      bundle: {bundle: {param: bundle}}
  write:
    image: dicom_writer
    inputs: {labels: segment.labels, source: read.source}
  send:
    image: dicom_sender
    inputs: {instances: write.instances}
    params: {destinations: payload.destinations}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def load(tmp_path: Path, catalog: Catalog, text: str, name: str = "Good") -> Workflow:
    file = tmp_path / f"{name}.yaml"
    file.write_text(text)
    return load_workflow(file, catalog)


def refusal(tmp_path: Path, catalog: Catalog, old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(WorkflowError) as caught:
        load(tmp_path, catalog, GOOD.replace(old, new))
    return str(caught.value)


def test_a_good_workflow_keeps_its_stages_in_order(tmp_path, catalog):
    assert list(load(tmp_path, catalog, GOOD).stages) == ["read", "segment", "write", "send"]


@pytest.mark.parametrize("name", ["OrganSeg", "LiverSeg", "TissueSeg"])
def test_the_shipped_workflows_are_good(name, catalog):
    assert load_workflow(ROOT / "dags" / "workflows" / f"{name}.yaml", catalog).workflow == name


def test_clara_s_own_ids_are_kept(catalog):
    ids = {n: load_workflow(ROOT / "dags/workflows" / f"{n}.yaml", catalog).id for n in ("OrganSeg", "LiverSeg")}
    assert ids == {
        "OrganSeg": "1db65f99-c9b7-4329-ab9c-d519e0557638",
        "LiverSeg": "fd3ee8bf-b9f3-4808-bd60-243f870ff9bd",
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("image: dicom_reader", "image: dicom_raeder", r"Good.yaml:9: the unknown image 'dicom_raeder'; expected the "
         r"name of a stage.yaml -> did you mean 'dicom_reader'\?"),
        ("volume: read.volume", "volume: raed.volume", r"Good.yaml:15: volume reads 'raed.volume'; expected a stage -> "
         r"did you mean 'read'\?"),
        ("volume: read.volume", "volume: read.image", "which dicom_reader does not write; expected an output"),
        ("volume: read.volume", "volume: read.volumes", "of kind volumes; expected kind volume"),
        ("volume: read.volume", "volume: read.source", "kind dicom_instances; expected kind volume"),
        ("volume: read.volume", "volume: payload.stduy", r"expected payload.study, <stage>.<output> or \{bundle: name"),
        ("      volume: read.volume\n", "", "has no input 'volume'; expected one of kind volume"),
        ("bundle: {bundle: {param: bundle}}", "bundle: {bundle: {param: bundel}}", "the unknown parameter 'bundel'"),
        ("select: 'series", "selct: 'series", "has no parameter 'selct'.*did you mean 'select'"),
        ("image: dicom_writer", "image: dicom_writer\n    params: {outputs: [segg]}", "'segg' is not one of"),
        ("image: dicom_writer", "imaeg: dicom_writer", "unknown key 'imaeg'.*did you mean 'image'"),
        ("s.modality", "s.modalty", "unknown 'modalty'; did you mean 'modality'"),
        ("&& s.instances", "&&& s.instances", "is no CEL expression"),
        ('s.modality == "CT" && s.instances >= 20', "s.instances", "expected a CEL rule over study"),
        ("""'series.modality == "CT"'""", '\'"CT"\'', "answers 'CT'|expected true or false"),
        ("default: ct_tissue", "title: no", "the parameter 'bundle' without a default"),
        ("default: ct_tissue", "default: 3", "3 is not of type 'string'"),
        ("called_ae_titles: [GOOD]", "called_ae_titles: [GOOD_BUT_MUCH_TOO_LONG]", "Good.yaml:3:.*at most 16"),
        ("called_ae_titles: [GOOD]", "called_ae_titles: []", "at least 1 item"),
        ("workflow: Good", "workflow: Better", "rename the file to Better.yaml, or the workflow to Good"),
        ("image: dicom_sender", "image: dicom_sender\n    image: dicom_sender", "Good.yaml:22: the key 'image' stands"),
        ("  read:\n", "  payload:\n", "a stage named 'payload'; expected another name"),
        ("    image: dicom_reader\n", "    image: dicom_reader\n    after: [send]\n", "stages wait for each other: "),
        ("    image: dicom_reader\n", "    image: dicom_reader\n    after: [sned]\n", "read runs after 'sned'"),
        ("volume: read.volume", "volume: {bundle: ct_tissue}", "volume is given a bundle; expected kind volume"),
        ("  bundle: {type: string", "  study: {type: string", "a parameter 'study'; expected another name"),
        ("type: string,", "type: strng,", "expected a JSON Schema"),
        ("volume: read.volume\n", "volume: read.volume\n      volum: read.volume\n", "has no input 'volum'"),
        ("{select: 'series.modality == \"CT\"'}", "{select: {param: rule}}", "the unknown parameter 'rule'"),
        ("    params: {destinations: payload.destinations}\n", "    resources: {gpus: 1}\n", "did you mean 'gpu'"),
        ("  called_ae_titles: [GOOD]\n", "  called_ae_title: [GOOD]\n", "did you mean 'called_ae_titles'"),
        ("trigger:", "  trigger:", "Good.yaml:2: mapping values are not allowed"),
    ],
)  # fmt: skip
def test_a_broken_workflow_is_refused_in_words(tmp_path, catalog, old, new, said):
    import re

    message = refusal(tmp_path, catalog, old, new)
    assert re.search(said, message, re.DOTALL), message


def test_every_problem_is_reported_at_once_in_the_order_of_lines(tmp_path, catalog):
    text = GOOD.replace("dicom_reader", "reader").replace("dicom_sender", "sender").replace("[GOOD]", "[]")
    with pytest.raises(WorkflowError) as caught:
        load(tmp_path, catalog, text.replace("called_ae_titles: []", "called_ae_titles: [A]"))
    assert [problem.line for problem in caught.value.problems] == [9, 21]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "nothing; expected a mapping"),
        (b"- 1\n- 2\n", "a list; expected a mapping"),
        (b"\xff\xfe\x00", "bytes that are no UTF-8"),
        (b"a: \x07", "expected YAML"),
        (b"&a [*a, *a]", r"Good.yaml:1: a YAML alias \(\*name\)"),
        (b"!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (b"x: " + b"a" * (1 << 20), "1048579 bytes; expected a readable YAML file of up to 1 MiB"),
    ],
)
def test_a_file_that_is_no_workflow_is_refused(tmp_path, catalog, content, said):
    file = tmp_path / "Good.yaml"
    file.write_bytes(content)
    with pytest.raises(WorkflowError, match=said):
        load_workflow(file, catalog)


def test_a_missing_bundle_is_named_with_those_there_are(tmp_path, catalog):
    (tmp_path / "bundles" / "ct_tisue" / "configs").mkdir(parents=True)
    (tmp_path / "bundles" / "ct_tisue" / "configs" / "metadata.json").write_text("{}")
    file = tmp_path / "Good.yaml"
    file.write_text(GOOD)
    with pytest.raises(WorkflowError, match=r"unknown bundle 'ct_tissue'.*did you mean 'ct_tisue'"):
        load_workflow(file, catalog, bundle_root=tmp_path / "bundles")


def test_the_published_schema_is_the_model_s(catalog):
    import json

    published = json.loads((ROOT / "docs" / "workflow.schema.json").read_text())
    assert published == Workflow.model_json_schema(), "run `clara-ops workflows schema > docs/workflow.schema.json`"


def test_a_file_that_ends_otherwise_is_refused_since_nobody_reads_it(tmp_path, catalog):
    (tmp_path / "Good.yml").write_text(GOOD)
    with pytest.raises(WorkflowError, match=r"Good\.yml:0: the ending \.yml; expected \.yaml -> rename it Good\.yaml"):
        load_workflow(tmp_path / "Good.yml", catalog)


def test_an_input_that_takes_any_files_is_a_warning(tmp_path):
    manifest = 'stage: any_files\nversion: "1"\ncontract: [1]\ninputs: {files: {kind: files}}\ncommand: [x]\n'
    (tmp_path / "any_files").mkdir()
    (tmp_path / "any_files" / "stage.yaml").write_text(manifest)
    catalog = load_catalog((tmp_path,))
    text = GOOD + "  look:\n    image: any_files\n    inputs: {files: segment.labels}\n"
    assert find_unchecked_joins(load(tmp_path, catalog, text), catalog) == [
        "look.files takes segment.labels: label_map for files, so nothing checks that they fit"
    ]
    assert find_unchecked_joins(load(tmp_path, catalog, GOOD), catalog) == []


def test_a_stage_may_wait_for_another_without_reading_from_it(tmp_path, catalog):
    text = GOOD.replace("image: dicom_sender", "image: dicom_sender\n    after: [segment]")
    assert upstream(load(tmp_path, catalog, text).stages["send"]) == ["segment", "write"]


def test_a_bundle_by_name_is_looked_up(tmp_path, catalog):
    file = tmp_path / "Good.yaml"
    file.write_text(GOOD.replace("{bundle: {param: bundle}}", "{bundle: ct_tissu}"))
    with pytest.raises(WorkflowError, match="the unknown bundle 'ct_tissu'"):
        load_workflow(file, catalog, bundle_root=ROOT / "bundles")


def test_a_required_parameter_of_a_stage_is_missed(tmp_path):
    (tmp_path / "stages" / "needy").mkdir(parents=True)
    manifest = "stage: needy\nversion: '1'\ncontract: [1]\nparams: {word: {type: string, enum: [a, b]}}\ncommand: [x]\n"
    (tmp_path / "stages" / "needy" / "stage.yaml").write_text(manifest)
    file = tmp_path / "Needs.yaml"
    file.write_text("workflow: Needs\nstages:\n  one: {image: needy}\n")
    with pytest.raises(WorkflowError, match=r"one has no parameter 'word'; expected string among \['a', 'b'\]"):
        load_workflow(file, load_catalog((tmp_path / "stages",)))
