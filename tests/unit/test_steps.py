"""A batch in which every reply grows by one token a step, against one that makes the steps one by one."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import CHAT, body_of, check, connected, head_of, post, settled

from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated, running
from glan.teachers.steps import Batch, Steps

Event = tuple[float, int]
"""When a request comes, and the tokens of its reply."""


def ends_of(batch: Batch, events: list[Event]) -> list[float]:
    """Return when each reply is ready, in the order of the events."""
    ends: dict[int, float] = {}
    coming = sorted(events)
    tickets = []
    while coming or len(batch):
        at = batch.next_s()
        if coming and (at is None or coming[0][0] <= at):
            now, tokens = coming.pop(0)
            ends |= dict.fromkeys(batch.ready(now), now)
            tickets.append(batch.enter(tokens))
        else:
            assert at is not None
            ends |= dict.fromkeys(batch.ready(at), at)
    return [ends[ticket] for ticket in tickets]


def ends_step_by_step(step_s: float, more_s: float, events: list[Event], *, grain: float) -> list[float]:
    """Return the same from small pieces of time, in each of which a reply grows by its share of a step."""
    now = 0.0
    left = [float(tokens) for _, tokens in sorted(events)]
    ends = [0.0] * len(left)
    comes = [at for at, _ in sorted(events)]
    while any(amount > 0 for amount in left):
        growing = [i for i, amount in enumerate(left) if amount > 0 and comes[i] <= now]
        now += grain
        for i in growing:
            left[i] -= grain / (step_s + more_s * len(growing))
            if left[i] <= 0:
                ends[i] = now
    return ends


@pytest.mark.parametrize(
    ("events", "ends"),
    [
        ([(0, 10)], [11]),
        ([(0, 10)] * 5, [15] * 5),
        ([(0, 10), (0, 20)], [12, 23]),
        ([(0, 10), (5.5, 10)], [5.5 + 5 * 1.2, 5.5 + 5 * 1.2 + 5 * 1.1]),
        ([(3, 1), (100, 1)], [4.1, 101.1]),
        ([(2, 0)], [2]),
    ],
    ids=["alone", "together", "the longer is faster once alone", "one comes later", "apart", "an empty reply"],
)
def test_a_step_takes_longer_the_more_there_are(events: list[Event], ends: list[float]) -> None:
    """A reply of n tokens takes n steps, each of 1 s and 0.1 s for each that is in the batch then."""
    assert ends_of(Batch(step_s=1.0, step_s_per_request=0.1), events) == pytest.approx(ends)


@given(
    events=st.lists(st.tuples(st.floats(0, 20), st.integers(1, 12)), min_size=1, max_size=6),
    more_s=st.sampled_from([0.0, 0.05, 0.5]),
)
def test_ends_are_those_of_growing_bit_by_bit(events: list[Event], more_s: float) -> None:
    """Whatever comes when, the counted steps end as a walk in pieces of a hundredth of a second does."""
    counted = ends_of(Batch(step_s=0.5, step_s_per_request=more_s), events)
    walked = ends_step_by_step(0.5, more_s, events, grain=0.01)
    assert counted == pytest.approx(walked, abs=0.4)


def test_who_leaves_slows_nobody() -> None:
    """From the moment that one gives up, the others grow as if it were not there."""
    batch = Batch(step_s=1.0, step_s_per_request=1.0)
    stays, leaves = batch.enter(10), batch.enter(10)
    assert batch.ready(15.0) == []
    batch.leave(leaves)
    assert len(batch) == 1
    assert batch.next_s() == pytest.approx(15 + 5 * 2)
    assert batch.ready(25.0) == [stays]
    assert batch.next_s() is None


def test_a_late_look_finds_them_in_their_order() -> None:
    """Told the time long after, a batch still counts each step at the size that it had."""
    batch = Batch(step_s=1.0, step_s_per_request=1.0)
    tickets = [batch.enter(tokens) for tokens in (30, 10, 20)]
    assert batch.ready(10_000.0) == [tickets[1], tickets[2], tickets[0]]
    assert len(batch) == 0


async def test_steps_wait_in_the_time_of_the_loop() -> None:
    """The shortest is ready first, and one that is given up leaves the batch."""
    batch = Batch(step_s=0.001, step_s_per_request=0.0001)
    steps = Steps(batch)
    long, short, longest = (steps.begin(tokens) for tokens in (20, 5, 1_000_000))
    async with asyncio.timeout(10):
        await short
        assert not long.done()
        await long
    longest.cancel()
    await asyncio.sleep(0)
    assert len(batch) == 0


async def test_a_reply_may_be_given_up_in_the_moment_that_it_is_ready() -> None:
    """Its place is left once, and nothing breaks in the loop."""
    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: broken.append(context))
    batch = Batch(step_s=0.001, step_s_per_request=0)
    ready = Steps(batch).begin(1)
    time.sleep(0.01)  # noqa: ASYNC251 - the loop is to be late
    ready.cancel()
    await asyncio.sleep(0.01)
    assert not broken
    assert len(batch) == 0


async def test_a_server_with_steps_answers_all_and_queues_what_is_too_much() -> None:
    """Twenty at once on a batch of eight are all served, and the short ones come before the long one."""
    settings = Simulated(step_ms=0.2, step_ms_per_request=0.01, capacity=8, queues=True)
    async with running(settings, Filler(size=200)) as server:
        answers = await asyncio.gather(*[post(server, f"Question {i}?") for i in range(20)])
        check(server.stats())
    assert [answer.status for answer in answers] == [200] * 20


async def test_a_client_that_dies_leaves_the_batch() -> None:
    """A reply that would take an hour holds its place only as long as its client is there."""
    settings = Simulated(step_ms=60_000, capacity=1, queues=True)
    async with running(settings, Filler(size=400)) as server:
        async with connected(server) as (_, writer):
            writer.write(head_of("POST", CHAT, len(body_of())) + body_of())
            await settled(server, in_flight=1)
        stats = await settled(server)
    assert (stats.paid, stats.failed) == (0, {"client gone": 1})
