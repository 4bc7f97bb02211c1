"""A page of rows: those that have what the address asks, some at a time, by the number of the row before them.

The numbers of rows are places in the data set, so a page deep in a list costs what the first one does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from glan.view.columns import Mask
from glan.view.filters import Filter, Share, filters_of, mask_of, shares
from glan.view.index import Index
from glan.view.texts import Search, found, snippet

PAGE = 25
_MOST_COUNTED = 1_000
"""Hits of a search that are counted."""
_MOST_LOOKED_AT = 4_000
"""Rows with the text, whether they have the rest or not, that are looked at to count."""
_MOST_KEPT = 4
_SNIPPET = 320
Rows: TypeAlias = NDArray[np.int64]

PAIRS = Filter("outcome", "is", "pair")
_NOT_A_FILTER = {"q", "in", "after", "before"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks of a list."""

    filters: tuple[Filter, ...] = ()
    typed: str = ""
    """What is looked for, as a person typed it."""
    where: str = "all"
    after: int | None = None
    before: int | None = None

    @classmethod
    def of(cls, query: Iterable[tuple[str, str]]) -> "Asked":
        """Return what a query asks; what is not understood is left out."""
        pairs = list(query)
        last = dict(pairs)
        return cls(
            filters=filters_of((name, value) for name, value in pairs if name not in _NOT_A_FILTER),
            typed=last.get("q", "")[:500].strip(),
            where=last.get("in", "all")[:20],
            after=_number(last.get("after")),
            before=_number(last.get("before")),
        )

    @property
    def search(self) -> Search | None:
        """The search, where there is one."""
        return Search.of(self.typed, self.where) if self.typed else None

    def query(self, **changes: str | int) -> str:
        """Return the query of the same list, at its beginning unless `changes` say otherwise."""
        pairs: list[tuple[str, str | int]] = [(each.key, each.written) for each in self.filters]
        if self.typed:
            pairs += [("q", self.typed), *([("in", self.where)] if self.where != "all" else [])]
        return urlencode([*pairs, *changes.items()], errors="replace")

    def without(self, filter_: Filter) -> str:
        """Return the query without one of its conditions."""
        left = tuple(each for each in self.filters if each != filter_)
        return Asked(filters=left, typed=self.typed, where=self.where).query()

    def unsearched(self) -> str:
        """Return the query without its search."""
        return Asked(filters=self.filters).query()

    def value(self, key: str) -> str:
        """Return what a field of the form holds."""
        return next((each.written for each in self.filters if each.key == key), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of a list."""

    rows: Sequence[dict[str, Any]]
    total: int
    is_more: bool = False
    """Whether there are more than `total`, which is where counting ended."""
    first: int | None = None
    """The place of the first row among all; None where nobody knows it."""
    previous: int | None = None
    """Number of the row that the page before ends at; None at the beginning."""
    next: int | None = None

    @property
    def told(self) -> str:
        """How many there are."""
        if not self.total:
            return "Nothing"
        more = f"more than {self.total:,}" if self.is_more else f"{self.total:,}"
        if self.first is None:
            return more
        return f"{self.first:,}-{self.first + len(self.rows) - 1:,} of {more}"


@dataclass(eq=False)
class Lists:
    """Makes pages of the rows of an index; it remembers the last lists."""

    index: Index
    _kept: dict[tuple[Filter, ...], tuple[Mask, Rows]] = field(default_factory=dict)
    _counts: dict[tuple[Search, tuple[Filter, ...]], tuple[int, bool]] = field(default_factory=dict)
    _choices: tuple[object, Mapping[str, list[Share]]] | None = None

    def mask(self, filters: tuple[Filter, ...]) -> Mask:
        """Return which rows have all that is asked."""
        return self._selected(filters)[0]

    def choices(self, filters: tuple[Filter, ...], names: Sequence[str], most: int) -> Mapping[str, list[Share]]:
        """Return the texts of some columns among the rows of a list, with how many have them."""
        if self._choices is None or self._choices[0] != (filters, names):
            mask = self.mask(filters)
            found = {name: shares(self.index.columns, name, mask, most) for name in names}
            self._choices = (filters, names), found
            return found
        return self._choices[1]

    def page(self, asked: Asked, base: Filter) -> Listing:
        """Return a page.

        Raises:
            DatasetError: the index of the texts cannot be read.

        """
        search, filters = asked.search, (base, *asked.filters)
        if search is None:
            return self._plain(self._selected(filters)[1], asked)
        if not search.phrases:
            return Listing(rows=(), total=0)
        return self._searched(search, asked, filters)

    def _plain(self, rows: Rows, asked: Asked) -> Listing:
        if asked.before is not None:
            start = max(0, int(np.searchsorted(rows, asked.before)) - PAGE)
        else:
            start = 0 if asked.after is None else int(np.searchsorted(rows, asked.after, "right"))
        page = [int(row) for row in rows[start : start + PAGE]]
        return Listing(
            rows=self._shown(page),
            total=len(rows),
            first=start + 1 if page else None,
            previous=page[0] if page and start else None,
            next=page[-1] if start + PAGE < len(rows) else None,
        )

    def _searched(self, search: Search, asked: Asked, filters: tuple[Filter, ...]) -> Listing:
        mask, rows = self._selected(filters)
        low, high = (int(rows[0]) - 1, int(rows[-1]) + 1) if len(rows) else (0, 0)
        is_back, is_first = asked.before is not None, asked.before is None and asked.after is None
        above = max(low, asked.after if asked.after is not None and not is_back else low)
        below = min(high, asked.before if asked.before is not None else high)
        with found(self.index.texts, search, above=above, below=below, newest=is_back) as hits:
            page = list(islice(_among(hits, mask), PAGE + 1))
            count = self._counts.get((search, filters))
            if count is None and is_first:  # counting goes on where the page ends
                count = _counted(hits, mask, len(page))
        if count is None:
            with found(self.index.texts, search, above=low, below=high) as hits:
                count = _counted(hits, mask, 0)
        self._counts = {**dict(list(self._counts.items())[-_MOST_KEPT:]), (search, filters): count}
        is_further = len(page) > PAGE
        page = sorted(page[:PAGE])
        has_previous = is_further if is_back else asked.after is not None
        return Listing(
            rows=self._with_snippets(page, search.phrases),
            total=max(count[0], len(page)),
            is_more=count[1],
            first=1 if page and is_first else None,
            previous=page[0] if page and has_previous else None,
            next=page[-1] if page and (is_back or is_further) else None,
        )

    def _shown(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        shown = self.index.columns.shown(rows)
        for number, row in zip(rows, shown, strict=True):
            row.update(number=number, snippets=())
        return shown

    def _with_snippets(self, rows: Sequence[int], phrases: Sequence[str]) -> list[dict[str, Any]]:
        shown = self._shown(rows)
        for row, (question, answer) in zip(shown, self.index.said(rows), strict=True):
            places = [text for text in (question, answer) if any(p.casefold() in text.casefold() for p in phrases)]
            row["snippets"] = [snippet(text, phrases, _SNIPPET) for text in places]
        return shown

    def _selected(self, filters: tuple[Filter, ...]) -> tuple[Mask, Rows]:
        selected = self._kept.get(filters)
        if selected is None:  # pages are made in several threads: two may do the same, and neither waits
            mask = mask_of(self.index.columns, filters)
            selected = mask, np.flatnonzero(mask)
            self._kept = {**dict(list(self._kept.items())[1 - _MOST_KEPT :]), filters: selected}
        return selected


def _counted(hits: Iterator[int], mask: Mask, already: int) -> tuple[int, bool]:
    """Count the hits of a search, as far as that is soon done; say whether there are more."""
    total = already
    for looked, row in enumerate(hits):
        if looked == _MOST_LOOKED_AT or total >= _MOST_COUNTED:
            return total, True
        total += bool(mask[row])
    return total, False


def _among(hits: Iterator[int], mask: Mask) -> Iterator[int]:
    return (row for row in hits if row < len(mask) and mask[row])


def _number(text: str | None) -> int | None:
    """Return a number of a row; None where it is none."""
    if text is None or not text.isdecimal() or len(text) > 15:
        return None
    return int(text)
