"""Every name of a finding is known, so that a workflow can accept it and the report explains it."""

import ast
import re
from pathlib import Path

import clara_stages.dicom_writer
from clara_stages.dicom_writer.gate.finding_names import FINDING_NAMES

PACKAGE = Path(clara_stages.dicom_writer.__file__).parent
MAKERS = ("Finding", "Fault")


def names_in(path):
    """Names given to ``Finding``, ``Fault`` and to functions of this file that pass an argument on as name."""
    tree = ast.parse(path.read_text())
    makers: dict[str, tuple[int | None, str]] = {name: (None, "name") for name in MAKERS}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            arguments = [item.arg for item in function.args.args if item.arg != "self"]
            for call in ast.walk(function):
                given = given_name(call, {name: (None, "name") for name in MAKERS})
                if isinstance(given, ast.Name) and given.id in arguments and isinstance(function, ast.FunctionDef):
                    makers[function.name] = (arguments.index(given.id), given.id)
    makers["finding"] = (0, "name")
    for node in ast.walk(tree):
        given = given_name(node, makers) or (named_pair(node) if path.name.startswith(("check", "compare")) else None)
        if isinstance(given, ast.Constant) and isinstance(given.value, str):
            yield given.value


def named_pair(node):
    """The name where a check yields or raises (name, message), which a function around it makes a finding of."""
    if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
        return node.value.elts[0]
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and len(node.exc.args) == 2:
        return node.exc.args[0]
    return None


def given_name(call, makers):
    if not isinstance(call, ast.Call):
        return None
    called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if called not in makers:
        return None
    position, keyword = makers[called]
    named = [item.value for item in call.keywords if item.arg == keyword]
    if named:
        return named[0]
    return call.args[position] if position is not None and position < len(call.args) else None


def test_every_finding_of_the_writer_has_a_known_name():
    found = {(path.parent.name, name) for path in sorted(PACKAGE.rglob("*.py")) for name in names_in(path)}
    assert {name for _, name in found} >= {"dangling_reference", "frame_of_reference", "sr_content"}
    assert sorted((where, name) for where, name in found if name not in FINDING_NAMES) == []


def test_a_name_is_lower_case_words_joined_by_underscores_and_means_something():
    for name, meaning in FINDING_NAMES.items():
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
        assert not meaning[0].isupper() or meaning.split()[0] in ("Patient", "DICOM")
        assert not meaning.endswith(".")
