"""YAML text -> plain data that remembers its lines."""

from typing import Any

import yaml

from clara_ops.workflow.problems import Problem, WorkflowError

Path = tuple[str | int, ...]
"""Keys and indices from the document's root."""

try:
    from yaml import CSafeLoader as _Loader  # ten times faster: 0.15 ms a workflow
except ImportError:  # a PyYAML built without libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]


Loader = _Loader
"""The safe YAML loader of this project: plain data only."""


class Document:
    """A parsed YAML mapping.

    Attributes:
        file: Name for messages.
        data: The plain data.
    """

    def __init__(self, text: str, file: str) -> None:
        """Parse ``text``.

        Raises:
            WorkflowError: No YAML, no mapping, or a key stands twice.
        """
        self.file = file
        loader = Loader(text)
        try:
            self._root = loader.get_single_node()
            self._refuse_repeats(self._root, set())
            self.data: Any = loader.construct_document(self._root) if self._root else None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise WorkflowError(
                [
                    Problem(
                        file=file, line=line, found=str(error.problem), expected="YAML", remedy="check the indentation"
                    )
                ]
            ) from None
        except yaml.YAMLError as error:  # a character that YAML forbids
            text_of_error = str(error).splitlines()[0]
            raise WorkflowError([Problem(file=file, line=0, found=text_of_error, expected="YAML text")]) from None
        finally:
            loader.dispose()
        if not isinstance(self.data, dict):
            found = "nothing" if self.data is None else f"a {type(self.data).__name__}"
            raise WorkflowError([Problem(file=file, line=1, found=found, expected="a mapping that begins 'workflow:'")])

    def line(self, path: Path) -> int:
        """The 1-based line of the value at ``path``, or of its nearest parent that exists."""
        node: Any = self._root
        line: int = node.start_mark.line + 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def problem(self, path: Path, *, found: str, expected: str, remedy: str = "") -> Problem:
        """A problem at ``path``."""
        return Problem(file=self.file, line=self.line(path), found=found, expected=expected, remedy=remedy)

    def _refuse_repeats(self, node: Any, seen: set[int]) -> None:
        """Refuse keys that stand twice, and aliases: a few of them can unfold to a billion nodes, or to a circle."""
        if node is None:
            return
        if id(node) in seen:
            raise self._repeated(node, "a YAML alias (*name)", "the text itself in both places")
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._refuse_repeats(item, seen)
        if isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in node.value:
                if str(key.value) in keys:
                    raise self._repeated(key, f"the key {key.value!r} stands twice", "each key once")
                keys.add(str(key.value))
                self._refuse_repeats(value, seen)

    def _repeated(self, node: Any, found: str, expected: str) -> WorkflowError:
        line = node.start_mark.line + 1
        return WorkflowError([Problem(file=self.file, line=line, found=found, expected=expected)])


def _child(node: Any, step: str | int) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None
