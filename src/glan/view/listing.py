"""A page of rows: those that have what the address asks, some at a time, by the number of the row before them.

The numbers of rows are places in the data set, so a page deep in a list costs what the first one does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from glan.view.columns import Mask
from glan.view.filters import Filter, Share, filters_of, mask_of, shares
from glan.view.index import Index
from glan.view.texts import MOST_READ, Look, Search, Texts, snippet

PAGE = 25
_MOST_COUNTED = 1_000
"""Hits of a search that are counted."""
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
    is_open: bool = False
    """Whether nobody knows if there are more: the search was given up."""
    first: int | None = None
    """The place of the first row among all; None where nobody knows it."""
    previous: int | None = None
    """Number of the row that the page before ends at; None at the beginning."""
    next: int | None = None

    @property
    def told(self) -> str:
        """How many there are."""
        if not self.total:
            return "Nothing so far" if self.is_open else "Nothing"
        more = f"more than {self.total:,}" if self.is_more else f"{self.total:,}{' so far' if self.is_open else ''}"
        if self.first is None:
            return more
        return f"{self.first:,}-{self.first + len(self.rows) - 1:,} of {more}"


@dataclass(eq=False)
class Lists:
    """Makes pages of the rows of an index; it remembers the last lists."""

    index: Index
    most_read: int = MOST_READ
    """Bytes of texts that a search looks through for one page."""
    _kept: dict[tuple[Filter, ...], tuple[Mask, Rows]] = field(default_factory=dict)
    _counts: dict[tuple[Search, tuple[Filter, ...]], tuple[int, bool, bool]] = field(default_factory=dict)
    _opened: Texts | None = None
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
        mask = self.mask(filters)
        is_back, is_first = asked.before is not None, asked.before is None and asked.after is None
        look = self._texts().look(search, _between(mask, asked), newest=is_back, most_read=self.most_read)
        page = list(islice(look, PAGE + 1))
        is_further, stopped = len(page) > PAGE, look.stopped
        count = self._counts.get((search, filters))
        if count is None:  # counting goes on where the first page ends
            rest = look if is_first else self._texts().look(search, mask, most_read=look.left)
            count = _counted(rest, len(page) if is_first else 0)
            if is_first or rest.stopped is None:  # what a later page had no time to count is none to keep
                self._counts = {**dict(list(self._counts.items())[-_MOST_KEPT:]), (search, filters): count}
        page = sorted(page[:PAGE])
        before, after = (page[0], page[-1]) if page else _beside(asked, stopped)
        return Listing(
            rows=self._with_snippets(page, search.phrases),
            total=max(count[0], len(page)),
            is_more=count[1],
            is_open=count[2],
            first=1 if page and is_first else None,
            previous=(before if is_further else stopped) if is_back else None if asked.after is None else before,
            next=after if is_back or is_further else stopped,
        )

    def _texts(self) -> Texts:
        if self._opened is None:
            self._opened = Texts.open(self.index.texts)
        return self._opened

    def _shown(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        shown = self.index.columns.shown(rows)
        for number, row in zip(rows, shown, strict=True):
            row.update(number=number, snippets=())
        return shown

    def _with_snippets(self, rows: Sequence[int], phrases: Sequence[str]) -> list[dict[str, Any]]:
        shown = self._shown(rows)
        for number, row in zip(rows, shown, strict=True):
            said = self._texts().said(number)
            places = [text for text in said if any(p.casefold() in text.casefold() for p in phrases)]
            row["snippets"] = [snippet(text, phrases, _SNIPPET) for text in places]
        return shown

    def _selected(self, filters: tuple[Filter, ...]) -> tuple[Mask, Rows]:
        selected = self._kept.get(filters)
        if selected is None:  # pages are made in several threads: two may do the same, and neither waits
            mask = mask_of(self.index.columns, filters)
            selected = mask, np.flatnonzero(mask)
            self._kept = {**dict(list(self._kept.items())[1 - _MOST_KEPT :]), filters: selected}
        return selected


def _counted(look: Look, already: int) -> tuple[int, bool, bool]:
    """Count the rows that are found, as far as that is soon done; say whether there are more, or may be."""
    total = already + sum(1 for _ in islice(look, _MOST_COUNTED + 1 - already))
    return min(total, _MOST_COUNTED), total > _MOST_COUNTED, look.stopped is not None


def _beside(asked: Asked, stopped: int | None) -> tuple[int | None, int | None]:
    """Return the rows before and after which the neighbours of a page without rows have theirs."""
    before = asked.after + 1 if asked.after is not None else None
    return before, asked.before - 1 if asked.before is not None and stopped is not None else None


def _between(mask: Mask, asked: Asked) -> Mask:
    """Return which rows of a mask a page may have."""
    found = mask.copy()
    if asked.before is not None:
        found[asked.before :] = False
    elif asked.after is not None:
        found[: asked.after + 1] = False
    return found


def _number(text: str | None) -> int | None:
    """Return a number of a row; None where it is none."""
    if text is None or not text.isdecimal() or len(text) > 15:
        return None
    return int(text)
