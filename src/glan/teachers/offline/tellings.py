"""What the book has to say to each kind of task. It refuses to guess: what is not in the book gets nothing.

Each kind is a method that takes what was read in the holes of a phrase.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from glan.records import key_of
from glan.teachers.offline.book import Book, Page
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.paragraphs import Paragraph, paragraph
from glan.teachers.offline.phrases import Leads, Phrase, marks
from glan.teachers.offline.problems import UnsolvableError, read_values

_LINE = re.compile(r"\n(?:-|([A-D])\)) ([^\n]+)")

Values = Mapping[str, str]
Told = list[Paragraph]


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells what the book says, with varied beginnings."""

    book: Book
    leads: Leads
    rng: Random

    def tell(self, kind: str, values: Values) -> Told:
        """Return the answer to a task, or nothing if the book cannot give it."""
        if kind.startswith("problem/"):
            return self.problem(kind.removeprefix("problem/"), values)
        told: Told = getattr(self, kind)(values)
        return told

    def lead(self, kind: str) -> str:
        choices: tuple[str, ...] = getattr(self.leads, kind)
        return self.rng.choice(choices)

    def pages(self, names: Sequence[str]) -> list[Page]:
        """Return the pages of concepts, or nothing if one of them is not in the book."""
        found = [page for name in names if (page := self.book.page(name))]
        return found if len(found) == len(names) else []

    def statement(self, text: str) -> tuple[Page | None, bool]:
        """Return the concept that a sentence is about, and whether the sentence is true."""
        return self.book.statements.get(key_of(text), (None, False))

    def statements(self, text: str) -> list[tuple[str, Page, bool]]:
        """Return the sentences of a list with their letters, or nothing if one of them is not in the book."""
        found = [(line[1] or "", *self.statement(line[2])) for line in _LINE.finditer(text)]
        known = [(letter, page, is_true) for letter, page, is_true in found if page is not None]
        return known if len(known) == len(found) else []

    def explain(self, values: Values) -> Told:
        who = values.get("who", values.get("whom", "")).split(",")[0]
        greeting = self.lead("explain").format(person=who) if who else ""
        return [
            each
            for page in self.pages([values["concept"]])
            for each in (
                paragraph((0, greeting), (0, page.concept.definition), (1, page.concept.rest)),
                paragraph((1, self.lead("example") + page.concept.example)),
                self._reminder(page),
            )
        ]

    def _reminder(self, page: Page) -> Paragraph:
        return paragraph((2, self.lead("right") + page.concept.right if page.concept.right else ""))

    def example(self, values: Values) -> Told:
        return [
            each
            for page in self.pages([values["concept"]])
            for each in (
                paragraph((0, page.concept.example)),
                paragraph((0, self.lead("reason") + page.concept.definition), (1, page.concept.rest)),
                self._reminder(page),
            )
        ]

    def use(self, values: Values) -> Told:
        return [self._used(page) for page in self.pages(marks(values["concepts"]))]

    def _used(self, page: Page) -> Paragraph:
        concept = page.concept
        belief = f'{self.lead("belief")} "{concept.wrong}" {concept.right}' if concept.wrong else ""
        return paragraph((0, concept.definition), (2, concept.rest), (0, concept.example), (1, belief))

    def lesson(self, values: Values) -> Told:
        return [each for page in self.pages([values["concept"]]) for each in self._taught(page)]

    def _taught(self, page: Page) -> Told:
        concept = page.concept
        doubt = (
            f'Expect a misunderstanding: "{concept.wrong}" Answer it: {concept.right}'
            if concept.wrong
            else self.lead("doubt")
        )
        return [
            paragraph((0, f"- Begin with a case. {concept.example}")),
            paragraph((0, f"- State the idea. {concept.definition}"), (1, concept.rest), is_close=True),
            paragraph((0, f"- {doubt}"), is_close=True),
            paragraph((0, "- End by asking for a new case, and test it against the definition."), is_close=True),
        ]

    def compare(self, values: Values) -> Told:
        pages = self.pages([values["first"], values["second"]])
        if not pages:
            return []
        first, second = (page.section.name for page in pages)
        border = (
            f'Both belong under the heading "{first}", but they are not interchangeable: '
            "each of the two definitions asks for something that the other leaves open."
            if first == second
            else f'One belongs under the heading "{first}" and the other under "{second}", '
            "so the way to keep them apart is to ask which of the two definitions a given case meets."
        )
        return [*(self._headed(page) for page in pages), paragraph((0, border))]

    def note(self, values: Values) -> Told:
        return [self._headed(page) for page in self.pages(marks(values["concepts"]))]

    glossary = note

    def _headed(self, page: Page) -> Paragraph:
        """Return what the book says of a concept, in one paragraph with its name in front."""
        concept = page.concept
        heading = f"**{concept.name[0].upper()}{concept.name[1:]}.** {concept.definition}"
        example = self.lead("example") + concept.example
        return paragraph((0, heading), (2, concept.rest), (1, example), (3, concept.right or ""))

    def mistake(self, values: Values) -> Told:
        page, is_true = self.statement(values["statement"])
        if page is None or is_true:
            return []
        return [paragraph((0, self.lead("false")), (0, page.concept.right or "")), *self._reasons(page)]

    def _reasons(self, page: Page) -> Told:
        concept = page.concept
        return [
            paragraph((0, concept.definition), (1, concept.rest)),
            paragraph((2, self.lead("example") + concept.example)),
        ]

    def dispute(self, values: Values) -> Told:
        page, is_first = self.statement(values["statement"])
        other, is_second = self.statement(values["reply"])
        if page is None or other is None or is_first == is_second:
            return []
        if "other" in values:
            first, second = values["who"].split(",")[0], values["other"]
        else:
            first, second = "The first sentence", "The second sentence"
        right, wrong = (first, second) if is_first else (second, first)
        return [paragraph((0, f"{right} is right. {wrong} is wrong, for the following reason.")), *self._reasons(page)]

    def judge(self, values: Values) -> Told:
        return [
            paragraph(
                (0, f"- Sentence {number} is true. {page.concept.definition}")
                if is_true
                else (0, f"- Sentence {number} is false. {page.concept.right}"),
                (1, page.concept.rest if is_true else page.concept.definition),
                (2, page.concept.example),
                is_close=number > 1,
            )
            for number, (_, page, is_true) in enumerate(self.statements(values["items"]), start=1)
        ]

    def choose(self, values: Values) -> Told:
        return self._picked(values["options"], is_true=True)

    def spot(self, values: Values) -> Told:
        return self._picked(values["options"], is_true=False)

    def _picked(self, options: str, *, is_true: bool) -> Told:
        """Return which single statement is true, or false, and what is to be said of each."""
        found = self.statements(options)
        odd = [letter for letter, _, truth in found if truth is is_true]
        if len(odd) != 1:
            return []
        words = ("true", "false") if is_true else ("false", "true")
        return [
            paragraph((0, f"{odd[0]} is the {words[0]} statement; the others are {words[1]}.")),
            *(
                paragraph(
                    (0, f"- {letter}: {page.concept.definition if truth else page.concept.right}"),
                    (1 if letter == odd[0] else 2, page.concept.rest if truth else page.concept.definition),
                    (2, page.concept.example if letter == odd[0] else ""),
                    is_close=place > 0,
                )
                for place, (letter, page, truth) in enumerate(found)
            ),
        ]

    def case(self, values: Values) -> Told:
        for page in self.pages([values["concept"]]):
            concept = page.concept
            people = Phrase.of(concept.case).read(values["facts"]) if concept.case else None
            if people is not None and concept.verdict:
                return [
                    paragraph((0, Phrase.of(concept.verdict).fill(people))),
                    paragraph((1, self.lead("principle") + concept.definition), (2, concept.rest)),
                    paragraph((3, concept.right or "")),
                ]
        return []

    def problem(self, name: str, values: Values) -> Told:
        """Return the solution of an exercise, or nothing if its numbers have none."""
        numbers = read_values(PROBLEMS[name], values)
        if numbers is None:
            return []
        try:
            solution = PROBLEMS[name].solve(numbers)
        except UnsolvableError:
            return []
        page = self.book.exercises[name]
        return [
            paragraph((1, page.concept.definition), (2, page.concept.rest)),
            *(paragraph((0, f"- {step}"), is_close=i > 0) for i, step in enumerate(solution.steps)),
            paragraph((0, f"**Result:** {solution.result}.")),
            paragraph((1, f"Check: {solution.check}")),
            paragraph((3, page.concept.right or "")),
        ]
