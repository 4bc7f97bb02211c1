"""From a discipline to its subjects: drafts in two turns (paper, section 2.2).

The list is written as free text first and turned into JSON in a second turn of the same conversation:
asking for the format at once was seen to lower the quality of the list.
"""

from glan.generate.asking import Asking, text_of
from glan.parsing import parse_subjects
from glan.places import place
from glan.records import Discipline, Message, Stage, Subject


async def draft_subjects(asking: Asking, discipline: Discipline, number: int) -> tuple[Subject, ...]:
    """Return the subjects that one draft names, in its order.

    Raises:
        ReplyError: the teacher's replies cannot be used.
        RequestError: the teacher does not answer.

    """
    prompt = asking.render("draft_subjects", discipline=discipline.name, notes=discipline.notes)
    draft = asking.request(Stage.SUBJECTS, place("draft", discipline.key, number), prompt, sample=number)
    _, text = await asking.ask_for(draft, text_of)
    listing = asking.request(
        Stage.SUBJECTS,
        place("listing", discipline.key, number),
        prompt,
        Message(role="assistant", content=text),
        asking.render("list_subjects"),
        schema="subjects",
        sample=number,
    )
    _, subjects = await asking.ask_for(listing, lambda reply: parse_subjects(reply.text))
    return subjects
