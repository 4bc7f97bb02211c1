"""Questions: composed from drawn concepts by a seeded choice of tasks, phrases, people and numbers.

What a question says is all that an answer will see: concepts stand in bold type, statements in quotation marks,
and the numbers of a problem in its text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from glan.places import key_of
from glan.records import Level
from glan.teachers.offline.book import Book, Concept, Page, Section
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.kinds import FEWEST_OPTIONS, MOST_CONCEPTS, STYLES, fitting
from glan.teachers.offline.phrases import Phrase, Phrasebook, marked
from glan.teachers.offline.problems import write_values
from glan.teachers.offline.reader import Asked, ConfusedError

_LABELS = (("(a)", "(b)", "(c)"), ("1.", "2.", "3."), ("a)", "b)", "c)"), ("Part 1:", "Part 2:", "Part 3:"))
"""How the parts of a question are told apart."""
_LETTERS = "ABCD"
_OPENED = 0.6
"""Share of the questions with a situation before the task."""
_SPLITS: Mapping[int, Sequence[tuple[int, ...]]] = {
    2: ((1, 1),),
    3: ((1, 2), (2, 1), (1, 1, 1)),
    4: ((1, 3), (2, 2), (3, 1)),
    5: ((2, 3), (1, 4), (3, 2), (1, 2, 2)),
}
"""How many concepts each part of a question with several parts takes, by the number of concepts drawn."""


@dataclass(slots=True)
class _Writer:
    """Writes one question; whoever has been introduced in it is called by name alone."""

    rng: Random
    phrases: Phrasebook
    names: Sequence[str]
    role: str
    level: Level
    drawn: frozenset[str]
    """Names of all concepts of the question: none of them serves as another one's distractor."""
    used: set[str] = field(default_factory=set)
    is_introduced: bool = False

    def fill(self, phrase: Phrase, values: Mapping[str, str]) -> str:
        """Return a phrase with the people and the values in it."""
        person, other = self.names[:2]
        role = "" if self.is_introduced else f", {self.role}"
        people = {"who": f"{person}{role}{',' if role else ''}", "whom": f"{person}{role}", "other": other}
        if not {"who", "whom", "person"}.isdisjoint(phrase.holes):
            self.is_introduced = True
        return phrase.fill({**people, "person": person, "role": self.role, **values})

    def part(self, pages: Sequence[Page]) -> str:
        """Return a task on some concepts, of a kind that this question does not have yet."""
        found = fitting(pages, len(self.beside(pages)), self.level)
        kinds = {name: weight for name, weight in found if name not in self.used}
        name = self.rng.choices([*kinds], [*kinds.values()])[0]
        self.used.add(name)
        story = f"problem/{pages[0].concept.problem}" if name == "problem" else name
        return self.fill(self.rng.choice(self.phrases.tasks[story]), self.values(name, pages))

    def values(self, kind: str, pages: Sequence[Page]) -> dict[str, str]:
        """Return what fills the holes of a task."""
        concept = pages[0].concept
        if kind == "problem":
            return write_values(PROBLEMS[concept.problem or ""].draw(self.rng))
        if kind == "case":
            people = {"A": self.names[2], "B": self.names[3]}
            return {"facts": Phrase.of(concept.case or "").fill(people), "concept": concept.name}
        if kind in ("mistake", "dispute"):
            sentences = [concept.wrong or "", concept.right or ""]
            if kind == "dispute" and self.rng.random() < 0.5:
                sentences.reverse()
            return {"statement": sentences[0], "reply": sentences[1]}
        if kind in ("critique", "design"):
            return {"concept": concept.name, **(self.draft(concept) if kind == "critique" else self.assignment())}
        if kind in ("judge", "choose", "spot"):
            return {"concepts": marked(page.concept.name for page in pages), **self.statements(kind, pages)}
        names = [page.concept.name for page in pages]
        return {"concept": names[0], "first": names[0], "second": names[-1], "concepts": marked(names)}

    def draft(self, concept: Concept) -> dict[str, str]:
        """Return a short text on a concept, with one false sentence after the first or at the end."""
        wrong = concept.wrong or ""
        sound = self.rng.choice(
            ((concept.definition,), (concept.example,), (concept.definition, concept.example), (concept.text,))
        )
        if len(sound) > 1 and self.rng.random() < 0.5:
            return {"draft": " ".join((sound[0], wrong, *sound[1:]))}
        return {"draft": " ".join((*sound, wrong))}

    def assignment(self) -> dict[str, str]:
        """Return what is to be designed, and for whom."""
        words = self.phrases.words
        task = self.rng.choice(self.rng.choice((words.exercises, words.quizzes)))
        return {"task": task, "audience": self.rng.choice(words.audiences[self.level])}

    def beside(self, pages: Sequence[Page]) -> list[Concept]:
        """Return concepts of the same session that were not drawn, for further statements to choose from."""
        return [concept for concept in pages[0].section.concepts if concept.right and concept.name not in self.drawn]

    def statements(self, kind: str, pages: Sequence[Page]) -> dict[str, str]:
        """Return a list of true and false statements, with as many of each as the task says."""
        concepts = [page.concept for page in pages]
        if kind == "judge":
            lines = [self.rng.choice((concept.right, concept.wrong)) for concept in concepts]
            return {"items": "".join(f"\n- {line}" for line in lines)}
        beside = self.beside(pages)
        wanted = self.rng.randint(FEWEST_OPTIONS, len(_LETTERS)) - len(concepts)
        concepts += self.rng.sample(beside, min(len(beside), max(0, wanted)))
        odd = concepts[0]
        lines = [concept.right if (concept is odd) == (kind == "choose") else concept.wrong for concept in concepts]
        self.rng.shuffle(lines)
        return {"options": "".join(f"\n{letter}) {line}" for letter, line in zip(_LETTERS, lines, strict=False))}


def compose_question(book: Book, phrases: Phrasebook, asked: Asked, rng: Random) -> str:
    """Return a question about the drawn concepts.

    Raises:
        ConfusedError: the syllabus does not have the drawn sessions or concepts.

    """
    check_syllabus(asked)
    pages = [book.page(name) or _unknown(name) for name in asked.names("key_concepts")[:MOST_CONCEPTS]]
    drawn = frozenset(page.concept.name for page in pages)
    writer = _Writer(
        rng, phrases, rng.sample(phrases.words.names, 4), rng.choice(phrases.words.roles), asked.level, drawn
    )
    opening = _opening(book, asked, writer, is_generic=any(page.is_generic for page in pages))
    rng.shuffle(pages)
    parts = [writer.part(group) for group in _split(pages, asked.level, rng)]
    if len(parts) > 1:
        parts = [f"{label} {part}" for label, part in zip(rng.choice(_LABELS), parts, strict=False)]
    closing = [rng.choice(phrases.words.closings[asked.level])] if rng.random() < STYLES[asked.level].closed else []
    return "\n\n".join([*opening, *parts, *closing])


def _topic(discipline: str, subject: str) -> str:
    """Return what a generic question is about: the discipline, or a subject that does not have its name in it."""
    topic = discipline if key_of(discipline) in key_of(subject) else subject
    return f"the {topic}" if topic.endswith(" industry") else topic


def _opening(book: Book, asked: Asked, writer: _Writer, *, is_generic: bool) -> list[str]:
    """Return the situation of a question. A generic one always has it, since it names the topic."""
    discipline = asked.sections["discipline"]
    if is_generic:
        situations = book.generic.situations
    elif writer.rng.random() < _OPENED:
        part = book.part(discipline)
        situations = (*writer.phrases.words.situations, *(part.situations if part else ()))
    else:
        return []
    topic = _topic(discipline, asked.sections["subject"])
    return [writer.fill(Phrase.of(writer.rng.choice(situations)), {"topic": topic})]


def _split(pages: Sequence[Page], level: Level, rng: Random) -> Iterator[Sequence[Page]]:
    is_combined = rng.random() < STYLES[level].combined
    start = 0
    for size in rng.choice(_SPLITS.get(len(pages), ())) if is_combined and len(pages) > 1 else (len(pages),):
        yield pages[start : start + size]
        start += size


def check_syllabus(asked: Asked) -> None:
    """Refuse a draw that the syllabus does not have.

    Raises:
        ConfusedError: it lacks a session or a concept.

    """
    syllabus = asked.sections["syllabus"]
    for label, what in (("class_sessions", "class session"), ("key_concepts", "key concept")):
        for name in asked.names(label):
            if name not in syllabus and key_of(name) not in key_of(syllabus):
                raise ConfusedError(f'I cannot find the {what} "{name}" in the syllabus.')


def _unknown(name: str) -> Page:
    """Return the page of a concept that the book does not have: its name and nothing else."""
    return Page(
        concept=Concept(name=name, text="", example=""),
        section=Section(name=name, description="", concepts=()),
        is_generic=True,
    )
