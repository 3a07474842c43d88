"""A report for a person at a terminal."""

import textwrap
from collections.abc import Iterator
from typing import Any

_INDENT = "  "

_COLUMNS = 110
"""Where a sentence is broken: long ones stay readable, and a path or UID is never broken."""

_PLAIN_NAMES = ("volume", "image")
"""Of what is alone in its series; the verdict says as much."""

_SHOWN_FILES = 5
"""Files that are shown of those with one reason: a folder may hold a hundred thousand of a kind."""


def render_report(report: dict[str, Any]) -> str:
    """The report as lines: series with their volumes, objects, files that are left out."""
    blocks = ["\n".join(block) for block in (_notes(report), _volumes(report), _objects(report), _left_out(report))]
    return "\n\n".join(block for block in blocks if block) or "nothing: the folder has no file"


def _notes(report: dict[str, Any]) -> Iterator[str]:
    yield from report["notes"]


def _volumes(report: dict[str, Any]) -> Iterator[str]:
    series = None
    for item in report["volumes"]:
        if item["series_instance_uid"] != series:
            series = item["series_instance_uid"]
            yield f"series {item['series_number']}, {item['modality'] or 'no modality'}  {_printable(series)}"
        name = "" if item["volume"] in _PLAIN_NAMES else f"{item['volume']}: "
        yield f"{_INDENT}{name}{item['verdict']}{_size(item)}"
        yield from _sentence(item["reason"])
        for text in item["warnings"]:
            yield from _sentence(_without(text, item["reason"]))
        if item["remedy"]:
            yield from _sentence(f"-> {item['remedy']}")


def _without(warning: str, reason: str) -> str:
    """A warning without the reason that was printed above it."""
    return warning.replace(f": {reason}", "")


def _sentence(text: str) -> list[str]:
    return textwrap.wrap(
        _printable(text),
        _COLUMNS,
        initial_indent=_INDENT * 2,
        subsequent_indent=_INDENT * 3,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _size(item: dict[str, Any]) -> str:
    images = _count(item["frames"], "image")
    if not item["shape"]:
        return f", {images}"
    is_image = item["verdict"] == "image"
    size = " x ".join(map(str, item["shape"][:2] if is_image else item["shape"]))
    spacing = item["spacing_mm"]
    millimetres = f", {' x '.join(f'{value:.4g}' for value in spacing)} mm" if spacing else ""
    unit = f", {item['units']}" if item["units"] not in (None, "1") else ""
    return f", {size}{millimetres}{unit}{f', {images}' if is_image and item['frames'] > 1 else ''}"


def _objects(report: dict[str, Any]) -> Iterator[str]:
    if report["objects"]:
        yield "objects"
    for item in report["objects"]:
        yield f"{_INDENT}{_printable(item['path'])}: {item['sop_class']}"


def _left_out(report: dict[str, Any]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for item in report["left_out"]:
        by_reason.setdefault(item["reason"], []).append(item["path"])
    if by_reason:
        yield f"left out: {_count(len(report['left_out']), 'file')}"
    for reason, paths in by_reason.items():
        if len(paths) == 1:
            yield f"{_INDENT}{_printable(paths[0])}: {_printable(reason)}"
            continue
        yield f"{_INDENT}{_count(len(paths), 'file')}: {_printable(reason)}"
        yield from (f"{_INDENT * 2}{_printable(path)}" for path in paths[:_SHOWN_FILES])
        if len(paths) > _SHOWN_FILES:
            yield f"{_INDENT * 2}and {len(paths) - _SHOWN_FILES} more (--json lists all)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _printable(text: str) -> str:
    """The text on one line, without what a terminal would obey: a file may be called anything."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
