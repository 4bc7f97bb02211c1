"""The window of requests in flight: what it may never do, and what it makes of servers of several kinds."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_servers import Batching, Client, Clock, Queueing, Refusing, constant

from glan.teachers.window import START, Window

CEILING = 1_024
SEEDS = [0, 1, 2]
CAPACITIES = [8, 64, 512]


def steps(capacity: int) -> Callable[[float], float]:
    """Return a capacity that is halved after a minute and four times as much after two."""
    return lambda now: capacity if now < 60 else capacity / 2 if now < 120 else 2 * capacity


def refused_by(capacity: Callable[[float], float], seed: int, *, jitter: float = 0.3) -> Client:
    clock, rng = Clock(), random.Random(seed)
    return Client(clock, rng, Refusing(clock, rng, capacity, jitter=jitter), Window(CEILING))


def queued_by(capacity: Callable[[float], float], seed: int) -> Client:
    clock, rng = Clock(), random.Random(seed)
    return Client(clock, rng, Queueing(clock, rng, capacity), Window(CEILING))


def run(client: Client, seconds: float) -> Client:
    client.fill()
    client.clock.run_until(seconds)
    return client


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("jitter", [0.0, 0.3])
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_server_that_refuses_is_filled_and_left_in_peace(capacity: int, jitter: float, seed: int) -> None:
    """Within 20 s nine tenths of the capacity are used; from then on so much always, and under 2% are refused."""
    client = run(refused_by(constant(capacity), seed, jitter=jitter), 120)
    assert client.time_to(0.9 * capacity) <= 20
    assert client.replies_per_s(20, 120) >= 0.95 * capacity
    assert client.refused_share(20, 120) < 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_a_server_that_queues_is_filled_and_not_flooded(capacity: int, seed: int) -> None:
    """Nine tenths of the best throughput within 20 s, and never sixteen times more in flight than it works on."""
    client = run(queued_by(constant(capacity), seed), 120)
    assert client.time_to(0.9 * capacity) <= 20
    assert client.replies_per_s(20, 120) >= 0.95 * capacity
    assert client.window.size <= 16 * capacity
    assert not client.refusals


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("b", [0.00001, 0.0001, 0.001])
def test_a_server_that_slows_with_its_batch_gets_a_large_one(b: float, seed: int) -> None:
    """Where each step takes a + b x batch, it gets nearly what the ceiling would give, sooner."""
    clock, rng = Clock(), random.Random(seed)
    client = run(Client(clock, rng, Batching(clock, rng, a=0.02, b=b), Window(CEILING)), 120)
    most = CEILING / (0.02 + b * CEILING)
    assert client.tokens_per_s(20, 120) >= 0.85 * most
    assert client.tokens_per_s(60, 120) >= 0.88 * most


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capacity", CAPACITIES)
@pytest.mark.parametrize("make", [refused_by, queued_by])
def test_it_follows_a_capacity_that_changes(
    make: Callable[[Callable[[float], float], int], Client], capacity: int, seed: int
) -> None:
    """Ten seconds after it was halved and forty after it is four times as much, nine tenths are used and 2% refused."""
    client = run(make(steps(capacity), seed), 240)
    most = min(2 * capacity, CEILING)
    assert client.replies_per_s(70, 120) >= 0.9 * capacity / 2
    assert client.refused_share(70, 120) < 0.02
    assert client.replies_per_s(165, 240) >= 0.9 * most
    assert client.refused_share(165, 240) < 0.02


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capacity", [64, CEILING])
@pytest.mark.parametrize(("share", "least"), [(0.01, 0.95), (0.05, 0.9), (0.15, 0.85)])
def test_refusals_by_chance_do_not_close_it(share: float, least: float, capacity: int, seed: int) -> None:
    """A server that refuses some whatever the window is gets as many as it bears all the same, within half a minute."""
    clock, rng = Clock(), random.Random(seed)
    server = Refusing(clock, rng, constant(capacity), by_chance=share)
    client = run(Client(clock, rng, server, Window(CEILING)), 120)
    assert client.time_to(0.8 * capacity) <= 30
    assert client.replies_per_s(30, 120) >= least * capacity
    assert client.refused_share(30, 120) <= share + 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_taken_for_chance_is_looked_into(seed: int) -> None:
    """A window that bears refusals of a third finds out that a quarter fewer bring as much, and gives them up."""
    client = refused_by(constant(64), seed)
    client.window.size = 90
    client.window._crowding.expected = client.window._crowding._seen = 0.35  # noqa: SLF001 - a wrong belief, put there
    run(client, 150)
    assert client.replies_per_s(30, 150) >= 0.9 * 64
    assert client.refused_share(90, 150) < 0.02


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_is_survived(seed: int) -> None:
    """After half a minute in which all is refused, the window is soon where it was."""
    client = run(refused_by(lambda now: 0 if 60 <= now < 90 else 64, seed), 180)
    assert client.replies_per_s(150, 180) >= 0.9 * 64


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["reply", "refusal", "time-out"]),
        st.floats(0, 100),
        st.floats(0, 100),
        st.integers(0, 2_000),
        st.none() | st.integers(0, 10_000),
    ),
    max_size=300,
)


@given(EVENTS, st.integers(1, 2_000))
def test_whatever_it_hears_it_stays_between_one_and_its_ceiling(
    events: list[tuple[str, float, float, int, int | None]], ceiling: int
) -> None:
    """No order of replies, refusals and time-outs, true or not, opens it too far or closes it."""
    window, now = Window(ceiling), 0.0
    for kind, pause, latency, level, tokens in events:
        now += pause
        window.sent(now=now, level=level)
        if kind == "reply":
            window.replied(now=now, begun=now - latency, level=level, tokens=tokens)
        elif kind == "refusal":
            window.refused(now=now, begun=now - latency, level=level)
        else:
            window.timed_out(now=now)
        assert 1 <= window.size <= ceiling


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=400), st.sampled_from([100, None]))
def test_latency_alone_never_shrinks_it(latencies: list[float], tokens: int | None) -> None:
    """However slow replies become, the window goes back at most to where its last growth began."""
    window, most, now = Window(CEILING), START, 0.0
    for latency in latencies:
        now += latency
        window.replied(now=now, begun=now - latency, level=window.size, tokens=tokens)
        most = max(most, window.size)
        assert window.size >= max(START, most // 2)


@given(st.lists(st.integers(1, 64), min_size=5, max_size=200))
def test_many_refusals_at_once_halve_it_at_most(levels: list[int]) -> None:
    """What is refused in one moment takes no more than half of the window, however low the levels are."""
    window = Window(CEILING, start=64)
    for level in levels:
        window.sent(now=1.0, level=level)
    for level in levels:
        window.refused(now=1.01, begun=1.0, level=level)
    window.sent(now=1.1, level=1)
    assert window.size == max(32, min(levels) - 1)


def test_a_window_that_is_not_filled_does_not_grow() -> None:
    """What was never in flight was never tried."""
    window = Window(CEILING)
    for i in range(1_000):
        window.replied(now=i + 1.0, begun=i, level=2, tokens=10)
    assert window.size == START


def test_replies_to_what_was_sent_before_say_nothing_of_the_new_size() -> None:
    """After a growth only what was sent since counts."""
    window = Window(CEILING)
    for _ in range(8):
        window.replied(now=1.0, begun=0.0, level=8, tokens=10)
    assert window.size == 16
    for _ in range(100):
        window.replied(now=1.5, begun=0.5, level=8, tokens=10)
    assert window.size == 16
    for _ in range(16):
        window.replied(now=2.0, begun=1.0, level=16, tokens=10)
    assert window.size == 32


def test_a_time_out_shrinks_it_once_in_a_turn() -> None:
    """Requests that time out together take a quarter, not all."""
    window = Window(CEILING, start=64)
    for _ in range(50):
        window.timed_out(now=100.0)
    assert window.size == 48
