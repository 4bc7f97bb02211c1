"""Drafts: the subjects of a discipline and the syllabus of a subject, as a teacher would write them down."""

import hashlib
from collections.abc import Sequence

from glan.places import key_of
from glan.records import Level
from glan.teachers.offline.book import Book, Chapter, Part, Section

_SESSIONS = 5
"""Class sessions of a subject that the book does not have."""


def draft_subjects(book: Book, discipline: str) -> str:
    """Return the subjects of a discipline with their levels and subtopics."""
    part = book.part(discipline)
    introduction = part.introduction if part else book.generic.introduction.replace("{discipline}", discipline)
    lines = [f"# Subjects of {discipline}", "", introduction]
    for number, chapter in enumerate(book.chapters(discipline), start=1):
        lines += ["", f"## {number}. {chapter.name} ({chapter.level})", "", chapter.introduction, "", "Subtopics:", ""]
        lines += [f"- {section.name}" for section in chapter.sessions]
    return "\n".join(lines)


def draft_syllabus(book: Book, discipline: str, subject: str, level: Level) -> str:
    """Return the syllabus of a subject with its class sessions and their key concepts."""
    chapter = book.chapter(discipline, subject) or _chapter(book.generic, subject, level)
    names = "; ".join(section.name for section in chapter.sessions)
    lines = [f"# {subject}", "", chapter.introduction, "", f"It is taught at the {level} level. In order: {names}."]
    for number, section in enumerate(chapter.sessions, start=1):
        lines += ["", f"## Session {number}: {section.name}", "", section.description, "", "Key concepts:", ""]
        lines += [f"- {concept.name}: {concept.definition}" for concept in section.concepts]
    return "\n".join(lines)


def _chapter(generic: Part, subject: str, level: Level) -> Chapter:
    """Return a chapter for a subject that the book does not have: sections of the generic part, chosen by its name."""
    sections = [section for chapter in generic.subjects for section in chapter.sessions]
    chosen = sorted(_shuffled(sections, subject)[:_SESSIONS], key=sections.index)
    return Chapter(
        name="generic",
        level=level,
        introduction=f"The offline textbook has no chapter on {subject}, so this plan is generic.",
        sessions=tuple(chosen),
    )


def _shuffled(sections: Sequence[Section], subject: str) -> list[Section]:
    key = key_of(subject).encode("utf-8", "replace")
    return sorted(
        sections, key=lambda section: hashlib.blake2b(section.name.encode(), key=key[:64], digest_size=8).digest()
    )
