"""The workflows folder -> DAGs, and the errors of what cannot become one."""

from collections.abc import Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from clara_ops.dag.build import build_dag
from clara_ops.settings import Settings, load_settings
from clara_ops.workflow import Catalog, Workflow, WorkflowError, load_catalog, load_workflow
from clara_ops.workflow.problems import Problem


def build_dags() -> Iterator[DAG]:
    """The DAGs of all usable workflow files, in the order of their names.

    A task process wants one DAG only: then one file is read, and its rules are not tried again.
    """
    settings = load_settings()
    catalog = load_catalog(settings.stage_folders)
    wanted = get_parsing_context().dag_id
    for file in workflow_files(settings):
        if wanted is not None and file.stem != wanted:
            continue
        try:
            workflow = load_workflow(file, catalog, bundle_root=settings.bundle_root, rules=wanted is None)
            dag = build_dag(workflow, catalog, settings)
        except Exception:  # noqa: S112 - whatever it is, clara_workflow_errors.py says it, and the others run
            continue
        yield dag


def raise_for_broken_workflows() -> None:
    """Check every workflow file and manifest.

    Raises:
        WorkflowError: With every problem of every file.
    """
    if get_parsing_context().dag_id is not None:
        return  # a task process looks for its own DAG, which is not here
    settings = load_settings()
    catalog = load_catalog(settings.stage_folders)
    problems = [*catalog.problems, *_misnamed_files(settings)]
    workflows: list[tuple[str, Workflow]] = []
    for file in workflow_files(settings):
        try:
            workflow = load_workflow(file, catalog, bundle_root=settings.bundle_root)
            build_dag(workflow, catalog, settings)
        except WorkflowError as error:
            problems.extend(error.problems)
        except Exception as error:  # Airflow refuses what our own checks let through
            found = f"{type(error).__name__}: {error}"
            problems.append(Problem(file=file.name, line=0, found=found, expected="a workflow that Airflow takes"))
        else:
            workflows.append((file.name, workflow))
    problems += find_shared_ids(workflows)
    if problems:
        raise WorkflowError(problems)


def broken_reason(workflow: str, settings: Settings, catalog: Catalog) -> str | None:
    """Why a workflow cannot run, in words; None where it can."""
    file = next((item for item in workflow_files(settings) if item.stem == workflow), None)
    if file is None:
        return f"there is no file {workflow}.yaml in the workflows folder"
    try:
        load_workflow(file, catalog, bundle_root=settings.bundle_root)
    except Exception as error:  # one file must not stop the studies of the others
        return str(error) if isinstance(error, WorkflowError) else f"{file.name}: {type(error).__name__}: {error}"
    return None


def workflow_files(settings: Settings) -> list[Path]:
    """The YAML files of the workflows folder, in the order of their names."""
    return sorted(settings.workflows_folder.glob("*.yaml"))


def _misnamed_files(settings: Settings) -> list[Problem]:
    """A problem for each file that looks like a workflow and is not read as one."""
    return [
        Problem(file=file.name, line=0, found="the ending .yml", expected=".yaml", remedy=f"rename it {file.stem}.yaml")
        for file in sorted(settings.workflows_folder.glob("*.yml"))
    ]


def find_shared_ids(workflows: list[tuple[str, Workflow]]) -> list[Problem]:
    """A problem for each id that two workflows claim: a Clara configuration names them by it."""
    problems = []
    seen: dict[str, str] = {}
    for file, workflow in workflows:
        if workflow.id is None:
            continue
        if workflow.id in seen:
            found = f"the id of {seen[workflow.id]}"
            problems.append(Problem(file=file, line=0, found=found, expected="an id of its own", remedy="run uuidgen"))
        seen.setdefault(workflow.id, file)
    return problems
