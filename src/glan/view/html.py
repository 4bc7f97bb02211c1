"""From values to HTML: every text is escaped, and what hides or orders the text around it is shown by its name."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup

from glan.dataset.tallies import MOST_LETTERS
from glan.records import Reply
from glan.show.rendering import rendered
from glan.show.sheets import visible
from glan.view.filters import words_of
from glan.wording import counted

STATIC: Mapping[str, str] = {"view.css": "text/css", "view.js": "text/javascript", "icon.svg": "image/svg+xml"}
"""The files that pages fetch, with their types."""

_LONGEST_ASKED = MOST_LETTERS
"""Characters of a text that an address asks for: a reason that the manifest has cut is found by how it begins."""


def page(name: str, /, **values: object) -> str:
    """Return a page."""
    return _environment().get_template(f"{name}.html.j2").render(**values)


@cache
def static(name: str) -> bytes:
    """Return one of the files that pages fetch."""
    return (resources.files("glan.view") / "static" / name).read_bytes()


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("glan.view"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(n=_number, usd=_usd, when=_when, words=words_of, seconds=_seconds, rendered=_rendered)
    environment.globals.update(counted=counted, url=_url, just=_just, tokens_of=_tokens_of)
    return environment


def _rendered(text: str) -> Markup:
    """Return a text of a model with its headings, lists, code and formulas, and nothing that runs."""
    return Markup('<div class="text" dir="auto">{}</div>').format(rendered(text))


def _shown(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _url(path: str, /, **query: str | int | None) -> str:
    """Return an address of ours; what is None is left out."""
    pairs = [(name, value) for name, value in query.items() if value is not None]
    return f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path


def _just(text: str) -> str:
    """Return how an address asks for just this text; of a very long one, such as an error, for how it begins."""
    return f"={text}" if len(text) < _LONGEST_ASKED else text[:_LONGEST_ASKED].lstrip("=")


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _usd(value: float | None) -> str:
    if value is None:
        return "price unknown"
    return f"${value:,.2f}" if value >= 1 else f"${value:,.6f}".rstrip("0").rstrip(".") or "$0"


def _seconds(value: float | None) -> str:
    return "—" if value is None else f"{value:,.2f} s"


def _when(time: float) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return "at no time that there is"


def _tokens_of(reply: Reply) -> str:
    usage = reply.usage
    parts = [
        ("in", usage.prompt_tokens),
        ("cached", usage.cached_tokens),
        ("out", usage.completion_tokens),
        ("thinking", usage.reasoning_tokens),
    ]
    return ", ".join(f"{count:,} {name}" for name, count in parts if count) or "not told"
