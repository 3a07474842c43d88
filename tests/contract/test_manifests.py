"""A stage's manifest and its code say the same."""

import dataclasses
import importlib
import subprocess
import sys
import typing

import jsonschema
import pytest

from clara_ops.workflow import load_catalog

STAGES = sorted(name for name, entry in load_catalog().entries.items() if entry.module)


@pytest.mark.parametrize("stage", STAGES)
def test_the_manifest_s_parameters_are_the_dataclass_s(stage):
    entry = load_catalog().entries[stage]
    params = importlib.import_module(f"{entry.module}.__main__").Params
    assert {item.name for item in dataclasses.fields(params)} == set(entry.manifest.params)
    for name, schema in entry.manifest.params.items():
        default = getattr(params(), name)
        assert default == schema["default"], name
        jsonschema.validate(default, schema)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_command_line_and_says_its_version(stage):
    module = load_catalog().entries[stage].module or ""
    done = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--input NAME=DIR" in done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_importing_a_stage_s_entry_point_loads_no_heavy_library(stage):
    """A wrong parameter must be refused before torch is loaded."""
    module = load_catalog().entries[stage].module
    program = f"import {module}.__main__, sys; print([m for m in ('torch', 'monai') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_type_hints_of_parameters_are_plain():
    for stage in STAGES:
        params = importlib.import_module(f"{load_catalog().entries[stage].module}.__main__").Params
        assert typing.get_type_hints(params), stage
