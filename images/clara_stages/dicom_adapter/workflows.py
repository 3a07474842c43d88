"""The workflow files, as far as the adapter reads them: ``workflow``, ``id`` and ``trigger``."""

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from clara_stages.kit.contract.rules import RuleError, check_rule

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, where PyYAML was built with libyaml


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """One file.

    Attributes:
        name: The file's stem.
        workflow_id: The ``id`` in lower case, "" where there is none.
        called_ae_titles: AE titles it serves, none where it has no trigger; None where they cannot be read.
        when: The CEL rule over ``study``, "" where every study matches.
        fault: Why the file cannot be used, with file and line; "" where it can.
    """

    name: str
    workflow_id: str = ""
    called_ae_titles: tuple[str, ...] | None = None
    when: str = ""
    fault: str = ""


@dataclass(frozen=True)
class _Cached:
    stamp: tuple[int, int]
    workflow: Workflow


@dataclass
class WorkflowCatalog:
    """The workflows in a folder; files are read again when their time or size changes."""

    folder: Path
    _cache: dict[str, _Cached] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self) -> tuple[Workflow, ...]:
        """Every workflow of the folder, in the order of their names, broken ones included.

        Raises:
            OSError: The folder is away; that is not the same as a folder without workflows.
        """
        with self._lock:
            found = {path.name: path for path in sorted(self.folder.iterdir()) if path.match("*.yaml")}
            for name in set(self._cache) - set(found):
                del self._cache[name]
            for name, path in found.items():
                self._refresh(name, path)
            return _without_shared_ids([self._cache[name].workflow for name in found if name in self._cache])

    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Changes whenever a file of the folder does."""
        entries = []
        for path in sorted(self.folder.glob("*.yaml")):
            try:
                status = path.stat()
            except OSError:  # it went away between the two calls
                continue
            entries.append((path.name, status.st_mtime_ns, status.st_size))
        return tuple(entries)

    def _refresh(self, name: str, path: Path) -> None:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if name in self._cache and self._cache[name].stamp == stamp:
                return
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self._cache.pop(name, None)
            return
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self._cache[name] = _Cached((-1, -1), Workflow(name=path.stem, fault=f"{path}:1: {reason}"))
            return
        self._cache[name] = _Cached(stamp, parse_workflow(path, text))


def parse_workflow(path: Path, text: str) -> Workflow:
    """A workflow file's trigger; what is wrong with it becomes its ``fault``."""
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        return Workflow(name=path.stem, fault=f"{path}:{line}: {problem}; correct the YAML")
    keys = _keys(root)
    trigger = _keys(keys.get("trigger"))
    workflow = Workflow(
        name=path.stem,
        workflow_id=_text(keys.get("id")).lower(),
        called_ae_titles=_texts(trigger.get("called_ae_titles")) if "trigger" in keys or not keys else (),
        when=_text(trigger.get("when")),
    )
    fault = _fault(path, root, workflow)
    return replace(workflow, fault=fault) if fault else workflow


def _fault(path: Path, root: Any, workflow: Workflow) -> str:
    keys = _keys(root)
    named = _text(keys.get("workflow"))
    if named != path.stem:
        line = _line(keys.get("workflow") or root)
        return f"{path}:{line}: workflow is {named!r}, expected the file's name {path.stem!r}; rename one of them"
    trigger = keys.get("trigger")
    if trigger is None:
        return ""  # started by hand only
    if not isinstance(trigger, yaml.MappingNode):
        return f"{path}:{_line(trigger)}: trigger is no mapping; expected trigger: {{called_ae_titles: [...]}}"
    if workflow.called_ae_titles is None:
        return f"{path}:{_line(trigger)}: called_ae_titles is no list of AE titles; write called_ae_titles: [NAME]"
    when = _keys(trigger).get("when")
    if when is not None and not isinstance(when, yaml.ScalarNode):
        return f"{path}:{_line(when)}: when is no text; write a CEL rule over study"
    try:
        if workflow.when:
            check_rule(workflow.when, "study")
    except RuleError as error:
        return f"{path}:{_line(when)}: {error}"
    return ""


def _without_shared_ids(workflows: list[Workflow]) -> tuple[Workflow, ...]:
    shared = {key for key, count in Counter(w.workflow_id for w in workflows if w.workflow_id).items() if count > 1}
    return tuple(
        replace(w, fault=f"{w.name}.yaml: the id {w.workflow_id} is also another file's; give each file its own")
        if w.workflow_id in shared and not w.fault
        else w
        for w in workflows
    )


def _keys(node: Any) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _text(node: Any) -> str:
    return str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""


def _texts(node: Any) -> tuple[str, ...] | None:
    if isinstance(node, yaml.ScalarNode) and node.value:
        return None
    if not isinstance(node, yaml.SequenceNode):
        return None
    return tuple(str(item.value).strip() for item in node.value if isinstance(item, yaml.ScalarNode))


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1 if node is not None else 1
