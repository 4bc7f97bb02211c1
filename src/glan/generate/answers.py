"""From a question to its answer. The teacher sees the question alone (paper, section 2.4)."""

from glan.generate.asking import Asking, text_of
from glan.records import Question, Reply, Stage, place


async def write_answer(asking: Asking, question: Question) -> Reply:
    """Return the answer to a question.

    Raises:
        ReplyError: the teacher's replies are empty.
        RequestError: the teacher does not answer.

    """
    discipline, subject = question.syllabus.discipline, question.syllabus.subject
    prompt = asking.render("answer_question", question=question.text)
    request = asking.request(Stage.ANSWERS, place("answer", discipline.key, subject.key, question.draw.index), prompt)
    reply, _ = await asking.ask_for(request, text_of)
    return reply
