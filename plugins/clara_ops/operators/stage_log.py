"""A stage's output lines -> the task's log, and its short result."""

import json
from typing import Any

from clara_stages.kit.contract import ShortResult

_LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "critical": "error"}

_MAX_LINE_CHARACTERS = 16_000
"""A longer line is some library's dump of an array; the log keeps its beginning."""


class StageLog:
    """Writes lines to a logger and remembers the last short result among them."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self.short_result: ShortResult | None = None

    def line(self, text: str) -> None:
        """Take one line of a stage's output: JSON of the contract, or anything else."""
        short = ShortResult.from_line(text)
        if short is not None:
            self.short_result = short
            return
        level, message = _read_line(text.rstrip())
        if message:
            getattr(self._logger, level)("%s", message)


def _read_line(text: str) -> tuple[str, str]:
    """Level and text of a line: JSON of the contract, or whatever a library printed."""
    try:
        record = json.loads(text)
    except ValueError:
        record = None
    if not isinstance(record, dict) or "message" not in record:
        return "info", text[:_MAX_LINE_CHARACTERS]
    done = record.get("progress")
    progress = f"[{100 * done:.0f} %] " if isinstance(done, (int, float)) else ""
    return _LEVELS.get(str(record.get("level")), "info"), progress + str(record["message"])[:_MAX_LINE_CHARACTERS]
