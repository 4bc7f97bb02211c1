"""What the HTTP teacher tells of its tries, and that it waits when it is told to."""

from dataclasses import dataclass, field, replace

import pytest
from misbehaving import Answer, Pauses, ask, at, failed, failure_from, said, serving

from glan.errors import RequestError
from glan.records import Reply, Request
from glan.teachers.http import Http
from glan.teachers.rates import Allowance, Rates


@dataclass(slots=True)
class Diary:
    """Writes down what it is told."""

    probes: bool = True
    lines: list[object] = field(default_factory=list)

    async def admit(self, request: Request) -> object:
        self.lines.append("admit")
        return request.id

    def see_reply(self, sent: object, reply: Reply) -> None:
        self.lines.append(("reply", sent, reply.usage.completion_tokens))

    def see_refusal(self, sent: object, status: int) -> None:
        self.lines.append(("refusal", sent, status))

    def see_time_out(self) -> None:
        self.lines.append("time-out")

    def see_rates(self, rates: Rates) -> None:
        self.lines.append(rates)

    async def rest(self, pause_s: float) -> None:
        self.lines.append(("rest", pause_s >= 0))


async def told_of(*answers: Answer, timeout_s: float = 20.0) -> list[object]:
    """Ask a server that answers so, and return the diary."""
    diary, pauses = Diary(), Pauses()
    async with serving(*answers) as server:
        patience = replace(pauses.patience(timeout_s=timeout_s), watching=diary)
        async with Http(at(server), patience) as teacher:
            await teacher.reply(ask())
    assert pauses.seconds == []
    return diary.lines


async def test_every_try_is_admitted_and_told() -> None:
    """A refusal, a crash and a reply: three tries, of which the crash says nothing of how much is too much."""
    sent = "question/a/b/0"
    lines = await told_of(failed(429), failed(500), failed(503), said())
    rest = ("rest", True)
    assert lines == [
        "admit", ("refusal", sent, 429), rest,
        "admit", rest,
        "admit", ("refusal", sent, 503), rest,
        "admit", ("reply", sent, 500),
    ]  # fmt: skip


async def test_headers_are_told_before_the_outcome() -> None:
    """Rates come first, so that a refusal is known to be about them."""
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}
    lines = await told_of(replace(failed(429), headers=headers), said())
    assert lines[1] == Rates(Allowance(0, None, 360.0))
    assert lines[2] == ("refusal", "question/a/b/0", 429)


async def test_without_anybody_who_watches_all_is_as_before() -> None:
    """Refusals are retried after a pause, and the last one is the error."""
    async with serving(failed(429)) as server:
        error = await failure_from(server, max_retries=1)
    assert "429" in str(error)


async def test_a_429_is_borne_longer_where_it_is_provoked() -> None:
    """Where too many are sent on purpose, a request bears four times as many; in the end it is a failure."""
    lines = await told_of(*[failed(429)] * 12, said())
    assert lines.count(("refusal", "question/a/b/0", 429)) == 12
    pauses = Pauses()
    async with serving(failed(429)) as server:
        patience = replace(pauses.patience(max_retries=2), watching=Diary())
        async with Http(at(server), patience) as teacher:
            with pytest.raises(RequestError, match="429"):
                await teacher.reply(ask())
        assert len(server.calls) == 9
        async with Http(at(server), replace(patience, watching=Diary(probes=False))) as teacher:
            with pytest.raises(RequestError, match="429"):
                await teacher.reply(ask())
        assert len(server.calls) == 9 + 3
