"""From a draw to a question that sees the whole syllabus (paper, section 2.4)."""

from msgspec.structs import replace

from glan.generate.asking import Asking, text_of
from glan.records import Draw, Question, Slot, Stage, Strategy, Syllabus, question_id


async def write_question(asking: Asking, slot: Slot, syllabus: Syllabus, draw: Draw) -> Question:
    """Return the question of a slot.

    Raises:
        ReplyError: the teacher's replies are empty.
        RequestError: the teacher does not answer.

    """
    discipline, subject = syllabus.discipline, syllabus.subject
    id_ = question_id(syllabus, draw)
    told = asking.mix.drawn(id_)
    language = asking.languages.of_question(id_)
    asking = asking.speaking(language)
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
        form=told.form,
        difficulty=told.difficulty,
        constraint=told.constraint,
    )
    request = asking.request(Stage.QUESTIONS, id_, prompt)
    reply, text = await asking.ask_for(request, text_of)
    question = replace(Question.on(syllabus, draw, slot=slot, text=text, reply=reply), language=language)
    # A reply that is kept was asked for before the mix was what it is, so nobody knows in what form.
    return question if reply.is_kept or told.task == question.task else replace(question, task=told.task)
