"""From a question to its answer. The teacher sees the question alone (paper, section 2.4)."""

from glan.generate.asking import Asking, text_of
from glan.records import Question, Reply, Stage


async def write_answer(asking: Asking, question: Question, *, sample: int = 0) -> Reply:
    """Return the answer to a question; another sample is another one to the same prompt.

    Raises:
        ReplyError: the teacher's replies are empty.
        RequestError: the teacher does not answer.

    """
    constraint = question.task.constraint
    own = constraint.language if constraint is not None else None
    asking = asking.speaking(own or question.language)
    prompt = asking.render("answer_question", question=question.text)
    request = asking.request(Stage.ANSWERS, question.answer_id, prompt, sample=sample)
    reply, _ = await asking.ask_for(request, text_of)
    return reply
