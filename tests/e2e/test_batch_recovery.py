"""Batch mode inside the process: killed at any step, spoilt in any way, it ends as a live run does and pays once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from harness import Call, DiedError, assert_accounts, committed, configure, project, published, small
from hypothesis import given, settings
from hypothesis import strategies as st

from glan import Options, Project, Result
from glan.errors import BudgetError, UnusableError
from glan.runs import Run
from glan.settings import Price
from glan.teachers.batch import UnsureError
from glan.teachers.faults import Faulty
from glan.teachers.filler import Filler
from glan.teachers.ledger import Entry, Ledger
from glan.teachers.outbox import Outbox

LEAVES = ["Physics", "Law"]
PAIRS = 60
SETTINGS = {"pairs": PAIRS, "batch_minimum": 5, "batch_max_requests": 20, "batch_poll_s": 0.001, "batch_settle_s": 0}


Made = tuple[dict[str, bytes], Counter[bytes], Counter[Call]]
"""A data set with its rejects, how often each body was paid for it (drafts of one discipline are asked alike), and what
the ledger holds, with the fingerprints."""


def teacher() -> Faulty:
    """Return a teacher whose replies are malformed, refused, cut off or empty now and then."""
    return Faulty(small(), seed=3, rates={"malformed": 0.2, "refusal": 0.05, "cut-off": 0.05, "empty": 0.05})


def run(folder: Path, desk: Desk, **options: Any) -> Result:  # noqa: ANN401 - options have many types
    """Run a project with a server of batches."""
    told = {"mode": "batch", **options}
    return asyncio.run(Run(Project.open(folder), desk.panel, Options(**told))(lambda _: True))


@contextmanager
def made_live() -> Iterator[tuple[Path, Desk]]:
    """Make the project with a live run."""
    desk = Desk(teacher())
    with project(LEAVES, **SETTINGS) as folder:
        assert run(folder, desk, mode="live").exit_code == 0
        yield folder, desk


@pytest.fixture(scope="module")
def live() -> Iterator[Made]:
    """What a live run makes, and how many replies it pays for."""
    with made_live() as (folder, desk):
        yield published(folder), desk.paid, committed(folder)


def same_as_live(folder: Path, desk: Desk, live: Made, result: Result) -> None:
    """See that a project came to what a live run makes, and that every body was paid once."""
    assert result.exit_code == 0, result
    assert published(folder) == live[0]
    assert desk.paid == live[1]
    assert committed(folder) == live[2]
    assert_accounts(folder, result)
    assert not (folder / ".batches").exists()
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        assert Outbox(ledger).out() == Outbox(ledger).unsent() == []


def paid_once(folder: Path, desk: Desk) -> None:
    """See that every reply that the server gave is in the ledger, and none twice."""
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        replies = Counter(call_of_entry(entry) for entry in ledger.entries() if entry.reply is not None)
    assert set(replies.values()) == {1}
    assert desk.paid.total() == replies.total()


def call_of_entry(entry: Entry) -> Call:
    return entry.request_id, entry.sample, entry.attempt, entry.fingerprint


def test_a_batch_run_makes_the_bytes_of_a_live_run_and_pays_as_much(live: Made) -> None:
    """Whatever is malformed, refused or cut off, data set, rejects and the number of replies are the same."""
    desk = Desk(teacher())
    with project(LEAVES, **SETTINGS) as folder:
        same_as_live(folder, desk, live, run(folder, desk))
        assert len(desk.batches) > 3


def test_a_tail_in_batches_leaves_nothing_but_the_first_of_each_kind_live(live: Made) -> None:
    """With `tail = "batch"` the smallest rest is a batch as well, and the data set stays the same."""
    desk = Desk(teacher())
    with project(LEAVES, **{**SETTINGS, "batch_tail": "batch"}) as folder:
        same_as_live(folder, desk, live, run(folder, desk))
        in_batches = sum(len(raw.splitlines()) for name, raw in desk.files.items() if name.startswith("file-"))
        assert desk.paid.total() - in_batches == 6


def test_nothing_is_asked_live_where_that_is_set(live: Made) -> None:
    """With `first` and `tail` set to "batch" every reply comes from a batch, as Azure's deployments for them need."""
    desk = Desk(teacher())
    with project(LEAVES, **{**SETTINGS, "batch_tail": "batch", "batch_first": "batch"}) as folder:
        same_as_live(folder, desk, live, run(folder, desk))
        in_batches = sum(len(raw.splitlines()) for name, raw in desk.files.items() if name.startswith("file-"))
        assert desk.paid.total() == in_batches


def test_an_output_of_which_no_line_belongs_to_the_batch_is_not_paid_again() -> None:
    """A batch that gives nothing that we know, or nothing at all, ends every run until a person gives it up."""
    for replace in (b"", b'{"custom_id": "another", "response": null, "error": null}\n'):
        desk = Desk(small())

        def spoil(name: str, desk: Desk = desk, content: bytes = replace) -> None:
            if name == "before fetch":
                desk.files |= dict.fromkeys([name for name in desk.files if name.startswith("output")], content)

        desk.on_step = spoil
        with project(LEAVES, **SETTINGS) as folder:
            result = run(folder, desk)
            assert result.exit_code == 1
            assert "belongs to a request of it" in str(result.stopped)
            with pytest.raises(UnusableError, match="belongs to a request of it"):
                run(folder, desk)
            assert len(desk.batches) == 1


def test_fewer_pairs_than_the_minimum_are_asked_live() -> None:
    """A run for a few pairs hands no batch in."""
    desk = Desk(teacher())
    with project(LEAVES, **{**SETTINGS, "pairs": 4}) as folder:
        assert run(folder, desk).exit_code == 0
        assert not desk.batches


@settings(max_examples=8, deadline=None)
@given(
    told=st.fixed_dictionaries(
        {
            "batch_minimum": st.integers(1, 40),
            "batch_max_requests": st.integers(1, 60),
            "batch_tail": st.sampled_from(["live", "batch"]),
            "batch_first": st.sampled_from(["live", "batch"]),
        }
    ),
    errors=st.integers(0, 40),
)
def test_no_setting_of_batches_changes_the_data_set(live: Made, told: dict[str, object], errors: int) -> None:
    """Files of any size, any minimum, tail and beginning, and any share of errors: the bytes of a live run."""
    desk = Desk(teacher(), spoil=lambda name, number: (500, "server_error") if luck(name, number) < errors else None)
    with project(LEAVES, **{**SETTINGS, **told}) as folder:
        same_as_live(folder, desk, live, run(folder, desk))


class Killer:
    """Breaks a run at a step, as a kill does, and lets the next ones pass."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise DiedError


@pytest.mark.long
@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.integers(1, 25) | st.integers(26, 200), min_size=1, max_size=5))
def test_killed_at_any_steps_of_a_batch_nothing_is_paid_twice(live: Made, steps: list[int]) -> None:
    """Around an upload, a hand-in, a look, a fetch or a line: whenever it is killed, it ends as a live run."""
    desk = Desk(teacher())
    with project(LEAVES, **SETTINGS) as folder:
        for step in steps:
            desk.on_step = Killer(step)
            try:
                result = run(folder, desk)
            except DiedError:
                continue
            break
        else:
            desk.on_step = lambda _: None
            result = run(folder, desk)
        same_as_live(folder, desk, live, result)


@pytest.mark.parametrize("step", ["before upload", "after upload", "before hand-in", "after hand-in", "before fetch"])
def test_killed_at_every_batch_nothing_is_paid_twice(step: str, live: Made) -> None:
    """Killed at the same step of batch after batch, a project comes to its end all the same."""
    desk = Desk(teacher())
    seen: set[tuple[str, int]] = set()

    def kill(name: str) -> None:
        if name == step and (name, len(desk.batches)) not in seen:
            seen.add((name, len(desk.batches)))
            raise DiedError

    desk.on_step = kill
    with project(LEAVES, **SETTINGS) as folder:
        for _ in range(200):
            try:
                result = run(folder, desk)
            except DiedError:
                continue
            break
        assert len(seen) > 3
        same_as_live(folder, desk, live, result)


def test_killed_between_the_lines_of_one_output_no_line_is_committed_twice() -> None:
    """Where the first lines are in the ledger and the rest is not, only the rest counts when it is read again."""
    lines = 0

    def kill(name: str) -> None:
        nonlocal lines
        lines = lines + 1 if name == "before line" else 0
        if lines == 300:
            raise DiedError

    desk = Desk(Filler(size=100), on_step=kill)
    with project(LEAVES, **{**SETTINGS, "pairs": 400, "batch_max_requests": 1_000}) as folder:
        with pytest.raises(DiedError):
            run(folder, desk)
        before = committed(folder)
        desk.on_step = lambda _: None
        assert run(folder, desk).exit_code == 0
        assert before < committed(folder)
        paid_once(folder, desk)


def test_a_hand_in_of_which_nobody_heard_is_found_and_not_repeated(live: Made) -> None:
    """Where the connection breaks after the batch was made, the list of the server tells, in the same run."""
    desk = Desk(teacher())
    heard: set[int] = set()

    def lose(name: str) -> None:
        if name == "after hand-in" and len(desk.batches) not in heard:
            heard.add(len(desk.batches))
            raise UnsureError

    desk.on_step = lose
    with project(LEAVES, **SETTINGS) as folder:
        same_as_live(folder, desk, live, run(folder, desk))
        assert heard == set(range(1, len(desk.batches) + 1))


def luck(custom_id: str, number: int) -> int:
    """Return 0 to 99, by the line and the batch."""
    return (int(custom_id[:8], 16) + number * 37) % 100


def test_what_expired_or_failed_for_now_is_asked_again(live: Made) -> None:
    """Of a batch that expired or met errors that pass, what came counts, and only the rest is asked again."""

    def spoil(custom_id: str, number: int) -> tuple[int, str] | None:
        drawn = luck(custom_id, number)
        return (0, "batch_expired") if drawn < 30 else (500, "server_error") if drawn < 50 else None

    desk = Desk(teacher(), spoil=spoil, status=lambda number: "expired" if number % 2 else "completed")
    with project(LEAVES, **SETTINGS) as folder:
        same_as_live(folder, desk, live, run(folder, desk))


def test_a_line_that_is_refused_for_good_is_a_failure_and_harms_one_slot() -> None:
    """A refusal in a batch is a failure in the ledger as a live one is, in the same words, and is not asked again."""

    def spoil(custom_id: str, _: int) -> tuple[int, str] | None:
        return (400, "content_filter") if luck(custom_id, 0) < 10 else None

    desk = Desk(small(), spoil=spoil)
    with project(LEAVES, **{**SETTINGS, "batch_tail": "batch"}) as folder:
        result = run(folder, desk)
        assert result.exit_code == 0
        assert result.failures > 0
        assert_accounts(folder, result)
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            failures = [entry.failure for entry in ledger.failures()]
        assert set(failures) == {"The server refused the request: status 400, content_filter."}
        paid_once(folder, desk)
        paid = desk.paid.total()
        assert run(folder, desk, rebuild=True).failures == result.failures
        assert desk.paid.total() == paid
        desk.spoil = lambda _id, _batch: None
        assert run(folder, desk, retry_failed=True).failures == 0
        paid_once(folder, desk)


def test_too_many_tokens_that_wait_are_a_wait_and_no_failure(live: Made) -> None:
    """A batch that is turned away for what waits already is handed in again, from the file that is there."""

    def refuse(number: int) -> tuple[str, str] | None:
        return ("token_limit_exceeded", "Enqueued token limit reached.") if number % 3 else None

    desk = Desk(teacher(), refuse=refuse)
    with project(LEAVES, **SETTINGS) as folder:
        same_as_live(folder, desk, live, run(folder, desk))
        assert desk.uploads < len(desk.batches)


def test_a_batch_that_is_turned_down_as_a_whole_ends_the_run_with_the_words_of_the_server() -> None:
    """Exit 1, with what the provider said; a run after it was mended goes on."""
    desk = Desk(teacher(), refuse=lambda number: ("invalid_model", "No batches of it.") if number == 1 else None)
    with project(LEAVES, **SETTINGS) as folder:
        result = run(folder, desk)
        assert result.exit_code == 1
        assert isinstance(result.stopped, UnusableError)
        assert "invalid_model No batches of it." in str(result.stopped)
        assert run(folder, desk).exit_code == 0
        paid_once(folder, desk)


def test_a_batch_that_somebody_cancelled_ends_the_run_and_keeps_what_it_had() -> None:
    """What a cancelled batch answered is in the ledger; the next run asks the rest and pays for nothing again."""
    desk = Desk(
        teacher(),
        spoil=lambda custom_id, number: (0, "batch_cancelled") if number == 2 and luck(custom_id, 0) < 50 else None,
        status=lambda number: "cancelled" if number == 2 else "completed",
    )
    with project(LEAVES, **SETTINGS) as folder:
        result = run(folder, desk)
        assert result.exit_code == 1
        assert "Somebody has cancelled the batch batch-2 at desk.test" in str(result.stopped)
        assert run(folder, desk).exit_code == 0
        paid_once(folder, desk)


def test_a_budget_bears_the_worst_case_of_what_is_out() -> None:
    """No more is handed in than could be paid at its worst, the cap is not passed, and with a greater it goes on."""
    with project(LEAVES, **{**SETTINGS, "batch_tail": "batch"}) as folder:
        desk = Desk(small(), price=Price(input=1.0, output=1.0))
        free = run(folder, desk)
        assert free.cost_usd is None  # the desk says no cost: tokens are what is counted
        tokens = sum(_tokens(folder))
    with project(LEAVES, **{**SETTINGS, "batch_tail": "batch"}) as folder:
        desk = Desk(small())
        result = run(folder, desk, budget_tokens=tokens // 2)
        assert isinstance(result.stopped, BudgetError)
        assert result.exit_code == 4
        assert 0 < sum(_tokens(folder)) <= tokens // 2
        result = run(folder, desk, budget_tokens=tokens + 20_000)
        assert result.exit_code == 0
        paid_once(folder, desk)


def _tokens(folder: Path) -> Iterator[int]:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        for found in ledger.totals().values():
            yield found.prompt_tokens + found.completion_tokens


def test_a_live_run_reads_what_is_out_before_it_asks() -> None:
    """Whoever changes the mode while a batch is out pays for nothing twice: the batch is read first."""
    desk = Desk(teacher(), on_step=Killer(9))
    with project(LEAVES, **SETTINGS) as folder:
        with pytest.raises(DiedError):
            run(folder, desk)
        assert desk.batches
        desk.on_step = lambda _: None
        assert run(folder, desk, mode="live").exit_code == 0
        paid_once(folder, desk)


def test_growth_and_more_disciplines_ask_only_for_what_is_new() -> None:
    """A longer run in batches begins with the shorter one and pays for its part alone."""
    desk = Desk(teacher())
    with project(LEAVES, **SETTINGS) as folder:
        assert run(folder, desk).exit_code == 0
        before = committed(folder)
        configure(folder, **{**SETTINGS, "pairs": 2 * PAIRS})
        assert run(folder, desk).exit_code == 0
        paid_once(folder, desk)
        assert before <= committed(folder)
