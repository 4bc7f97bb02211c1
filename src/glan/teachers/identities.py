"""Which models gave the replies of a run, as the servers named them, and whether that changed on the way.

A server may put another model behind a name at any time. What it returns as its model and its system fingerprint tells
it, where it tells it: what it leaves out is no change. It refuses to compare two servers with each other.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from glan.parsing import clean
from glan.records import Record, Reply, Request, Stage
from glan.wording import few

_MOST = 100
"""Different names of one server that are kept; it may invent one for every reply."""
_MOST_LETTERS = 100
_MOST_TOLD = 5
_OTHER = "(other)"
_NO_SERVER = "The teacher"

_log = logging.getLogger(__name__)


class Answered(Record, frozen=True, kw_only=True):
    """How many replies of a stage came from one model of one server."""

    stage: Stage
    endpoint: str | None
    """None for a teacher inside the process."""
    asked: str
    """The model that was asked for."""
    model: str | None
    """As the server named it, like `system_fingerprint`; None where it did not."""
    system_fingerprint: str | None
    replies: int


class _Named(NamedTuple):
    """Whom a server said that it is."""

    model: str | None
    system_fingerprint: str | None

    def __str__(self) -> str:
        return " ".join(name for name in self if name is not None) or "no name"


class Identities:
    """Counts the replies that a run uses by who gave them."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Stage, str | None, str, _Named]] = Counter()
        self._known: dict[tuple[str | None, str], _Known] = {}

    def count(self, request: Request, reply: Reply) -> None:
        """Count a reply, and warn where its server has another name than before; of each name once."""
        asked = request.sampling.model
        server = reply.endpoint, asked
        known = self._known.setdefault(server, _Known())
        named = known.seen(_Named(_short(reply.model), _short(reply.system_fingerprint)))
        self._counts[request.stage, *server, named] += 1
        before = known.replaced_by(named)
        if before is not None:
            who = reply.endpoint or _NO_SERVER
            _log.warning("%s answers for %s as %s since %s, and was %s before.", who, asked, named, request.id, before)

    def answered(self) -> list[Answered]:
        """Return the counts, by stage and server, the name that came first first."""
        stages = list(Stage)
        found = [
            Answered(stage=stage, endpoint=endpoint, asked=asked, replies=replies, **named._asdict())
            for (stage, endpoint, asked, named), replies in self._counts.items()
        ]
        return sorted(found, key=lambda each: (stages.index(each.stage), each.endpoint or "", each.asked))

    def told(self) -> list[str]:
        """Return what a person should know."""
        return [*told_of_changes(self.answered())]


def told_of_changes(answered: Iterable[Answered]) -> Iterator[str]:
    """Give a sentence for each server that was more than one model under one name."""
    servers: dict[tuple[str | None, str], Counter[_Named]] = {}
    for found in answered:
        named = _Named(found.model, found.system_fingerprint)
        servers.setdefault((found.endpoint, found.asked), Counter())[named] += found.replies
    for (endpoint, asked), counts in servers.items():
        if any(len({named[i] for named in counts} - {None}) > 1 for i in range(2)):
            listed = [f"{named} ({replies:,} replies)" for named, replies in counts.items()]
            who = endpoint or _NO_SERVER
            yield f"{who} was not the same model all the time for {asked}: {few(listed, _MOST_TOLD)}."


class _Known:
    """The names that one server had so far."""

    def __init__(self) -> None:
        self._last: _Named | None = None
        self._seen: set[_Named] = set()
        self._parts: tuple[set[str], set[str]] = (set(), set())

    def seen(self, named: _Named) -> _Named:
        """Return a name, or what stands for all others where there are too many."""
        if named not in self._seen and len(self._seen) >= _MOST:
            return _Named(_OTHER, None)
        self._seen.add(named)
        return named

    def replaced_by(self, named: _Named) -> _Named | None:
        """Return the name before this one, where a part of this one is another than all before."""
        is_new = False
        for known, name in zip(self._parts, named, strict=True):
            if name is not None and name not in known:
                is_new |= bool(known)
                known.add(name)
        before, self._last = self._last, named
        return before if is_new else None


def _short(name: str | None) -> str | None:
    return None if name is None else clean(name[:_MOST_LETTERS])
