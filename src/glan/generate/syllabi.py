"""From a subject to its syllabus: the text, which is kept, and its class sessions (paper, section 2.3)."""

from glan.generate.asking import Asking, text_of
from glan.parsing import parse_sessions
from glan.records import Discipline, Message, Request, Stage, Subject, Syllabus, place


async def write_syllabus(asking: Asking, discipline: Discipline, subject: Subject) -> Syllabus:
    """Return the syllabus of a subject.

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
    draft = Request(
        id=place("syllabus", discipline.key, subject.key),
        stage=Stage.SYLLABI,
        messages=(prompt,),
        sampling=asking.sampling[Stage.SYLLABI],
    )
    _, text = await asking.ask_for(draft, text_of)
    listing = Request(
        id=place("sessions", discipline.key, subject.key),
        stage=Stage.SYLLABI,
        messages=(prompt, Message(role="assistant", content=text), asking.render("list_sessions")),
        sampling=asking.sampling[Stage.SYLLABI],
        schema="sessions",
    )
    _, sessions = await asking.ask_for(listing, lambda reply: parse_sessions(reply.text))
    return Syllabus(discipline=discipline, subject=subject, text=text, sessions=sessions)
