"""Log lines: one JSON object a line on stdout. The operator turns them into the task's log."""

import io
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


class _Stdout(logging.StreamHandler[Any]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of logging
        """Say nothing where nobody reads any more; the stage goes on."""
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


def configure_logging() -> None:
    """Send every log record of this process to stdout as JSON lines in UTF-8, warnings included."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale: a name of a file may be of any bytes
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    stream = _Stdout(sys.stdout)
    stream.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [stream]
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)


def forget_file_names(error: BaseException) -> None:
    """Take file names out of an exception and those that led to it: a file may be named after a patient."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        item = pending.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, OSError):
            item.filename = item.filename2 = None
        pending += [item.__cause__, item.__context__]
