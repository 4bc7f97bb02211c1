"""How a run is told in words, from the file that it writes of itself."""

import io

import pytest
from rich.console import Console

from glan.cli.display import look_of
from glan.errors import ProjectError
from glan.reporting import Status
from glan.telling import eta, line_of

RUNNING = {
    "state": "running",
    "wanted": 1_000,
    "pairs": 250,
    "rejects": 3,
    "failures": 1,
    "pairs_per_s": 12.5,
    "eta_s": 60.0,
    "stages": ["subjects", "answers"],
    "asked": {"subjects": 4, "answers": 250},
    "hits": {"subjects": 2},
    "in_flight": 64,
    "max_in_flight": 128,
    "retries": {"status 429": 7, "no connection": 1},
    "prompt_tokens": 1_000,
    "completion_tokens": 2_000,
    "cost_usd": 1.25,
    "budget": {"max_usd": 5.0, "spent_usd": 1.25, "max_tokens": None, "spent_tokens": 3_000},
    "last": "What is\x1b[31m a\nmoon?",
}


def test_a_line_has_what_a_person_asks_for() -> None:
    """Pairs, fates, pace, time, calls, retries, money and budget stand in one line."""
    assert line_of(Status.of(RUNNING)) == (
        "250/1,000 pairs, 3 rejects, 1 failures, 12.5 pairs/s, ETA 1 min, 64 in flight of 128, "
        "254 calls (2 replies from the ledger), 8 tried again (most: status 429), 3,000 tokens, $1.2500, "
        "budget $1.25 of $5.00 (25%)"
    )


def test_what_an_earlier_version_wrote_is_told() -> None:
    """A file without the newer numbers is told without them."""
    told = line_of(Status.of({"state": "running", "wanted": 10, "pairs": 1, "unknown_costs": 1}))
    assert told.startswith("1/10 pairs")
    assert "cost unknown" in told
    assert "budget" not in told


@pytest.mark.parametrize("wrong", [{"pairs": "many"}, {"hits": 3}, {"away": "x"}])
def test_a_file_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    """What a run does not write is told, not shown."""
    with pytest.raises(ProjectError, match=r"status\.json"):
        Status.of(wrong)


def test_a_terminal_shows_no_escape_of_a_model() -> None:
    """The last question is one line, and what it would do to the terminal is made visible."""
    console = Console(width=100, force_terminal=False, record=True, file=io.StringIO())
    console.print(look_of(Status.of(RUNNING), "A note."))
    shown = console.export_text()
    assert "What is\\x1b[31m a moon?" in shown
    assert "A note." in shown
    assert "subjects" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("left_s", "told"),
    [
        (None, "not known yet"),
        (0.0, "0 s"),
        (59.4, "59 s"),
        (61, "1 min"),
        (3_599, "1 h 00 min"),
        (7_260, "2 h 01 min"),
        (201_600, "2 d 8 h"),
    ],
)
def test_time_is_told_as_exact_as_it_is_known(left_s: float | None, told: str) -> None:
    """Seconds, minutes, hours and days, each where the next smaller one would promise too much."""
    assert eta(left_s) == told
