"""What the address of a page asks of the rows, and the rows that have it. Pure.

discipline==Astronomy    just that text; nothing after the second sign is no text at all
subject=orbit            has these letters somewhere, in either case
key_concepts==Parallax   one of its texts is that
answer_tokens.min=100    a number, from ... to
scores.correct.min=7     a score by its name
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Literal

import numpy as np

from glan.view.columns import CATEGORIES, LISTS, NO_CODE, NUMBERS, Columns, Mask, Numbers, matching

MAX_LENGTH = 500
"""Characters of a value that are looked at."""
MAX_FILTERS = 20
_SCORE = "scores."
_NOTHING = "(none)"
"""How no text at all is shown."""
_WORDS = {"sub_field": "sub-field", "sub_fields": "sub-fields", "task": "form", "pii": "personal data"}
"""Columns that people know by another word."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a row."""

    name: str
    how: Literal["is", "not", "has", "min", "max"]
    value: str

    @property
    def key(self) -> str:
        """Its name in an address."""
        return f"{self.name}.{self.how}" if self.how in {"min", "max"} else self.name

    @property
    def written(self) -> str:
        """Its value in an address."""
        return f"={self.value}" if self.how == "is" else self.value

    @property
    def told(self) -> str:
        """What it asks, for people."""
        signs = {"is": "is", "not": "is not", "has": "has", "min": "from", "max": "to"}
        return f"{words_of(self.name)} {signs[self.how]} {self.value or _NOTHING}"

    def mask(self, columns: Columns) -> Mask:
        """Return which rows have it."""
        if self.how == "not":
            return ~Filter(self.name, "is", self.value).mask(columns)
        if self.how in {"min", "max"}:
            return self._within(columns)
        if self.name == "id":
            found = np.zeros(len(columns), np.bool_)
            row = columns.find(self.value) if self.how == "is" else None
            if row is not None:
                found[row] = True
            elif self.how == "has":
                found[list(matching(columns.table["id"].combine_chunks(), self.value))] = True
            return found
        if self.name in LISTS:
            codes, rows = columns.lists(self.name)
            found = np.zeros(len(columns), np.bool_)
            found[rows[self._wanted(columns)[codes]]] = True
            return ~_any(rows, len(columns)) if self.how == "is" and not self.value else found
        return self._wanted(columns)[columns.codes(self.name)]

    def _wanted(self, columns: Columns) -> Mask:
        """Return a table from codes to whether they are asked for; that of no text stands last."""
        texts = columns.texts(self.name)
        wanted = np.zeros(len(texts) + 1, np.bool_)
        if self.how == "has":
            wanted[list(matching(texts, self.value))] = True
        else:
            wanted[columns.code_of(self.name, self.value) if self.value else NO_CODE] = True
            wanted[NO_CODE] = not self.value
        return wanted

    def _within(self, columns: Columns) -> Mask:
        numbers = _numbers(columns, self.name)
        bound = _number(self.value)
        found: Mask = numbers >= bound if self.how == "min" else numbers <= bound
        return found


def words_of(name: str) -> str:
    """Return the name of a column as people read it."""
    return _WORDS.get(name) or name.removeprefix(_SCORE).replace("_", " ")


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the rows have a text."""

    text: str
    rows: int

    @property
    def shown(self) -> str:
        return self.text or _NOTHING


def filters_of(asked: Iterable[tuple[str, str]]) -> tuple[Filter, ...]:
    """Return the conditions in a query; what is no condition is left out."""
    found = [_filter(name, value[:MAX_LENGTH]) for name, value in asked]
    return tuple(dict.fromkeys(each for each in found if each is not None))[:MAX_FILTERS]


def _filter(name: str, value: str) -> Filter | None:
    column, _, bound = name.rpartition(".")
    if bound in {"min", "max"}:
        is_known = column in NUMBERS or column.startswith(_SCORE)
        return Filter(column, "min" if bound == "min" else "max", value) if is_known and _is_number(value) else None
    if name not in (*CATEGORIES, *LISTS, "id") or not value:
        return None
    return Filter(name, "is", value[1:]) if value.startswith("=") else Filter(name, "has", value)


def mask_of(columns: Columns, filters: Sequence[Filter]) -> Mask:
    """Return which rows have all that is asked."""
    found = np.ones(len(columns), np.bool_)
    for each in filters:
        found &= each.mask(columns)
    return found


def shares(columns: Columns, name: str, mask: Mask, most: int) -> list[Share]:
    """Return the most frequent texts of a column among some rows, with how many have them; equals by the alphabet."""
    codes = columns.codes(name)[mask]
    counts = np.bincount(codes + 1, minlength=len(columns.texts(name)) + 1)
    found = [Share(columns.text(name, code - 1) or "", int(counts[code])) for code in np.flatnonzero(counts).tolist()]
    return nsmallest(most, found, key=lambda each: (-each.rows, each.text.casefold()))


def item_counts(columns: Columns, name: str, mask: Mask) -> Mapping[str, int]:
    """Return how many of some rows have each text of a column of lists."""
    codes, rows = columns.lists(name)
    counts = np.bincount(codes[mask[rows] & (codes != NO_CODE)], minlength=1)
    return {columns.text(name, code) or "": int(counts[code]) for code in np.flatnonzero(counts).tolist()}


def score_names(columns: Columns) -> list[str]:
    """Return the names of the scores that rows have."""
    found: list[str] = columns.texts("scores").to_pylist()
    return found


def _numbers(columns: Columns, name: str) -> Numbers:
    if name in NUMBERS:
        return columns.numbers(name)
    code = columns.code_of("scores", name.removeprefix(_SCORE))
    return columns.scores(code) if code != NO_CODE else np.full(len(columns), np.nan)


def _any(rows: np.ndarray, n: int) -> Mask:
    found = np.zeros(n, np.bool_)
    found[rows] = True
    return found


def _is_number(text: str) -> bool:
    try:
        return _number(text) == _number(text)
    except ValueError:
        return False


def _number(text: str) -> float:
    return float(text)
