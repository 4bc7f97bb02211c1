"""Questions and answers in another language than English, from one of the volumes in `abroad.py`.

As in the English book, a question has concepts in bold type and statements in quotation marks, and an answer is
composed from the words of its question alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from glan.places import key_of
from glan.teachers.offline.abroad import Entry, Session, Volume
from glan.teachers.offline.kinds import MOST_CONCEPTS
from glan.teachers.offline.phrases import Phrase, marks
from glan.teachers.offline.questions import check_syllabus
from glan.teachers.offline.reader import Asked

_ALONE = ("explain", "example", "mistake", "dispute", "case", "choose")
_OF_TWO = ("compare", "note")
_LETTERS = "ABCD"
_OPENED, _CLOSED, _COMBINED = 0.6, 0.5, 0.4
"""Shares of questions with a situation before the task, a remark after it, and several parts."""

_Page = tuple[Entry, Session]


@dataclass(slots=True)
class _Writer:
    """Writes one question."""

    volume: Volume
    rng: Random
    people: Sequence[str]
    drawn: frozenset[str]
    used: set[str] = field(default_factory=set)

    def sentence(self, text: str) -> str:
        """Return a sentence with the people in it."""
        return Phrase.of(text).fill({"who": self.people[0], "other": self.people[1]})

    def part(self, pages: Sequence[_Page]) -> str:
        """Return a task on some concepts, of a kind that this question does not have yet."""
        kinds = _ALONE if len(pages) == 1 else _OF_TWO if len(pages) == 2 else _OF_TWO[1:]
        kind = self.rng.choice([each for each in kinds if each not in self.used] or kinds)
        self.used.add(kind)
        people = {"who": self.people[0], "other": self.people[1]}
        wording = Phrase.of(self.rng.choice(self.volume.printed.tasks[kind]))
        return wording.fill({**people, **self.values(kind, pages)})

    def values(self, kind: str, pages: Sequence[_Page]) -> dict[str, str]:
        """Return what fills the holes of a task."""
        entry, session = pages[0]
        if kind == "case":
            people = {"A": self.people[2], "B": self.people[3]}
            return {"facts": Phrase.of(entry.case).fill(people), "concept": entry.name}
        if kind in ("mistake", "dispute"):
            sentences = [entry.wrong, entry.right]
            if kind == "dispute" and self.rng.random() < 0.5:
                sentences.reverse()
            return {"statement": sentences[0], "reply": sentences[1]}
        if kind == "choose":
            others = [each.wrong for each in session.concepts if each.name not in self.drawn]
            lines = [entry.right, *self.rng.sample(others, min(len(others), len(_LETTERS) - 1))]
            self.rng.shuffle(lines)
            options = "".join(f"\n{letter}) {line}" for letter, line in zip(_LETTERS, lines, strict=False))
            return {"concept": entry.name, "options": options}
        names = [each.name for each, _ in pages]
        concepts = self.volume.printed.headings.separator.join(f"**{name}**" for name in names)
        return {"concept": names[0], "first": names[0], "second": names[-1], "concepts": concepts}


def compose_question(volume: Volume, asked: Asked, rng: Random) -> str | None:
    """Return a question about the drawn concepts; None where the volume lacks one of them.

    Raises:
        ConfusedError: the syllabus does not have the drawn sessions or concepts.

    """
    check_syllabus(asked)
    found = [volume.page(name) for name in asked.names("key_concepts")[:MOST_CONCEPTS]]
    pages = [page for page in found if page is not None]
    if not pages or len(pages) < len(found):
        return None
    printed = volume.printed
    writer = _Writer(volume, rng, rng.sample(printed.people, 4), frozenset(entry.name for entry, _ in pages))
    opening = [writer.sentence(rng.choice(printed.situations))] if rng.random() < _OPENED else []
    rng.shuffle(pages)
    parts = [writer.part(group) for group in _split(pages, rng)]
    if len(parts) > 1:
        parts = [f"{label} {part}" for label, part in zip(printed.labels, parts, strict=False)]
    closing = [rng.choice(printed.closings)] if rng.random() < _CLOSED else []
    return "\n\n".join([*opening, *parts, *closing])


def _split(pages: Sequence[_Page], rng: Random) -> Iterator[Sequence[_Page]]:
    if len(pages) > 1 and rng.random() < _COMBINED:
        yield pages[:1]
        pages = pages[1:]
    yield pages


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says what a volume has on the parts of a question."""

    volume: Volume
    rng: Random

    def tell(self, kind: str, values: Mapping[str, str]) -> list[str]:
        """Return the paragraphs on a task; none where it is not about what the volume has."""
        return _TELLINGS[kind](self, values)

    def lead(self, name: str, **values: str) -> str:
        """Return one of the ways to begin a paragraph, filled."""
        text = self.rng.choice(self.volume.printed.leads[name])
        for hole, value in values.items():
            text = text.replace(f"{{{hole}}}", value)
        return text

    def entry(self, name: str) -> Entry | None:
        found = self.volume.page(name)
        return found[0] if found is not None else None

    def explain(self, values: Mapping[str, str]) -> list[str]:
        entry = self.entry(values["concept"])
        return [] if entry is None else [entry.text, self.lead("example", example=entry.example)]

    def example(self, values: Mapping[str, str]) -> list[str]:
        return self.explain(values)[::-1]

    def correct(self, values: Mapping[str, str]) -> list[str]:
        """Tell what is false, or which of two sentences is true, and why."""
        entry, is_true = self.volume.statements.get(key_of(values["statement"]), (None, False))
        if entry is None:
            return []
        if "reply" in values:
            return [self.lead("dispute", right=entry.right), entry.text]
        return [] if is_true else [self.lead("false"), self.lead("right", right=entry.right), entry.text]

    def case(self, values: Mapping[str, str]) -> list[str]:
        entry = self.entry(values["concept"])
        people = Phrase.of(entry.case).read(values["facts"]) if entry is not None else None
        return [] if entry is None or people is None else [Phrase.of(entry.verdict).fill(people), entry.definition]

    def choose(self, values: Mapping[str, str]) -> list[str]:
        for line in values["options"].split("\n"):
            entry, is_true = self.volume.statements.get(key_of(line[3:]), (None, False))
            if entry is not None and is_true:
                chosen = self.lead("choose", letter=line[:1], right=entry.right)
                return [chosen, self.lead("others"), entry.text]
        return []

    def compare(self, values: Mapping[str, str]) -> list[str]:
        first, second = self.entry(values["first"]), self.entry(values["second"])
        if first is None or second is None:
            return []
        return [
            self.lead("compare", first=first.name, first_text=first.text),
            self.lead("beside", second=second.name, second_text=second.text),
        ]

    def note(self, values: Mapping[str, str]) -> list[str]:
        entries = [self.entry(name) for name in marks(values["concepts"])]
        return ["\n".join(f"- **{each.name}**: {each.definition}" for each in entries if each is not None)]


_TELLINGS: Mapping[str, Callable[[_Teller, Mapping[str, str]], list[str]]] = {
    "explain": _Teller.explain,
    "example": _Teller.example,
    "mistake": _Teller.correct,
    "dispute": _Teller.correct,
    "case": _Teller.case,
    "choose": _Teller.choose,
    "compare": _Teller.compare,
    "note": _Teller.note,
}


def compose_answer(volume: Volume, question: str, rng: Random) -> str | None:
    """Return the answer to a question; None where it is not in the words of the volume."""
    teller = _Teller(volume, rng)
    told: list[str] = []
    for block in question.split("\n\n"):
        label = next((each for each in volume.printed.labels if block.startswith(f"{each} ")), "")
        text = block.removeprefix(f"{label} ") if label else block
        part = _told(teller, text)
        if part and label:
            part[0] = label + ("\n" if part[0].startswith("- ") else " ") + part[0]
        told += part
    return "\n\n".join(told) or None


def _told(teller: _Teller, text: str) -> list[str]:
    for kind, phrase in teller.volume.phrases:
        values = phrase.read(text)
        told = teller.tell(kind, values) if values is not None else []
        if told:
            return told
    return []
