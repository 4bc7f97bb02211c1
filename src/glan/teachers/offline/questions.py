"""Questions: composed from drawn concepts by a seeded choice of tasks, phrases, people and numbers.

What a question says is all that an answer will see: concepts stand in bold type, statements in quotation marks,
and the numbers of a problem in its text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from glan.records import key_of
from glan.teachers.offline.book import Book, Concept, Page, Section
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.phrases import Phrase, Phrasebook, marked
from glan.teachers.offline.problems import write_values
from glan.teachers.offline.reader import Asked, ConfusedError

_LABELS = (("(a)", "(b)", "(c)"), ("1.", "2.", "3."), ("a)", "b)", "c)"), ("Part 1:", "Part 2:", "Part 3:"))
"""How the parts of a question are told apart."""
_LETTERS = "ABCD"
_FEWEST_OPTIONS = 3
_MOST_CONCEPTS = 5
_OPENED, _CLOSED = 0.6, 0.7
"""Shares of the questions with a situation before the task and a remark after it."""
_SPLITS: Mapping[int, Sequence[tuple[int, ...]]] = {
    1: ((1,),),
    2: ((2,), (2,), (1, 1)),
    3: ((3,), (1, 2), (2, 1), (1, 1, 1)),
    4: ((4,), (1, 3), (2, 2), (3, 1)),
    5: ((5,), (2, 3), (1, 4), (3, 2), (1, 2, 2)),
}
"""How many concepts each part of a question takes, by the number of concepts drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of task: how many concepts it takes, how often it is chosen, and what the book must say of each."""

    sizes: range
    weight: int
    needs: str = ""


_KINDS: Mapping[str, _Kind] = {
    "problem": _Kind(sizes=range(1, 2), weight=9, needs="problem"),
    "case": _Kind(sizes=range(1, 2), weight=6, needs="case"),
    "mistake": _Kind(sizes=range(1, 2), weight=2, needs="wrong"),
    "dispute": _Kind(sizes=range(1, 2), weight=2, needs="wrong"),
    "explain": _Kind(sizes=range(1, 2), weight=2),
    "example": _Kind(sizes=range(1, 2), weight=2),
    "use": _Kind(sizes=range(1, 3), weight=1),
    "lesson": _Kind(sizes=range(1, 2), weight=1),
    "compare": _Kind(sizes=range(2, 3), weight=4),
    "choose": _Kind(sizes=range(1, 5), weight=1, needs="wrong"),
    "spot": _Kind(sizes=range(1, 5), weight=1, needs="wrong"),
    "judge": _Kind(sizes=range(2, 5), weight=2, needs="wrong"),
    "note": _Kind(sizes=range(2, 6), weight=2),
    "glossary": _Kind(sizes=range(3, 6), weight=2),
}
_BY_SIZE: Mapping[int, Sequence[tuple[str, _Kind]]] = {
    size: [(name, kind) for name, kind in _KINDS.items() if size in kind.sizes] for size in range(1, _MOST_CONCEPTS + 1)
}


@dataclass(slots=True)
class _Writer:
    """Writes one question; whoever has been introduced in it is called by name alone."""

    rng: Random
    phrases: Phrasebook
    names: Sequence[str]
    role: str
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
        kinds = [
            (name, kind.weight)
            for name, kind in _BY_SIZE[len(pages)]
            if name not in self.used
            and (not kind.needs or all(getattr(page.concept, kind.needs) for page in pages))
            and (name not in ("choose", "spot") or len(pages) + len(self.beside(pages)) >= _FEWEST_OPTIONS)
        ]
        name = self.rng.choices([name for name, _ in kinds], [weight for _, weight in kinds])[0]
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
        if kind in ("judge", "choose", "spot"):
            return {"concepts": marked(page.concept.name for page in pages), **self.statements(kind, pages)}
        names = [page.concept.name for page in pages]
        return {"concept": names[0], "first": names[0], "second": names[-1], "concepts": marked(names)}

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
        wanted = self.rng.randint(_FEWEST_OPTIONS, len(_LETTERS)) - len(concepts)
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
    _check_syllabus(asked)
    pages = [book.page(name) or _unknown(name) for name in asked.names("key_concepts")[:_MOST_CONCEPTS]]
    drawn = frozenset(page.concept.name for page in pages)
    writer = _Writer(rng, phrases, rng.sample(phrases.words.names, 4), rng.choice(phrases.words.roles), drawn)
    opening = _opening(book, asked, writer, is_generic=any(page.is_generic for page in pages))
    rng.shuffle(pages)
    parts = [writer.part(group) for group in _split(pages, rng)]
    if len(parts) > 1:
        parts = [f"{label} {part}" for label, part in zip(rng.choice(_LABELS), parts, strict=False)]
    closing = [rng.choice(phrases.words.closings[asked.level])] if rng.random() < _CLOSED else []
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


def _split(pages: Sequence[Page], rng: Random) -> Iterator[Sequence[Page]]:
    start = 0
    for size in rng.choice(_SPLITS[len(pages)]):
        yield pages[start : start + size]
        start += size


def _check_syllabus(asked: Asked) -> None:
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
