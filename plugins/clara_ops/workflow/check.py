"""What must fit together in a workflow: names, kinds, order, parameters, bundles, rules."""

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema

from clara_ops.workflow.catalog import Catalog, Manifest, Port
from clara_ops.workflow.document import Document
from clara_ops.workflow.graph import find_cycle, output_reference
from clara_ops.workflow.problems import Problem, nearest
from clara_ops.workflow.spec import (
    PAYLOAD_DESTINATIONS,
    PAYLOAD_STUDY,
    BundleInput,
    ParamReference,
    Stage,
    Workflow,
    param_reference,
)
from clara_stages.kit.contract import Kind, joins
from clara_stages.kit.contract.rules import SAMPLES, RuleError, check_rule

RESERVED_PARAMS = ("study", "destinations")
"""Every DAG has these; the dispatcher fills them."""

RESERVED_STAGES = ("payload", "close")
"""``payload.`` is a reference, ``close`` the task that ends every run."""

RULE_FORMATS = {f"cel-{subject}": subject for subject in SAMPLES}
"""``format`` of a stage parameter that holds a rule -> what it is about."""


def check_workflow(workflow: Workflow, document: Document, catalog: Catalog, bundle_root: Path | None) -> list[Problem]:
    """Every problem of a workflow that has the right form; rules are tried by ``check_rules``."""
    problems = list(_check_params(workflow, document))
    for name, stage in workflow.stages.items():
        where = ("stages", name)
        if name in RESERVED_STAGES:
            problems.append(document.problem(where, found=f"a stage named {name!r}", expected="another name"))
        for other in stage.after:
            if other not in workflow.stages:
                remedy = nearest(other, workflow.stages)
                found = f"{name} runs after {other!r}"
                problems.append(document.problem((*where, "after"), found=found, expected="a stage", remedy=remedy))
        entry = catalog.entries.get(stage.image)
        if entry is None:
            problems.append(
                document.problem(
                    (*where, "image"),
                    found=f"the unknown image {stage.image!r}",
                    expected="the name of a stage.yaml",
                    remedy=nearest(stage.image, catalog.entries),
                )
            )
            continue
        check = _StageCheck(workflow, document, catalog, name, entry.manifest)
        problems += check.inputs(bundle_root)
        problems += check.params()
    if circle := find_cycle(workflow):
        found = f"stages wait for each other: {' -> '.join(circle)}"
        problems.append(document.problem(("stages", circle[0]), found=found, expected="an order without a circle"))
    return problems


def check_rules(workflow: Workflow, document: Document, catalog: Catalog) -> list[Problem]:
    """Problems of the CEL rules: the trigger's, and those in stage parameters."""
    rules: list[tuple[tuple[str | int, ...], str, str]] = []
    if workflow.trigger and workflow.trigger.when:
        rules.append((("trigger", "when"), workflow.trigger.when, "study"))
    for name, stage in workflow.stages.items():
        schemas = catalog.manifest(stage.image).params if stage.image in catalog.entries else {}
        for key, value in stage.params.items():
            variable = RULE_FORMATS.get(schemas.get(key, {}).get("format", ""))
            rule = _default(workflow, value)
            if variable and isinstance(rule, str) and rule:
                rules.append((("stages", name, "params", key), rule, variable))
    problems = []
    for path, rule, variable in rules:
        try:
            check_rule(rule, variable)
        except RuleError as error:
            expected = f"a CEL rule over {variable} that answers true or false"
            problems.append(document.problem(path, found=str(error), expected=expected))
    return problems


def find_unchecked_joins(workflow: Workflow, catalog: Catalog) -> list[str]:
    """A sentence for each input that takes part in no check, because one side of it is of kind ``files``.

    Args:
        workflow: One that ``check_workflow`` found right.
        catalog: The stages there are.
    """
    found = []
    for name, stage in workflow.stages.items():
        for key, reference in stage.inputs.items():
            target = output_reference(reference)
            if target is None:
                continue
            produced = catalog.manifest(workflow.stages[target[0]].image).outputs[target[1]].kind
            consumed = catalog.manifest(stage.image).inputs[key].kind
            if Kind.FILES in (produced, consumed) and produced is not consumed:
                kinds = f"{produced.value} for {consumed.value}"
                found.append(f"{name}.{key} takes {target[0]}.{target[1]}: {kinds}, so nothing checks that they fit")
    return found


def _check_params(workflow: Workflow, document: Document) -> Iterator[Problem]:
    for name, schema in workflow.params.items():
        where = ("params", name)
        if name in RESERVED_PARAMS:
            yield document.problem(where, found=f"a parameter {name!r}", expected="another name; every workflow has it")
        if "default" not in schema:
            found = f"the parameter {name!r} without a default"
            yield document.problem(where, found=found, expected="a default: a study arrives without a person")
            continue
        try:
            jsonschema.Draft7Validator.check_schema(schema)
            jsonschema.validate(schema["default"], schema)
        except jsonschema.SchemaError as error:
            yield document.problem(where, found=f"{name}: {error.message}", expected="a JSON Schema")
        except jsonschema.ValidationError as error:
            yield document.problem(
                (*where, "default"), found=f"{name}: {error.message}", expected="a default that fits"
            )


@lru_cache(maxsize=1024)
def _validator(schema: str) -> jsonschema.Draft7Validator:
    """A checked validator; the check costs ten times the validation, and few schemas differ.

    Raises:
        SchemaError: It is no JSON Schema.
    """
    plain = json.loads(schema)
    jsonschema.Draft7Validator.check_schema(plain)
    return jsonschema.Draft7Validator(plain)


class _StageCheck:
    """The checks of one stage against its manifest."""

    def __init__(self, workflow: Workflow, document: Document, catalog: Catalog, name: str, manifest: Manifest) -> None:
        self.workflow, self.document, self.catalog = workflow, document, catalog
        self.name, self.manifest = name, manifest
        self.stage: Stage = workflow.stages[name]

    def _problem(self, *path: str, found: str, expected: str, remedy: str = "") -> Problem:
        return self.document.problem(("stages", self.name, *path), found=found, expected=expected, remedy=remedy)

    def inputs(self, bundle_root: Path | None) -> Iterator[Problem]:
        for key, port in self.manifest.inputs.items():
            if key not in self.stage.inputs and not port.optional:
                found = f"{self.name} ({self.manifest.stage}) has no input {key!r}"
                yield self._problem("inputs", found=found, expected=f"one of kind {port.kind.value}")
        for key, reference in self.stage.inputs.items():
            consumed = self.manifest.inputs.get(key)
            if consumed is None:
                found = f"{self.manifest.stage} has no input {key!r}"
                remedy = nearest(key, self.manifest.inputs)
                yield self._problem("inputs", key, found=found, expected="an input of the manifest", remedy=remedy)
            elif isinstance(reference, BundleInput):
                yield from self._bundle(key, consumed, reference, bundle_root)
            else:
                yield from self._reference(key, consumed, reference)

    def _reference(self, key: str, consumed: Port, reference: str) -> Iterator[Problem]:
        path = ("inputs", key)
        target = output_reference(reference)
        if target is None and reference == PAYLOAD_STUDY:
            produced = Kind.DICOM_STUDY
        elif target is None:
            expected = f"{PAYLOAD_STUDY}, <stage>.<output> or {{bundle: name}}"
            yield self._problem(*path, found=f"{key} reads {reference!r}", expected=expected)
            return
        else:
            found_stage = self.workflow.stages.get(target[0])
            if found_stage is None:
                remedy = nearest(target[0], self.workflow.stages)
                yield self._problem(*path, found=f"{key} reads {reference!r}", expected="a stage", remedy=remedy)
                return
            if found_stage.image not in self.catalog.entries:
                return  # said where that stage stands
            outputs = self.catalog.manifest(found_stage.image).outputs
            if target[1] not in outputs:
                found = f"{key} reads {reference!r}, which {found_stage.image} does not write"
                yield self._problem(*path, found=found, expected="an output", remedy=nearest(target[1], outputs))
                return
            produced = outputs[target[1]].kind
        if not joins(produced, consumed.kind):
            found = f"{key} reads {reference} of kind {produced.value}"
            yield self._problem(*path, found=found, expected=f"kind {consumed.kind.value}")

    def _bundle(self, key: str, consumed: Port, reference: BundleInput, bundle_root: Path | None) -> Iterator[Problem]:
        path = ("inputs", key)
        if consumed.kind is not Kind.BUNDLE:
            yield self._problem(*path, found=f"{key} is given a bundle", expected=f"kind {consumed.kind.value}")
            return
        named = reference.bundle
        if isinstance(named, ParamReference):
            if named.param not in self.workflow.params:
                remedy = nearest(named.param, self.workflow.params)
                found = f"the unknown parameter {named.param!r}"
                yield self._problem(*path, found=found, expected="one of the workflow's params", remedy=remedy)
                return
            named = self.workflow.params[named.param].get("default", "")
        if bundle_root and not (bundle_root / str(named) / "configs" / "metadata.json").is_file():
            known = [folder.parent.parent.name for folder in bundle_root.glob("*/configs/metadata.json")]
            found = f"the unknown bundle {named!r}"
            yield self._problem(
                *path, found=found, expected="a folder below bundle_root", remedy=nearest(str(named), known)
            )

    def params(self) -> Iterator[Problem]:
        for key, value in self.stage.params.items():
            path = ("params", key)
            schema = self.manifest.params.get(key)
            if schema is None:
                found = f"{self.manifest.stage} has no parameter {key!r}"
                remedy = nearest(key, self.manifest.params)
                yield self._problem(*path, found=found, expected="a parameter of the manifest", remedy=remedy)
                continue
            name = param_reference(value)
            if name is not None and name not in self.workflow.params:
                remedy = nearest(name, self.workflow.params)
                found = f"the unknown parameter {name!r}"
                yield self._problem(*path, found=found, expected="one of the workflow's params", remedy=remedy)
                continue
            for error in _validator(json.dumps(schema, sort_keys=True)).iter_errors(_default(self.workflow, value)):
                yield self._problem(*path, found=f"{key}: {error.message}", expected=_schema_text(schema))
        for key, schema in self.manifest.params.items():
            if "default" not in schema and key not in self.stage.params:
                found = f"{self.name} has no parameter {key!r}"
                yield self._problem("params", found=found, expected=_schema_text(schema))


def _default(workflow: Workflow, value: Any) -> Any:
    """What a params value stands for before a run: a parameter's default, no destinations, or itself."""
    name = param_reference(value)
    if name is not None:
        return workflow.params.get(name, {}).get("default")
    return [] if value == PAYLOAD_DESTINATIONS else value


def _schema_text(schema: dict[str, Any]) -> str:
    described = f" ({schema['description']})" if "description" in schema else ""
    options = f" among {schema['enum']}" if "enum" in schema else ""
    return f"{schema.get('type', 'a value')}{options}{described}"
