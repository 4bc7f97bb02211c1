"""From a draw to a question that sees the whole syllabus (paper, section 2.4)."""

from glan.generate.asking import Asking, text_of
from glan.records import Draw, Question, Request, Slot, Stage, Strategy, Syllabus, place


async def write_question(asking: Asking, slot: Slot, syllabus: Syllabus, draw: Draw) -> Question:
    """Return the question of a slot.

    Raises:
        ReplyError: the teacher's replies are empty.
        RequestError: the teacher does not answer.

    """
    discipline, subject = syllabus.discipline, syllabus.subject
    prompt = asking.render(
        "write_question",
        discipline=discipline.name,
        subject=subject.name,
        level=subject.level.value,
        syllabus=syllabus.text,
        sessions=[syllabus.sessions[i].name for i in draw.sessions],
        key_concepts=[syllabus.sessions[i].key_concepts[k] for i, k in draw.concepts],
        several=draw.strategy is Strategy.PAIR,
        notes=discipline.notes,
    )
    request = Request(
        id=place("question", discipline.key, subject.key, draw.index),
        stage=Stage.QUESTIONS,
        messages=(prompt,),
        sampling=asking.sampling[Stage.QUESTIONS],
    )
    reply, text = await asking.ask_for(request, text_of)
    return Question(id=request.id, slot=slot, syllabus=syllabus, draw=draw, text=text, reply=reply)
