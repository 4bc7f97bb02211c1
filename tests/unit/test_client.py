"""Prompts that no stage has written, through a teacher and a ledger."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from commandline import simulated
from harness import Counting, DiedError, Dying, Failing, Shuffled, small
from hypothesis import given, settings
from hypothesis import strategies as st

import glan
from glan.errors import BudgetError, ConfigError
from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Simulated

PROMPTS = [f"Name {i} rivers." for i in range(40)]


def asked(folder: Path, teacher: object, prompts: list[Any] = PROMPTS, **options: Any) -> glan.Asked:  # noqa: ANN401
    return glan.ask_sync(
        prompts,
        ledger=folder / "asked.sqlite",
        teacher=teacher,  # type: ignore[arg-type]  # the fakes of the tests are teachers of many kinds
        options=glan.Options(**options),
    )


def test_replies_stand_in_the_order_of_the_prompts(tmp_path: Path) -> None:
    """Whatever the order of arrival, and however often a prompt stands there: it is asked once."""
    teacher = Counting(Shuffled(small(), seed=1))
    found = asked(tmp_path, teacher, [*PROMPTS, PROMPTS[3]])
    alone = [asked(tmp_path, teacher, [prompt]).replies[0] for prompt in PROMPTS[:10]]
    assert [reply and reply.text for reply in found.replies[:10]] == [reply and reply.text for reply in alone]
    assert found.replies[-1] == found.replies[3]
    assert teacher.answered.total() == found.asked == len(PROMPTS)


@settings(max_examples=10, deadline=None)
@given(after=st.integers(0, len(PROMPTS)), how=st.sampled_from(["raise", "hang"]))
def test_what_was_paid_is_not_paid_again(
    tmp_path_factory: pytest.TempPathFactory,
    after: int,
    how: Any,  # noqa: ANN401 - a literal
) -> None:
    """Broken off at any call and called again, it makes no call more than those that were in flight."""
    folder = tmp_path_factory.mktemp("client")
    teacher = Counting(small())

    async def until_death() -> None:
        dying = Dying(teacher, after, how)
        work = asyncio.ensure_future(glan.ask(PROMPTS, ledger=folder / "asked.sqlite", teacher=Counting(dying)))
        death = asyncio.ensure_future(dying.is_dead.wait())
        await asyncio.wait((work, death), return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, DiedError):
            await work

    asyncio.run(until_death())
    with Ledger.open(folder / "asked.sqlite", readonly=True) as ledger:
        paid = ledger.count()
    found = asked(folder, teacher)
    assert None not in found.replies
    assert found.hits == paid
    assert found.asked == len(PROMPTS) - paid
    assert set(teacher.answered.values()) == {1}


def test_another_model_or_setting_is_asked_anew(tmp_path: Path) -> None:
    """What the ledger has counts for the same model and settings alone, and is found again when they return."""
    ledger = tmp_path / "asked.sqlite"
    cold = {"teachers": {"default": {"temperature": 0.0}}}
    first = glan.ask_sync(PROMPTS, ledger=ledger, teacher=Counting(small()))
    other = glan.ask_sync(PROMPTS, ledger=ledger, teacher=Counting(small(), model="other"))
    colder = glan.ask_sync(PROMPTS, ledger=ledger, teacher=Counting(small()), settings=cold)
    again = glan.ask_sync(PROMPTS, ledger=ledger, teacher=Counting(small()))
    assert [each.asked for each in (first, other, colder, again)] == [40, 40, 40, 0]
    assert again.replies == first.replies


def test_a_refusal_harms_one_prompt(tmp_path: Path) -> None:
    """What the teacher refuses has a reason and no reply, and is asked again only on request."""
    failing = Failing(Counting(small()), rate=0.3)
    found = asked(tmp_path, failing)
    assert found.failures
    assert set(found.failures.values()) == {"The server turns this request down."}
    assert [i for i, reply in enumerate(found.replies) if reply is None] == sorted(found.failures)
    failing.is_healed = True
    assert asked(tmp_path, failing).failures == found.failures
    healed = asked(tmp_path, failing, retry_failed=True)
    assert (healed.asked, dict(healed.failures)) == (len(found.failures), {})


def test_a_budget_ends_it_and_holds_for_the_ledger(tmp_path: Path) -> None:
    """It ends with what was paid for, says why, and a second call under the same cap pays nothing more."""
    found = asked(tmp_path, Counting(small()), budget_tokens=9_500, max_in_flight=1)
    assert isinstance(found.stopped, BudgetError)
    assert 0 < found.asked < len(PROMPTS)
    assert sum(reply is not None for reply in found.replies) == found.asked
    again = asked(tmp_path, Counting(small()), budget_tokens=9_500, max_in_flight=1)
    assert (again.asked, again.hits) == (0, found.asked)


def test_a_conversation_is_a_prompt(tmp_path: Path) -> None:
    """Turns are passed on as they are; what is no prompt is refused before anything is asked."""
    counting = Counting(small())
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    asked(tmp_path, counting, [turns])
    assert [(turn.role, turn.content) for turn in counting.requests[0].messages] == [
        ("system", "Be brief."),
        ("user", "Why?"),
    ]
    for wrong in ([], [{"role": "user"}], 7):
        with pytest.raises(ConfigError, match="prompt"):
            asked(tmp_path, counting, ["Why?", wrong])
    assert len(counting.requests) == 1


def test_settings_are_those_of_glan_toml(tmp_path: Path) -> None:
    """The room of a reply and the teacher's sampling reach the request; an unknown setting is an error."""
    counting = Counting(small())
    given_ = {"max_tokens": {"students": 9}, "teachers": {"default": {"temperature": 0.5, "system": "Be brief."}}}
    glan.ask_sync(["Why?"], ledger=tmp_path / "asked.sqlite", teacher=counting, settings=given_)
    request = counting.requests[0]
    assert (request.sampling.max_tokens, request.sampling.temperature) == (9, 0.5)
    assert request.messages[0].content == "Be brief."
    with pytest.raises(ConfigError, match="unknown setting 'temprature'"):
        glan.ask_sync(["Why?"], ledger=tmp_path / "x.sqlite", teacher=counting, settings={"temprature": 1})
    assert not (tmp_path / "x.sqlite").exists()


def test_what_a_person_should_know_is_told(tmp_path: Path) -> None:
    """A model that does not take a setting is asked without it, and that is said."""
    cold = {"teachers": {"default": {"temperature": 0.2}}}
    with simulated(Simulated(refused=("temperature",))) as server:
        found = glan.ask_sync(
            ["Why?"], ledger=tmp_path / "asked.sqlite", teacher=f"any@{server.base_url}", settings=cold
        )
    assert found.replies[0] is not None
    assert any("temperature" in notice for notice in found.notices)
