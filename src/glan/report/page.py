"""The page of a report: one HTML file that opens from disk, fetches nothing and lets nothing run but its own scripts.

What a model, a file or a person said stands in it escaped, or as JSON that its script writes as text. The policy in
the page names its two scripts and its style by their hashes.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from operator import itemgetter
from typing import Any, Final

import jinja2
from markupsafe import Markup

from glan.dataset import tables
from glan.dataset.tallies import MOST_LETTERS
from glan.parsing import clean
from glan.report import shown
from glan.report.gathering import Findings
from glan.report.steps import facts_of, title_of
from glan.show.rendering import preformatted, rendered
from glan.show.sheets import visible
from glan.ways import Step
from glan.wording import counted

_MOST_SHOWN: Final = 6_000
"""Characters of a prompt or a reply on the way of a pair; the ledger has the whole."""
_LONGEST_REASON: Final = 160
_MOST_ROWS: Final = 200
"""Rows of a table."""


def page_of(found: Findings) -> bytes:
    """Return the page."""
    style, script = _asset("report.css"), _asset("report.js")
    library = _asset("vendor/echarts/echarts.min.js")
    policy = (
        f"default-src 'none'; script-src '{_hashed(library)}' '{_hashed(script)}'; style-src '{_hashed(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    text = _template().render(
        found=found,
        manifest=found.manifest,
        summary=found.summary,
        shown=shown,
        tables=tables,
        data=shown.charts_of(found),
        ways=[_way(row, way.steps) for row, way in found.ways],
        examples=sorted(_examples(found), key=itemgetter("slots"), reverse=True),
        policy=policy,
        style=Markup(style),  # noqa: S704 - files of our own
        script=Markup(script),  # noqa: S704 - likewise
        library=Markup(library),  # noqa: S704 - likewise
    )
    return text.encode("utf-8", "replace")


def _way(row: Mapping[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """Return a pair with the steps that led to it, as the template shows them."""
    return {"row": row, **_said(row), "steps": [_step(step) for step in steps]}


def _said(row: Mapping[str, Any]) -> dict[str, str]:
    said = {message["role"]: message["content"] for message in row["messages"] or ()}
    return {"question": said.get("user", ""), "answer": said.get("assistant", "")}


def _why(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the reason in full, what was found, and the reply as it came."""
    yield from ((name, row[name] or "") for name in ("reason", "detail", "raw"))


def _step(step: Step) -> dict[str, Any]:
    entry = step.entry
    model = entry.reply.model if entry.reply is not None else None
    return {
        "title": title_of(step.request.id),
        "messages": [(message.role, _cut(message.content)) for message in step.request.messages],
        "reply": _cut(entry.reply.text if entry.reply is not None else entry.failure or ""),
        "facts": [f"reply {entry.seq}", *([model] if model else []), *facts_of(entry)],
        "is_proven": step.is_proven,
    }


def _cut(text: str, most: int = _MOST_SHOWN) -> str:
    return text if len(text) <= most else f"{text[:most]}\n[{len(text) - most:,} more characters]"


def _examples(found: Findings) -> Iterator[dict[str, Any]]:
    """Give each reason with how many slots it ended, and some of them; a server may word each failure otherwise."""
    slots: dict[tuple[str, str, str], int] = {}
    for outcome, ended in (("reject", found.summary.rejected), ("failure", found.summary.failed)):
        slots.update({(outcome, each.stage.value, each.reason): each.slots for each in ended})
    for why, rows in found.examples.items():
        outcome, stage, reason = why
        counted_as = outcome, stage, clean(reason[:MOST_LETTERS])
        listed = [
            {"row": row, **{name: _cut(text) for name, text in (*_said(row).items(), *_why(row))}} for row in rows
        ]
        yield {
            "outcome": outcome,
            "stage": stage,
            "reason": _cut(reason, _LONGEST_REASON),
            "slots": slots.get(counted_as, 0),
            "rows": listed,
        }


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("glan.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(rendered=_rendered, plain=preformatted)
    environment.globals.update(
        counted=counted, most_rows=_MOST_ROWS, is_table=lambda part: isinstance(part, tables.Table)
    )
    return environment.get_template("report.html.j2")


def _rendered(text: str) -> Markup:
    """Return a text of a model, cut where it is longer than anybody reads in a report."""
    return rendered(text if len(text) <= 2 * _MOST_SHOWN else _cut(text))


def _visible(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return (resources.files("glan.report") / name).read_text(encoding="utf-8")


def _hashed(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
