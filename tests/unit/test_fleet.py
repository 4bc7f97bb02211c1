"""Several servers: who is asked, who is spared, and what happens while some are away."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from clocks import Time
from hypothesis import given
from hypothesis import strategies as st

from glan.errors import StoppedError, UnusableError
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.settings import Limits
from glan.teachers.fleet import Fleet, Try, syllabus_of
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.rates import Allowance, Rates
from glan.teachers.specs import Endpoint

FIXED = Limits(concurrency="fixed", max_in_flight=10)
ADAPTIVE = Limits(concurrency="adaptive")
GONE = Trouble(kind=Kind.UNREACHED, reason="no connection", told="refused")
CRASH = Trouble(kind=Kind.LATER, status=500, reason="status 500")
LOST = Trouble(kind=Kind.LOST, reason="a worker that was lost")
FULL = Trouble(kind=Kind.LATER, status=429, reason="status 429")
WRONG = Trouble(kind=Kind.FORM, status=400, reason="status 400")
REPLY = Reply(text="So.")


def at(name: str) -> Endpoint:
    return Endpoint(name=name, base_url=f"http://{name}/v1", host=name, key=None, key_variable="")


def ask(id_: str = "answer/a/b/0", rank: int = 0) -> Request:
    return Request(
        id=id_,
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content="Why?"),),
        sampling=Sampling(model="m", max_tokens=9),
        rank=rank,
    )


@dataclass(slots=True)
class Yard:
    """A fleet in virtual time."""

    time: Time
    fleet: Fleet
    tasks: list[asyncio.Task[Try]] = field(default_factory=list)

    async def sent(self, id_: str = "answer/a/b/0", last: Try | None = None) -> Try:
        """Send what can be sent at once."""
        async with asyncio.timeout(10):
            return await self.fleet.admit(ask(id_), last)

    async def outcome(self, found: Reply | Trouble | None, id_: str = "answer/a/b/0") -> str:
        """Send a request, let it end so, and return who was asked."""
        one = await self.sent(id_)
        self.fleet.hear(one, found)
        return one.endpoint.name

    async def lose(self, name: str) -> None:
        """Let a server give nothing until it counts as away."""
        for i in range(200):
            one = await self.sent(f"answer/a/{i}/0")
            self.fleet.hear(one, GONE if one.endpoint.name == name else REPLY)

    def away(self) -> list[str]:
        return [absence.host for absence in self.fleet.absences()]


def yard(*names: str, limits: Limits = FIXED) -> Yard:
    time = Time()
    endpoints = [at(name) for name in names]
    return Yard(time, Fleet(endpoints, limits, rng=random.Random(0), clock=time.clock, sleep=time.sleep))


async def test_requests_of_one_syllabus_go_to_one_server() -> None:
    """Its questions, its answers and itself, as long as that server has room; other syllabi are spread."""
    found = yard("a", "b", "c")
    asked: dict[str, set[str]] = {}
    for i in range(60):
        for kind in ("syllabus/x/{}", "question/x/{}/1", "question/x/{}/2", "answer/x/{}/2"):
            id_ = kind.format(i)
            asked.setdefault(syllabus_of(id_), set()).add(await found.outcome(REPLY, id_))
    assert [len(names) for names in asked.values()] == [1] * 60
    assert min(Counter(name for names in asked.values() for name in names).values()) >= 10


async def test_what_one_server_cannot_bear_spills_to_the_next() -> None:
    """Many requests of one syllabus fill all servers evenly, up to a quarter more where they prefer to be."""
    found = yard("a", "b", "c")
    asked = Counter([(await found.sent()).endpoint.name for _ in range(15)])
    assert max(asked.values()) <= 7
    assert min(asked.values()) >= 1
    more = Counter([(await found.sent()).endpoint.name for _ in range(15)])
    assert asked + more == Counter(a=10, b=10, c=10)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True), st.integers(0, 200))
def test_a_server_that_leaves_moves_only_its_own_syllabi(names: list[str], number: int) -> None:
    """Whoever preferred another one still does: caches stay warm."""
    before, after = asyncio.run(preferred([*names, "z"], number)), asyncio.run(preferred(names, number))
    assert before in {after, "z"}


async def preferred(names: Sequence[str], number: int) -> str:
    return (await yard(*names).sent(f"answer/x/{number}/0")).endpoint.name


async def test_a_server_with_more_room_gets_more() -> None:
    """With windows of 8 and 64 the larger one is the first choice of most syllabi."""
    found = yard("small", "large", limits=ADAPTIVE)
    found.fleet.regulate(ADAPTIVE)
    large = next(member for member in found.fleet._members if member.endpoint.name == "large")  # noqa: SLF001 - a window is grown by hand
    large.traffic.regulate(64)
    asked = Counter([await found.outcome(REPLY, f"answer/x/{i}/0") for i in range(450)])
    assert 300 < asked["large"] < 440


async def test_the_next_try_goes_to_another_server() -> None:
    """What one could not do is tried elsewhere, where there is another."""
    found = yard("a", "b")
    first = await found.sent()
    found.fleet.hear(first, CRASH)
    second = await found.sent(last=first)
    assert first.endpoint != second.endpoint
    alone = yard("a")
    first = await alone.sent()
    alone.fleet.hear(first, CRASH)
    assert (await alone.sent(last=first)).endpoint.name == "a"


async def test_a_server_that_is_away_is_left_in_peace() -> None:
    """All goes to the other one, but for a single request now and then that goes to see; an answer brings it back."""
    found = yard("a", "b")
    permits = found.fleet.regulate(FIXED)
    await found.outcome(REPLY)
    await found.lose("a")
    assert (found.away(), permits.size) == (["a"], 10)
    found.time.now += 60
    asked = [await found.sent(f"answer/a/{i}/0") for i in range(8)]
    probe = next(one for one in asked if one.endpoint.name == "a")
    assert Counter(one.endpoint.name for one in asked) == Counter(a=1, b=7)
    found.fleet.hear(probe, WRONG)
    assert (found.away(), permits.size) == ([], 20)


async def test_a_probe_that_is_given_up_lets_another_go() -> None:
    """A cancelled request says nothing of the server."""
    found = yard("a", "b")
    await found.outcome(REPLY)
    await found.lose("a")
    found.time.now += 60
    probe = await found.sent()
    assert probe.endpoint.name == "a"
    found.fleet.hear(probe, None)
    assert (await found.sent()).endpoint.name == "a"


async def test_before_the_first_answer_nobody_is_away() -> None:
    """An address where nothing ever answered is more likely wrong, so the error comes at once and not after a wait."""
    found = yard("a")
    for _ in range(100):
        await found.outcome(GONE)
    assert found.away() == []


async def test_one_prompt_on_which_a_server_breaks_makes_it_not_away() -> None:
    """Status 500 counts once for each request: many that break mean the server, one that always does means itself."""
    found = yard("a")
    await found.outcome(REPLY)
    last = None
    for _ in range(100):
        last = await found.sent(last=last)
        found.fleet.hear(last, CRASH)
    assert found.away() == []
    for i in range(19):  # that one counts as well
        await found.outcome(CRASH, f"answer/a/{i}/0")
    assert found.away() == ["a"]


async def test_a_full_server_is_not_away() -> None:
    """However many are refused while others are served; refused alone, again and again, it is."""
    found = yard("a")
    served = await found.sent()
    for _ in range(100):
        await found.outcome(FULL)
    assert found.away() == []
    found.fleet.hear(served, REPLY)
    for _ in range(20):
        await found.outcome(FULL)
    assert found.away() == ["a"]


async def test_a_server_is_not_blamed_for_who_asked_it() -> None:
    """Requests that were lost with the worker that made them say nothing of their server."""
    found = yard("a")
    await found.outcome(REPLY)
    for _ in range(100):
        await found.outcome(LOST)
    assert found.away() == []


async def test_nobody_waits_for_servers_that_cannot_be_reached_again() -> None:
    """Where whoever reaches them is gone, an outage ends at once, with the reason."""
    found = yard("a")
    await found.outcome(REPLY)
    for _ in range(5):
        await found.outcome(GONE)
    assert found.away() == ["a"]
    found.fleet.end(UnusableError("The cluster is gone."))
    with pytest.raises(UnusableError, match="gone"):
        await found.fleet.admit(ask())


async def test_an_outage_is_waited_for() -> None:
    """Requests wait while no server answers, few are sent to see, and all go on once one does."""
    found = yard("a")
    await found.outcome(REPLY)
    for _ in range(5):
        await found.outcome(GONE)
    waiting = [asyncio.create_task(found.fleet.admit(ask(rank=i))) for i in range(20)]
    for second in range(600):
        await found.time.until(float(second))
        for probe in [task for task in waiting if task.done()]:
            waiting.remove(probe)
            found.fleet.hear(probe.result(), GONE)
            waiting.append(asyncio.create_task(found.fleet.admit(ask())))
    assert len(waiting) == 20
    assert found.fleet.absences()[0].told() == "a has given nothing for 599 s (no connection: refused)"
    await found.time.until(640)
    (probe,) = [task for task in waiting if task.done()]
    found.fleet.hear(probe.result(), REPLY)
    await found.time.until(642)
    assert all(task.done() for task in waiting)


async def test_an_outage_ends_the_run_in_the_end() -> None:
    """After as many seconds as the settings say the error names the servers, the time, the cause and the way out."""
    limits = Limits(concurrency="fixed", max_in_flight=10, outage_s=100)
    found = yard("a", "b", limits=limits)
    await found.outcome(REPLY)
    for _ in range(10):
        await found.outcome(GONE)
    waiting = asyncio.create_task(found.fleet.admit(ask()))
    for second in range(200):
        await found.time.until(float(second))
        if waiting.done() and waiting.exception() is None:
            found.fleet.hear(waiting.result(), GONE)
            waiting = asyncio.create_task(found.fleet.admit(ask()))
    with pytest.raises(
        UnusableError, match=r"No server has answered for 10\d s: a has given nothing .*; b has"
    ) as told:
        await waiting
    assert "outage_s" in told.value.hint


async def test_servers_join_and_leave() -> None:
    """A new one is asked from then on, one that left is not, and what it still answers does no harm."""
    found = yard("a", "b")
    permits = found.fleet.regulate(FIXED)
    old = [await found.sent(f"answer/x/{i}/0") for i in range(10)]
    found.fleet.update([at("b"), at("c"), at("d")])
    assert (permits.size, permits.ceiling) == (30, 30)
    for one in old:
        found.fleet.hear(one, REPLY)
    asked = Counter([await found.outcome(REPLY, f"answer/x/{i}/0") for i in range(60)])
    assert set(asked) == {"b", "c", "d"}
    assert [endpoint.name for endpoint in found.fleet.endpoints] == ["b", "c", "d"]


async def test_a_pause_lends_the_permit_to_another() -> None:
    """A refused request keeps it for as long as a reply takes, and then another is sent; it comes back in its turn."""
    found = yard("a")
    permits = found.fleet.regulate(Limits(concurrency="fixed", max_in_flight=1))
    await permits.take(0)
    one = await found.sent()
    found.time.now += 2
    found.fleet.hear(one, REPLY)
    resting = asyncio.create_task(found.fleet.rest(one, ask(), 10.0))
    other = asyncio.create_task(permits.take(1))
    await found.time.until(3.9)
    assert not other.done()
    await found.time.until(5.0)
    assert (other.done(), permits.in_flight, permits.resting) == (True, 1, 1)
    await found.time.until(20)
    assert not resting.done()
    permits.give_back()
    await found.time.settle()
    assert resting.done()
    assert (permits.in_flight, permits.resting) == (1, 0)


@pytest.mark.parametrize("pause_s", [0.01, 40.0])
async def test_who_pauses_holds_up_no_run_that_stops(pause_s: float) -> None:
    """A pause ends soon after the permits are closed, and with it the request; nothing is sent again."""
    found = yard("a")
    permits = found.fleet.regulate(FIXED)
    await permits.take(0)
    one = await found.sent()
    found.fleet.hear(one, CRASH)
    resting = asyncio.create_task(found.fleet.rest(one, ask(), pause_s))
    await found.time.settle()
    permits.close(StoppedError("The key is not accepted."))
    await found.time.until(found.time.now + 2)
    with pytest.raises(StoppedError, match="not sent again"):
        resting.result()
    permits.give_back()
    assert (permits.in_flight, permits.resting) == (0, 0)


async def test_a_run_that_stops_does_not_wait_for_its_place_in_the_rates() -> None:
    """Who waits because the server has said that nothing is left was not sent, and is given up at once."""
    found = yard("a")
    permits = found.fleet.regulate(FIXED)
    found.fleet.hear(await found.sent(), REPLY, Rates(requests=Allowance(0.0, 10.0, 86_400.0)))
    waiting = asyncio.create_task(found.fleet.admit(ask(), None))
    await found.time.until(3_600)
    assert not waiting.done()
    permits.close(StoppedError("Stop."))
    await found.time.until(found.time.now + 2)
    with pytest.raises(StoppedError):
        waiting.result()


async def test_a_run_that_stops_does_not_wait_for_servers_that_are_away() -> None:
    """Where all are away, a request that waits for them is given up."""
    found = yard("a", limits=Limits(concurrency="fixed", max_in_flight=10, outage_s=600))
    permits = found.fleet.regulate(FIXED)
    found.fleet.hear(await found.sent(), REPLY)
    for _ in range(200):
        if found.away():
            break
        found.fleet.hear(await found.sent(), GONE)
    waiting = asyncio.create_task(found.fleet.admit(ask(), None))
    await found.time.settle()
    assert not waiting.done()
    permits.close(StoppedError("Stop."))
    await found.time.until(found.time.now + 2)
    with pytest.raises(StoppedError):
        waiting.result()


async def test_what_breaks_with_a_server_does_not_lengthen_its_absence() -> None:
    """Ten that were in flight when it went are one absence: it is asked again as soon as after five of them."""
    found = yard("a")
    await found.outcome(REPLY)
    in_flight = [await found.sent(f"answer/a/{i}/0") for i in range(10)]
    for one in in_flight:
        found.fleet.hear(one, GONE)
    assert found.away() == ["a"]
    probing = asyncio.create_task(found.fleet.admit(ask()))
    await found.time.until(2.0)
    assert probing.done()
