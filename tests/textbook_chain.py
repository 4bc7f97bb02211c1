"""The textbook asked as a pipeline asks it, for its tests: from a discipline to subjects, sessions and questions."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from glan.parsing import parse_sessions, parse_subjects
from glan.places import key_of
from glan.prompts import Prompts
from glan.records import Level, Message, Request, Sampling, Session, Stage, Subject
from glan.teachers.offline import MODEL, Textbook
from glan.teachers.offline.answers import no_chapter
from glan.teachers.offline.book import Concept, open_book
from glan.teachers.offline.phrases import open_phrasebook

PROMPTS = Prompts.shipped()
TEXTBOOK = Textbook()
CHAPTERS = [
    ("Mathematics", "Precalculus"),
    ("Mathematics", "Discrete mathematics"),
    ("Astronomy", "The Solar System"),
    ("Astronomy", "Stellar astrophysics"),
    ("Law", "Contract law"),
    ("Law", "Jurisprudence"),
    ("Music", "Music theory"),
    ("Music", "Musical acoustics"),
    ("Psychology", "Cognitive psychology"),
    ("Psychology", "Psychological statistics"),
    ("Industrial robot industry", "Robot mechanics"),
    ("Industrial robot industry", "Robot programming"),
    ("Insurance industry", "Principles of insurance"),
    ("Insurance industry", "Actuarial finance"),
    ("Fishing industry", "Fisheries and fish stocks"),
    ("Fishing industry", "Water chemistry of fish farming"),
]
NO_CHAPTER = no_chapter(open_book())
GENERIC = "This is a generic answer from the offline textbook, which has no chapter on {topic}."
_LABEL = re.compile(r"(?:\([abc]\)|[abc]\)|[123]\.|Part [123]:) ")


def user(text: str) -> Message:
    return Message(role="user", content=text)


def assistant(text: str) -> Message:
    return Message(role="assistant", content=text)


def request(*messages: Message, schema: str | None = None) -> Request:
    return Request(
        id="draft/x/1",
        stage=Stage.SUBJECTS,
        messages=messages,
        sampling=Sampling(model=MODEL, max_tokens=4_096),
        schema=schema,
    )


def ask(*messages: Message, schema: str | None = None) -> str:
    return asyncio.run(TEXTBOOK.reply(request(*messages, schema=schema))).text


def render(prompt: str, /, **variables: object) -> Message:
    return user(PROMPTS.render(prompt, **{"language": "English", "notes": (), **variables}))


@dataclass(frozen=True)
class Plan:
    """A subject with its syllabus, as the textbook gave them."""

    discipline: str
    subject: Subject
    text: str
    sessions: tuple[Session, ...]

    def prompt(self, concepts: tuple[tuple[int, int], ...], **changes: object) -> Message:
        positions = sorted({i for i, _ in concepts})
        variables: dict[str, object] = {
            "discipline": self.discipline,
            "subject": self.subject.name,
            "level": self.subject.level.value,
            "syllabus": self.text,
            "sessions": [self.sessions[i].name for i in positions],
            "key_concepts": [self.sessions[i].key_concepts[k] for i, k in concepts],
            "several": len(positions) > 1,
        }
        return render("write_question", **{**variables, "form": "", "difficulty": "", "constraint": "", **changes})

    def question(self, concepts: tuple[tuple[int, int], ...]) -> str:
        return ask(self.prompt(concepts))


@cache
def subjects_of(discipline: str) -> tuple[Subject, ...]:
    prompt = render("draft_subjects", discipline=discipline)
    draft = ask(prompt)
    return parse_subjects(ask(prompt, assistant(draft), render("list_subjects"), schema="subjects"))


@cache
def plan_of(discipline: str, name: str, level: Level = Level.INTRODUCTORY) -> Plan:
    known = {subject.name: subject for subject in subjects_of(discipline)}
    subject = known.get(name) or Subject(name=name, key=key_of(name), level=level)
    prompt = render(
        "draft_syllabus",
        discipline=discipline,
        subject=subject.name,
        level=subject.level.value,
        subtopics=subject.subtopics,
    )
    text = ask(prompt)
    listing = ask(prompt, assistant(text), render("list_sessions"), schema="sessions")
    return Plan(discipline, subject, text, parse_sessions(listing))


def draws(plan: Plan, count: int, rng: Random) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield different sets of one to five concepts from one or two sessions, few concepts more often than many."""
    seen: set[tuple[tuple[int, int], ...]] = set()
    while len(seen) < count:
        positions = rng.sample(range(len(plan.sessions)), rng.choice((1, 2, 2)))
        pool = [(i, k) for i in positions for k in range(len(plan.sessions[i].key_concepts))]
        size = max(len(positions), rng.choice((1, 1, 2, 2, 2, 3, 3, 4, 5)))
        concepts = tuple(sorted(rng.sample(pool, size)))
        if {i for i, _ in concepts} == set(positions) and concepts not in seen:
            seen.add(concepts)
            yield concepts


def answer(question: str) -> str:
    return ask(render("answer_question", question=question))


def special_concepts() -> list[Concept]:
    return [page.concept for page in open_book().pages.values() if not page.is_generic]


def kinds_of(question: str) -> list[str]:
    """Return the kinds of the parts of a question."""
    found = []
    for block in question.split("\n\n"):
        label = _LABEL.match(block)
        kinds = [kind for kind, _ in open_phrasebook().recognise(block[label.end() :] if label else block)]
        found += kinds[:1]
    return [kind.partition("/")[0] for kind in found]
