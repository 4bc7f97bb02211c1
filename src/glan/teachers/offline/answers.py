"""Answers: from the text of a question alone.

The task of each part is recognised by its words, its concepts by their bold type, its statements by their quotation
marks, and the numbers of a problem are read and solved. What is not recognised gets a short honest answer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random

from glan.teachers.offline.book import Book
from glan.teachers.offline.kinds import MOST_CONCEPTS
from glan.teachers.offline.paragraphs import Paragraph, fit, paragraph
from glan.teachers.offline.phrases import Phrase, Phrasebook, marked, marks
from glan.teachers.offline.tellings import Telling, Told

_LONGEST, _FURTHER = 1_950, 4_000
"""Most characters of an answer, and how many more there may be for what its question asks for by name."""
_LABEL = re.compile(r"(?:\([abc]\)|[abc]\)|[123]\.|Part [123]:) ")


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads a question, part by part."""

    book: Book
    phrases: Phrasebook
    telling: Telling
    unknowns: Iterator[str]
    """What can be said of concepts that are not in the book, in turn."""

    def parts(self, question: str) -> Iterator[Told]:
        """Yield what is to be said to each part that is recognised, with its label in front."""
        for label, text in parts_of(question):
            told = self.part(text)
            if told:
                yield list(_labelled(told, label)) if label else told

    def part(self, text: str) -> Told:
        """Return what is to be said to a part, or nothing if it is none."""
        names: list[str] = []
        for kind, values in self.phrases.recognise(text):
            told = self.telling.tell(kind, values)
            if told:
                return told
            names = names or marks(text)
        return (self.telling.note({"concepts": marked(names[:MOST_CONCEPTS])}) or self.unknown(names)) if names else []

    def unknown(self, names: Sequence[str]) -> Told:
        """Return what can be said of concepts that are not in the book."""
        text = next(self.unknowns)
        return [paragraph((0, text.replace("{concepts}", marked(names[:MOST_CONCEPTS]))))]

    def by_marks(self, question: str) -> Told:
        """Return what the book says of the concepts in bold type, whatever is asked about them."""
        names = [name for name in marks(question) if self.book.page(name)]
        return self.telling.note({"concepts": marked(names[:MOST_CONCEPTS])}) if names else []

    def topic(self, question: str) -> str:
        """Return the topic that the opening of a generic question names."""
        for block in question.split("\n\n"):
            for situation in self.book.generic.situations:
                values = Phrase.of(situation).read(block)
                if values is not None:
                    return values["topic"]
        return "this topic"


def parts_of(question: str) -> Iterator[tuple[str, str]]:
    """Yield the paragraphs of a question, each with its label apart, which is mostly empty."""
    for block in question.split("\n\n"):
        label = _LABEL.match(block)
        yield (label[0], block[label.end() :]) if label else ("", block)


def no_chapter(book: Book) -> str:
    """Return the answer to what is not recognised."""
    *names, last = book.disciplines
    return (
        "The offline textbook has no chapter on this. "
        f"It covers parts of these disciplines: {', '.join(names)} and {last}. "
        "It understands questions that are put in its own words."
    )


def compose_answer(book: Book, phrases: Phrasebook, question: str, rng: Random) -> str:
    """Return the answer to a question."""
    unknowns = cycle(rng.sample(book.generic.unknown, len(book.generic.unknown)))
    reading = _Reading(book, phrases, Telling(book, phrases, rng, question), unknowns)
    parts = list(reading.parts(question)) or [reading.by_marks(question)]
    told = [each for part in parts for each in part]
    if not told:
        return no_chapter(book)
    pages = [book.page(name) for name in marks(question)]
    if all(page is not None and not page.is_generic for page in pages):
        return fit(told, _LONGEST, _FURTHER)
    topic = reading.topic(question)
    first, second = rng.sample(book.generic.subtitles, 2)
    disclosure = f"This is a generic answer from the offline textbook, which has no chapter on {topic}."
    told = [paragraph((0, disclosure)), *told, paragraph((1, first), (2, second))]
    return fit([_about(each, topic) for each in told], _LONGEST, _FURTHER)


def _labelled(told: Told, label: str) -> Iterator[Paragraph]:
    """Yield paragraphs with a label before the first, on a line of its own if a list follows."""
    (rank, text), *others = told[0].pieces
    if text.startswith("- "):
        yield paragraph((0, label.strip()))
        yield Paragraph(told[0].pieces, is_close=True)
    else:
        yield Paragraph(((0, label.strip()), (rank, text), *others))
    yield from told[1:]


def _about(each: Paragraph, topic: str) -> Paragraph:
    pieces = tuple((rank, text.replace("{discipline}", topic).replace("{topic}", topic)) for rank, text in each.pieces)
    return Paragraph(pieces, each.is_close)
