"""A report for a person at a terminal."""

from collections.abc import Iterator
from typing import Any

_INDENT = "  "


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
            yield f"series {item['series_number']}, {item['modality'] or 'no modality'}  {series}"
        yield f"{_INDENT}{item['volume']}: {item['verdict']}{_size(item)}"
        yield f"{_INDENT * 2}{item['reason']}"
        for text in [*item["warnings"], *([f"-> {item['remedy']}"] if item["remedy"] else [])]:
            yield f"{_INDENT * 2}{text}"


def _size(item: dict[str, Any]) -> str:
    if not item["shape"]:
        return f", {item['frames']} images"
    spacing = item["spacing_mm"]
    millimetres = f", {' x '.join(f'{value:.4g}' for value in spacing)} mm" if spacing else ""
    unit = f", {item['units']}" if item["units"] not in (None, "1") else ""
    return f", {' x '.join(map(str, item['shape']))}{millimetres}{unit}"


def _objects(report: dict[str, Any]) -> Iterator[str]:
    if report["objects"]:
        yield "objects"
    for item in report["objects"]:
        yield f"{_INDENT}{item['path']}: {item['sop_class']}"


def _left_out(report: dict[str, Any]) -> Iterator[str]:
    if report["left_out"]:
        yield "left out"
    for item in report["left_out"]:
        yield f"{_INDENT}{item['path']}: {item['reason']}"
