"""From a subject to its syllabus: the text, which is kept, and its class sessions (paper, section 2.3)."""

from collections.abc import Sequence

from glan.generate.asking import Asking, text_of
from glan.parsing import parse_sessions
from glan.places import place
from glan.records import Discipline, Message, Session, Stage, Subject, Syllabus


async def write_syllabus(
    asking: Asking, discipline: Discipline, subject: Subject, sessions: Sequence[Session] = ()
) -> Syllabus:
    """Return the syllabus of a subject; where its sessions are known already, only the text is asked for.

    Raises:
        ReplyError: the teacher's replies cannot be used.
        RequestError: the teacher does not answer.

    """
    prompt = asking.render(
        "draft_syllabus",
        discipline=discipline.name,
        subject=subject.name,
        level=subject.level.value,
        subtopics=subject.subtopics,
        notes=discipline.notes,
    )
    draft = asking.request(Stage.SYLLABI, place("syllabus", discipline.key, subject.key), prompt)
    _, text = await asking.ask_for(draft, text_of)
    if not sessions:
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
