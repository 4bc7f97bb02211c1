"""What is asked about a question, before it is answered, and about a pair.

Whoever judges sees the question, and its answer, and nothing else: not what it was written for, nor who wrote it. The
texts stand between marks that hold a hash of them, so that no text can hold the mark that ends it.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import TypeVar

from msgspec.structs import replace

from glan.errors import ReplyError
from glan.generate.asking import Asking
from glan.judgements import Guarded, Rated, Scored, parse_rating, parse_safety, parse_scores
from glan.places import beside
from glan.records import Message, Question, Reply, Request, Stage

T = TypeVar("T")


async def rate_question(asking: Asking, question: Question) -> tuple[Reply, Rated]:
    """Return what is said of a question, with the reply that says it.

    Raises:
        ReplyError: the replies cannot be read.
        RequestError: the teacher does not answer.

    """
    asking = asking.speaking(question.language)
    prompt = asking.render("rate_question", question=question.text, mark=mark_of(question.text))
    request = asking.request(Stage.RATINGS, beside("rating", question.id), prompt, schema="rating")
    return await asking.ask_for(request, whole(parse_rating))


async def score_pair(asking: Asking, question: Question, answer: Reply, *, sample: int = 0) -> tuple[Reply, Scored]:
    """Return what a critic says of a pair, with the reply that says it; it raises what `rate_question` does.

    `sample` is the number of the answer: what is said of one is never taken for what would be said of another.
    """
    asking = asking.speaking(question.language)
    prompt = _of_pair(asking, "score_pair", question, answer)
    request = asking.request(Stage.SCORES, beside("score", question.id), prompt, schema="scores", sample=sample)
    return await asking.ask_for(request, whole(parse_scores))


async def guard_pair(
    asking: Asking, question: Question, answer: Reply, *, as_conversation: bool = False, sample: int = 0
) -> tuple[Reply, Guarded]:
    """Return what a guard model says of a pair, with the reply that says it; it raises what `rate_question` does.

    As a conversation the pair is all that is sent: guard models know by themselves what they are asked, and a word more
    would be looked at as a part of the pair.
    """
    asking = asking.speaking(question.language)
    request = _guarding(asking, question, answer, as_conversation=as_conversation)
    request = replace(request, sample=sample)
    return await asking.ask_for(request, whole(parse_safety), shows_error=not as_conversation)


def _guarding(asking: Asking, question: Question, answer: Reply, *, as_conversation: bool) -> Request:
    id_ = beside("safety", question.id)
    if as_conversation:
        said = Message(role="user", content=question.text), Message(role="assistant", content=answer.text)
        return asking.request(Stage.SAFETY, id_, *said)
    return asking.request(Stage.SAFETY, id_, _of_pair(asking, "judge_safety", question, answer), schema="safety")


def _of_pair(asking: Asking, prompt: str, question: Question, answer: Reply) -> Message:
    mark = mark_of(question.text, answer.text)
    return asking.render(prompt, question=question.text, answer=answer.text, mark=mark)


def mark_of(*texts: str) -> str:
    """Return 16 hexadecimal digits that nobody who writes one of the texts can know."""
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def whole(parse: Callable[[str], T]) -> Callable[[Reply], T]:
    """Return a reader of whole replies: half a number is another number."""

    def read(reply: Reply) -> T:
        if reply.finish_reason == "length":
            raise ReplyError("The reply was cut off before its end.", text=reply.text)
        return parse(reply.text)

    return read
