"""``clara-ops workflows``: look at workflow files without starting anything."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Check workflow files.", no_args_is_help=True)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="workflow YAML files, or folders of them")],
    bundle_root: Annotated[Path | None, typer.Option(help="where bundles lie; the [clara] setting by default")] = None,
) -> None:
    """Say for each file whether it can run; the exit code is 1 where one cannot."""
    from clara_ops.settings import load_settings
    from clara_ops.workflow import WorkflowError, load_catalog, load_workflow
    from clara_ops.workflow.check import find_unchecked_joins

    settings = load_settings()
    catalog = load_catalog(settings.stage_folders)
    broken = len(catalog.problems)
    for problem in catalog.problems:
        typer.echo(str(problem), err=True)
    for file in _expand(files):
        try:
            workflow = load_workflow(file, catalog, bundle_root=bundle_root or settings.bundle_root)
        except WorkflowError as error:
            broken += 1
            typer.echo(str(error), err=True)
        else:
            typer.echo(f"{file}: ok: {' -> '.join(workflow.stages)}")
            for warning in find_unchecked_joins(workflow, catalog):
                typer.echo(f"{file}: warning: {warning}", err=True)
    raise typer.Exit(1 if broken else 0)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a workflow file, for editors."""
    from clara_ops.workflow import Workflow

    typer.echo(json.dumps(Workflow.model_json_schema(), indent=2))


def _expand(files: list[Path]) -> list[Path]:
    expanded = []
    for file in files:
        expanded += sorted(file.glob("*.y*ml")) if file.is_dir() else [file]
    return expanded
