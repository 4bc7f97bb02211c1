"""Forms for people: one HTML file that opens from disk, needs no server and no network, and saves a small file.

What a model or a taxonomy says stands in the page as data, and its script writes it as text. The policy in the page
lets nothing run but that script, by its hash, and nothing be fetched.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

from jinja2 import Environment, StrictUndefined

from glan.records import Record
from glan.show.ballots import BALLOT, JUDGEMENTS, REVIEWER, TREE, VOTER
from glan.show.sheets import sheet, visible
from glan.taxonomy.votes import Element, tree_hash

_VOTE_HEAD = ("id", "path", "vote", "comment", "named by")
_PAIR_HEAD = (
    "id",
    "sha256",
    "node",
    "question",
    "answer",
    "verdict",
    "reason",
    "corrected question",
    "corrected answer",
)
_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


class Pair(Record, frozen=True, kw_only=True):
    """A pair that somebody is to judge."""

    id: str
    sha256: str
    """Of question and answer."""
    node: str
    """Where in the tree it comes from, as people read it."""
    question: str
    answer: str


def vote_form(elements: Sequence[Element], *, name: str) -> bytes:
    """Return the page on which a person votes on a tree; `name` is that of the project."""
    data = {
        "format": BALLOT,
        "tree": tree_hash(elements),
        "elements": [
            {
                "id": each.id,
                "title": each.title,
                "kind": each.kind,
                "above": each.above,
                "depth": len(each.path),
                "named": each.named,
            }
            for each in elements
        ],
    }
    return _page("votes", f"Vote on the topics of {name}", data)


def vote_sheet(elements: Sequence[Element]) -> bytes:
    """Return the same as a table: a line for each element, and one for the name of the voter."""
    rows = [
        (VOTER, "Write your name in the column `vote` of this line.", "", "", ""),
        (TREE, "Leave this line as it is.", tree_hash(elements), "", ""),
        *((each.id, each.shown, "", "", each.named) for each in elements),
    ]
    return sheet(_VOTE_HEAD, rows)


def pair_form(pairs: Iterable[Pair], *, name: str) -> bytes:
    """Return the page on which a person judges pairs."""
    listed = [
        {"id": pair.id, "sha256": pair.sha256, "node": pair.node, "question": pair.question, "answer": pair.answer}
        for pair in pairs
    ]
    return _page("pairs", f"Judge questions and answers of {name}", {"format": JUDGEMENTS, "pairs": listed})


def pair_sheet(pairs: Iterable[Pair]) -> bytes:
    """Return the same as a table."""
    rows = [
        (pair.id, pair.sha256, pair.node, pair.question, pair.answer, "", "", "", "") for pair in pairs
    ]  # a person fills in the last four
    note = "Write your name in the column `verdict` of this line."
    return sheet(_PAIR_HEAD, [(REVIEWER, "", note, "", "", "", "", "", ""), *rows])


def _page(kind: str, title: str, data: Mapping[str, object]) -> bytes:
    style, script = _asset("form.css"), _asset("form.js") + _asset(f"{kind}.js")
    policy = (
        f"default-src 'none'; script-src '{_hashed(script)}'; style-src '{_hashed(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    page = _ENVIRONMENT.from_string(_asset("form.html.j2")).render(
        kind=kind,
        title=visible(title),
        policy=policy,
        style=style,
        script=script,
        data=data,
    )
    return page.encode("utf-8")


def _asset(name: str) -> str:
    return (resources.files("glan.show") / name).read_text(encoding="utf-8")


def _hashed(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
