"""The textbook as a book: parts (disciplines), chapters (subjects), sections (class sessions) and their concepts.

It knows what is printed, and where; it refuses to know prompts, questions and answers.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from glan.places import key_of
from glan.records import Level

T = TypeVar("T")

Name = Annotated[str, Meta(pattern=r'^[^"*\n]{2,60}$')]
Line = Annotated[str, Meta(pattern=r'^[^"*\n]{10,400}[.]$')]
Prose = Annotated[str, Meta(pattern=r'^[^"\n]{20,700}$')]
Story = Annotated[str, Meta(min_length=20, max_length=900)]

PARTS = ("mathematics", "astronomy", "law", "music", "psychology", "robots", "insurance", "fishing")
"""Files of the disciplines that have chapters of their own."""


class _Printed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Concept(_Printed, frozen=True):
    """A key concept as the textbook teaches it."""

    name: Name
    text: Prose
    """What it means; its first sentence is a definition that stands alone."""
    example: Prose
    wrong: Line | None = None
    """A false sentence that many believe."""
    right: Line | None = None
    """The true sentence that belongs in its place."""
    case: Prose | None = None
    """A situation with the people {A} and {B}."""
    verdict: Prose | None = None
    """How the case is decided, and why."""
    problem: Name | None = None
    """Name of the exercises whose numbers are drawn."""

    @property
    def definition(self) -> str:
        """The first sentence of the text."""
        return self.text[: self._end]

    @property
    def rest(self) -> str:
        """The text after the definition."""
        return self.text[self._end + 1 :]

    @property
    def _end(self) -> int:
        return self.text.index(". ") + 1


class Section(_Printed, frozen=True):
    """A class session."""

    name: Name
    description: Line
    concepts: tuple[Concept, ...]


class Chapter(_Printed, frozen=True):
    """A subject."""

    name: Name
    level: Level
    introduction: Line
    sessions: tuple[Section, ...]


class Part(_Printed, frozen=True):
    """A discipline, or the one generic curriculum of all others."""

    introduction: Line
    situations: tuple[Prose, ...]
    """Sentences that open a question."""
    subjects: tuple[Chapter, ...]
    discipline: Name | None = None
    subtitles: tuple[Prose, ...] = ()
    """Sentences that close a generic answer."""
    unknown: tuple[Prose, ...] = ()
    """What can be said of concepts that are not in the book."""
    stories: dict[str, tuple[Story, ...]] = {}
    """Wordings of each problem, with holes for its numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a concept stands in the book."""

    concept: Concept
    section: Section
    is_generic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The whole book with its index. Keys are those of `key_of`."""

    parts: Mapping[str, Part]
    generic: Part
    pages: Mapping[str, Page]
    """By the name of the concept."""
    statements: Mapping[str, tuple[Page, bool]]
    """True and false sentences by their words."""
    exercises: Mapping[str, Page]
    """By the name of the problem."""

    @property
    def disciplines(self) -> tuple[str, ...]:
        """Names of the disciplines that have chapters of their own."""
        return tuple(part.discipline or "" for part in self.parts.values())

    def page(self, name: str) -> Page | None:
        """Return where a concept stands, if it does."""
        return self.pages.get(name) or self.pages.get(key_of(name))

    def part(self, discipline: str) -> Part | None:
        """Return the part about a discipline, if there is one."""
        return self.parts.get(key_of(discipline))

    def chapter(self, discipline: str, subject: str) -> Chapter | None:
        """Return the chapter about a subject, with the discipline's name in it where it is a generic one."""
        key = key_of(subject)
        for chapter in self.chapters(discipline):
            if key_of(chapter.name) == key:
                return chapter
        return None

    def chapters(self, discipline: str) -> tuple[Chapter, ...]:
        """Return the chapters that a student of a discipline learns."""
        part = self.part(discipline)
        return part.subjects if part else tuple(_named(chapter, discipline) for chapter in self.generic.subjects)


def _named(chapter: Chapter, discipline: str) -> Chapter:
    return msgspec.structs.replace(
        chapter,
        name=chapter.name.replace("{discipline}", discipline),
        introduction=chapter.introduction.replace("{discipline}", discipline),
    )


def read_table(name: str, kind: type[T]) -> T:
    """Return a file of the textbook, checked.

    Raises:
        msgspec.ValidationError: it is not of this kind.

    """
    file = resources.files("glan.teachers.offline") / "textbook" / f"{name}.toml"
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), kind)


@cache
def open_book() -> Book:
    """Return the book, read once."""
    parts = [read_table(name, Part) for name in PARTS]
    generic = read_table("generic", Part)
    pages = [page for part in parts for page in _pages(part)]
    known = [*(replace(page, is_generic=True) for page in _pages(generic)), *pages]
    return Book(
        parts={key_of(part.discipline or ""): part for part in parts},
        generic=generic,
        pages={key_of(page.concept.name): page for page in known},
        statements=dict(_statements(known)),
        exercises={page.concept.problem: page for page in pages if page.concept.problem},
    )


def _pages(part: Part) -> Iterator[Page]:
    for chapter in part.subjects:
        for section in chapter.sessions:
            for concept in section.concepts:
                yield Page(concept=concept, section=section)


def _statements(pages: list[Page]) -> Iterator[tuple[str, tuple[Page, bool]]]:
    for page in pages:
        for text, is_true in ((page.concept.right, True), (page.concept.wrong, False)):
            if text:
                yield key_of(text), (page, is_true)
