"""What stands before the blocks of the documentation, and what cannot run here: tables that a page's author adds to.

The rule: a block of shell is run in a folder with `my-data`, a project of the built-in tree that has a data set. Where
that is not what the page has told, the block has a scene here, by its page and the beginning of one of its lines.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from urllib.request import Request, urlopen

import pyarrow as pa
from pyarrow.parquet import write_table
from shown import ROOT, Block, Scene, Shell, blocks_of, known_extras, known_targets

import glan
from glan.dataset.shards import read_rows
from glan.project import Project
from glan.reviews import hash_of
from glan.show.ballots import saved_ballot
from glan.show.forms import vote_sheet
from glan.taxonomy.votes import Ballot, Vote, elements_of, tree_hash


def _pip(shell: Shell, words: list[str]) -> None:
    """Every extra that is named is one."""
    del shell
    for extra in re.findall(r"glan\[([\w,]+)\]", " ".join(words)):
        assert set(extra.split(",")) <= known_extras(), words


def _cd(shell: Shell, words: list[str]) -> None:
    shell.monkeypatch.chdir(words[1])


def _cp(shell: Shell, words: list[str]) -> None:
    """Copy a file or a folder, as `cp` does."""
    del shell
    source, out = Path(words[-2]), Path(words[-1])
    out.parent.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if source.is_dir() else shutil.copyfile)(source, out)


def _make(shell: Shell, words: list[str]) -> None:
    del shell
    assert {word for word in words[1:] if "=" not in word} <= known_targets(), words


def _run_batch(shell: Shell, words: list[str]) -> None:
    """Answer every line of a file of requests, as `vllm run-batch` does."""
    given = dict(zip(words[2::2], words[3::2], strict=True))
    lines = [json.loads(line) for line in Path(given["-i"]).read_text(encoding="utf-8").splitlines()]
    with Path(given["-o"]).open("w", encoding="utf-8") as out:
        for line in lines:
            url = shell.base_url.removesuffix("/v1") + line["url"]
            request = Request(url, json.dumps(line["body"]).encode(), {"Content-Type": "application/json"})  # noqa: S310 - it is the simulated server
            with urlopen(request) as reply:  # noqa: S310 - likewise
                body = json.load(reply)
            response = {"status_code": 200, "request_id": "1", "body": body}
            found = {"id": "1", "custom_id": line["custom_id"], "response": response, "error": None}
            out.write(json.dumps(found) + "\n")


def _python(shell: Shell, words: list[str]) -> None:
    """A script of this repository is there; the benchmarks take minutes."""
    del shell
    assert (ROOT / words[1]).exists(), words


OTHERS: Mapping[str, str | Callable[[Shell, list[str]], None]] = {
    "cd": _cd,
    "cp": _cp,
    "echo": "the shell's own",
    "pip": _pip,
    "make": _make,
    "vllm": _run_batch,
    "python": _python,
    "hf": "it needs the hub",
    "inspect": "inspect-ai is not installed here",
    "lm_eval": "lm-evaluation-harness is not installed here",
}
"""Commands of others."""

PARSED: Mapping[str, str] = {
    "view": "it serves until Ctrl-C; tests/e2e/test_view_cli.py starts it",
    "simulate": "it serves until Ctrl-C; every test of the command line starts one",
    "eval": "it needs lm-evaluation-harness; tests/extras runs it",
    "train": "it needs torch; tests/extras/train runs it",
    "leakage": "it needs torch; tests/extras/train runs it",
    "push": "it needs a hub; tests/e2e/test_push_cli.py pushes to one",
    "benchmarks fetch": "it needs a hub; tests/unit/test_benchmarks.py fetches from copies",
}
"""Commands of `glan` that are parsed and not run."""


def _ballot(voter: str) -> Callable[[Path], str]:
    """Return what makes the ballot of somebody who keeps everything."""

    def made(project: Path) -> str:
        elements = elements_of(Project.open(project).taxonomy)
        votes = {element.id: Vote(choice="keep") for element in elements}
        return saved_ballot(Ballot(voter=voter, tree=tree_hash(elements), votes=votes)).decode()

    return made


def _sheet(project: Path) -> str:
    """Return a table on which somebody has written a name and no vote."""
    text = vote_sheet(elements_of(Project.open(project).taxonomy)).decode()
    return text.replace('of this line.",""', 'of this line.","Cem"')


def _dump(project: Path) -> bytes:
    """Return a file of texts as others have them."""
    del project
    written = BytesIO()
    write_table(pa.table({"text": ["A redwood is a tree."]}), written)
    return written.getvalue()


def _capitals(project: Path) -> bytes:
    """Return the ledger of a script that has asked for something."""
    ledger = project.parent / "asked.sqlite"
    glan.ask_sync(["Name the capital of Peru."], ledger=ledger, teacher="offline")
    return ledger.read_bytes()


def _outline(project: Path) -> str:
    """Return the outline that the page of a field shows."""
    del project
    return next(block.text for block in blocks_of(ROOT / "docs/own-field.md") if block.language == "markdown")


def _tree(project: Path) -> str:
    """Return the tree that the README shows."""
    del project
    return next(block.text for block in blocks_of(ROOT / "README.md") if block.language == "yaml")


def _judged(project: Path) -> str:
    """Return what a reviewer sends back who drops the first pair."""
    first = next(read_rows(project / "dataset" / "train"))
    question, answer = (message["content"] for message in first["messages"])
    said = {"id": first["id"], "sha256": hash_of(question, answer), "verdict": "drop", "reason": "too vague"}
    return json.dumps({"format": "glan judgements 1", "reviewer": "Anna", "judgements": [said]})


_BALLOTS = {"anna.json": _ballot("Anna"), "ben.json": _ballot("Ben"), "cem.csv": _sheet}
_EXAM = "question,answer\nWhich tree is the tallest that anybody has ever measured in a forest?,A redwood.\n"
_EXAM_LINES = '{"question": "How many apples are left of ten when three have been eaten?", "answer": "7"}\n'
_QUESTION = '{"id": "1", "question": "What is a tide?"}\n'
_ANSWER = '{"id": "1", "answer": "The rise and fall of the sea."}\n'
_TRAIN = '{"instruction": "Name a tree.", "output": "An oak."}\n'
_MARITIME = "glan taxonomy add 'Admiralty law' --under '/Law and government/Maritime law' --project my-data"

_TESTED = ("glan test-set --project my-data",)
_JUDGED = (*_TESTED, "glan judge --project my-data student=vllm/student base=vllm/base --judge openai/gpt-5")

SCENES: Mapping[tuple[str, str], Scene] = {
    ("README.md", "glan init my-field"): Scene(files={"tree.yaml": _tree}),
    ("docs/air-gapped.md", "glan batch write"): Scene(made=False),
    ("docs/air-gapped.md", "glan benchmarks"): Scene(files={"exam.csv": _EXAM}),
    ("docs/batch.md", "glan batch write"): Scene(made=False),
    ("docs/budget.md", "glan run"): Scene(made=False),
    ("docs/building.md", "glan taxonomy build"): Scene(files=_BALLOTS),
    ("docs/contamination.md", "glan benchmarks"): Scene(
        inside=True, files={"exam.csv": _EXAM, "train.jsonl": _EXAM_LINES, "test.jsonl": _EXAM_LINES}
    ),
    ("docs/contamination.md", "glan contamination"): Scene(
        inside=True,
        files={"train.jsonl": _TRAIN, "data/part.jsonl": _TRAIN, "dump.parquet": _dump, "exam.csv": _EXAM},
        before=(
            "glan benchmarks add my-exam exam.csv --field question --field answer",
            "cp -r benchmarks other/benchmarks",
        ),
    ),
    ("docs/judge.md", "glan judge --project my-data new"): Scene(
        files={"ours.jsonl": _ANSWER, "theirs.jsonl": _ANSWER, "evol-instruct.jsonl": _QUESTION},
        before=_TESTED,
    ),
    ("docs/judge.md", "glan judge --project my-data --inspect"): Scene(before=_TESTED),
    ("docs/languages.md", "glan init trial"): Scene(files={"tree.yaml": "taxonomy: [Psychology]\n"}),
    ("docs/ledgered-client.md", "glan ledger"): Scene(files={"capitals.sqlite": _capitals}),
    ("docs/own-field.md", "glan init bees --taxonomy beekeeping.md"): Scene(files={"beekeeping.md": _outline}),
    ("docs/protocol.md", "glan judge"): Scene(before=_TESTED),
    ("docs/report.md", "glan report"): Scene(before=("glan run --only Physics --pairs 4 --project my-data",)),
    ("docs/reviewing.md", "glan taxonomy vote"): Scene(files=_BALLOTS),
    ("docs/reviewing.md", "glan review read"): Scene(files={"anna.json": _judged, "ben.json": _judged}),
    ("docs/sharing.md", "glan ledger"): Scene(before=("cp -r my-data ../physics", "cp -r my-data law")),
    ("docs/statistics.md", "glan status"): Scene(inside=True),
    ("docs/student.md", "glan judge"): Scene(before=_TESTED),
    ("docs/student.md", "glan taxonomy rebalance"): Scene(before=_JUDGED),
    ("docs/taxonomy.md", "glan taxonomy show"): Scene(inside=True),
    ("docs/taxonomy.md", "glan taxonomy import"): Scene(
        inside=True,
        files={"syllabus.md": "# Optics\n\n- Lenses\n- Mirrors\n", "contents.txt": "1 Light\n1.1 Waves\n1.2 Rays\n"},
    ),
    ("docs/taxonomy.md", "glan taxonomy weights"): Scene(
        inside=True, files={"weights.csv": "Physics,2\n", "scores.csv": "Physics,4\nLaw,8\n"}
    ),
    ("docs/teachers.md", "glan run --teacher azure/"): Scene(made=False, inside=True),
    ("docs/teachers.md", "glan check"): Scene(made=False),
    ("docs/trials.md", "glan plan"): Scene(before=(_MARITIME,)),
}


def scene_of(block: Block) -> Scene:
    """Return the scene of a block: its own, that of its page, or the one of all."""
    for (page, begin), scene in SCENES.items():
        if page == block.page and any(line.startswith(begin) for line in block.lines):
            return scene
    return Scene()
