"""Every workflow file becomes a DAG: deterministic, light, and never at the cost of its neighbours."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support.airflow_dags import parse_dag_file

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "dags"

HEAVY = ("numpy", "torch", "SimpleITK", "pydicom", "pynetdicom", "monai", "highdicom", "nibabel", "kubernetes")


@pytest.fixture
def workflows(tmp_path, monkeypatch):
    """A workflows folder of the test's own, which the settings name."""
    from clara_ops.settings import load_settings

    folder = tmp_path / "workflows"
    shutil.copytree(DAGS / "workflows", folder)
    monkeypatch.setenv("AIRFLOW__CLARA__WORKFLOWS_FOLDER", str(folder))
    load_settings.cache_clear()
    yield folder
    load_settings.cache_clear()


def test_three_workflows_are_three_dags_of_clara_s_stages_in_order():
    dags = parse_dag_file(DAGS / "clara_workflows.py")
    assert sorted(dags) == ["LiverSeg", "OrganSeg", "TissueSeg"]
    for dag in dags.values():
        assert [task.task_id for task in dag.topological_sort()] == ["read", "segment", "write", "send", "close"]
        assert dag.get_task("close").is_teardown
        assert {task.pool for task in dag.tasks} <= {"stages", "gpu", "default_pool"}


def test_a_task_shows_what_its_stage_does():
    task = parse_dag_file(DAGS / "clara_workflows.py")["LiverSeg"].get_task("segment")
    assert task.task_display_name == "Segment the liver"
    assert "Runs a MONAI Bundle's own inference configuration" in task.doc_md
    assert "Reads volume (volume), bundle (bundle)." in task.doc_md
    assert "Writes labels (label_map)." in task.doc_md


def test_parsing_twice_gives_the_same_serialized_dags():
    from airflow.serialization.serialized_objects import DagSerialization

    once, again = (
        {name: DagSerialization.to_dict(dag) for name, dag in parse_dag_file(DAGS / "clara_workflows.py").items()}
        for _ in range(2)
    )
    assert json.dumps(once, sort_keys=True) == json.dumps(again, sort_keys=True)


def test_a_broken_workflow_is_left_out_and_the_others_run(workflows):
    (workflows / "Broken.yaml").write_text("workflow: Broken\nstages:\n  read: {image: dicom_raeder}\n")
    assert sorted(parse_dag_file(DAGS / "clara_workflows.py")) == ["LiverSeg", "OrganSeg", "TissueSeg"]


def test_the_error_file_names_every_broken_file_and_line(workflows):
    from airflow.dag_processing.dagbag import DagBag

    (workflows / "Broken.yaml").write_text("workflow: Broken\nstages:\n  read: {image: dicom_raeder}\n")
    (workflows / "Worse.yaml").write_text("workflow: [\n")
    (workflows / "Other.yml").write_text("workflow: Other\n")
    twin = (workflows / "OrganSeg.yaml").read_text().replace("workflow: OrganSeg", "workflow: Twin")
    (workflows / "Twin.yaml").write_text(twin)
    bag = DagBag(str(DAGS / "clara_workflow_errors.py"), collect_dags=False, bundle_path=DAGS)
    bag.process_file(str(DAGS / "clara_workflow_errors.py"), only_if_updated=False, safe_mode=True)
    (text,) = bag.import_errors.values()
    assert "Broken.yaml:3: the unknown image 'dicom_raeder'" in text
    assert "Worse.yaml:2: " in text
    assert "Other.yml:0: the ending .yml; expected .yaml -> rename it Other.yaml" in text
    assert "Twin.yaml:0: the id of OrganSeg.yaml; expected an id of its own" in text


def test_the_error_file_is_silent_where_all_is_well():
    assert parse_dag_file(DAGS / "clara_workflow_errors.py") == {}


@pytest.mark.parametrize("file", ["clara_workflows.py", "clara_workflow_errors.py", "clara_arrivals.py"])
def test_parsing_a_dag_file_imports_no_pixel_library_and_no_kubernetes(file):
    program = f"""
        import runpy, sys
        runpy.run_path({str(DAGS / file)!r})
        print([name for name in {HEAVY!r} if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_task_process_builds_only_its_own_dag(monkeypatch):
    from airflow.sdk.definitions import context as sdk_context  # noqa: F401 - the SDK must be loaded first

    from clara_ops.dag import folder

    class Context:
        dag_id = "TissueSeg"

    monkeypatch.setattr(folder, "get_parsing_context", lambda: Context)
    assert [dag.dag_id for dag in folder.build_dags()] == ["TissueSeg"]


def test_no_module_of_ours_bears_the_name_of_another():
    """Airflow imports plugin files by bare name; a ``types.py`` there would replace the standard library's."""
    ours = {path.stem for path in (ROOT / "plugins").glob("*.py")} | {path.stem for path in DAGS.glob("*.py")}
    assert not ours & set(sys.stdlib_module_names)
    assert all(name.startswith("clara_") for name in ours)
