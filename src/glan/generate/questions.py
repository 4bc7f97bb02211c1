"""From a draw to a question that sees the whole syllabus (paper, section 2.4)."""

from glan.generate.asking import Asking, text_of
from glan.records import Draw, Question, Slot, Stage, Strategy, Syllabus, question_id


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
    request = asking.request(Stage.QUESTIONS, question_id(syllabus, draw), prompt)
    reply, text = await asking.ask_for(request, text_of)
    return Question.on(syllabus, draw, slot=slot, text=text, reply=reply)
