"""Every error that `glan` raises on purpose.

    GlanError
    ├── ConfigError          a setting, a recipe, the environment
    │   └── UntrustedError   ... a key for a host that only a project's files name, and nobody has confirmed
    ├── TaxonomyError        the tree, an outline, a node's name
    ├── PromptError          a template: missing, unreadable, a variable it does not know
    ├── ProjectError         the folder: absent, locked, on a network file system, not whole
    ├── LedgerError          the ledger: damaged, from a newer version, the disk is full
    ├── CurationError        the process that examines texts has ended, or a rule of the project has failed
    ├── BenchmarkError       a benchmark: unknown, unreadable, not what it was
    ├── DatasetError         a data set or an export that cannot be read or written
    ├── TrainingError        a student that cannot be tuned as things are
    ├── SandboxError         programs of a model cannot be run on this machine as things are
    ├── HubError             the hub of data sets: unreachable, or it does not let us
    ├── StorageError         a bucket or a folder for files: unreachable, or it does not let us
    ├── MissingPackageError  an extra that is not installed
    ├── WouldAskAgainError   the run would pay again for what the ledger answers under another fingerprint
    ├── ReplyError           a reply that cannot be used; it carries the reply
    ├── DeferredError        the request waits for a batch; its slot stays open until then
    ├── LostWorkerError      a machine of a cluster that gives no answers any more
    ├── StoppedError         the run is stopping: nothing more is asked
    │   └── BudgetError      ... because the next call could pass the cap
    └── TeacherError         the teacher gave no reply
        ├── RequestError     ... to this request, for good: a dead letter
        └── UnusableError    ... to any request: bad key, unknown model, unreachable server

A message names the thing, the value and the way out; `hint` is the way out where it needs a line of its own.
"""

import errno
import os
import re
from pathlib import Path
from typing import Final, TypeVar

from glan.records import Reply, TimedOut

INTERRUPTED = 130
"""Exit code of what a person or the system stopped, as shells have it."""


class GlanError(Exception):
    """An error that a person can do something about."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(GlanError):
    """A setting that is unknown, of the wrong kind, or out of its range."""


class UntrustedError(ConfigError):
    """A key that goes to a host only once a person has confirmed it; `variable` holds it."""

    def __init__(self, message: str, *, hint: str, variable: str, host: str) -> None:
        super().__init__(message, hint=hint)
        self.variable = variable
        self.host = host


class TaxonomyError(GlanError):
    """A taxonomy that cannot be read, or a node that is not there."""


class PromptError(GlanError):
    """A prompt that cannot be rendered."""


class ProjectError(GlanError):
    """A project folder that cannot be used."""


class LedgerError(GlanError):
    """A ledger that cannot be read or written."""


class CurationError(GlanError):
    """The examination of questions and answers cannot go on."""


class BenchmarkError(GlanError):
    """A benchmark that cannot be read, written or fetched."""


class DatasetError(GlanError):
    """A data set that cannot be read or written."""


class TrainingError(GlanError):
    """A student that cannot be tuned as things are."""


class SandboxError(GlanError):
    """Programs that a model wrote cannot be run here as things are."""


class HubError(GlanError):
    """A data set that cannot be put on the hub as things are."""


class StorageError(GlanError):
    """A file that cannot be put to, or had from, a bucket or a folder for files."""


class MissingPackageError(GlanError):
    """An optional package that is not installed."""


class WouldAskAgainError(GlanError):
    """A run that would pay again for what the ledger already answers."""


class ReplyError(GlanError):
    """A reply that cannot be used; `text` is the reply as it came, `reason` what statistics count."""

    def __init__(self, message: str, *, text: str, reason: str = "malformed", reply: Reply | None = None) -> None:
        super().__init__(message)
        self.text = text
        self.reason = reason
        self.reply = reply
        """It without its texts, and those before it, where it was paid for and nothing else holds it."""


class DeferredError(GlanError):
    """A request that was put aside for a batch."""


class LostWorkerError(GlanError):
    """A worker of a cluster that gives no answers any more."""


class StoppedError(GlanError):
    """A request that was not sent because the run is stopping; `timed_out` is what was tried before."""

    timed_out: TimedOut = TimedOut()


class BudgetError(StoppedError):
    """A request that was not sent because it could pass the budget."""


class TeacherError(GlanError):
    """A request that got no reply; `timed_out` is what may have been paid for all the same."""

    timed_out: TimedOut = TimedOut()


class RequestError(TeacherError):
    """A request that failed for good; others may go on."""


class UnusableError(TeacherError):
    """A teacher that will answer nobody until a person mends something."""


E = TypeVar("E", bound=GlanError)
_NUMBER: Final = re.compile(r"\[errno (\d+)\]", re.IGNORECASE)
_ROOM: Final = "Make room on that disk, or use another."
_RIGHT: Final = "Give yourself the right to it, or use another place."
_WAYS_OUT: Final = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "See whether a limit is set for files (`ulimit -f`), or use another disk.",
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EROFS: _RIGHT,
}


def cause_of(error: Exception) -> str:
    """Return what went wrong with a file in words: no number, no path that was told before, no full stop."""
    if (number := _number_of(error)) is not None:
        return os.strerror(number)
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start:,} is no {error.encoding.upper()}"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def file_error(kind: type[E], path: Path | str, done: str, error: Exception, hint: str = "") -> E:
    """Return that a file could not be `read`, `written` or the like, why, and the way out.

    Args:
        kind: the error that it becomes.
        path: the file or folder, as a person knows it.
        done: what could not be done with it.
        error: what the disk, pyarrow or a decoder raised.
        hint: what else a person should know.

    """
    number = _number_of(error)
    way_out = _WAYS_OUT.get(number, "") if number is not None else ""
    return kind(f"{path} cannot be {done}: {cause_of(error)}.", hint=" ".join(filter(None, [hint, way_out])))


def _number_of(error: Exception) -> int | None:
    """Return the number of an error of the system, which libraries may have put into words of their own."""
    found = _NUMBER.search(str(error))
    return int(found[1]) if found is not None else None
