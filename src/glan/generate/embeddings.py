"""From a question to what it means, as a vector: one call, and the text is all that it sees."""

from glan.errors import ReplyError
from glan.generate.asking import Asking
from glan.places import beside
from glan.records import Message, Question, Reply, Stage
from glan.vectors import NO_VECTOR, Vector, VectorError, unpack


async def embed_question(asking: Asking, question: Question) -> tuple[Vector, Reply]:
    """Return the vector of a question, and the reply without its text.

    Raises:
        ReplyError: the reply is no vector, or one without a direction.
        RequestError: the teacher does not answer.

    """
    place = beside("embedding", question.id)
    message = Message(role="user", content=question.text)
    reply = await asking.teacher.reply(asking.request(Stage.EMBEDDINGS, place, message))
    try:
        return unpack(reply.text), reply.bare
    except VectorError as error:
        raise ReplyError(f"The reply is {error}.", text=reply.text, reason=NO_VECTOR, reply=reply.bare) from error
