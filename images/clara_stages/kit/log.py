"""Log lines: one JSON object a line on stdout. The operator turns them into the task's log."""

import json
import logging
import sys
from typing import Any


class JsonLines(logging.Formatter):
    """Formats a record as ``{"level", "message", "progress"?, "metric"?}``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON; a traceback goes into ``message``."""
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        line: dict[str, Any] = {"level": record.levelname.lower(), "message": message}
        for key in ("progress", "metric"):
            if hasattr(record, key):
                line[key] = getattr(record, key)
        return json.dumps(line, ensure_ascii=False)


def configure_logging() -> None:
    """Send every log record of this process to stdout as JSON lines, warnings included."""
    stream = logging.StreamHandler(sys.stdout)
    stream.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
