"""What differs between two trees, discipline by discipline: a discipline is the same where its key is the same."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from msgspec.structs import replace

from glan.records import Discipline, Subject
from glan.taxonomy.nodes import Branch, Node
from glan.taxonomy.seals import is_unchanged
from glan.taxonomy.syntax import shown
from glan.taxonomy.tree import Taxonomy, nearest
from glan.wording import counted, few

_MOST_TOLD = 20
"""Lines of one kind that people are shown; machines get all."""

_MOST_SUBJECTS = 5
"""Names of subjects in a line."""

Both: TypeAlias = tuple[Discipline, Discipline]
"""A discipline before and after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one tree has and another has not, and what both have and differ in."""

    before: Taxonomy
    after: Taxonomy
    added: tuple[Discipline, ...]
    removed: tuple[Discipline, ...]
    moved: tuple[Both, ...]
    """They stand under other branches, or under the same with another title: what their rows say of their place."""
    weighed: tuple[Both, ...]
    """Their weight in the whole tree differs, by a change of their own or of a branch above them."""
    noted: tuple[Both, ...]
    """The notes that reach their prompts differ."""
    given: tuple[Both, ...]
    """Their given subjects differ."""
    spelled: tuple[Both, ...]
    """Their name is another text with the same key."""
    titled: tuple[Both, ...]
    """They are shown under another title."""
    coded: tuple[Both, ...]
    """They have another code of ISCED-F."""

    @property
    def asks_anew(self) -> tuple[Discipline, ...]:
        """Disciplines that both trees have and whose requests differ, as far as the trees tell."""
        edited = [pair for pair in self.given if edited_subjects(*pair)]
        found = {new.key: new for pairs in (self.noted, edited, self.spelled) for _, new in pairs}
        return tuple(found.values())

    @property
    def is_empty(self) -> bool:
        kinds = (self.moved, self.weighed, self.noted, self.given, self.spelled, self.titled, self.coded)
        return not (self.added or self.removed or any(kinds))

    @property
    def renamed(self) -> tuple[Both, ...]:
        """Those that may be the same under another name: a guess, since a name is all that tells them apart."""
        found: list[Both] = []
        for new in self.added:
            beside = [old for old in self.removed if old.path == new.path]
            near = nearest(new.name, [old.name for old in beside])
            alone = beside if len([leaf for leaf in self.added if leaf.path == new.path]) == 1 == len(beside) else []
            found += [(old, new) for old in beside if old.name == next(iter(near), None) or old in alone]
        return tuple(found)


def compare(before: Taxonomy, after: Taxonomy) -> Difference:
    """Return what differs between two trees."""
    old = {leaf.key: leaf for leaf in before.disciplines}
    new = {leaf.key: leaf for leaf in after.disciplines}
    both = [(old[key], leaf) for key, leaf in new.items() if key in old]

    def differing(value: Callable[[Discipline], object]) -> tuple[Both, ...]:
        return tuple(pair for pair in both if value(pair[0]) != value(pair[1]))

    return Difference(
        before=before,
        after=after,
        added=tuple(leaf for key, leaf in new.items() if key not in old),
        removed=tuple(leaf for key, leaf in old.items() if key not in new),
        moved=differing(lambda leaf: leaf.path),
        weighed=differing(lambda leaf: leaf.weight),
        noted=differing(lambda leaf: leaf.notes),
        given=differing(lambda leaf: leaf.subjects),
        spelled=differing(lambda leaf: leaf.name),
        titled=differing(lambda leaf: leaf.title),
        coded=differing(lambda leaf: leaf.isced),
    )


def edited_subjects(old: Discipline, new: Discipline) -> tuple[Subject, ...]:
    """Return the given subjects of which a discipline says something else, but for those that were frozen meanwhile."""
    before = {subject.key: subject for subject in old.subjects}
    return tuple(
        subject
        for subject in new.subjects
        if subject.key in before and _said(before[subject.key]) != _said(subject) and not is_unchanged(subject)
    )


def _said(subject: Subject) -> Subject:
    return replace(subject, frozen="", draft=1)


def told(found: Difference) -> Iterator[str]:
    """Give the differences in lines for people; where all below a branch differ alike, the branch is named."""
    after = found.after
    yield from _short(f"+ {path}" for path in _covered(after, {leaf.key: ("", "") for leaf in found.added}))
    yield from _short(f"- {path}" for path in _covered(found.before, {leaf.key: ("", "") for leaf in found.removed}))
    yield from _short(_moves(found.moved))
    kinds: Sequence[tuple[Iterable[Both], Callable[[Discipline, Discipline], _Words]]] = (
        (found.weighed, _weights),
        (found.noted, _notes),
        (found.given, _subjects),
        (found.spelled, lambda old, _: ("written in another way", f"written so, before {shown(old.name)}")),
        (found.titled, lambda _, new: ("shown with other titles", f"shown as {shown(new.title)}")),
        (found.coded, lambda old, new: (f"isced {new.isced}", f"isced {old.isced or 'none'} -> {new.isced or 'none'}")),
    )
    for pairs, words in kinds:
        yield from _short(f"~ {line}" for line in _covered(after, {new.key: words(old, new) for old, new in pairs}))
    for old, new in found.renamed:
        yield f"? {shown(old.name)} may be {shown(new.name)} now: a new name is a new discipline, a `title:` is not."


_Words: TypeAlias = tuple[str, str]
"""What is said of all disciplines below a branch alike, and of one."""


def _covered(tree: Taxonomy, words: Mapping[str, _Words]) -> Iterator[str]:
    """Give the highest nodes of which every discipline has the same said of it."""
    for path, n_leaves, (of_all, of_one) in _highest(tree.roots, "", words):
        said = of_all if n_leaves else of_one
        count = f" ({n_leaves:,} disciplines)" if n_leaves else ""
        yield f"{path}{count}{f': {said}' if said else ''}"


def _highest(nodes: Iterable[Node], above: str, words: Mapping[str, _Words]) -> Iterator[tuple[str, int, _Words]]:
    for node in nodes:
        path = f"{above}/{node.name}"
        if isinstance(node, Branch):
            said = [words.get(leaf.key) for leaf in node.leaves]
            one = said[0]
            if len(said) > 1 and one is not None and all(other is not None and other[0] == one[0] for other in said):
                yield path, len(said), one
            else:
                yield from _highest(node.children, path, words)
        elif node.key in words:
            yield path, 0, words[node.key]


def _moves(moved: Iterable[Both]) -> Iterator[str]:
    groups: dict[Hashable, list[Both]] = {}
    for pair in moved:
        groups.setdefault((pair[0].path, pair[1].path), []).append(pair)
    for pairs in groups.values():
        (old, new), *others = pairs
        more = f" and {len(others):,} more" if others else ""
        yield f"> {shown(new.name)}{more}: /{'/'.join(old.path)} -> /{'/'.join(new.path)}"


def _short(lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    yield from found[:_MOST_TOLD]
    if len(found) > _MOST_TOLD:
        yield f"  and {len(found) - _MOST_TOLD:,} more such lines; --json has all."


def _weights(old: Discipline, new: Discipline) -> _Words:
    return f"weight x{float(new.weight / old.weight):.4g}", f"weight {_number(old.weight)} -> {_number(new.weight)}"


def _subjects(old: Discipline, new: Discipline) -> _Words:
    """Say which given subjects came, went or are others."""
    before, after = {subject.key for subject in old.subjects}, {subject.key for subject in new.subjects}
    if not before or not after:
        given = f"{counted(len(after), 'subject')} given" if after else "no subjects given"
        return ("subjects are given" if after else given), given
    parts = {
        "removed": [subject.name for subject in old.subjects if subject.key not in after],
        "new": [subject.name for subject in new.subjects if subject.key not in before],
        "edited": [subject.name for subject in edited_subjects(old, new)],
    }
    said = [f"{word} {few(list(map(shown, names)), _MOST_SUBJECTS)}" for word, names in parts.items() if names]
    return "other subjects are given", f"given subjects: {'; '.join(said) or 'frozen, or in another order'}"


def _number(weight: Fraction) -> str:
    return str(weight) if weight.denominator == 1 else f"{float(weight):.4g}"


def _notes(old: Discipline, new: Discipline) -> _Words:
    texts = [shown(" / ".join(leaf.notes)) if leaf.notes else "none" for leaf in (new, old)]
    return "other notes reach their prompts", f"notes {texts[0]}, before {texts[1]}"
