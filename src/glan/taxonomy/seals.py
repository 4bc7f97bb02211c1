"""The seal of a frozen subject: by it the teacher's own text of a syllabus is found again, until a person edits it.

A file has the class sessions of a subject for people to read and edit. Questions see the text that the teacher wrote,
which is several times as long and stands in the ledger. The seal holds what the file says and that text together: where
either is another, it is broken, and questions see what the file says.
"""

from glan.parsing import clean
from glan.places import seed_of
from glan.records import Subject


def seal_of(subject: Subject, text: str) -> str:
    """Return the seal of a subject as it stands in a file, and of the text of its syllabus."""
    return f"{_content(subject)}-{_text(text)}"


def is_unchanged(subject: Subject) -> bool:
    """Say whether a frozen subject says what it said when it was frozen."""
    return bool(subject.sessions) and not subject.syllabus and subject.frozen.startswith(f"{_content(subject)}-")


def is_sealed_with(subject: Subject, text: str) -> bool:
    """Say whether a text is the one that a subject was frozen with."""
    return subject.frozen.endswith(f"-{_text(text)}")


def is_as_written(subject: Subject) -> bool:
    """Say whether a frozen subject has the text that it was frozen with, once that was looked for."""
    return bool(subject.syllabus) and subject.frozen == seal_of(subject, subject.syllabus)


def _content(subject: Subject) -> str:
    """Hash everything that reaches a question; the draft only says when the subject is walked."""
    parts: list[str | int] = [subject.name, subject.level, len(subject.subtopics), *subject.subtopics]
    for session in subject.sessions:
        parts += [session.name, len(session.key_concepts), *session.key_concepts]
    return f"{seed_of('subject', *parts):016x}"


def _text(text: str) -> str:
    return f"{seed_of('syllabus', clean(text)):016x}"
