r"""Whether a reply to a problem of MATH has the right answer.

The same as text once both are written plainly, or the same expression by math-verify, which parses LaTeX and lets sympy
compare: \frac12 and 0.5, x+1 and 1+x, (0,3] and (0, 3]. What it cannot read is compared as text alone.
"""

import re
from typing import Final

from glan.errors import MissingPackageError
from glan.evaluate.statements import boxed, end_of, tails

_SHOWN: Final = re.compile(
    r"\$([^$]{1,1000})\$|\\\(((?:(?!\\\().){1,1000}?)\\\)|\\\[((?:(?!\\\[).){1,1000}?)\\\]", re.DOTALL
)
_NO_MEANING: Final = re.compile(
    r"\\(?:left|right|displaystyle|limits|quad|qquad|[,!;: ])|\s"
    r"|\\(?:text|mathrm|mbox)\{\s*(?:square\s+)?units?\s*\}"
    r"|\^\{?\\circ\}?|\\%|\\\$|(?<!\\)[%$]"
)
_LONGEST: Final = 1_000
"""Characters of an answer: a longer one is none, and would keep a parser busy."""


def expression_of(reply: str) -> str | None:
    """Return what a reply gives as its answer: its last box, what it states, or its last formula; None without any."""
    reply = end_of(reply)
    inside = boxed(reply)
    if inside is not None:
        return inside or None
    for tail in tails(reply):
        shown = _SHOWN.search(tail)
        found = next(filter(None, shown.groups()), "") if shown else tail.rstrip(".* ")
        if found.strip():
            return found.strip()[:_LONGEST]
    formulas = [next(filter(None, found.groups())) for found in _SHOWN.finditer(reply)]
    return formulas[-1].strip()[:_LONGEST] if formulas else None


def is_same(given: str | None, right: str) -> bool:
    """Say whether two answers are the same.

    Raises:
        MissingPackageError: they differ as text, and math-verify is not there to compare what they mean.

    """
    if given is None or len(given) > _LONGEST:
        return False
    return plain(given) == plain(right) or _mean_the_same(given, right)


def plain(expression: str) -> str:
    """Return an expression without what has no meaning: spaces, sizes of brackets, units that go without saying."""
    text = expression.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("{,}", ",")
    text = re.sub(r"(\d),(?=\d{3}(?!\d))", r"\1", text)
    text = re.sub(r"\\text\{([^{}]*)\}", r"\1", _NO_MEANING.sub("", text))
    text = re.sub(r"\\frac(\d)(\d)", r"\\frac{\1}{\2}", text)
    text = re.sub(r"\\sqrt(\d)", r"\\sqrt{\1}", text)
    if re.fullmatch(r"[a-zA-Z]=.+", text):
        text = text[2:]
    return re.sub(r"(?<!\d)\.(?=\d)", "0.", text).rstrip(".").casefold()


def _mean_the_same(given: str, right: str) -> bool:
    try:
        from math_verify import parse, verify  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            f"To compare answers of MATH, the package math-verify is needed: {error}.", hint="pip install 'glan[eval]'"
        ) from error
    wanted, found = parse(f"${right}$"), parse(f"${given}$")
    return bool(wanted and found and verify(wanted, found))
