"""The command `show`: the way of one pair, from its discipline to its answer. It asks nobody."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click

from glan.cli.opening import only_option, opened_project
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.curate.finals import final_of
from glan.errors import DatasetError
from glan.heldout import Shelf
from glan.language_names import code_of
from glan.project import Project
from glan.teachers.ledger import Entry, Ledger
from glan.ways import Step, Way, Ways

_MOST_LINES = 8
_MOST_LETTERS = 110
"""Of a reply that is shown in short."""
_IN_ROW = ("question/", "answer/", "test/", "test-answer/")
"""Requests whose replies the row has."""


_COLUMNS = ("messages", "sessions", "key_concepts", "strategy", "slot", "language")
"""Those that every row has, and that are read here and on its way."""


class _Given(TypedDict):
    """The options of `glan show` as click gives them."""

    as_json: bool
    only: str | None
    prompts: bool


@click.command("show")
@click.argument("id_", metavar="ID")
@project_option
@ledger_option
@json_option
@only_option
@click.option("--prompts", is_flag=True, help="Every prompt and every reply whole.")
def show_command(id_: str, folder: Path, ledger: Path | None, **given: Unpack[_Given]) -> None:
    """Show the way of the pair with this ID: discipline, subject, syllabus, what was drawn, question and answer.

    Prompts are rendered again; the fingerprint beside each reply proves that they are those that were sent.
    """
    from glan.dataset.shards import find_row  # noqa: PLC0415 - pyarrow is loaded when it is needed

    project = opened_project(folder, ledger, given["only"])
    exam = Shelf(project.folder)
    places = (project.train_path, project.rejects_path, exam.rows_path, exam.rejects_path)
    row = next(filter(None, (find_row(place, id_, _COLUMNS) for place in places if place.is_dir())), None)
    if row is None:
        raise DatasetError(
            f"No row and no reject has the id {id_!r}.",
            hint="Ids are in the column `id` of dataset/ and rejects/, and of test-set/ if there is one.",
        )
    way = _way_of(project, row)
    if given["as_json"]:
        say_json({**row, "way": [_as_dict(step) for step in way.steps]})
        return
    _say_row(row)
    _say_way(project, row, way, whole=given["prompts"])


def _way_of(project: Project, row: dict[str, Any]) -> Way:
    if not project.ledger_path.exists():
        return Way(steps=())
    with Ledger.open(project.ledger_path, readonly=True) as ledger:
        return asyncio.run(Ways(ledger).of_row(row))


def _as_dict(step: Step) -> dict[str, Any]:
    return {
        "request": step.request.id,
        "messages": step.request.messages,
        "is_proven": step.is_proven,
        "seq": step.entry.seq,
        "reply": step.entry.reply,
        "failure": step.entry.failure,
    }


def _say_row(row: dict[str, Any]) -> None:
    for name, value in _facts_of_row(row):
        say(f"{name:14} {value}")
    for message in row["messages"] or ():
        say(f"\n--- {message['role']}\n{message['content']}")


def _facts_of_row(row: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Give what a row says besides its texts: where it stands, what was drawn, what was found, why it ended."""
    for name in ("id", "field", "sub_field", "discipline", "subject", "level", "strategy", "slot"):
        if row.get(name) is not None:
            yield name, row[name]
    for name in ("sessions", "key_concepts"):
        yield from ((name, found) for found in row[name] or ())
    yield from ((found["name"], f"{found['value']:g}") for found in row.get("scores") or ())
    yield from (("check", f"{found['name']}: {found['verdict']}") for found in row.get("checks") or ())
    for name in ("safety", "outcome", "stage", "reason", "detail"):
        if row.get(name):
            yield name, row[name]


def _say_way(project: Project, row: dict[str, Any], way: Way, *, whole: bool) -> None:
    """Say the replies that a pair rests on, in their order; of several answers what each of them says."""
    if not way.steps:
        say("\nThe ledger has nothing of its way.")
        return
    say("\nIts way, reply by reply as the ledger numbers them:")
    for step in way.steps:
        entry, id_ = step.entry, step.request.id
        is_answer = id_.startswith(("answer/", "test-answer/"))
        said = _told_answer(project, row, entry) if is_answer else _told_judged(entry)
        model = entry.reply.model if entry.reply is not None else None
        say(f"\n{entry.seq:>8}  {id_}  {model or entry.failure}{said}")
        say(f"{'':10}{', '.join(_facts(step))}")
        for line in _whole(step) if whole else _in_short(step):
            say(line)
    for entry in way.others:
        say(f"\n{entry.seq:>8}  {entry.request_id}  at the same place, and no part of this way")
    say(f"\nSee one whole: glan ledger show SEQ{'' if whole else '; all with their prompts: --prompts'}")


def _facts(step: Step) -> Iterator[str]:
    from glan.report.steps import facts_of, title_of  # noqa: PLC0415 - as above

    yield title_of(step.request.id)
    yield from facts_of(step.entry)
    yield "prompt proven" if step.is_proven else "asked with another prompt than today's"


def _whole(step: Step) -> Iterator[str]:
    for message in step.request.messages:
        yield f"--- {message.role}\n{message.content}"
    if step.entry.reply is not None:
        if step.entry.reply.reasoning:
            yield f"--- reasoning\n{step.entry.reply.reasoning}"
        yield f"--- reply\n{step.entry.reply.text}"


def _in_short(step: Step) -> Iterator[str]:
    """Give the beginning of a reply; nothing of what the row has."""
    if step.entry.reply is None or step.request.id.startswith(_IN_ROW):
        return
    lines = [line for line in step.entry.reply.text.splitlines() if line.strip()]
    for line in lines[:_MOST_LINES]:
        yield f"{'':10}{line if len(line) <= _MOST_LETTERS else f'{line[:_MOST_LETTERS]}...'}"
    if len(lines) > _MOST_LINES:
        yield f"{'':10}({len(lines) - _MOST_LINES:,} more lines)"


def _told_judged(entry: Entry) -> str:
    """Say which of several answers a judgement is of, where it is not the first."""
    is_of_pair = entry.request_id.removeprefix("test-").startswith(("score/", "safety/"))
    return f"  of answer {entry.sample + 1}" if is_of_pair and entry.sample else ""


def _told_answer(project: Project, row: dict[str, Any], entry: Entry) -> str:
    """Say which of several answers a reply is, and what its final answer is; nothing where there is just one."""
    samples = project.config.curation.agreement.samples
    messages: Sequence[dict[str, str]] = row["messages"] or ()
    if samples == 1 or not messages:
        return ""
    which = f"  answer {entry.sample + 1} of {samples}"
    if entry.reply is None:
        return which
    question = next(message["content"] for message in messages if message["role"] == "user")
    final = final_of(entry.reply.text, question=question, language=code_of(row["language"]))
    return f"{which}: {final.shown if final is not None else 'no final answer'}"
