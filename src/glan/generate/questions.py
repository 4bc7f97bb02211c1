"""From a draw to a question that sees the whole syllabus (paper, section 2.4)."""

from msgspec.structs import replace

from glan.config import Config
from glan.errors import PromptError
from glan.generate.asking import Asking, text_of
from glan.mix import Mix, mix_of
from glan.prompts import SUFFIX, Prompts
from glan.records import Draw, Question, Slot, Stage, Strategy, Syllabus, question_id


def mix_for(config: Config, prompts: Prompts) -> Mix:
    """Return the mix that a project's settings name.

    Raises:
        ConfigError: it names what is not known.
        PromptError: the project's prompt is from before there was a mix, and would say nothing of it.

    """
    mix = mix_of(config.questions, config.seed)
    needed = {
        "form": bool(mix.forms),
        "difficulty": bool(mix.difficulties),
        "constraint": any(form.constraint is not None for form in mix.forms),
    }
    for variable, is_needed in needed.items():
        if is_needed and prompts.leaves_out("write_question", variable):
            raise PromptError(
                f"prompts/write_question{SUFFIX} has no {{{{ {variable} }}}}, so [questions] in glan.toml would reach "
                "no question.",
                hint="`glan prompts --shipped write_question` shows the lines at its end that say it.",
            )
    return mix


async def write_question(asking: Asking, slot: Slot, syllabus: Syllabus, draw: Draw) -> Question:
    """Return the question of a slot.

    Raises:
        ReplyError: the teacher's replies are empty.
        RequestError: the teacher does not answer.

    """
    discipline, subject = syllabus.discipline, syllabus.subject
    id_ = question_id(syllabus, draw)
    told = asking.mix.drawn(id_)
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
    question = Question.on(syllabus, draw, slot=slot, text=text, reply=reply)
    return question if told.task == question.task else replace(question, task=told.task)
