"""Requests a minute, tokens a minute, and what a server says of them: to wait is never to fail."""

import asyncio
from dataclasses import dataclass, field

import pytest
from clocks import Time
from hypothesis import given
from hypothesis import strategies as st

from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.rates import Allowance, Rates
from glan.teachers.traffic import Traffic
from glan.teachers.window import Window


@dataclass(slots=True)
class Sending:
    """Requests that want to be sent at once, and when each was."""

    traffic: Traffic
    time: Time
    sent: list[float] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def begin(self, number: int, *, length: int = 400) -> None:
        self.tasks += [asyncio.create_task(self.send(length)) for _ in range(number)]

    async def send(self, length: int) -> None:
        await self.traffic.admit(ask(length))
        self.sent.append(self.time.now)

    def between(self, since: float, until: float) -> int:
        return sum(since <= at < until for at in self.sent)


def ask(length: int = 400, *, max_tokens: int = 100) -> Request:
    return Request(
        id="answer/a/b/0",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content="x" * length),),
        sampling=Sampling(model="m", max_tokens=max_tokens),
    )


def refused(status: int) -> Trouble:
    return Trouble(kind=Kind.LATER, status=status, reason=f"status {status}")


async def said(traffic: Traffic, rates: Rates) -> None:
    """Let a server say what is left, beside a reply."""
    traffic.hear(await traffic.admit(ask()), Reply(text="So."), rates)


def of(**settings: float) -> Sending:
    time = Time()
    return Sending(Traffic(**settings, clock=time.clock, sleep=time.sleep), time)


async def test_requests_a_minute_are_kept_and_used() -> None:
    """In no minute are more sent than allowed, nearly as many are, and each is sent in the end."""
    sending = of(rpm=60)
    sending.begin(200)
    await sending.time.until(300)
    assert len(sending.sent) == 200
    for second in range(140):
        assert 58 <= sending.between(second, second + 60) <= 61


@given(st.floats(0.5, 10_000), st.lists(st.integers(0, 90), max_size=30))
def test_no_minute_has_more_than_the_rate(rpm: float, arrivals: list[int]) -> None:
    """However requests arrive, no minute has more than its rate and one."""
    asyncio.run(keep_the_rate(rpm, sorted(arrivals)))


async def keep_the_rate(rpm: float, arrivals: list[int]) -> None:
    sending = of(rpm=rpm)
    for at in arrivals:
        await sending.time.until(at)
        sending.begin(5)
    await sending.time.until(1e6)
    assert len(sending.sent) == 5 * len(arrivals)
    for begin in sending.sent:
        assert sending.between(begin, begin + 60) <= rpm + 1


async def test_tokens_a_minute_are_kept() -> None:
    """Prompt and reply are reckoned with: 200 tokens each, so that 6,000 a minute are 30 requests."""
    sending = of(tpm=6_000)
    sending.begin(100)
    await sending.time.until(300)
    assert len(sending.sent) == 100
    assert 28 <= sending.between(30, 90) <= 31


async def test_a_request_greater_than_the_rate_is_sent_too() -> None:
    """It waits for what it takes, and the next one after it."""
    sending = of(tpm=10)
    sending.begin(3)
    await sending.time.until(61 * 60)
    assert [round(at / 60) for at in sending.sent] == [0, 20, 41]


async def test_real_tokens_correct_what_was_reckoned() -> None:
    """A reply that took more than it was taken for makes the next one wait for the rest."""
    sending = of(tpm=6_000)
    sent = await sending.traffic.admit(ask())
    sending.traffic.hear(sent, Reply(text="", usage=Usage(prompt_tokens=3_000, completion_tokens=3_000)), None)
    sending.begin(1)
    await sending.time.until(200)
    assert sending.sent[0] == pytest.approx(60, abs=2)


async def test_what_a_server_says_is_left_is_counted_down() -> None:
    """Two left: two go, the others wait for the reset, and then as many go as the limit says."""
    sending = of()
    await said(sending.traffic, Rates(Allowance(2, 5, 30.0)))
    sending.begin(10)
    await sending.time.until(29)
    assert len(sending.sent) == 2
    await sending.time.until(31)
    assert len(sending.sent) == 7
    await sending.time.until(100)
    assert len(sending.sent) == 10


async def test_tokens_that_are_left_are_counted_down_too() -> None:
    """A request waits while its tokens are not there, unless not even a full limit has so many."""
    sending = of()
    await said(sending.traffic, Rates(tokens=Allowance(350, 100, 30.0)))
    sending.begin(3)
    await sending.time.until(29)
    assert len(sending.sent) == 2
    await sending.time.until(31)
    assert len(sending.sent) == 3


async def test_a_server_that_names_no_reset_holds_nobody_up() -> None:
    """Nothing left, and nobody knows until when: the server is asked, and says no itself."""
    sending = of()
    await said(sending.traffic, Rates(Allowance(0)))
    sending.begin(3)
    await sending.time.until(1)
    assert len(sending.sent) == 3


async def test_who_waits_for_a_rate_is_not_in_flight() -> None:
    """The window sees only what is with the server."""
    sending = of(rpm=60)
    traffic = sending.traffic
    sending.begin(5)
    await sending.time.settle()
    assert (traffic.level, traffic.load) == (len(sending.sent), 5)
    sending.tasks[-1].cancel()
    await sending.time.until(60)
    assert (traffic.level, traffic.load) == (4, 4)


async def test_a_refusal_for_want_of_a_rate_shrinks_no_window() -> None:
    """Where the headers say that nothing is left, a 429 is about that, and a 503 about too many."""
    time, window = Time(), Window(64, start=64)
    traffic = Traffic(clock=time.clock, sleep=time.sleep)
    traffic.regulate(window)
    sent = [await traffic.admit(ask()) for _ in range(40)]
    for one in sent[35:]:
        traffic.hear(one, refused(429), Rates(Allowance(0, 60, 20.0)))
    traffic.hear(sent[0], Reply(text="So."), None)
    assert traffic.size == 64
    for one in sent[30:35]:
        traffic.hear(one, refused(503), None)
    time.now = 0.5
    traffic.hear(sent[1], Reply(text="So."), None)
    assert traffic.size == 32
    time.now = 100.0
    traffic.hear(sent[2], Trouble(kind=Kind.TIMED_OUT, reason="no whole reply in time"), None)
    assert traffic.size == 24


async def test_replies_open_the_window() -> None:
    """Replies that come as fast at more in flight let more be sent."""
    time = Time()
    traffic = Traffic(clock=time.clock, sleep=time.sleep)
    traffic.regulate(Window(64))
    assert traffic.size == 8
    sent = [await traffic.admit(ask()) for _ in range(8)]
    time.now = 1.0
    for one in sent:
        traffic.hear(one, Reply(text="So.", usage=Usage(completion_tokens=10)), None)
    assert (traffic.size, traffic.level, traffic.latency_s) == (16, 0, 1.0)


async def test_a_fixed_number_hears_nothing() -> None:
    """Refusals and replies change no number that a person has set."""
    traffic = of().traffic
    traffic.regulate(5)
    for outcome in (refused(429), refused(503), Reply(text="So."), None):
        traffic.hear(await traffic.admit(ask()), outcome, None)
        assert (traffic.size, traffic.level) == (5, 0)
