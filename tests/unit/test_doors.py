"""A simulated server that is full, lets wait, or has given what a minute allows."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from loopback import Answer, check, post, send, settled

from glan.errors import ConfigError
from glan.teachers.doors import Doors
from glan.teachers.exchange import TurnedDownError
from glan.teachers.filler import Filler
from glan.teachers.rates import Allowance, read_rates
from glan.teachers.simulate import Server, Simulated, running


async def together(server: Server, number: int) -> list[int]:
    """Ask so many at once, and return the statuses in order."""
    answers = await asyncio.gather(*[post(server, f"Question {i}?") for i in range(number)])
    return sorted(answer.status for answer in answers)


async def test_beyond_its_capacity_it_refuses() -> None:
    """Of eight at once three are served and five get a 429 with a Retry-After; later there is room again."""
    async with running(Simulated(latency_ms=200, capacity=3, retry_after_s=2), Filler()) as server:
        assert await together(server, 8) == [200] * 3 + [429] * 5
        assert await together(server, 3) == [200] * 3
        stats = server.stats()
        check(stats)
        assert stats.failed == {"full": 5}
        first = asyncio.create_task(together(server, 3))
        await settled(server, in_flight=3)
        refused = await post(server)
        assert refused.headers["retry-after"] == "2"
        assert await first == [200] * 3


async def test_with_a_queue_it_lets_wait() -> None:
    """All are served, never more than three of them at once."""
    async with running(Simulated(latency_ms=50, capacity=3, queues=True), Filler()) as server:
        assert await together(server, 9) == [200] * 9
        assert server.stats().failed == {}


async def test_the_capacity_can_change_while_it_serves() -> None:
    """More room lets those in who wait."""
    async with running(Simulated(latency_ms=50, capacity=1, queues=True), Filler()) as server:
        asked = asyncio.create_task(together(server, 6))
        await settled(server, in_flight=6)
        server.change_capacity(None)
        assert await asked == [200] * 6


async def test_a_client_that_leaves_the_queue_takes_no_place() -> None:
    """Who is cancelled while it waits, or in the moment of its turn, leaves its place to the next."""
    doors = Doors(capacity=1, queues=True)
    await doors.enter()
    waiting = [asyncio.create_task(doors.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    doors.leave()
    waiting[1].cancel()
    await asyncio.wait_for(waiting[2], 10)
    doors.leave()
    await asyncio.wait_for(doors.enter(), 10)


def rates_of(answer: Answer) -> tuple[Allowance | None, Allowance | None]:
    found = read_rates(answer.headers.get)
    assert found is not None
    return found.requests, found.tokens


async def test_a_minute_that_is_used_up_is_told_in_headers() -> None:
    """Each reply says what is left, in the form that we read; the one too many gets a 429 until the minute is over."""
    async with running(Simulated(rpm=2, tpm=1_000_000), Filler()) as server:
        first, second, third = [await post(server) for _ in range(3)]
        models = await send(server, b"", "GET", "/v1/models")
    assert [answer.status for answer in (first, second, third, models)] == [200, 200, 429, 200]
    requests, tokens = rates_of(first)
    assert requests is not None
    assert tokens is not None
    assert (requests.limit, requests.remaining, tokens.limit) == (2, 1, 1_000_000)
    assert requests.reset_s is not None
    assert 50 < requests.reset_s <= 60
    spent = sum(first.json["usage"][name] for name in ("prompt_tokens", "completion_tokens"))
    assert tokens.remaining == 1_000_000 - spent
    refused, _ = rates_of(third)
    assert refused is not None
    assert refused.remaining == 0
    assert 50 < int(third.headers["retry-after"]) <= 60


def test_a_new_minute_begins_when_the_last_is_over() -> None:
    """What was used before does not count any more."""
    now = 0.0
    doors = Doors(rpm=1, tpm=10, clock=lambda: now)
    doors.knock()
    with pytest.raises(TurnedDownError) as caught:
        doors.knock()
    assert caught.value.wait_s == 60
    now = 60.0
    doors.knock()
    now = 120.0
    doors.count_tokens(25)
    with pytest.raises(TurnedDownError, match="tokens per minute"):
        doors.knock()
    now = 180.0
    doors.knock()


@pytest.mark.parametrize("make", [partial(Simulated, capacity=0), partial(Simulated, rpm=0), partial(Simulated, tpm=0)])
def test_nothing_is_no_capacity(make: Callable[[], Simulated]) -> None:
    """A server that serves nobody is a mistake of whoever set it up."""
    with pytest.raises(ConfigError, match="1 or more"):
        make()
