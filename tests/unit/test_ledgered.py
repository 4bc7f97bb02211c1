"""The ledgered teacher: paid once, durable before it is used, and never paid again by surprise."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from msgspec import structs

from glan.errors import (
    BudgetError,
    GlanError,
    LedgerError,
    RequestError,
    StoppedError,
    UnusableError,
    WouldAskAgainError,
)
from glan.records import Message, Reply, Request, Sampling, Stage, Usage
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Entry, Ledger
from glan.teachers.ledgered import Choice, Ledgered, Tally

_OLD = Reply(text="old", finish_reason="stop")
_NEW = Reply(text="new", finish_reason="stop", usage=Usage(prompt_tokens=7, completion_tokens=5), cost_usd=0.25)


def a_request(text: str = "Why?", *, name: str = "question/a/b/0", max_tokens: int = 100, rank: int = 0) -> Request:
    return Request(
        id=name,
        stage=Stage.QUESTIONS,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(model="gpt-5-mini", max_tokens=max_tokens),
        rank=rank,
    )


@dataclass
class Scripted:
    """A teacher that gives one outcome, once its gate is open."""

    outcome: Reply | Exception = _NEW
    asked: list[Request] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_gated: bool = False

    async def reply(self, request: Request) -> Reply:
        self.asked.append(request)
        if self.is_gated:
            await self.gate.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


@dataclass
class Watched:
    """Permits for everyone, which note who held one and what was true when it was given back."""

    look: Callable[[], object] = list
    error: StoppedError | None = None
    ranks: list[int] = field(default_factory=list)
    held: int = 0
    seen: list[object] = field(default_factory=list)

    def of(self, _stage: Stage) -> "Watched":
        return self

    @asynccontextmanager
    async def at(self, rank: int) -> AsyncIterator[None]:
        if self.error is not None:
            raise self.error
        self.ranks.append(rank)
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1
            self.seen.append(self.look())


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


async def commit(ledger: Ledger, request: Request, outcome: Reply | str = _OLD) -> None:
    await ledger.commit(request, fingerprint(request), outcome)


async def turns(number: int) -> None:
    """Let the others go on; who asks has waited once before the permit is taken."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_the_ledger_has_is_not_asked(ledger: Ledger) -> None:
    """The first call asks and commits, the second gets the same reply from the ledger, without a permit."""
    teacher, permits, tally = Scripted(), Watched(), Tally()
    ledgered = Ledgered(teacher, ledger, permits, tally=tally)
    replies = [await ledgered.reply(a_request(rank=rank)) for rank in (4, 5)]
    assert replies == [_NEW, _NEW]
    assert permits.ranks == [4]
    assert len(teacher.asked) == ledger.count() == tally.asked == tally.hits == 1


async def test_a_permit_is_held_until_the_reply_is_durable(ledger: Ledger) -> None:
    """When the permit is given back, the reply or the failure is in the ledger."""
    permits = Watched(look=ledger.count)
    await Ledgered(Scripted(), ledger, permits).reply(a_request())
    with pytest.raises(RequestError):
        await Ledgered(Scripted(RequestError("no")), ledger, permits).reply(a_request(name="question/a/b/1"))
    assert permits.seen == [1, 2]


async def test_a_reply_that_came_is_kept_when_its_asker_is_cancelled(ledger: Ledger) -> None:
    """Whoever is cancelled while the reply is on its way to the disk gives the permit back when it is there."""
    permits = Watched(look=ledger.count)
    task = asyncio.create_task(Ledgered(Scripted(), ledger, permits).reply(a_request()))
    await turns(2)
    assert permits.held == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert permits.seen == [1]


async def test_a_failure_for_good_is_a_reply(ledger: Ledger) -> None:
    """It is recorded and raised again with the same words; nobody is asked a second time."""
    teacher, tally = Scripted(RequestError("The prompt is refused: 400.")), Tally()
    ledgered = Ledgered(teacher, ledger, Watched(), tally=tally)
    for _ in range(2):
        with pytest.raises(RequestError, match=r"^The prompt is refused: 400\.$"):
            await ledgered.reply(a_request())
    assert len(teacher.asked) == 1
    assert (tally.asked, tally.hits, tally.failures, tally.cost_usd) == (1, 1, 2, 0.0)
    assert [entry.failure for entry in ledger.failures()] == ["The prompt is refused: 400."]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnusableError("The key is refused."), id="unusable"),
        pytest.param(StoppedError("The run stops."), id="stopped"),
        pytest.param(BudgetError("The budget is used up."), id="budget"),
    ],
)
async def test_what_is_no_reply_is_not_recorded(ledger: Ledger, error: GlanError) -> None:
    """A teacher that answers nobody and a run that stops leave nothing, and nothing in flight."""
    tally, permits = Tally(), Watched()
    ledgered = Ledgered(Scripted(error), ledger, permits, tally=tally)
    with pytest.raises(type(error), match=str(error)):
        await ledgered.reply(a_request())
    assert ledger.count() == tally.asked == tally.in_flight == ledger.in_flight == permits.held == 0
    assert await Ledgered(Scripted(), ledger, permits).reply(a_request()) == _NEW


async def test_closed_permits_ask_nobody(ledger: Ledger) -> None:
    """Once the run stops, what the ledger has is still used, and the rest is a StoppedError."""
    await commit(ledger, a_request())
    teacher = Scripted()
    ledgered = Ledgered(teacher, ledger, Watched(error=BudgetError("enough")))
    assert await ledgered.reply(a_request()) == _OLD
    with pytest.raises(BudgetError, match="enough"):
        await ledgered.reply(a_request(name="question/a/b/1"))
    assert teacher.asked == []


@pytest.mark.parametrize(
    ("choice", "committed", "expected"),
    [
        pytest.param(Choice.EXACT, [], "new", id="exact-nothing-there"),
        pytest.param(Choice.EXACT, [("other", _OLD)], None, id="exact-other"),
        pytest.param(Choice.EXACT, [("other", "failed")], "new", id="exact-other-failed"),
        pytest.param(Choice.EXACT, [("Why?", _OLD), ("other", _NEW)], "old", id="exact-match-goes-before-later"),
        pytest.param(Choice.KEEP, [], "new", id="keep-nothing-there"),
        pytest.param(Choice.KEEP, [("other", _OLD)], "old", id="keep-other"),
        pytest.param(
            Choice.KEEP, [("Why?", Reply(text="match")), ("other", _OLD)], "old", id="keep-later-goes-before-match"
        ),
        pytest.param(Choice.KEEP, [("other", _OLD), ("Why?", Reply(text="match"))], "match", id="keep-match-is-last"),
        pytest.param(Choice.KEEP, [("Why?", _OLD), ("other", "failed")], "old", id="keep-reply-before-failure"),
        pytest.param(Choice.REASK, [("other", _OLD)], "new", id="reask-other"),
        pytest.param(Choice.REASK, [("Why?", _OLD), ("other", _NEW)], "old", id="reask-match"),
    ],
)
async def test_what_is_done_about_another_fingerprint(
    ledger: Ledger, choice: Choice, committed: list[tuple[str, Reply | str]], expected: str | None
) -> None:
    """EXACT refuses, KEEP takes what was committed last, REASK asks; a match serves EXACT and REASK."""
    for text, outcome in committed:
        await commit(ledger, a_request(text), outcome)
    teacher = Scripted()
    ledgered = Ledgered(teacher, ledger, Watched(), choice=choice)
    if expected is None:
        with pytest.raises(WouldAskAgainError, match="question/a/b/0") as caught:
            await ledgered.reply(a_request())
        assert "--keep" in caught.value.hint
    else:
        assert (await ledgered.reply(a_request())).text == expected
    assert len(teacher.asked) == (expected == "new")
    assert ledger.count() == len(committed) + (expected == "new")


async def test_what_was_asked_anew_is_found_exactly_from_then_on(ledger: Ledger) -> None:
    """After REASK the place has a reply under the new fingerprint, and EXACT is content."""
    await commit(ledger, a_request("other"))
    await Ledgered(Scripted(), ledger, Watched(), choice=Choice.REASK).reply(a_request())
    assert await Ledgered(Scripted(), ledger, Watched()).reply(a_request()) == _NEW


async def test_a_kept_failure_stands(ledger: Ledger) -> None:
    """With KEEP a place that only ever failed keeps its failure, whatever the fingerprint."""
    await commit(ledger, a_request("other"), "refused")
    with pytest.raises(RequestError, match="refused"):
        await Ledgered(Scripted(), ledger, Watched(), choice=Choice.KEEP).reply(a_request())


async def test_kept_replies_of_another_fingerprint_are_told(ledger: Ledger) -> None:
    """Who wants to know what a changed prompt would cost hears of each reply that was kept in spite of it."""
    await commit(ledger, a_request("other"))
    await commit(ledger, a_request(name="question/a/b/1"))
    await commit(ledger, a_request("other", name="question/a/b/2"), "failed")
    told: list[tuple[str, int]] = []

    def note(request: Request, entry: Entry) -> None:
        told.append((request.id, entry.seq))

    ledgered = Ledgered(Scripted(), ledger, Watched(), choice=Choice.KEEP, on_mismatch=note)
    await ledgered.reply(a_request())
    await ledgered.reply(a_request(name="question/a/b/1"))
    with pytest.raises(RequestError):
        await ledgered.reply(a_request(name="question/a/b/2"))
    assert told == [("question/a/b/0", 1)]


@pytest.mark.parametrize("choice", list(Choice))
@pytest.mark.parametrize(
    ("finish_reason", "asked"), [pytest.param("length", 1, id="cut-off"), pytest.param("stop", 0, id="whole")]
)
async def test_more_room_asks_again_only_what_was_cut_off(
    ledger: Ledger, choice: Choice, finish_reason: str, asked: int
) -> None:
    """A raised `max_tokens` is no change of meaning: nothing is refused, and only what was cut off is asked."""
    await commit(ledger, a_request(max_tokens=100), structs.replace(_OLD, finish_reason=finish_reason))
    teacher = Scripted()
    ledgered = Ledgered(teacher, ledger, Watched(), choice=choice)
    for _ in range(2):
        await ledgered.reply(a_request(max_tokens=200))
    assert len(teacher.asked) == asked


async def test_a_reply_of_another_fingerprint_is_kept_even_if_cut_off(ledger: Ledger) -> None:
    """With KEEP nothing is asked where there is a reply to another prompt, however short it is."""
    await commit(ledger, a_request("other", max_tokens=100), structs.replace(_OLD, finish_reason="length"))
    ledgered = Ledgered(Scripted(), ledger, Watched(), choice=Choice.KEEP)
    assert (await ledgered.reply(a_request(max_tokens=200))).text == "old"


@pytest.mark.parametrize("choice", list(Choice))
async def test_failures_are_tried_again_when_asked_for(ledger: Ledger, choice: Choice) -> None:
    """Failures from before count as absent, those of this run do not."""
    await commit(ledger, a_request(), "busy")
    await commit(ledger, a_request(name="question/a/b/1"), "busy")
    teacher = Scripted(RequestError("still busy"))
    ledgered = Ledgered(teacher, ledger, Watched(), choice=choice, retry_failed_before=ledger.last_seq())
    for _ in range(2):
        with pytest.raises(RequestError, match="still busy"):
            await ledgered.reply(a_request())
    teacher.outcome = _NEW
    assert await ledgered.reply(a_request(name="question/a/b/1")) == _NEW
    assert len(teacher.asked) == 2


async def test_a_failure_after_a_change_may_be_tried_again(ledger: Ledger) -> None:
    """Where the change was decided on already, trying the failure again is no surprise."""
    await commit(ledger, a_request("other"))
    await commit(ledger, a_request(), "busy")
    ledgered = Ledgered(Scripted(), ledger, Watched(), retry_failed_before=ledger.last_seq())
    assert await ledgered.reply(a_request()) == _NEW


async def test_the_same_request_at_the_same_time_is_paid_once(ledger: Ledger) -> None:
    """Who asks what is being asked waits for it; another place with the same words is asked apart."""
    teacher, tally = Scripted(is_gated=True), Tally()
    ledgered = Ledgered(teacher, ledger, Watched(), tally=tally)
    names = ["question/a/b/0"] * 3 + ["question/a/b/1"]
    tasks = [asyncio.create_task(ledgered.reply(a_request(name=name))) for name in names]
    await turns(2)
    assert tally.in_flight == ledger.in_flight == 2
    teacher.gate.set()
    assert await asyncio.gather(*tasks) == [_NEW] * 4
    assert len(teacher.asked) == ledger.count() == 2
    assert (tally.asked, tally.hits, tally.in_flight) == (2, 2, 0)


async def test_who_waits_takes_over_from_one_who_is_cancelled(ledger: Ledger) -> None:
    """If the first asker is cancelled, the second asks; if the second is cancelled, the first goes on."""
    teacher = Scripted(is_gated=True)
    ledgered = Ledgered(teacher, ledger, Watched())
    first, second, third = (asyncio.create_task(ledgered.reply(a_request())) for _ in range(3))
    await turns(2)
    third.cancel()
    first.cancel()
    await turns(5)
    teacher.gate.set()
    assert await second == _NEW
    assert first.cancelled()
    assert third.cancelled()
    assert (len(teacher.asked), ledger.count()) == (2, 1)


@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        pytest.param(UnusableError("The key is refused."), 0, id="unusable"),
        pytest.param(StoppedError("The run stops."), 0, id="stopped"),
        pytest.param(RequestError("Refused."), 1, id="failure"),
    ],
)
async def test_who_waits_gets_the_error_too(ledger: Ledger, error: GlanError, recorded: int) -> None:
    """An error ends all who wait for the same reply, without asking for each of them."""
    teacher = Scripted(error, is_gated=True)
    ledgered = Ledgered(teacher, ledger, Watched())
    tasks = [asyncio.create_task(ledgered.reply(a_request())) for _ in range(3)]
    await turns(2)
    teacher.gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [(type(one), str(one)) for one in found] == [(type(error), str(error))] * 3
    assert (len(teacher.asked), ledger.count()) == (1, recorded)


async def test_a_ledger_that_cannot_be_written_gives_no_reply(ledger: Ledger) -> None:
    """What is not durable is not used."""
    tally, permits = Tally(), Watched()
    ledgered = Ledgered(Scripted(), ledger, permits, tally=tally)
    await ledgered.reply(a_request())
    with Ledger.open(ledger.path, readonly=True) as reader, pytest.raises(LedgerError, match="nothing can be added"):
        await replace(ledgered, ledger=reader).reply(a_request(name="question/a/b/1"))
    assert (tally.asked, tally.in_flight, permits.held, ledger.count()) == (1, 0, 0, 1)


async def test_the_tally_counts_by_stage(ledger: Ledger) -> None:
    """Calls, hits, failures, tokens and cost; a cost is known only if that of every call is."""
    teacher, tally = Scripted(), Tally()
    ledgered = Ledgered(teacher, ledger, Watched(), tally=tally)
    await ledgered.reply(a_request())
    await ledgered.reply(a_request())
    assert (tally.tokens, tally.cost_usd) == (12, 0.25)
    teacher.outcome = Reply(text="x")
    await ledgered.reply(structs.replace(a_request(name="answer/a/b/0"), stage=Stage.ANSWERS))
    assert (tally.tokens, tally.cost_usd) == (12, None)
    assert (tally.asked_by_stage[Stage.QUESTIONS], tally.hits_by_stage[Stage.QUESTIONS]) == (1, 1)
    assert tally.as_dict() == {
        "in_flight": 0,
        "hits": {"subjects": 0, "syllabi": 0, "questions": 1, "answers": 0},
        "asked": {"subjects": 0, "syllabi": 0, "questions": 1, "answers": 1},
        "failed": {"subjects": 0, "syllabi": 0, "questions": 0, "answers": 0},
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "cached_tokens": None,
        "cost_usd": 0.25,
        "unknown_costs": 1,
    }


async def test_the_tally_counts_cached_tokens_once_a_server_tells_them(ledger: Ledger) -> None:
    """None while none has told, which is not 0; then the sum of what was told."""
    teacher, tally = Scripted(), Tally()
    ledgered = Ledgered(teacher, ledger, Watched(), tally=tally)
    found = []
    for name, cached in (
        ("question/a/b/0", None),
        ("question/a/b/1", 0),
        ("question/a/b/2", 5),
        ("question/a/b/3", None),
    ):
        teacher.outcome = Reply(text="x", usage=Usage(prompt_tokens=7, cached_tokens=cached))
        await ledgered.reply(a_request(name=name))
        found.append(tally.cached_tokens)
    assert found == [None, 0, 5, 5]
