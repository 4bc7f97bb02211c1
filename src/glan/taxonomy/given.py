"""The subjects that a file gives: with their level and subtopics, and their syllabus or its class sessions.

What a file does not give is asked for: a subject alone gets a syllabus, and a syllabus without class sessions is split
into some. A class session without key concepts is itself its one key concept.
"""

import re
from dataclasses import dataclass

from glan.errors import TaxonomyError
from glan.parsing import MAX_ITEMS, MAX_NAME_LENGTH
from glan.places import key_of
from glan.records import Level, Session, Subject
from glan.taxonomy.parts import Mapping, Part, Span
from glan.taxonomy.syntax import place_of, shown
from glan.taxonomy.values import checked_name, checked_text, list_of, name_of, refuse_unknown, scalar_of

SUBJECT_KEYS = ("name", "level", "draft", "subtopics", "frozen", "syllabus", "sessions")
"""In the order in which they are written."""
SESSION_KEYS = ("name", "key_concepts")
MOST_DRAFTS = 100
MAX_SYLLABUS_LENGTH = 50_000
"""Longest text of a syllabus, in characters: every question on it carries it."""

_SEAL = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}", re.ASCII)


def read_subjects(part: Mapping, source: str) -> tuple[Subject, ...]:
    """Return the subjects that a discipline has in a file; none if it has no such list.

    Raises:
        TaxonomyError: a subject is not as it must be, or stands twice.

    """
    if "subjects" not in part.values:
        return ()
    read, known = _Reader(source), _Known(source, "subject", "in this discipline")
    found: list[Subject] = []
    for item in list_of(part, "subjects", name_of(part, "name", source), source).items:
        subject = read.subject(item)
        known.add(subject.name, subject.key, item.span)
        found.append(subject)
    return tuple(found)


class _Known:
    """The names that a list has so far."""

    def __init__(self, source: str, what: str, where: str) -> None:
        self._source, self._what, self._where = source, what, where
        self._first: dict[str, tuple[str, Span]] = {}

    def add(self, name: str, key: str, span: Span) -> None:
        if key in self._first:
            first, place = self._first[key]
            raise TaxonomyError(
                f"{place_of(self._source, span)}: the {self._what} {shown(name)} already stands {self._where}, as "
                f"{shown(first)} in line {place.line}, column {place.column}; remove or rename one of them."
            )
        self._first[key] = (name, span)


@dataclass(frozen=True, slots=True)
class _Reader:
    """One pass over the subjects of a discipline."""

    source: str

    def subject(self, part: Part) -> Subject:
        if not isinstance(part, Mapping):
            name = self._name(part, "subject")
            return Subject(name=name, key=key_of(name), level=Level.INTRODUCTORY)
        refuse_unknown(part, SUBJECT_KEYS, self.source)
        if "name" not in part.values:
            raise TaxonomyError(f"{place_of(self.source, part.span)}: a subject has no `name:`.")
        name = self._name(part.values["name"], "subject")
        return Subject(
            name=name,
            key=key_of(name),
            level=self._level(part),
            subtopics=tuple(self._names(part, "subtopics", "subtopic", name)),
            draft=self._draft(part),
            syllabus=self._syllabus(part),
            sessions=tuple(self._sessions(part, name)),
            frozen=self._frozen(part),
        )

    def _name(self, part: Part, what: str) -> str:
        at = place_of(self.source, part.span)
        return checked_name(scalar_of(part, what, self.source), f"name of the {what}", at, most=MAX_NAME_LENGTH)

    def _names(self, part: Mapping, key: str, what: str, name: str) -> list[str]:
        """Return the names of a list, each key once."""
        found: dict[str, str] = {}
        for item in self._items(part, key, name):
            one = self._name(item, what)
            found.setdefault(key_of(one), one)
        return list(found.values())

    def _items(self, part: Mapping, key: str, name: str) -> tuple[Part, ...]:
        if key not in part.values:
            return ()
        items = list_of(part, key, name, self.source).items
        if len(items) > MAX_ITEMS:
            at = place_of(self.source, part.keys[key].span)
            raise TaxonomyError(f"{at}: `{key}:` of {name!r} has {len(items):,} items; at most {MAX_ITEMS:,} are read.")
        return items

    def _level(self, part: Mapping) -> Level:
        if "level" not in part.values:
            return Level.INTRODUCTORY
        text = scalar_of(part.values["level"], "level", self.source)
        if key_of(text) not in tuple(Level):
            at = place_of(self.source, part.values["level"].span)
            raise TaxonomyError(f"{at}: there is no level {shown(text)}; the levels are {', '.join(Level)}.")
        return Level(key_of(text))

    def _draft(self, part: Mapping) -> int:
        if "draft" not in part.values:
            return 1
        text = scalar_of(part.values["draft"], "draft", self.source)
        if not re.fullmatch(r"[1-9][0-9]{0,2}", text) or int(text) > MOST_DRAFTS:
            at = place_of(self.source, part.values["draft"].span)
            raise TaxonomyError(f"{at}: the draft {shown(text)} is no number from 1 to {MOST_DRAFTS}; 1 if left out.")
        return int(text)

    def _syllabus(self, part: Mapping) -> str:
        if "syllabus" not in part.values:
            return ""
        at = place_of(self.source, part.values["syllabus"].span)
        text = checked_text(scalar_of(part.values["syllabus"], "syllabus", self.source), "syllabus has", at)
        if len(text) > MAX_SYLLABUS_LENGTH:
            raise TaxonomyError(
                f"{at}: the syllabus has {len(text):,} characters; at most {MAX_SYLLABUS_LENGTH:,} are read, since "
                "every question on it carries it whole."
            )
        return text

    def _frozen(self, part: Mapping) -> str:
        if "frozen" not in part.values:
            return ""
        text = scalar_of(part.values["frozen"], "seal", self.source)
        if not _SEAL.fullmatch(text):
            at = place_of(self.source, part.values["frozen"].span)
            raise TaxonomyError(f"{at}: {shown(text)} is not what `glan curriculum freeze` writes; remove the line.")
        return text

    def _sessions(self, part: Mapping, name: str) -> list[Session]:
        known = _Known(self.source, "class session", "in this subject")
        found: list[Session] = []
        for item in self._items(part, "sessions", name):
            session = self._session(item)
            known.add(session.name, session.key, item.span)
            found.append(session)
        return found

    def _session(self, part: Part) -> Session:
        if not isinstance(part, Mapping):
            name = self._name(part, "class session")
            return Session(name=name, key=key_of(name), key_concepts=(name,))
        refuse_unknown(part, SESSION_KEYS, self.source)
        if "name" not in part.values:
            raise TaxonomyError(f"{place_of(self.source, part.span)}: a class session has no `name:`.")
        name = self._name(part.values["name"], "class session")
        concepts = self._names(part, "key_concepts", "key concept", name) or [name]
        return Session(name=name, key=key_of(name), key_concepts=tuple(concepts))
