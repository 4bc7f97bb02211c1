"""A teacher that asks the same in several wordings."""

import re
from dataclasses import dataclass, field

from harness import small
from msgspec.structs import replace

from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.filler import digest_of

THINGS = ("glaciers", "kettles", "lanterns", "orchards")
DEEDS = ("erosion", "resonance", "signalling")
WORDINGS = ("Explain {}.", "What is meant by {}, and why does it matter?", "Describe {}, please, with an example.")
TOPIC = re.compile(rf"\w+ (?:{'|'.join(THINGS)}) (?:{'|'.join(DEEDS)})")

_SUBJECT = re.compile(r"<subject>\s*(\w+)")


@dataclass
class Rewording:
    """A teacher that asks about twelve things in each subject, each in several wordings."""

    teacher: Teacher = field(default_factory=lambda: small(subjects=3, sessions=3))
    model: str = "filler"

    async def reply(self, request: Request) -> Reply:
        reply = await self.teacher.reply(request)
        if request.stage is not Stage.QUESTIONS:
            return reply
        luck = digest_of(0, request.messages)
        subject = _SUBJECT.search(request.messages[-1].content)
        assert subject is not None
        topic = f"{subject[1]} {THINGS[luck[0] % len(THINGS)]} {DEEDS[luck[1] % len(DEEDS)]}"
        return replace(reply, text=WORDINGS[luck[2] % len(WORDINGS)].format(topic))


def topic_of(text: str) -> str:
    found = TOPIC.search(text)
    assert found is not None
    return found[0]
