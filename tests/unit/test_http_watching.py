"""What the HTTP teacher tells of its tries, and that it waits and goes where it is told to."""

from dataclasses import dataclass, field

import pytest
from misbehaving import Answer, Pauses, Server, ask, at, failed, failure_from, said, serving

from glan.errors import RequestError
from glan.records import Reply, Request
from glan.teachers.http import Http
from glan.teachers.kinds import Trouble
from glan.teachers.rates import Allowance, Rates
from glan.teachers.specs import Endpoint


@dataclass(frozen=True, slots=True)
class Step:
    """One try."""

    endpoint: Endpoint
    number: int


@dataclass(slots=True)
class Diary:
    """Sends each try to the next server, and writes down what it is told."""

    endpoints: tuple[Endpoint, ...]
    waits: bool = True
    lines: list[object] = field(default_factory=list)
    n_tries: int = 0
    pauses_s: list[float] = field(default_factory=list)

    async def admit(self, _request: Request, last: Step | None) -> Step:
        assert (last is None) == (self.n_tries == 0)
        self.n_tries += 1
        return Step(self.endpoints[(self.n_tries - 1) % len(self.endpoints)], self.n_tries)

    def hear(self, sent: Step, found: Reply | Trouble | None, rates: Rates | None) -> None:
        told = found.text if isinstance(found, Reply) else found and (found.status or found.kind.value)
        self.lines.append((sent.number, told, *([rates] if rates is not None else [])))

    async def rest(self, sent: Step, _request: Request, pause_s: float) -> None:
        self.lines.append((sent.number, "rest", pause_s >= 0))
        self.pauses_s.append(pause_s)


async def told_of(*answers: Answer) -> list[object]:
    """Ask a server that answers so, and return the diary."""
    pauses = Pauses()
    async with serving(*answers) as server:
        diary = Diary((at(server),))
        async with Http(diary, pauses.patience()) as teacher:
            await teacher.reply(ask())
    assert pauses.seconds == []
    return diary.lines


async def test_every_try_is_admitted_and_told() -> None:
    """A refusal, a crash and a reply: each outcome is told, and each pause is taken where it is told to."""
    lines = await told_of(failed(429), failed(500), said())
    assert lines == [(1, 429), (1, "rest", True), (2, 500), (2, "rest", True), (3, "So.")]


async def test_refusals_and_failures_have_pauses_of_their_own() -> None:
    """A request that was refused often waits no longer for a crash than one that was not."""
    async with serving(*[failed(429)] * 10, *[failed(500)] * 3, said()) as server:
        diary = Diary((at(server),))
        async with Http(diary, Pauses().patience()) as teacher:
            await teacher.reply(ask())
    assert max(diary.pauses_s[:10]) > 2.0
    assert max(diary.pauses_s[10:]) <= 2.0


async def test_headers_are_told_with_the_outcome() -> None:
    """What a server says is left comes together with its refusal."""
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}
    lines = await told_of(Answer(status=429, body=b"{}", headers=headers), said())
    assert lines[0] == (1, 429, Rates(Allowance(0, None, 360.0)))


async def test_another_server_may_answer_the_next_try() -> None:
    """A request goes where each try is sent, and its reply names the server that gave it."""
    async with serving(failed(500)) as first, serving(said("Here.")) as second:
        diary = Diary((at(first), at(second)))
        async with Http(diary, Pauses().patience()) as teacher:
            reply = await teacher.reply(ask())
    assert (reply.text, len(first.calls), len(second.calls)) == ("Here.", 1, 1)


async def test_a_server_that_joins_later_is_asked_too() -> None:
    """A line is opened when the way first leads there."""
    async with serving(failed(500)) as first, serving(said("Here.")) as second:
        diary = Diary((at(first),))
        async with Http(diary, Pauses().patience()) as teacher:
            diary.endpoints = (at(first), at(second))
            assert (await teacher.reply(ask())).text == "Here."


async def test_without_anybody_who_waits_all_is_as_before() -> None:
    """Refusals are retried after a pause, and the last one is the error."""
    async with serving(failed(429)) as server:
        error = await failure_from(server, max_retries=1)
    assert "429" in str(error)


async def fails_after(server: Server, *, waits: bool) -> int:
    """Return how often a server that always refuses is asked where there are two retries."""
    before = len(server.calls)
    async with Http(Diary((at(server),), waits=waits), Pauses().patience(max_retries=2)) as teacher:
        with pytest.raises(RequestError, match="429"):
            await teacher.reply(ask())
    return len(server.calls) - before


async def test_a_refusal_is_borne_longer_where_it_is_waited_out() -> None:
    """It says nothing of the request, which bears four times as many; in the end it is a failure."""
    lines = await told_of(*[failed(429)] * 12, said())
    assert lines.count((12, 429)) == 1
    async with serving(failed(429)) as server:
        assert await fails_after(server, waits=True) == 9
        assert await fails_after(server, waits=False) == 3


async def test_a_server_that_goes_away_is_waited_for() -> None:
    """Once it was reached, an absence is no failure of a request, however many tries it takes."""
    pauses = Pauses()
    async with serving(said("Before.")) as server:
        port, diary = server.port, Diary((at(server),))
        teacher = Http(diary, pauses.patience(max_retries=1))
        assert (await teacher.reply(ask())).text == "Before."
    diary.n_tries = 0
    async with serving(said("After.")) as other:
        diary.endpoints = (*[at(port)] * 5, at(other))
        assert (await teacher.reply(ask())).text == "After."
    await teacher.close()
    assert [line for line in diary.lines if line[1] == "unreached"] == [(i, "unreached") for i in range(1, 6)]  # type: ignore[index]
