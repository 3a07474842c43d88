"""What the demonstration leaves behind: ``summary.json`` and a few lines for a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tools.demo.follow import Run
    from tools.demo.received import Received
    from tools.demo.send import Sent
    from tools.demo.study import Study

PHASES = ("ingest", "trigger", "read", "segment", "write", "send", "total")
"""Every one of them is in the summary; null where it did not happen."""


@dataclass(kw_only=True)
class Outcome:
    """How far the demonstration came; filled in as it goes."""

    study: Study | None = None
    workflow: str = ""
    state: str = "not started"
    reason: str = ""
    sent: Sent | None = None
    run: Run | None = None
    received: tuple[Received, ...] = ()


def timings_s(outcome: Outcome) -> dict[str, float | None]:
    """Seconds per phase, from the clocks of the sender and of Airflow.

    ``ingest`` runs from the first C-STORE request to the last response, ``trigger`` from there to the start of the
    first stage, ``total`` from the first request to the end of the last stage.
    """
    timings: dict[str, float | None] = dict.fromkeys(PHASES)
    if outcome.sent:
        timings["ingest"] = outcome.sent.last_response_at - outcome.sent.first_request_at
    stages = _stages(outcome.run)
    timings.update({name: task["duration"] for name, task in stages.items()})
    if outcome.sent and stages:
        timings["trigger"] = min(_at(task["start_date"]) for task in stages.values()) - outcome.sent.last_response_at
        timings["total"] = max(_at(task["end_date"]) for task in stages.values()) - outcome.sent.first_request_at
    return {name: None if value is None else round(value, 3) for name, value in timings.items()}


def write_summary(outcome: Outcome, path: Path) -> None:
    """Write ``summary.json``."""
    summary = {
        "study_instance_uid": outcome.study.study_instance_uid if outcome.study else None,
        "dag_id": outcome.run.dag_id if outcome.run else outcome.workflow,
        "dag_run_id": outcome.run.dag_run_id if outcome.run else None,
        "state": outcome.state,
        "reason": outcome.reason,
        "received": [
            {"path": str(item.path), "sop_class_uid": item.sop_class_uid, "modality": item.modality}
            for item in outcome.received
        ],
        "timings_s": timings_s(outcome),
        "io_folders": outcome.run.io_folders if outcome.run else {},
    }
    path.write_text(json.dumps(summary, indent=2) + "\n")


def describe(outcome: Outcome, out: Path, picture: Path | None) -> str:
    """The end of the demonstration as a person reads it."""
    timings = ", ".join(f"{name} {value:.1f}" for name, value in timings_s(outcome).items() if value is not None)
    lines = [f"  run        {outcome.state}" + (f": {outcome.reason}" if outcome.reason else "")]
    if outcome.run:
        lines.append(f"             {outcome.run.dag_id} {outcome.run.dag_run_id}")
    lines += [f"  received   {item.modality} {item.path}" for item in outcome.received]
    if picture:
        lines.append(f"  picture    {picture}")
    lines += [
        f"  seconds    {timings or 'none'}",
        f"  summary    {out / 'summary.json'}",
    ]
    return "\n".join(lines)


def _stages(run: Run | None) -> dict[str, dict[str, Any]]:
    """The tasks that ran, without what only closes the run."""
    if run is None:
        return {}
    return {
        name: task
        for name, task in run.tasks.items()
        if (name in PHASES or name in run.io_folders) and task["state"] in ("success", "failed")
    }


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
