"""A workflow file -> a checked ``Workflow``."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from clara_ops.workflow.catalog import Catalog
from clara_ops.workflow.check import check_rules, check_workflow
from clara_ops.workflow.document import Document
from clara_ops.workflow.problems import Problem, WorkflowError, nearest
from clara_ops.workflow.spec import Workflow

SUFFIX = ".yaml"
"""Of a workflow's file; one that ends otherwise is not read as one."""

_MAX_FILE_BYTES = 1 << 20
"""A workflow is a page of text; a megabyte is some other file."""


def load_workflow(file: Path, catalog: Catalog, *, bundle_root: Path | None = None, rules: bool = True) -> Workflow:
    """The workflow of a file.

    Args:
        file: The YAML file.
        catalog: The stages there are.
        bundle_root: Where named bundles must lie; None leaves that unchecked.
        rules: Whether to try the CEL rules; a task process, whose run exists already, need not.

    Raises:
        WorkflowError: With every problem found.
    """
    document = Document(_read(file), file.name)
    workflow = _parse(document)
    problems = check_workflow(workflow, document, catalog, bundle_root)
    if workflow.workflow != file.stem:
        problems.append(
            document.problem(
                ("workflow",),
                found=f"the workflow {workflow.workflow!r} in the file {file.name}",
                expected="the file's stem as the name, so that a task finds its file",
                remedy=f"rename the file to {workflow.workflow}{SUFFIX}, or the workflow to {file.stem}",
            )
        )
    if file.suffix != SUFFIX:
        remedy = f"rename it {file.stem}{SUFFIX}"
        problems.append(
            Problem(file=file.name, line=0, found=f"the ending {file.suffix}", expected=SUFFIX, remedy=remedy)
        )
    if rules:
        problems += check_rules(workflow, document, catalog)
    if problems:
        raise WorkflowError(problems)
    return workflow


def _read(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size <= _MAX_FILE_BYTES:
            return file.read_text(encoding="utf-8")
        found = f"{size} bytes"
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror or str(error) if isinstance(error, OSError) else "bytes that are no UTF-8"
    raise WorkflowError([Problem(file=file.name, line=0, found=found, expected="a readable YAML file of up to 1 MiB")])


def _parse(document: Document) -> Workflow:
    try:
        return Workflow.model_validate(document.data)
    except ValidationError as error:
        problems = [_problem(document, dict(item)) for item in error.errors(include_url=False)]
        # A union reports each of its branches: one problem a line is enough for the reader.
        by_line = {problem.line: problem for problem in reversed(problems)}
        raise WorkflowError(by_line.values()) from None


def _problem(document: Document, error: dict[str, Any]) -> Problem:
    path: tuple[str | int, ...] = tuple(error["loc"])
    dotted = ".".join(str(part) for part in path)
    if error["type"] == "extra_forbidden":
        known = _known_keys(path)
        return document.problem(path, found=f"unknown key {path[-1]!r}", expected="a key of the format", remedy=known)
    if error["type"] == "missing":
        parent = ".".join(str(part) for part in path[:-1]) or "the workflow"
        return document.problem(path, found=f"no {path[-1]!r} in {parent}", expected="it is required")
    return document.problem(path, found=f"{dotted} is {error['input']!r}", expected=str(error["msg"]))


def _known_keys(path: tuple[str | int, ...]) -> str:
    from clara_ops.workflow import spec

    model = spec.Workflow
    if len(path) > 2 and path[0] == "stages":
        model = spec.Resources if len(path) > 3 and path[2] == "resources" else spec.Stage  # type: ignore[assignment]
    elif path[0] == "trigger" and len(path) > 1:
        model = spec.Trigger  # type: ignore[assignment]
    return nearest(str(path[-1]), model.model_fields)
