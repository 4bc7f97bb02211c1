"""Requests a minute, tokens a minute, and what a server says of them: to wait is never to fail."""

import asyncio
import heapq
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.config import Limits
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.filler import Filler
from glan.teachers.limits import Permits
from glan.teachers.panel import Panel
from glan.teachers.rates import Allowance, Rates
from glan.teachers.traffic import Traffic
from glan.teachers.window import Window


@dataclass(slots=True)
class Time:
    """A clock that goes on when everybody sleeps."""

    now: float = 0.0
    sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + seconds, next(self.order), future))
        await future

    async def until(self, end: float) -> None:
        """Let time pass."""
        await self.settle()
        while self.sleepers and self.sleepers[0][0] <= end:
            self.now, _, future = heapq.heappop(self.sleepers)
            if not future.done():
                future.set_result(None)
            await self.settle()
        self.now = end

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


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
    sending.traffic.see_reply(sent, Reply(text="", usage=Usage(prompt_tokens=3_000, completion_tokens=3_000)))
    sending.begin(1)
    await sending.time.until(200)
    assert sending.sent[0] == pytest.approx(60, abs=2)


async def test_what_a_server_says_is_left_is_counted_down() -> None:
    """Two left: two go, the others wait for the reset, and then as many go as the limit says."""
    sending = of()
    sending.traffic.see_rates(Rates(Allowance(2, 5, 30.0)))
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
    sending.traffic.see_rates(Rates(tokens=Allowance(350, 100, 30.0)))
    sending.begin(3)
    await sending.time.until(29)
    assert len(sending.sent) == 2
    await sending.time.until(31)
    assert len(sending.sent) == 3


async def test_a_server_that_names_no_reset_holds_nobody_up() -> None:
    """Nothing left, and nobody knows until when: the server is asked, and says no itself."""
    sending = of()
    sending.traffic.see_rates(Rates(Allowance(0)))
    sending.begin(3)
    await sending.time.until(1)
    assert len(sending.sent) == 3


async def test_who_waits_for_a_rate_is_not_in_flight() -> None:
    """The window sees only what is with the server."""
    time, permits = Time(), Permits(10)
    traffic = Traffic(rpm=60, clock=time.clock, sleep=time.sleep)
    traffic.join(permits)
    sending = Sending(traffic, time)
    for _ in range(5):
        await permits.take(0)
    sending.begin(5)
    await time.settle()
    assert (permits.in_flight, permits.level) == (5, len(sending.sent))
    sending.tasks[-1].cancel()
    await time.until(60)
    assert permits.level == 5


async def test_a_refusal_for_want_of_a_rate_shrinks_no_window() -> None:
    """Where the headers say that nothing is left, a 429 is about that, and a 503 about too many."""
    time, permits = Time(), Permits(64, Window(64, start=64))
    traffic = Traffic(clock=time.clock, sleep=time.sleep)
    traffic.join(permits)
    for _ in range(40):
        await permits.take(0)
    sent = await traffic.admit(ask())
    traffic.see_rates(Rates(Allowance(0, 60, 20.0)))
    traffic.see_refusal(sent, 429)
    assert permits.size == 64
    traffic.see_refusal(sent, 503)
    assert permits.size == 39
    time.now = 100.0
    traffic.see_time_out()
    assert permits.size == 29


async def test_replies_open_the_window() -> None:
    """Replies that come as fast at more in flight let more be sent."""
    time, permits = Time(), Permits(64, Window(64))
    traffic = Traffic(clock=time.clock, sleep=time.sleep)
    traffic.join(permits)
    assert permits.size == 8
    for _ in range(8):
        await permits.take(0)
    sent = [await traffic.admit(ask()) for _ in range(8)]
    time.now = 1.0
    for one in sent:
        traffic.see_reply(one, Reply(text="So.", usage=Usage(completion_tokens=10)))
    assert permits.size == 16


@pytest.mark.parametrize(
    ("limits", "in_process", "server"),
    [
        pytest.param(Limits(), (64, 64), (64, 64), id="nothing set"),
        pytest.param(Limits(concurrency="adaptive"), (64, 64), (8, 1_024), id="adaptive"),
        pytest.param(Limits(concurrency="adaptive", max_in_flight=500), (500, 500), (8, 500), id="a ceiling"),
        pytest.param(Limits(concurrency="adaptive", max_in_flight=3), (3, 3), (3, 3), id="a low ceiling"),
        pytest.param(Limits(concurrency="fixed", max_in_flight=500), (500, 500), (500, 500), id="a fixed number"),
    ],
)
def test_only_servers_are_asked_adaptively(
    limits: Limits, in_process: tuple[int, int], server: tuple[int, int]
) -> None:
    """How many begin, and the ceiling: of a teacher in this process, and of a server."""
    panel = Panel.of(Filler(), "filler")
    found = [panel.permits(limits), replace(panel, traffic=(Traffic(),)).permits(limits)]
    assert [(permits.size, permits.ceiling) for permits in found] == [in_process, server]
