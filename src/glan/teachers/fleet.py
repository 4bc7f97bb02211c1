"""The servers of one teacher: which of them a request goes to, and what is done while one is away. It knows no HTTP.

    fleet = Fleet(endpoints, limits, rng=random.Random())
    permits = fleet.regulate(limits)
    sent = await fleet.admit(request)
    fleet.hear(sent, reply)

Requests of one syllabus prefer one server, whose cache then holds their long beginning: rendezvous hashing (Thaler and
Ravishankar, 1998), weighted by what each server bears. Where that one is fuller than the rest, the next in its order is
asked: bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2018).
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from glan.errors import StoppedError, UnusableError
from glan.records import Reply, Request
from glan.settings import Limits
from glan.teachers.health import HARD, SOFT, Health
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.permits import Permits
from glan.teachers.rates import Rates
from glan.teachers.specs import Endpoint
from glan.teachers.traffic import Sent, Traffic
from glan.teachers.window import Window

_MOST_OVER_MEAN = 1.25
"""A server may have so many times its share of all requests before the next one in their order is preferred."""
_NOTHING_CAME = frozenset({Kind.LATER, Kind.TIMED_OUT, Kind.UNREACHED})
_CRASH = 500
_LOOK_AGAIN_S = 1.0
_SOON_S = 30.0
"""A server that asked to be left alone for longer is waited for, however long it has been away."""
_WORTH_LENDING_S = 0.05
_LONGEST_SLEEP_S = 1.0
"""After so long who pauses looks whether the run goes on."""
_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Member:
    """One server."""

    endpoint: Endpoint
    traffic: Traffic
    health: Health


@dataclass(slots=True)
class Try:
    """One try of a request at one server."""

    member: Member
    sent: Sent
    is_probe: bool
    """It goes to see whether a server that is away answers again."""
    n_crashes: int = 0
    """Tries of the same request that ended in status 500, this one among them."""

    @property
    def endpoint(self) -> Endpoint:
        return self.member.endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A server that gives nothing."""

    host: str
    for_s: float
    reason: str

    def told(self) -> str:
        """Say it in a few words."""
        return f"{self.host} has given nothing for {self.for_s:.0f} s ({self.reason})"


class Fleet:
    """Servers that are asked for the same."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        limits: Limits,
        *,
        rng: random.Random,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._limits = limits
        self._in_flight = limits
        """What the settings say of how many are in flight."""
        self._rng = rng
        self._clock = clock
        self._sleep = sleep
        self._permits: Permits | None = None
        self._members: list[Member] = []
        self._empty_since: float | None = None
        self._has_answered = False
        """Whether any has ever: before, an address is more likely wrong than its server away."""
        self._over: UnusableError | None = None
        self.update(endpoints)

    @property
    def waits(self) -> bool:
        """Whether a server that is absent or has enough to do is waited for, and no request is to blame."""
        return self._limits.outage_s > 0

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The servers there are just now."""
        return tuple(member.endpoint for member in self._members)

    def absences(self) -> tuple[Absence, ...]:
        """Return the servers that are away just now."""
        now = self._clock()
        return tuple(
            Absence(host=member.endpoint.host, for_s=now - member.health.since, reason=member.health.reason)
            for member in self._members
            if member.health.is_away and member.health.since is not None
        )

    def regulate(self, limits: Limits) -> Permits:
        """Return the permits for all servers together: what they bear, or a fixed number for each."""
        self._in_flight = limits
        for member in self._members:
            member.traffic.regulate(_regulator(limits))
        self._permits = Permits(self._size, ceiling=self._ceiling)
        return self._permits

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Ask these servers from now on; what is in flight at another is waited for."""
        known = {member.endpoint.place: member for member in self._members}
        wanted = {endpoint.place: endpoint for endpoint in endpoints}
        self._members = [known.get(place) or self._joined(endpoint) for place, endpoint in wanted.items()]
        self._empty_since = None if self._members else self._clock()
        if known and [*known] != [*wanted]:
            _log.info("servers: %s", ", ".join(wanted) or "none")
        if self._permits is not None:
            self._permits.ceiling = self._ceiling
            self._follow()

    def end(self, cause: UnusableError) -> None:
        """Wait for none that is away: whoever reaches them is gone."""
        self._over = cause

    def _joined(self, endpoint: Endpoint) -> Member:
        traffic = Traffic(rpm=self._limits.rpm, tpm=self._limits.tpm, clock=self._clock, sleep=self._pause)
        traffic.regulate(_regulator(self._in_flight))
        return Member(endpoint, traffic, Health(self._rng))

    @property
    def _ceiling(self) -> int:
        limits = self._in_flight
        each = limits.fixed if limits.concurrency == "fixed" else limits.ceiling
        return max(1, each * len(self._members))

    @property
    def _size(self) -> int:
        """How many may be in flight; where all servers are away, one to see whether each is still."""
        there = sum(member.traffic.size for member in self._members if not member.health.is_away)
        return there or max(1, len(self._members))

    def _follow(self) -> None:
        if self._permits is not None:
            self._permits.resize(self._size)

    async def admit(self, request: Request, last: Try | None = None) -> Try:
        """Choose a server, and return when the request may be sent to it.

        Args:
            request: what is asked.
            last: the try that came to nothing, whose server is not asked again at once where there is another.

        Raises:
            UnusableError: none has answered for as long as the settings say.
            StoppedError: the run stops while all are away.

        """
        while (member := self._chosen(request, last)) is None:
            self._check_outage()
            await self._sleep(_LOOK_AGAIN_S)
            self._refuse_when_stopping()
        is_probe = member.health.is_away
        if is_probe:
            member.health.probe()
        try:
            sent = await member.traffic.admit(request)
        except BaseException:
            if is_probe:
                member.health.drop()
            raise
        return Try(member, sent, is_probe, 0 if last is None else last.n_crashes)

    def hear(self, sent: Try, found: Reply | Trouble | None, rates: Rates | None = None) -> None:
        """Learn from what came back: a reply, a trouble, or nothing because the request was given up."""
        member = sent.member
        member.traffic.hear(sent.sent, found, rates)
        was_away = member.health.is_away
        sent.n_crashes += isinstance(found, Trouble) and found.status == _CRASH
        self._judge(sent, found)
        if member.health.is_away is not was_away:
            told = f"is away: {member.health.reason}" if member.health.is_away else "answers again"
            _log.warning("%s %s", member.endpoint.host, told)
        self._follow()

    def _judge(self, sent: Try, found: Reply | Trouble | None) -> None:
        member, health, now = sent.member, sent.member.health, self._clock()
        if found is None or (isinstance(found, Trouble) and found.kind is Kind.LOST):
            if sent.is_probe:
                health.drop()
        elif isinstance(found, Reply) or not (found.is_refusal or found.kind in _NOTHING_CAME):
            self._has_answered = True
            health.answer()
        elif health.is_away and not sent.is_probe:
            pass  # it was sent before, and breaks with the server: the absence is none the longer
        elif sent.n_crashes > 1 and not health.is_away:
            pass  # a prompt on which a server breaks each time says no more than once that it may be away
        elif found.is_refusal:
            # While others are being served there, it is merely full.
            counts = self._has_answered and not member.traffic.level
            health.fail(now, SOFT, reason=found.reason, counts=counts, wait_s=found.retry_after_s or 0.0)
        else:
            reason = f"{found.reason}: {found.told}" if found.told else found.reason
            weight = HARD if found.kind is Kind.UNREACHED else SOFT
            health.fail(now, weight, reason=reason, counts=self._has_answered)

    async def rest(self, sent: Try, request: Request, pause_s: float) -> None:
        """Pause before another try, and let another request have the permit meanwhile.

        What was refused at once keeps it for as long as a reply takes: otherwise a full server would be asked again and
        again by all that wait.
        """
        kept_s = min(pause_s, sent.member.traffic.latency_s)
        if self._permits is None or pause_s - kept_s < _WORTH_LENDING_S:
            await self._pause(pause_s)
            return
        await self._pause(kept_s)
        await self._permits.lend(request.rank, lambda: self._pause(pause_s - kept_s))

    async def _pause(self, pause_s: float) -> None:
        """Sleep, and no longer than until the run stops: who pauses is not in flight, so nothing paid is given up."""
        await self._sleep(min(pause_s, _LONGEST_SLEEP_S))
        while (pause_s := pause_s - _LONGEST_SLEEP_S) > 0 and not self._is_stopping:
            await self._sleep(min(pause_s, _LONGEST_SLEEP_S))
        self._refuse_when_stopping()

    @property
    def _is_stopping(self) -> bool:
        return self._permits is not None and self._permits.is_closed

    def _refuse_when_stopping(self) -> None:
        if self._is_stopping:
            raise StoppedError("The run is stopping, and the request was not sent again.")

    def _chosen(self, request: Request, last: Try | None) -> Member | None:
        """Return who is asked; None while all are away and it is not yet time to see."""
        members, now = self._members, self._clock()
        if len(members) == 1 and not members[0].health.is_away:
            return members[0]
        failed = None if last is None else last.member
        there = [member for member in members if not member.health.is_away]
        due = [member for member in members if member.health.is_away and member.health.may_probe(now)]
        probed = next((member for member in due if member is not failed), None)
        if probed is not None or not there:
            return probed or (due[0] if due else None)
        others = [member for member in there if member is not failed]
        return _preferred(others or there, request.id)

    def _check_outage(self) -> None:
        """Stop where nobody has answered for too long."""
        if self._over is not None:
            raise self._over
        now, most_s = self._clock(), self._limits.outage_s
        since = [member.health.since for member in self._members if member.health.since is not None]
        begun = max(since, default=self._empty_since if self._empty_since is not None else now)
        soon = min([member.health.due_in_s(now) for member in self._members], default=0.0)
        if now - begun >= most_s and soon <= _SOON_S:
            told = "; ".join(absence.told() for absence in self.absences()) or "no server is named any more"
            raise UnusableError(
                f"No server has answered for {now - begun:.0f} s: {told}.",
                hint="What is finished is written, and a run goes on from there once one answers. "
                "`outage_s` in [limits] says how long it is waited for.",
            )


def _regulator(limits: Limits) -> Window | int:
    return limits.fixed if limits.concurrency == "fixed" else Window(limits.ceiling)


def _preferred(members: Sequence[Member], id_: str) -> Member:
    """Return the first in the order of a request's syllabus that is not fuller than the rest."""
    if len(members) == 1:
        return members[0]
    key = syllabus_of(id_)
    loads = sum(member.traffic.load for member in members) + 1
    room = sum(member.traffic.size for member in members)
    for member in sorted(members, key=lambda member: _score(key, member), reverse=True):
        traffic = member.traffic
        if traffic.load < min(traffic.size, math.ceil(_MOST_OVER_MEAN * loads * traffic.size / room)):
            return member
    return min(members, key=lambda member: member.traffic.load / member.traffic.size)


def syllabus_of(id_: str) -> str:
    """Return the part of a request's id that names its syllabus, or its discipline where there is none yet."""
    return "/".join(id_.split("/")[1:3])


def _score(key: str, member: Member) -> float:
    """Return the weight of a server for a key; twice the room is twice as likely to be the first."""
    weight = 2.0 ** round(math.log2(member.traffic.size))  # in steps: a window that moves a little moves no syllabus
    return -weight / math.log(_draw(key, member.endpoint.place))


@lru_cache(maxsize=65_536)
def _draw(key: str, place: str) -> float:
    """Return a number between 0 and 1 for a key at a server, the same in every process."""
    bits = int.from_bytes(blake2b(f"{place}\0{key}".encode(), digest_size=6).digest(), "big")
    return (bits + 1) / (2**48 + 1)
