"""The loop: a judge finds what a student is weak in, and two commands give that more pairs, paid for once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from commandline import ids_of, simulated
from harness import Counting, committed, project, rows, small

from glan.cli import cli
from glan.project import Project
from glan.records import Reply, Request
from glan.teachers.filler import Asked, Filler, asked_of

PAIRS, PER = 60, 4
WEAK = "Law"
Glan = Callable[..., Result]


class Teacher:
    """Writes filler, and as a judge finds every answer to a question of one discipline poor."""

    def __init__(self) -> None:
        self.filler: Filler = small()
        self.weak: tuple[str, ...] = ()
        """Questions of that discipline."""

    async def reply(self, request: Request) -> Reply:
        asked = asked_of(request.messages, request.schema)
        score = 4 if any(text in request.messages[-1].content for text in self.weak) else 8
        if asked is Asked.COMPARE_ANSWERS:
            return Reply(text=json.dumps({"reason": "So.", "first": score, "second": score}), finish_reason="stop")
        if asked is Asked.GRADE_ANSWER:
            return Reply(text=json.dumps({"reason": "So.", "score": score}), finish_reason="stop")
        return await self.filler.reply(request)


@pytest.fixture
def teacher() -> Teacher:
    return Teacher()


@pytest.fixture
def counting(teacher: Teacher) -> Counting:
    return Counting(teacher)


@pytest.fixture
def glan(counting: Counting) -> Iterator[Glan]:
    """The command line in this process, with a server that answers as the teacher does."""
    with simulated(teacher=counting) as server:
        environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "k"}

        def called(*arguments: object) -> Result:
            ended = CliRunner(env=environment).invoke(cli, [str(each) for each in arguments])
            assert ended.exit_code == 0, (ended.output, ended.exception)
            return ended

        yield called


@pytest.fixture
def folder(glan: Glan, teacher: Teacher) -> Iterator[Path]:
    """A project with a data set and a test set, of which the questions in law are known to the judge."""
    with project([WEAK, "Dance", {"name": "Science", "children": ["Physics", "Astronomy"]}], pairs=PAIRS) as found:
        glan("test-set", "--project", found, "--per-discipline", PER, "--teacher", "openai/m", "--yes")
        glan("run", "--project", found, "--teacher", "openai/m")
        test = rows(found, "test-set/test")
        teacher.weak = tuple(row["messages"][0]["content"] for row in test if row["discipline"] == WEAK)
        assert len(teacher.weak) == PER
        yield found


def weights_of(folder: Path) -> dict[str, float]:
    return {leaf.name: float(leaf.weight) for leaf in Project.open(folder).taxonomy.disciplines}


def questions_by_leaf(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows(folder):
        found.setdefault(row["discipline"], []).append(row["id"])
    return found


@pytest.mark.parametrize("models", [("new=openai/s", "reference"), ("new=openai/s",)], ids=["pairwise", "single"])
def test_what_a_student_is_weak_in_gets_more_pairs(
    models: tuple[str, ...], folder: Path, glan: Glan, counting: Counting
) -> None:
    """Two commands later the weak discipline has more rows: what stood stands, and only what was foretold is asked."""
    before = ids_of(folder)
    out = folder / "judge/any"
    told = glan("judge", *models, "--project", folder, "--judge", "openai/j", "--out", out).output
    assert f"--from {out}/scores.csv --project {folder}" in told
    scores = (out / "scores.csv").read_text().splitlines()
    assert scores[0] == "discipline,score,questions"
    assert f"{WEAK},4.0000,{PER}" in scores

    glan("taxonomy", "rebalance", "--project", folder, "--from", out / "scores.csv", "--yes")
    weights = weights_of(folder)
    assert weights[WEAK] > 1.5
    assert all(0 < weight < 1 for name, weight in weights.items() if name != WEAK)
    assert sum(weights.values()) == pytest.approx(4, rel=0.005)

    foretold: dict[str, Any] = json.loads(glan("taxonomy", "diff", "--json", "--project", folder).stdout)["run"]
    asked, paid = counting.started.total(), committed(folder)
    glan("run", "--project", folder)
    new = committed(folder) - paid
    assert counting.started.total() - asked == new.total() > 0
    assert set(committed(folder).values()) == {1}
    found = ids_of(folder)
    assert len(found) == foretold["pairs"] > PAIRS
    assert set(before) <= set(found)
    by_leaf = questions_by_leaf(folder)
    assert len(by_leaf[WEAK]) > 1.5 * max(len(by_leaf[name]) for name in by_leaf if name != WEAK)
    for stage in ("questions", "answers"):
        bounds = foretold["requests"][stage]
        assert bounds["least"] == bounds["most"] == len(found) - len(before)


def test_the_same_scores_are_taken_once(folder: Path, glan: Glan, counting: Counting, tmp_path: Path) -> None:
    """Typed again, as after a kill, nothing is multiplied twice; --again, other scores and edited weights do it."""
    scores = tmp_path / "scores.csv"
    scores.write_text(f"discipline,score\n{WEAK},4\nDance,8\n")
    rebalance = ("taxonomy", "rebalance", "--project", folder, "--from", scores, "--yes")
    glan(*rebalance)
    first = weights_of(folder)
    assert "already; nothing was changed" in glan(*rebalance).output
    assert weights_of(folder) == first
    glan("run", "--project", folder)
    asked = counting.started.total()
    assert "already" in glan(*rebalance).output
    glan("run", "--project", folder)
    assert counting.started.total() == asked
    glan(*rebalance, "--again")
    second = weights_of(folder)
    assert second[WEAK] > first[WEAK]
    scores.write_text(f"discipline,score\n{WEAK},9\nDance,8\n")
    glan(*rebalance)
    assert weights_of(folder)[WEAK] < second[WEAK]
    glan("taxonomy", "set", WEAK, "--weight", "1", "--project", folder)
    assert "already" not in glan(*rebalance).output


def test_with_fewer_pairs_what_leaves_stays_paid_for(folder: Path, glan: Glan, tmp_path: Path) -> None:
    """At the old number of pairs as many rows leave as the command says, and a longer run has them again."""
    before = set(ids_of(folder))
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps({WEAK: 4, "Science": 8}))
    told = glan("taxonomy", "rebalance", "--project", folder, "--from", scores, "--yes").output
    glan("run", "--project", folder, "--pairs", PAIRS)
    left = before - set(ids_of(folder))
    assert len(left) > 0
    assert f"At {PAIRS} pairs {len(left)} of the {PAIRS} rows that stand would leave" in told
    glan("run", "--project", folder, "--pairs", 3 * PAIRS)
    assert before <= set(ids_of(folder))
