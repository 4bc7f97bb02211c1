"""What a model that is examined is asked, and what is asked about its answers.

The model sees the question alone, as a user asks it. A judge sees the question and the answers, and nothing else: not
whose they are. The places of judgements are hashes of the texts, so what was judged once is judged for good.
"""

from collections.abc import Sequence

from glan.generate.asking import Asking
from glan.generate.judging import mark_of, whole
from glan.judgements import Compared, Graded, parse_comparison, parse_grade
from glan.places import place
from glan.records import Message, Reply, Stage


async def answer_as_student(asking: Asking, name: str, turns: Sequence[Message]) -> Reply:
    """Return what a model answers; its reply is taken as it is, also where it is empty.

    Raises:
        ReplyError: thinking took all the room, so there is no text.
        RequestError: the model does not answer.

    """
    asked = mark_of(*[text for turn in turns for text in (turn.role, turn.content)])
    return await asking.ask(asking.request(Stage.STUDENTS, place("student", name, asked), *turns))


async def compare_answers(asking: Asking, question: str, first: str, second: str) -> tuple[Reply, Compared]:
    """Return what a judge says of two answers in this order, with the reply that says it.

    Raises:
        ReplyError: the replies cannot be read.
        RequestError: the judge does not answer.

    """
    mark = mark_of(question, first, second)
    prompt = asking.render("compare_answers", question=question, first=first, second=second, mark=mark)
    place_ = place("comparison", mark_of(question), mark_of(first), mark_of(second))
    return await asking.ask_for(
        asking.request(Stage.JUDGEMENTS, place_, prompt, schema="comparison"), whole(parse_comparison)
    )


async def grade_answer(asking: Asking, question: str, answer: str) -> tuple[Reply, Graded]:
    """Return what a judge says of one answer, with the reply that says it; it raises what `compare_answers` does."""
    mark = mark_of(question, answer)
    prompt = asking.render("grade_answer", question=question, answer=answer, mark=mark)
    place_ = place("grade", mark_of(question), mark_of(answer))
    return await asking.ask_for(asking.request(Stage.JUDGEMENTS, place_, prompt, schema="grade"), whole(parse_grade))
