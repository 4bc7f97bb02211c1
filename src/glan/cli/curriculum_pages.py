"""Curricula as people and machines see them: lines, JSON, and Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from glan.curricula import Curriculum, Learned
from glan.dataset.markdown import text_of
from glan.errors import ProjectError
from glan.parsing import clean
from glan.places import key_of
from glan.records import Subject
from glan.taxonomy.syntax import shown
from glan.taxonomy.tree import nearest
from glan.wording import counted

_MOST_LETTERS = 10_000
"""Of a name in Markdown: none is as long."""


def lines_of(curriculum: Curriculum, *, with_sessions: bool) -> Iterator[str]:
    """Give a line for the discipline, one for each subject, and where that is wanted one for each class session."""
    drafts = f" of {counted(curriculum.drafts, 'draft')}" if curriculum.drafts else ", given"
    yield f"{curriculum.discipline.title}: {counted(len(curriculum.subjects), 'subject')}{drafts}"
    for learned in curriculum.subjects:
        yield f"  {_line(learned)}"
        if with_sessions:
            yield from (f"    {line}" for line in _sessions(learned.subject))


def subject_lines(curriculum: Curriculum, learned: Learned) -> Iterator[str]:
    """Give everything of one subject, and the text that its questions see."""
    yield f"{curriculum.discipline.title} / {_line(learned)}"
    if learned.subject.subtopics:
        yield f"  Subtopics: {', '.join(learned.subject.subtopics)}"
    yield from (f"  {line}" for line in _sessions(learned.subject))
    if learned.text:
        yield "The text that its questions see:"
        yield learned.text


def counts_of(curricula: Iterable[Curriculum]) -> str:
    """Return how much there is of some disciplines."""
    subjects = [learned.subject for found in curricula for learned in found.subjects]
    sessions = [session for subject in subjects for session in subject.sessions]
    n_syllabi = sum(bool(subject.sessions) for subject in subjects)
    return (
        f"{counted(len(subjects), 'subject')}, {n_syllabi:,} with their syllabus "
        f"({counted(len(sessions), 'class session')}, "
        f"{counted(sum(len(session.key_concepts) for session in sessions), 'key concept')})"
    )


def as_dict(curriculum: Curriculum, subjects: Sequence[Learned], *, with_text: bool = False) -> dict[str, Any]:
    """Return a curriculum as JSON can hold it."""
    discipline = curriculum.discipline
    return {
        "discipline": discipline.name,
        "path": discipline.path,
        "drafts": curriculum.drafts,
        "subjects": [
            {
                "name": found.subject.name,
                "level": found.subject.level,
                "draft": found.subject.draft,
                "subtopics": found.subject.subtopics,
                "syllabus": found.state,
                **({"text": clean(found.text)} if with_text else {}),
                "sessions": [
                    {"name": session.name, "key_concepts": session.key_concepts} for session in found.subject.sessions
                ],
            }
            for found in subjects
        ],
    }


def markdown_of(curricula: Iterable[Curriculum]) -> str:
    """Return curricula as a page that `taxonomy/courses.py` reads."""
    parts: list[str] = []
    for curriculum in curricula:
        parts.append(f"# {_words(curriculum.discipline.name)}")
        for learned in curriculum.subjects:
            subject = learned.subject
            parts.append(f"## {_words(subject.name)} ({subject.level})")
            if subject.subtopics:
                parts.append(_items(subject.subtopics))
            for number, session in enumerate(subject.sessions, 1):
                parts.append(f"### {number}. {_words(session.name)}")
                parts.append(_items(session.key_concepts))
    return "\n\n".join(parts) + "\n"


def subjects_named(name: str, curricula: Iterable[Curriculum]) -> list[tuple[Curriculum, Learned]]:
    """Return the subjects of a name, each with its discipline.

    Raises:
        ProjectError: there is none.

    """
    key = key_of(name)
    everything = [(curriculum, learned) for curriculum in curricula for learned in curriculum.subjects]
    found = [(curriculum, learned) for curriculum, learned in everything if learned.subject.key == key]
    if not found:
        near = nearest(name, [learned.subject.name for _, learned in everything])
        guess = f"; did you mean {' or '.join(map(shown, near))}?" if near else "."
        raise ProjectError(
            f"There is no subject {shown(name)} here{guess}", hint="`glan curriculum show` lists those that there are."
        )
    return found


def _line(learned: Learned) -> str:
    subject = learned.subject
    draft = f", draft {subject.draft}" if subject.draft > 1 else ""
    n_concepts = sum(len(session.key_concepts) for session in subject.sessions)
    sizes = f"{counted(len(subject.sessions), 'class session')}, {counted(n_concepts, 'key concept')}, "
    return f"{subject.name} ({subject.level}{draft}): {sizes if subject.sessions else ''}{learned.state}"


def _sessions(subject: Subject) -> Iterator[str]:
    for number, session in enumerate(subject.sessions, 1):
        yield f"{number}. {session.name}: {', '.join(session.key_concepts)}"


def _items(names: Iterable[str]) -> str:
    return "\n".join(f"- {_words(name)}" for name in names)


def _words(name: str) -> str:
    return text_of(name, _MOST_LETTERS)
