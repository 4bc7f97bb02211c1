"""Subjects and key concepts that are named twice in other words: the later one is merged into the first, and told.

It refuses to judge what a person wrote: given subjects and the leaves of a taxonomy stay as they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from glan.names import near_key, says_something, suspects
from glan.records import Discipline, Session, Subject, Syllabus

_MOST_EXAMPLES = 3
"""Of one discipline."""
_MOST_TOLD = 5


@dataclass(slots=True, kw_only=True)
class Names:
    """The names in one discipline; a name that is nearly an earlier one counts as that, where that is wanted."""

    is_merging: bool
    subjects: int = 0
    """So many subjects count as others."""
    key_concepts: int = 0
    """The same of the key concepts of syllabi that were drawn from."""
    examples: list[str] = field(default_factory=list)
    """The first ones."""
    _first: dict[str, Subject] = field(default_factory=dict)
    """The first subject of each near name."""
    _copies: set[str] = field(default_factory=set)
    """Keys of the others."""
    _waiting: dict[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """What was merged in the syllabi that nobody has drawn from yet, by subject."""

    def is_new(self, subject: Subject, discipline: Discipline) -> bool:
        """Say whether a subject is none of those before it in other words."""
        if not self.is_merging:
            return True
        into = self._first.setdefault(near_key(subject.name), subject)
        if into.key != subject.key and subject.key not in self._copies:
            self._copies.add(subject.key)
            self.subjects += 1
            self._show(subject.name, into.name, discipline.title)
        return into.key == subject.key

    def distinct(self, syllabus: Syllabus) -> Syllabus:
        """Return a syllabus with each key concept once."""
        if not self.is_merging:
            return syllabus
        sessions, self._waiting[syllabus.subject.key] = distinct(syllabus.sessions)
        return replace(syllabus, sessions=sessions)

    def draw_from(self, subject: Subject) -> None:
        """Count what was merged in the syllabus of a subject: what was only asked ahead is not told."""
        found = self._waiting.pop(subject.key, ())
        self.key_concepts += len(found)
        for name, into in found:
            self._show(name, into, subject.name)

    def _show(self, name: str, into: str, where: str) -> None:
        if len(self.examples) < _MOST_EXAMPLES:
            self.examples.append(f"{name!r} into {into!r} ({where})")


def distinct(sessions: Sequence[Session]) -> tuple[tuple[Session, ...], tuple[tuple[str, str], ...]]:
    """Return the sessions of a syllabus with each key concept once, and what was merged into what.

    A question may take two concepts from any two sessions, so what stands in an earlier one is left out; a session of
    which nothing is left goes too. Where a name says nothing without its session, only the same session counts.
    """
    doubtful = suspects([concept for session in sessions for concept in session.key_concepts])
    if not doubtful:
        return tuple(sessions), ()
    first: dict[str, str] = {}
    kept: list[Session] = []
    merged: list[tuple[str, str]] = []
    for number, session in enumerate(sessions):
        concepts: list[str] = []
        for concept in session.key_concepts:
            if concept not in doubtful:
                concepts.append(concept)
                continue
            key = near_key(concept)
            key = key if says_something(key) else f"{number} {key}"
            if key in first:
                merged.append((concept, first[key]))
            else:
                first[key] = concept
                concepts.append(concept)
        if len(concepts) == len(session.key_concepts):
            kept.append(session)
        elif concepts:
            kept.append(replace(session, key_concepts=tuple(concepts)))
    return tuple(kept), tuple(merged)


def near_names_of(found: Iterable[Names]) -> dict[str, Any]:
    """Return what was merged in all disciplines, as the manifest has it; nothing where nothing was."""
    subjects = key_concepts = 0
    examples: list[str] = []
    for names in found:
        subjects += names.subjects
        key_concepts += names.key_concepts
        examples += names.examples
    if not subjects and not key_concepts:
        return {}
    return {"subjects": subjects, "key_concepts": key_concepts, "examples": examples[:_MOST_TOLD]}


def told_of_near_names(found: Mapping[str, Any]) -> Iterator[str]:
    """Say what was merged."""
    if found:
        yield (
            f"{found['subjects']:,} subjects and {found['key_concepts']:,} key concepts were merged into earlier ones "
            f"of nearly the same name: {', '.join(found['examples'])}{_more(found)}. "
            '`near_names = "keep"` in [curation] leaves them apart.'
        )


def _more(found: Mapping[str, Any]) -> str:
    left = found["subjects"] + found["key_concepts"] - len(found["examples"])
    return f" and {left:,} more" if left else ""
