"""What is asked about elements of a tree: whether each is kept or removed.

Whoever votes sees the elements, what they are parts of and the notes, and nothing of what others voted.
"""

from collections.abc import Sequence
from hashlib import blake2b

from glan.errors import ReplyError
from glan.generate.asking import Asking
from glan.judgements import Said, parse_votes
from glan.records import Reply, Stage
from glan.taxonomy.groups import Group


async def vote_on(asking: Asking, group: Group, *, sample: int = 0) -> Sequence[Said]:
    """Return what is said of each element of a group, in its order.

    Raises:
        ReplyError: the replies cannot be read.
        RequestError: the teacher does not answer.

    """
    words = "\0".join([text for each in group.shown for text in (each.title, each.about)])
    mark = blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    prompt = asking.render("vote_on_parts", above=group.above, notes=group.notes, elements=group.shown, mark=mark)
    request = asking.request(Stage.TAXONOMY, group.id, prompt, schema="votes", sample=sample)

    def read(reply: Reply) -> Sequence[Said]:
        if reply.finish_reason == "length":
            raise ReplyError("The reply was cut off before its end.", text=reply.text)
        return parse_votes(reply.text, len(group.elements))

    _, said = await asking.ask_for(request, read)
    return said
