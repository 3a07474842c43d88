"""YAML whose every value knows its line."""

from collections.abc import Iterator
from typing import Any

import yaml

from clara_stages.dicom_adapter.config.problems import Problem, suggest


class Reader:
    """Collects what is wrong while a file is read, so that a person sees every fault in one go."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def report(self, line: int, found: str, expected: str, remedy: str = "Correct the value.") -> None:
        """Note one fault."""
        self.problems.append(Problem(file=self.file, line=line, found=found, expected=expected, remedy=remedy))

    def compose(self, text: str) -> yaml.Node | None:
        """The document's root node; a syntax error is reported and gives None."""
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            said = getattr(error, "problem", None) or str(error).splitlines()[0]
            self.report((mark.line + 1) if mark else 1, str(said), "valid YAML", "Correct the syntax.")
            return None

    def mapping(self, node: yaml.Node, name: str, known: frozenset[str]) -> "Mapping":
        """The mapping at a node; another kind of node and unknown or repeated keys are reported."""
        values: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        if not isinstance(node, yaml.MappingNode):
            if not is_empty(node):
                self.report(line_of(node), f"{name} is {describe(node)}", "a mapping", "Write key: value lines.")
            return Mapping(self, line_of(node), name, values, lines)
        for key_node, value_node in node.value:
            key = str(getattr(key_node, "value", ""))
            if key in values:
                self.report(line_of(key_node), f"{name} has {key!r} twice", "each key once", "Remove one of them.")
            elif key not in known:
                self.report(
                    line_of(key_node), f"{name} has the unknown key {key!r}", "a known key", suggest(key, known)
                )
            else:
                values[key], lines[key] = value_node, line_of(key_node)
        return Mapping(self, line_of(node), name, values, lines)


class Mapping:
    """The keys of one mapping, fetched with their type and range."""

    def __init__(
        self, reader: Reader, line: int, name: str, values: dict[str, yaml.Node], lines: dict[str, int]
    ) -> None:
        self.reader = reader
        self.line = line
        self.name = name
        self.values = values
        self.lines = lines

    def line_of(self, key: str) -> int:
        """The line of a key, or of the mapping where the key is missing."""
        return self.lines.get(key, self.line)

    def node(self, key: str) -> yaml.Node | None:
        """The node of a key that has a value."""
        node = self.values.get(key)
        return None if node is None or is_empty(node) else node

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default the key must be there and not empty."""
        node = self.node(key)
        if node is None:
            if default is None:
                self.missing(key, "a text")
            return default or ""
        if not isinstance(node, yaml.ScalarNode):
            self.wrong(key, describe(node), "a text")
            return default or ""
        return str(node.value).strip()

    def number(self, key: str, default: float | None, low: float, high: float, *, whole: bool = False) -> float:
        """A number within ``low..high``; without a default the key must be there."""
        node = self.node(key)
        expected = f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"
        if node is None:
            if default is None:
                self.missing(key, expected)
            return default if default is not None else low
        value = plain(node)
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            self.wrong(key, describe(node), expected)
            return default if default is not None else low
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        node = self.node(key)
        if node is None:
            return default
        value = plain(node)
        if not isinstance(value, bool):
            self.wrong(key, describe(node), "true or false")
            return default
        return value

    def items(self, key: str) -> Iterator[yaml.Node]:
        """The entries of a list; a missing or empty list has none."""
        node = self.node(key)
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(key, describe(node), "a list", "Write one '- ' line for each entry.")
            return
        yield from node.value

    def missing(self, key: str, expected: str) -> None:
        """Report that a key has no value."""
        self.reader.report(self.line_of(key), f"{self.name} has no {key!r}", expected, f"Give {key}: a value.")

    def wrong(self, key: str, found: str, expected: str, remedy: str = "Correct the value.") -> None:
        """Report a value that cannot be used."""
        self.reader.report(self.line_of(key), f"{key!r} of {self.name} is {found}", expected, remedy)


def line_of(node: yaml.Node) -> int:
    """The line a node starts on, from 1."""
    return int(node.start_mark.line) + 1


def is_empty(node: yaml.Node) -> bool:
    """Whether a key stands without a value."""
    return isinstance(node, yaml.ScalarNode) and (node.tag == "tag:yaml.org,2002:null" or node.value == "")


def plain(node: yaml.Node) -> Any:
    """The Python value of a scalar node; a value YAML cannot convert stays text."""
    if not isinstance(node, yaml.ScalarNode):
        return None
    try:
        return yaml.safe_load(yaml.serialize(node))
    except (yaml.YAMLError, ValueError):
        return node.value


def describe(node: yaml.Node) -> str:
    """A node in words for an error."""
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
