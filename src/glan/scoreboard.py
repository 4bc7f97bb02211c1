"""What a judging comes to as tables and files: for people, for machines, and for `glan taxonomy rebalance`.

judge/NAME/  README.md  summary.json  scores.csv  results.jsonl  judgements.jsonl  answers-a.jsonl  answers-b.jsonl
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from glan.dataset.markdown import table_of, text_of
from glan.dataset.tables import Table
from glan.disk import replace
from glan.errors import ProjectError
from glan.evaluate.questions import Asked
from glan.evaluate.scores import RESAMPLES, Bias, Duel, Grade, Interval, bias, duel, grade, groups_of
from glan.judging import SIDES, Judging, Outcome, Side
from glan.project import LEDGER
from glan.records import Record

BY = ("field", "discipline", "level", "difficulty", "rated_difficulty", "skill")
"""Columns by which results are grouped where the questions have them."""
SUMMARY, SCORES = "summary.json", "scores.csv"
_MOST_ROWS = 200
"""Groups of a column that a page shows."""


class Scoreboard(Record, frozen=True, kw_only=True):
    """The numbers of a judging."""

    contestants: tuple[str, ...]
    sources: tuple[str, ...]
    """What a person named them by."""
    judge: str
    way: str
    questions: int
    judged: int
    """Questions with every judgement; the others are in no number."""
    missing: Mapping[str, int]
    """Why judgements are missing, each with how many."""
    seed: int
    overall: Duel | None = None
    """Where there are two models and a question that was judged for both."""
    bias: Bias | None = None
    grades: tuple[Grade, ...] = ()
    """Of each model over all, where each answer was graded by itself."""
    tables: Mapping[str, tuple[Duel, ...] | tuple[Grade, ...]] = {}
    """By column."""


def scoreboard(judging: Judging, outcome: Outcome, *, by: Sequence[str], seed: int) -> Scoreboard:
    """Return what a judging comes to, grouped by columns."""
    task = judging.task
    board = Scoreboard(
        contestants=tuple(each.name for each in task.contestants),
        sources=tuple(each.source for each in task.contestants),
        judge=outcome.judge_model,
        way=task.way,
        questions=len(task.questions),
        judged=outcome.complete,
        missing=outcome.reasons,
        seed=seed,
    )
    if task.way == "pairwise":
        return _of_duels(board, outcome, task.questions, by)
    return _of_grades(board, outcome, task.questions, by)


def _of_duels(board: Scoreboard, outcome: Outcome, questions: Sequence[Asked], by: Sequence[str]) -> Scoreboard:
    orders = outcome.orders()
    judged = [asked for asked in questions if asked.id in orders]
    if not judged:
        return board
    found = [orders[asked.id] for asked in judged]
    total, seed = len(found), board.seed
    tables = {
        name: tuple(
            duel([found[row] for row in rows], group=group, total=total, seed=seed) for group, rows in groups.items()
        )
        for name, groups in _grouped(judged, by)
    }
    return msgspec.structs.replace(
        board,
        overall=duel(found, group="all", total=total, seed=seed),
        bias=bias(found, seed=seed),
        tables=tables,
    )


def _of_grades(board: Scoreboard, outcome: Outcome, questions: Sequence[Asked], by: Sequence[str]) -> Scoreboard:
    graded = {side: outcome.grades(side) for side in SIDES if side in outcome.answers}
    judged = [asked for asked in questions if all(asked.id in found for found in graded.values())]
    if not judged:
        return board
    total, seed = len(judged), board.seed
    scores = {side: [found[asked.id] for asked in judged] for side, found in graded.items()}
    tables = {
        f"{name}, {board.contestants[SIDES.index(side)]}" if len(graded) > 1 else name: tuple(
            grade([scores[side][row] for row in rows], group=group, total=total, seed=seed)
            for group, rows in groups.items()
        )
        for name, groups in _grouped(judged, by)
        for side in graded
    }
    overall = [
        grade(found, group=board.contestants[SIDES.index(side)], total=total, seed=seed)
        for side, found in scores.items()
    ]
    return msgspec.structs.replace(board, grades=tuple(overall), tables=tables)


def _grouped(judged: Sequence[Asked], by: Sequence[str]) -> Iterator[tuple[str, Mapping[str, list[int]]]]:
    columns = [asked.groups for asked in judged]
    for name in dict.fromkeys(by):
        if groups := groups_of(columns, name):
            yield name, groups


def lines(board: Scoreboard) -> Iterator[str]:
    """Say the most important of it in plain lines."""
    if board.overall is not None and board.bias is not None:
        a, b = board.contestants
        found, order = board.overall, board.bias
        yield f"{a} against {b}, {found.questions:,} questions, judged by {board.judge} in both orders:"
        yield f"  scores {found.a:.2f} and {found.b:.2f}; difference {_signed(found.difference)}"
        yield (
            f"  win rate of {a} {_percent(found.win_rate)}: {found.wins:,} better, {found.ties:,} equal, "
            f"{found.losses:,} worse"
        )
        yield (
            f"  position: the first answer gets {_signed(order.difference)} more; preferred {order.first:.0%}, the "
            f"second {order.second:.0%}; both orders agree on {order.consistent:.0%}"
        )
    for each in board.grades:
        yield f"{each.group}: {_plain(each.score)} of 10 over {each.questions:,} questions, graded by {board.judge}"


def page(board: Scoreboard) -> str:
    """Return README.md: every table."""
    names = " and ".join(text_of(name) for name in board.contestants)
    how = f"judged by {text_of(board.judge)}, {_WAYS[board.way]}"
    intervals = f"95%, bootstrapped over the questions ({RESAMPLES:,} resamples, seed {board.seed})"
    parts = [f"# {names}", f"{board.judged:,} of {board.questions:,} questions, {how}. Intervals are {intervals}."]
    if board.missing:
        rows = [(reason, f"{count:,}") for reason, count in board.missing.items()]
        parts += ["What is missing is in no number:", table_of(Table(("Why", "Missing"), tuple(rows), names=1))]
    if board.overall is not None:
        parts += [_MEANING, table_of(_table("", [board.overall], board.contestants))]
    if board.bias is not None:
        order = board.bias
        parts.append(
            f"Position bias: the answer that comes first gets {_signed(order.difference)} more than the other. It is "
            f"preferred in {order.first:.1%} of the judgements, the second in {order.second:.1%}; both orders say the "
            f"same of {order.consistent:.1%} of the questions."
        )
    if board.grades:
        parts.append(table_of(_table("model", board.grades, board.contestants)))
    for name, found in board.tables.items():
        parts += [f"## By {text_of(name)}", table_of(_table(name, found, board.contestants), most=_MOST_ROWS)]
        if len(found) > _MOST_ROWS:
            parts.append(f"All of them are in {SUMMARY}.")
    return "\n\n".join(parts) + "\n"


_WAYS = {
    "pairwise": "who saw both answers in both orders; the two scores of an answer are averaged",
    "single": "who saw one answer at a time",
}
_MEANING = "The difference is the first model's score minus the second's: positive where the first is better."


def _table(name: str, found: Sequence[Duel | Grade], contestants: Sequence[str]) -> Table:
    head, names = text_of(name or "questions"), map(text_of, contestants)
    if isinstance(found[0], Grade):
        rows = [(each.group, f"{each.questions:,}", _plain(each.score)) for each in found if isinstance(each, Grade)]
        return Table((head, "Questions", "Score"), tuple(rows), names=1)
    columns = (head, "Share", "Questions", *names, "Difference", "Win rate", "Better", "Equal", "Worse")
    duels = [
        (
            each.group,
            f"{each.share:.1%}",
            f"{each.questions:,}",
            f"{each.a:.2f}",
            f"{each.b:.2f}",
            _signed(each.difference),
            _percent(each.win_rate),
            *(f"{count:,}" for count in (each.wins, each.ties, each.losses)),
        )
        for each in found
        if isinstance(each, Duel)
    ]
    return Table(columns, tuple(duels), names=1)


def _signed(found: Interval) -> str:
    return f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"


def _plain(found: Interval) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _percent(found: Interval) -> str:
    return f"{found.value:.1%} ({found.low:.1%} to {found.high:.1%})"


def write(folder: Path, board: Scoreboard, judging: Judging, outcome: Outcome, nodes: Mapping[str, str]) -> None:
    """Write all of it into a folder, each file in one step and the summary last; `nodes` name disciplines in a tree.

    Raises:
        ProjectError: the folder has something else in it, or results of other models.

    """
    refuse_other(folder, board)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "README.md", page(board).encode("utf-8", "replace"))
    for name, rows in _files(board, judging, outcome):
        encode = msgspec.json.Encoder().encode
        replace(folder / name, b"".join(encode(row) + b"\n" for row in rows))
    if scores := _scores(judging.task.questions, outcome, nodes):
        replace(folder / SCORES, scores.encode("utf-8", "replace"))
    replace(folder / SUMMARY, msgspec.json.format(msgspec.json.encode(board), indent=2) + b"\n")


def refuse_other(folder: Path, board: Scoreboard) -> None:
    """Refuse to write into a folder that has something else in it.

    Raises:
        ProjectError: it is so.

    """
    if not folder.exists() or (folder.is_dir() and all(path.name.startswith(LEDGER) for path in folder.iterdir())):
        return
    hint = "Name another folder with --out."
    try:
        before = msgspec.json.decode((folder / SUMMARY).read_bytes(), type=_Before)
    except (OSError, msgspec.DecodeError) as error:
        raise ProjectError(f"{folder} holds no results of `glan judge` that can be read.", hint=hint) from error
    if (before.contestants, before.way) != (list(board.contestants), board.way):
        raise ProjectError(f"{folder} has the results of {' and '.join(before.contestants)}, {before.way}.", hint=hint)


def is_less(folder: Path, board: Scoreboard) -> bool:
    """Say whether the results that stand in a folder are of more questions."""
    try:
        before = msgspec.json.decode((folder / SUMMARY).read_bytes(), type=_Before)
    except (OSError, msgspec.DecodeError):
        return False
    return before.judged > board.judged


class _Before(msgspec.Struct, frozen=True):
    """What results that stand say of themselves."""

    contestants: list[str]
    way: str
    judged: int


def _files(board: Scoreboard, judging: Judging, outcome: Outcome) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Give the files of lines with their rows."""
    names = dict(zip(SIDES, board.contestants, strict=False))
    questions = judging.task.questions
    yield (
        "judgements.jsonl",
        [
            {
                "id": each.id,
                "answers": [names["b" if side == "b" else "a"] for side in each.order],
                "scores": list(each.scores) or None,
                "reason": each.reason,
                "model": each.model,
            }
            for each in outcome.judged
        ],
    )
    scores = {side: scores_of(outcome, side) for side in outcome.answers}
    yield (
        "results.jsonl",
        [
            {
                "id": asked.id,
                "question": asked.text,
                **{f"answer_{side}": answers[row] for side, answers in outcome.answers.items()},
                **{f"score_{side}": scores[side].get(asked.id) for side in scores},
                "columns": dict(asked.groups),
            }
            for row, asked in enumerate(questions)
        ],
    )
    for side, answers in outcome.answers.items():
        found = zip(questions, answers, strict=True)
        yield (
            f"answers-{side}.jsonl",
            [{"id": asked.id, "answer": text} for asked, text in found if text is not None],
        )


def scores_of(outcome: Outcome, side: Side) -> Mapping[str, float]:
    """Return the score of a model by question: the mean of both orders, or its grade."""
    orders = outcome.orders()
    if orders:
        return {id_: found.a if side == "a" else found.b for id_, found in orders.items()}
    return outcome.grades(side)


def _scores(questions: Sequence[Asked], outcome: Outcome, nodes: Mapping[str, str]) -> str:
    """Return the first model's mean score of each discipline, as `glan taxonomy rebalance --from` reads it.

    Without disciplines it is an empty text.
    """
    scores = scores_of(outcome, "a")
    found: dict[str, list[float]] = {}
    for asked in questions:
        discipline = nodes.get(asked.id) or asked.groups.get("discipline", "")
        if discipline and asked.id in scores:
            found.setdefault(discipline, []).append(scores[asked.id])
    if not found:
        return ""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["discipline", "score", "questions"])
    for discipline, each in found.items():
        writer.writerow([discipline, f"{sum(each) / len(each):.4f}", len(each)])
    return out.getvalue()
