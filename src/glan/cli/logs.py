"""run.log: what a run does, one JSON object a line."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        found = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
        }
        return json.dumps(found, ensure_ascii=False)


class _File(logging.FileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its parent's name
        """Leave out a line that cannot be written: a full disk is told by who cannot do without it."""


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Append what `glan` logs to a file until the block is left."""
    handler = _File(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_JsonLines())
    logger = logging.getLogger("glan")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        handler.close()
