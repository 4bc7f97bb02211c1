"""run.log: what a run does, one JSON object a line."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO


class _JsonLines(logging.Formatter):
    """One object a line; what is logged with `extra={"facts": {...}}` stands in it beside the words."""

    def format(self, record: logging.LogRecord) -> str:
        found = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        return json.dumps(found, ensure_ascii=False)


class _Lines(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its parent's name
        """Leave out a line that cannot be written: a full disk is told by who cannot do without it."""


@contextmanager
def logged_to(path: Path) -> Iterator[None]:
    """Append what `glan` logs to a file until the block is left."""
    file = open(path, "a", encoding="utf-8", errors="backslashreplace", opener=_not_through_a_link)  # noqa: SIM115 - closed below
    handler = _Lines(file)
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
        with suppress(OSError):  # what could not be written before cannot be written now
            file.close()


def _not_through_a_link(path: str, flags: int) -> int:
    """Open a file of a folder that may come from a stranger."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o644)
