"""Curricula from Markdown, as `glan curriculum export` writes them and people edit them.

# Astronomy                        a discipline of the tree
## Stars (advanced)                a subject, with its level
- Spectra                          a subtopic
### 1. Lives of stars              a class session
- white dwarfs                     a key concept
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from glan.errors import TaxonomyError
from glan.parsing import MAX_ITEMS, MAX_NAME_LENGTH
from glan.places import key_of
from glan.records import Level, Session, Subject
from glan.taxonomy.syntax import shown
from glan.taxonomy.values import checked_name

_HEADING = re.compile(r"(#{1,6})\s+(.*?)(?:\s+#+)?")
_ITEM = re.compile(r"\s*[-*+]\s+(.*)")
_LEVEL = re.compile(rf"(.*\S)\s*\(\s*({'|'.join(Level)})\s*\)", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}[.)]\s+")
_ESCAPED = re.compile(r"\\([\\`*_\[\]|~$#!])")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&#58;": ":"}
_ENTITY = re.compile("|".join(_ENTITIES))
_KINDS = ("discipline", "subject", "class session")


@dataclass(slots=True)
class Course:
    """A subject as a page has it."""

    name: str
    level: Level | None
    """None where the page does not say it."""
    subtopics: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    """By key the name and the key concepts."""

    def over(self, before: Subject | None) -> Subject:
        """Return it as a subject, with what a page does not say as it was before."""
        found = before or Subject(name=self.name, key=key_of(self.name), level=Level.INTRODUCTORY)
        sessions = [
            Session(name=name, key=key, key_concepts=tuple(concepts.values()) or (name,))
            for key, (name, concepts) in self.sessions.items()
        ]
        return replace(
            found,
            name=self.name,
            level=self.level or found.level,
            subtopics=tuple(self.subtopics.values()),
            sessions=tuple(sessions),
        )


@dataclass(slots=True)
class Courses:
    """What a page says."""

    disciplines: dict[str, dict[str, Course]] = field(default_factory=dict)
    """By the name of a discipline its subjects, by their keys."""
    skipped: list[int] = field(default_factory=list)
    """Numbers of lines that are neither headings nor items."""


def read_courses(text: str, source: str) -> Courses:
    """Return the curricula of a page.

    Raises:
        TaxonomyError: a heading or an item stands where it says nothing, stands twice, or has no name; with its line.

    """
    page = _Page(source)
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if line.strip():
            page.take(line, f"{source}, line {number}", number)
    empty = [name for name, subjects in page.found.disciplines.items() if not subjects]
    if empty:
        raise TaxonomyError(f"{source}: the discipline {shown(empty[0])} has no subject; take its heading out.")
    if not page.found.disciplines:
        raise TaxonomyError(
            f"{source} has no curriculum: `# Discipline`, `## Subject`, `### Class session`, `- key concept`.",
            hint="`glan curriculum export FILE.md` writes such a page.",
        )
    return page.found


class _Page:
    """One pass over a page: what the last headings were, and what belongs to them."""

    def __init__(self, source: str) -> None:
        self.found = Courses()
        self._source = source
        self._subjects: dict[str, Course] | None = None
        self._course: Course | None = None
        self._items: dict[str, str] | None = None

    def take(self, line: str, at: str, number: int) -> None:
        heading, item = _HEADING.fullmatch(line.strip()), _ITEM.fullmatch(line.rstrip())
        if heading is not None:
            self._head(len(heading[1]), heading[2], at)
        elif item is None:
            self.found.skipped.append(number)
        elif self._items is None:
            raise TaxonomyError(f"{at}: {shown(item[1])} stands under no subject and no class session.")
        else:
            name = _name(item[1], "name", at)
            self._items.setdefault(key_of(name), name)
            if len(self._items) > MAX_ITEMS:
                raise TaxonomyError(f"{at}: more than {MAX_ITEMS:,} items stand here; at most so many are read.")

    def _head(self, depth: int, text: str, at: str) -> None:
        if depth > len(_KINDS):
            raise TaxonomyError(f"{at}: {'#' * depth} is no heading here: # discipline, ## subject, ### class session.")
        above = (True, self._subjects is not None, self._course is not None)[depth - 1]
        if not above:
            raise TaxonomyError(f"{at}: the {_KINDS[depth - 1]} {shown(text)} stands under no {_KINDS[depth - 2]}.")
        (self._discipline, self._subject, self._session)[depth - 1](text, at)

    def _discipline(self, text: str, at: str) -> None:
        name = _name(text, "discipline", at)
        _refuse_twice(name, self.found.disciplines, "discipline", at)
        self._subjects = self.found.disciplines[name] = {}
        self._course = self._items = None

    def _subject(self, text: str, at: str) -> None:
        levelled = _LEVEL.fullmatch(text)
        name = _name(levelled[1] if levelled else text, "subject", at)
        assert self._subjects is not None  # noqa: S101 - a heading above it is asked for before
        _refuse_twice(key_of(name), self._subjects, "subject", at)
        self._course = Course(name, Level(levelled[2].lower()) if levelled else None)
        self._subjects[key_of(name)] = self._course
        self._items = self._course.subtopics

    def _session(self, text: str, at: str) -> None:
        name = _name(_NUMBER.sub("", text, count=1) if _NUMBER.match(text) else text, "class session", at)
        assert self._course is not None  # noqa: S101 - likewise
        _refuse_twice(key_of(name), self._course.sessions, "class session", at)
        self._items = {}
        self._course.sessions[key_of(name)] = name, self._items


def _refuse_twice(key: str, known: Mapping[str, object], what: str, at: str) -> None:
    if key in known:
        raise TaxonomyError(f"{at}: the {what} {shown(key)} stands here twice; rename or remove one of them.")


def _name(text: str, what: str, at: str) -> str:
    """Return a name as it was before it was written as Markdown."""
    plain = _ENTITY.sub(lambda found: _ENTITIES[found[0]], _ESCAPED.sub(r"\1", text))
    return checked_name(plain, what, at, most=MAX_NAME_LENGTH)
