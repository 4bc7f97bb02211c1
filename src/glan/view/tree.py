"""The tree with what became of its slots: of each node the pairs, rejects and failures under it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from glan.places import quoted
from glan.records import Discipline
from glan.taxonomy.nodes import Branch, Node
from glan.view.columns import Columns
from glan.view.filters import Filter, item_counts, mask_of

OUTCOMES = ("pair", "reject", "failure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A node, or a subject, with its slots."""

    title: str
    leaf: str = ""
    """Of a discipline or a subject, as ids have it."""
    subject: str = ""
    level: str = ""
    pairs: int = 0
    rejects: int = 0
    failures: int = 0
    most: int = 1
    """Pairs of the greatest of those beside it."""
    below: tuple["Counted", ...] = ()

    @property
    def share(self) -> float:
        """Its pairs by those of the greatest beside it, in percent."""
        return 100 * self.pairs / max(1, self.most)


Counts = Mapping[str, Sequence[int]]


def counts_of(columns: Columns, name: str, within: Sequence[Filter] = ()) -> Counts:
    """Return pairs, rejects and failures by the texts of a column."""
    codes, outcomes = columns.codes(name), columns.codes("outcome")
    here = mask_of(columns, within) & (codes >= 0)
    n = len(columns.texts(name))
    found = []
    for outcome in OUTCOMES:
        code = columns.code_of("outcome", outcome)
        found.append(np.bincount(codes[here & (outcomes == code)], minlength=n) if code >= 0 else np.zeros(n, np.int64))
    table = np.stack(found, axis=1)
    return {columns.text(name, code) or "": table[code].tolist() for code in np.flatnonzero(table.sum(axis=1)).tolist()}


def tree_of(roots: Iterable[Node], counts: Counts, titles: Mapping[str, str]) -> tuple[Counted, ...]:
    """Return a taxonomy with its counts by leaf; leaves that it has no longer stand at the end."""
    known: set[str] = set()
    found = [_node(node, counts, known) for node in roots]
    gone = [_counted(titles.get(leaf, leaf), leaf, count) for leaf, count in counts.items() if leaf not in known]
    if gone:
        found.append(_sum("No longer in the taxonomy", gone))
    return _beside(found)


def subjects_of(columns: Columns, leaf: str) -> tuple[Counted, ...]:
    """Return the subjects of a discipline that have slots: those with the most pairs first, equals by the alphabet."""
    within = (Filter("leaf", "is", leaf),)
    here = mask_of(columns, within)
    keys, names, levels = (columns.codes(name) for name in ("subject_key", "subject", "level"))
    rows = np.flatnonzero(here & (keys >= 0))
    places = np.unique(keys[rows], return_index=True)[1]
    counts = counts_of(columns, "subject_key", within)
    found = []
    for row in rows[places].tolist():
        key = columns.text("subject_key", keys[row]) or ""
        count = counts[key]
        title, level = columns.text("subject", names[row]), columns.text("level", levels[row])
        found.append(_counted(title or key, leaf, count, subject=key, level=level or ""))
    return _beside(sorted(found, key=lambda each: (-each.pairs, each.title.casefold())))


def titles_of(columns: Columns) -> Mapping[str, str]:
    """Return the titles of the disciplines by their leaves, as the rows have them."""
    titles = columns.codes("discipline")
    firsts = enumerate(columns.firsts("leaf").tolist())
    return {columns.text("leaf", code) or "": columns.text("discipline", titles[row]) or "" for code, row in firsts}


def drawn_of(columns: Columns, leaf: str, subject: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Return how many pairs of a subject are on each session and on each key concept."""
    filters = (Filter("leaf", "is", leaf), Filter("subject_key", "is", subject), Filter("outcome", "is", "pair"))
    mask = mask_of(columns, filters)
    return item_counts(columns, "sessions", mask), item_counts(columns, "key_concepts", mask)


def _node(node: Node, counts: Counts, known: set[str]) -> Counted:
    if isinstance(node, Branch):
        return _sum(node.title, [_node(child, counts, known) for child in node.children])
    return _leaf(node, counts, known)


def _leaf(leaf: Discipline, counts: Counts, known: set[str]) -> Counted:
    known.add(quoted(leaf.key))
    return _counted(leaf.title, quoted(leaf.key), counts.get(quoted(leaf.key), (0, 0, 0)))


def _counted(title: str, leaf: str, count: Sequence[int], *, subject: str = "", level: str = "") -> Counted:
    pairs, rejects, failures = count
    return Counted(
        title=title, leaf=leaf, subject=subject, level=level, pairs=pairs, rejects=rejects, failures=failures
    )


def _sum(title: str, below: Sequence[Counted]) -> Counted:
    return Counted(
        title=title,
        pairs=sum(each.pairs for each in below),
        rejects=sum(each.rejects for each in below),
        failures=sum(each.failures for each in below),
        below=_beside(below),
    )


def _beside(found: Sequence[Counted]) -> tuple[Counted, ...]:
    """Return nodes that stand beside each other, each knowing the greatest of them."""
    most = max((each.pairs for each in found), default=1)
    return tuple(replace(each, most=most) for each in found)
