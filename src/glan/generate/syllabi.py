"""From a subject to its syllabus: the text, which is kept, and its class sessions (paper, section 2.3).

What the taxonomy gives of it is used as it is, and only what is missing is asked for.
"""

from collections.abc import Sequence

from glan.generate.asking import Asking, text_of
from glan.parsing import parse_sessions
from glan.places import place
from glan.records import Discipline, Message, Session, Stage, Subject, Syllabus


async def write_syllabus(
    asking: Asking, discipline: Discipline, subject: Subject, sessions: Sequence[Session] = ()
) -> Syllabus:
    """Return the syllabus of a subject: of text and sessions what is neither given nor known is asked for.

    Raises:
        ReplyError: the teacher's replies cannot be used.
        RequestError: the teacher does not answer.

    """
    sessions = sessions or subject.sessions
    text = given_text(subject)
    prompt = None if text and sessions else _prompt(asking, discipline, subject)
    if prompt is not None and not text:
        draft = asking.request(Stage.SYLLABI, place("syllabus", discipline.key, subject.key), prompt)
        _, text = await asking.ask_for(draft, text_of)
    if prompt is not None and not sessions:
        said = Message(role="assistant", content=text)
        listing = asking.request(
            Stage.SYLLABI,
            place("sessions", discipline.key, subject.key),
            prompt,
            said,
            asking.render("list_sessions"),
            schema="sessions",
        )
        _, sessions = await asking.ask_for(listing, lambda reply: parse_sessions(reply.text))
    return Syllabus(discipline=discipline, subject=subject, text=text, sessions=tuple(sessions))


def given_text(subject: Subject) -> str:
    """Return the text of a syllabus as far as it is given: its own, or what follows from class sessions."""
    return subject.syllabus or (_outline(subject) if subject.sessions else "")


def _outline(subject: Subject) -> str:
    """Return class sessions with their key concepts as a text, without a word of ours."""
    parts = [f"# {subject.name} ({subject.level})"]
    if subject.subtopics:
        parts.append(_list(subject.subtopics))
    for number, session in enumerate(subject.sessions, 1):
        parts += [f"## {number}. {session.name}", _list(session.key_concepts)]
    return "\n\n".join(parts)


def _list(names: Sequence[str]) -> str:
    return "\n".join(f"- {name}" for name in names)


def _prompt(asking: Asking, discipline: Discipline, subject: Subject) -> Message:
    return asking.render(
        "draft_syllabus",
        discipline=discipline.name,
        subject=subject.name,
        level=subject.level.value,
        subtopics=subject.subtopics,
        notes=discipline.notes,
    )
