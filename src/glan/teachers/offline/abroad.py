"""Volumes of the textbook in other languages than English: a chapter each, with the words of its questions and answers.

What stands in a volume bears the names of the English book too, so that a question about what an English syllabus
teaches can be asked in the volume's language. It knows what is printed, and how drafts are made of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import msgspec
from msgspec import Meta

from glan.language_names import code_of
from glan.places import key_of
from glan.records import Level
from glan.teachers.offline.book import Name, read_table
from glan.teachers.offline.phrases import Phrase

Prose = Annotated[str, Meta(pattern=r'^[^"\n]{8,700}$')]
"""Japanese needs fewer characters than English."""
VOLUMES = ("ja", "es")
"""Files of the languages that have a volume."""


class _Printed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Entry(_Printed, frozen=True):
    """A key concept; see `book.Concept`."""

    name: Name
    english: Name
    """The concept of the English book that it is."""
    text: Prose
    example: Prose
    wrong: Prose
    right: Prose
    case: Prose
    verdict: Prose

    @property
    def definition(self) -> str:
        """The first sentence of the text."""
        ends = [end + len(mark.rstrip()) for mark in (". ", "。") if (end := self.text.find(mark)) >= 0]
        return self.text[: min(ends, default=len(self.text))]


class Session(_Printed, frozen=True):
    """A class session."""

    name: Name
    english: Name
    description: Prose
    concepts: tuple[Entry, ...]


class Headings(_Printed, frozen=True):
    """Fixed words of drafts."""

    subjects: str
    subtopics: str
    order: str
    key_concepts: str
    separator: str
    """What stands between names in a sentence."""


class Printed(_Printed, frozen=True):
    """A file of the textbook in another language."""

    language: str
    discipline: Name
    english: Name
    introduction: Prose
    subject: Name
    english_subject: Name
    level: Level
    about: Prose
    headings: Headings
    labels: tuple[str, ...]
    people: tuple[Name, ...]
    situations: tuple[Prose, ...]
    """Sentences that open a question ..."""
    closings: tuple[str, ...]
    """... and sentences that close it."""
    tasks: dict[str, tuple[str, ...]]
    """Wordings of each kind of task, with holes."""
    leads: dict[str, tuple[str, ...]]
    """How the parts of an answer begin."""
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume with its index. Keys are those of `key_of`."""

    printed: Printed
    pages: Mapping[str, tuple[Entry, Session]]
    """By the name of the concept, in either language."""
    statements: Mapping[str, tuple[Entry, bool]]
    """True and false sentences by their words."""
    phrases: tuple[tuple[str, Phrase], ...]
    """Every wording with its kind."""

    def page(self, name: str) -> tuple[Entry, Session] | None:
        """Return where a concept stands, if it does."""
        return self.pages.get(key_of(name))

    def draft_subjects(self, discipline: str) -> str | None:
        """Return the subjects of the discipline with their levels and subtopics; None of another one."""
        book, words = self.printed, self.printed.headings
        if key_of(discipline) not in map(key_of, (book.discipline, book.english)):
            return None
        lines = [f"# {words.subjects.replace('{discipline}', discipline)}", "", book.introduction]
        lines += ["", f"## 1. {book.subject} ({book.level})", "", book.about, "", words.subtopics, ""]
        return "\n".join([*lines, *[f"- {session.name}" for session in book.sessions]])

    def draft_syllabus(self, subject: str) -> str | None:
        """Return the syllabus of the subject with its class sessions and their key concepts; None of another one."""
        book, words = self.printed, self.printed.headings
        if key_of(subject) not in map(key_of, (book.subject, book.english_subject)):
            return None
        names = words.separator.join(session.name for session in book.sessions)
        lines = [f"# {subject}", "", book.about, "", words.order.replace("{names}", names)]
        for number, session in enumerate(book.sessions, start=1):
            lines += ["", f"## {number}. {session.name}", "", session.description, "", words.key_concepts, ""]
            lines += [f"- {entry.name}: {entry.definition}" for entry in session.concepts]
        return "\n".join(lines)


def volume_in(language: str) -> Volume | None:
    """Return the volume in a language, given by its name or code, if there is one."""
    return open_volumes().get(code_of(language) or "")


@cache
def open_volumes() -> Mapping[str, Volume]:
    """Return the volumes by the codes of their languages, read once."""
    return {name: _indexed(read_table(name, Printed)) for name in VOLUMES}


def _indexed(printed: Printed) -> Volume:
    pages = [(entry, session) for session in printed.sessions for entry in session.concepts]
    return Volume(
        printed=printed,
        pages={key_of(name): page for page in pages for name in (page[0].english, page[0].name)},
        statements=dict(_statements(printed)),
        phrases=tuple((kind, Phrase.of(text)) for kind, texts in printed.tasks.items() for text in texts),
    )


def _statements(printed: Printed) -> Iterator[tuple[str, tuple[Entry, bool]]]:
    for session in printed.sessions:
        for entry in session.concepts:
            yield key_of(entry.right), (entry, True)
            yield key_of(entry.wrong), (entry, False)
