"""The gate's report: what was found, what it means and what was checked, for people and for programs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID

from clara_stages.dicom_writer.gate import dciodvfy
from clara_stages.dicom_writer.gate.finding import Finding, Severity
from clara_stages.dicom_writer.gate.finding_names import FINDING_NAMES

REPORT_FILE = "report.md"
FINDINGS_FILE = "findings.json"

_SHOWN = 5
"""So many different findings a log line names."""

_SHOWN_CHARACTERS = 200
"""So much of each message; the report has the rest."""

_CHECKED = """\
- every attribute that the Standard's module tables want is there and has a value; every value obeys its rules
- every reference leads to an instance of the source, of this run or of an earlier result, as it is stated
- patient, study and frame of reference are the source's; UIDs are new; every text can be read
- the content, read again from the file, is compared with the inputs: voxels, positions, contours, numbers, pictures
- what objects say of themselves (kind, series, moment, maker, codes) is what this run made
- sides that codes, names and places state do not contradict each other
"""


def write_report(folder: Path, findings: Sequence[Finding], files: Mapping[str, Sequence[Path]]) -> None:
    """Write ``report.md`` and ``findings.json``.

    Args:
        folder: Where to; it is made.
        findings: What ``examine`` found.
        files: What it examined.
    """
    folder.mkdir(parents=True, exist_ok=True)
    classes = {output: _sop_classes(paths) for output, paths in files.items()}
    (folder / REPORT_FILE).write_text(_page(findings, files, classes), encoding="utf-8")
    document = {
        "verdict": "stopped" if _count(findings, Severity.ERROR) else "passed",
        "dciodvfy": dciodvfy.program() is not None,
        "findings": [
            {"name": item.name, "output": item.output, "severity": str(item.severity), "message": item.message}
            for item in findings
        ],
        "outputs": {
            output: {"files": [path.name for path in paths], "sop_classes": classes[output]}
            for output, paths in files.items()
        },
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / FINDINGS_FILE).write_text(text + "\n", encoding="utf-8")


def summarise(findings: Sequence[Finding]) -> str:
    """Some findings in one sentence, short enough for a log line or an error."""
    if not findings:
        return "the gate found nothing wrong"
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.output, finding.name), []).append(finding)
    shown = [
        f"{output}: {name}: {_cut(group[0].message)}" + (f" (and {len(group) - 1} more)" if len(group) > 1 else "")
        for (output, name), group in list(groups.items())[:_SHOWN]
    ]
    rest = f"; and {len(groups) - _SHOWN} other kinds" if len(groups) > _SHOWN else ""
    return f"the gate has {len(findings)} finding(s): {'; '.join(shown)}{rest}"


def _page(findings: Sequence[Finding], files: Mapping[str, Sequence[Path]], classes: Mapping[str, list[str]]) -> str:
    errors, warnings, inherited = (_count(findings, severity) for severity in Severity)
    if errors:
        verdict = f"**Stopped: {errors} error(s).** Nothing was handed on."
    else:
        verdict = "**Passed.** Every object was handed on."
    lines = [
        "# What the gate found",
        "",
        f"{verdict} {warnings} warning(s), {inherited} fault(s) that the source has already.",
        "",
    ]
    if findings:
        lines += [
            "| | output | finding | what was found | which means |",
            "|---|---|---|---|---|",
            *map(_row, findings),
            "",
        ]
    lines += ["## What was checked", "", _CHECKED]
    lines += ["| output | objects | SOP class | bytes | dciodvfy |", "|---|---|---|---|---|"]
    for output, paths in files.items():
        size = sum(path.stat().st_size for path in paths if path.exists())
        names = ", ".join(UID(uid).name for uid in classes[output]) or "none"
        second_opinion = _dciodvfy_result(output, classes[output], findings)
        lines.append(f"| {output} | {len(paths)} | {names} | {size:,} | {second_opinion} |")
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    meaning = FINDING_NAMES.get(finding.name, "")
    cells = (str(finding.severity), finding.output, f"`{finding.name}`", finding.message, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _dciodvfy_result(output: str, classes: Sequence[str], findings: Sequence[Finding]) -> str:
    if dciodvfy.program() is None:
        return "not installed"
    if not any(dciodvfy.knows(uid) for uid in classes):
        return "not asked: it does not know this SOP class"
    own = [item for item in findings if item.output == output and item.name.startswith("dciodvfy")]
    if any(item.name == "dciodvfy_failed" for item in own):
        return "did not end"
    inherited = sum(item.severity is Severity.INHERITED for item in own)
    return f"{len(own)} error(s), {inherited} of them in the source too" if own else "no error"


def _sop_classes(paths: Sequence[Path]) -> list[str]:
    found = set()
    for path in paths:
        try:
            found.add(str(dcmread(path, specific_tags=["SOPClassUID"], stop_before_pixels=True).get("SOPClassUID", "")))
        except (InvalidDicomError, OSError, ValueError, KeyError, AttributeError):
            continue
    return sorted(found - {""})


def _count(findings: Sequence[Finding], severity: Severity) -> int:
    return sum(item.severity is severity for item in findings)


def _cut(message: str) -> str:
    return message if len(message) <= _SHOWN_CHARACTERS else message[: _SHOWN_CHARACTERS - 3] + "..."
