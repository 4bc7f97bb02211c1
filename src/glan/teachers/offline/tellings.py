"""What the book has to say to each kind of task. It refuses to guess: what is not in the book gets nothing.

Each kind is a method that takes what was read in the holes of a phrase.
"""

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from glan.places import key_of
from glan.teachers.offline.book import Book, Page
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.paragraphs import Paragraph, fit, paragraph
from glan.teachers.offline.phrases import Phrase, Phrasebook, marked, marks
from glan.teachers.offline.problems import UnsolvableError, read_values, write_values

_LINE = re.compile(r"\n(?:-|([A-D])\)) ([^\n]+)")
_ROOM_FOR_CHECK = 2_000
"""More characters than any task has with its solution."""

Values = Mapping[str, str]
Told = list[Paragraph]


@dataclass(frozen=True, slots=True)
class Telling:
    """Tells what the book says, with varied beginnings."""

    book: Book
    phrases: Phrasebook
    rng: Random
    question: str = ""
    """Who is named in it does not appear in a task that an answer invents."""

    def tell(self, kind: str, values: Values) -> Told:
        """Return the answer to a task, or nothing if the book cannot give it."""
        if kind.startswith("problem/"):
            return self.problem(kind.removeprefix("problem/"), values)
        told: Told = getattr(self, kind)(values)
        return told

    def lead(self, kind: str) -> str:
        choices: tuple[str, ...] = getattr(self.phrases.words.leads, kind)
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
        border = self.lead("neighbours" if first == second else "strangers").format(first=first, second=second)
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
            kind, first, second = "settled", values["who"].split(",")[0], values["other"]
        else:
            kind, first, second = "decided", "first", "second"
        right, wrong = (first, second) if is_first else (second, first)
        return [paragraph((0, self.lead(kind).format(right=right, wrong=wrong))), *self._reasons(page)]

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

    def critique(self, values: Values) -> Told:
        """Return a review of a text that is put together from what the book says of a concept, one error included."""
        for page in self.pages([values["concept"]]):
            concept, draft = page.concept, values["draft"]
            if not concept.wrong or concept.wrong not in draft:
                return []
            parts = {"definition": concept.definition, "explanation": concept.rest, "example": concept.example}
            said = {name: text for name, text in parts.items() if text in draft}
            left = draft
            for text in (concept.wrong, *said.values()):
                left = left.replace(text, "", 1)
            if left.strip() or not said:
                return []
            return [
                paragraph((0, self.lead(_sound(said)))),
                paragraph((0, f'{self.lead("planted")} "{concept.wrong}" {concept.right}')),
                *self._missing(page, said),
            ]
        return []

    def _missing(self, page: Page, said: Container[str]) -> Told:
        """Return what a reviewed text should have had too."""
        concept, told = page.concept, []
        if "definition" not in said:
            told.append(paragraph((0, f"What is missing is the definition. {concept.definition}"), (1, concept.rest)))
        elif "explanation" not in said:
            lead = self.lead("missing").format(concept=marked([concept.name]))
            told.append(paragraph((0, lead + concept.rest)))
        if "example" not in said:
            told.append(paragraph((0, f"The text also lacks an example, such as this one. {concept.example}")))
        return told

    def design(self, values: Values) -> Told:
        words = self.phrases.words
        for page in self.pages([values["concept"]]):
            if not page.concept.wrong:
                return []
            if values["task"] in words.quizzes:
                return self._quiz(page)
            if values["task"] in words.exercises:
                return self._exercise(page)
        return []

    def _exercise(self, page: Page) -> Told:
        concept = page.concept
        doubt = (
            "Each step can be marked on its own, so a slip shows at once. Right numbers do not rule out this belief:"
            if concept.problem
            else "A wrong answer, or a right one for wrong reasons, may rest on this belief:"
        )
        return [
            *self._set(page),
            paragraph((0, f'**What to look for.** {doubt} "{concept.wrong}" {concept.right}')),
            paragraph(
                (0, f"**Why it tests the concept.** {self.lead('applied')} {concept.definition}"),
                (2, concept.rest),
            ),
        ]

    def _set(self, page: Page) -> Told:
        """Return a task on a concept, with invented people or drawn numbers, and its solution."""
        words, concept = self.phrases.words, page.concept
        first, second = self.rng.sample([name for name in words.names if name not in self.question], 2)
        if concept.problem:
            problem = PROBLEMS[concept.problem]
            story = self.rng.choice(self.phrases.tasks[f"problem/{concept.problem}"])
            role = self.rng.choice(words.roles)
            people = {"who": f"{first}, {role},", "whom": f"{first}, {role}", "other": second}
            numbers = problem.draw(self.rng)
            solution = problem.solve({hole: value for hole, value in numbers.items() if hole in story.holes})
            return [
                paragraph((0, f"**Task.** {story.fill({**people, **write_values(numbers)})}")),
                paragraph((0, "**Model solution.**")),
                *(paragraph((0, f"- {step}"), is_close=True) for step in solution.steps),
                paragraph((0, f"- Result: {solution.result}."), is_close=True),
            ]
        people = {"A": first, "B": second}
        facts = Phrase.of(concept.case or "").fill(people)
        asked = f"How is this to be judged in the light of {marked([concept.name])}, and why?"
        return [
            paragraph((0, f"**Task.** {facts} {asked}")),
            paragraph((0, f"**Model solution.** {Phrase.of(concept.verdict or '').fill(people)}")),
        ]

    def _quiz(self, page: Page) -> Told:
        """Return a question with one true sentence and two that many believe, and what each choice shows."""
        concept = page.concept
        other = self.rng.choice([each for each in page.section.concepts if each.wrong and each is not concept])
        options = [concept.right, concept.wrong, other.wrong]
        self.rng.shuffle(options)
        true, false, aside = ("ABC"[options.index(text)] for text in (concept.right, concept.wrong, other.wrong))
        tested = self.lead("tested")
        return [
            paragraph((0, "**Task.** Which of these three sentences is true?")),
            *(paragraph((0, f"{letter}) {text}"), is_close=True) for letter, text in zip("ABC", options, strict=True)),
            paragraph(
                (0, f"**Key.** {true} is true, and {false}, which contradicts it, is false. {concept.definition}"),
                (2, concept.rest),
                (0, f"{aside} is false too: {other.right}"),
            ),
            paragraph(
                (0, f"**What to look for.** Whoever picks {false} shares a common error"),
                (0, f"about {marked([concept.name])};"),
                (0, f"whoever picks {aside} has trouble with {marked([other.name])} instead."),
            ),
            paragraph((0, f"**Why it tests the concept.** {tested.format(true=true, false=false, aside=aside)}")),
        ]

    def plan(self, values: Values) -> Told:
        """Return steps in the order of the book, and a task for the end."""
        places = {name: place for place, name in enumerate(self.book.pages)}
        pages = self.pages(marks(values["concepts"]))
        pages.sort(key=lambda page: places[key_of(page.concept.name)])
        if not pages or not all(page.concept.wrong for page in pages):
            return []
        headings = list(dict.fromkeys(page.section.name for page in pages))
        order = (
            f'The steps go from "{headings[0]}" to "{headings[-1]}", as a textbook does'
            if len(headings) > 1
            else f'All steps belong under the heading "{headings[0]}" and follow the order of a textbook'
        )
        work = self.rng.sample(self.phrases.words.leads.work, len(pages))
        check = fit(self._set(self.rng.choice(pages)), _ROOM_FOR_CHECK)
        return [
            paragraph((0, f"{order}; each is explained without the help of a later one.")),
            *(self._step(number, page, work[number - 1]) for number, page in enumerate(pages, start=1)),
            paragraph((0, f"{self.lead('ending')}\n\n{check}")),
        ]

    def _step(self, number: int, page: Page, work: str) -> Paragraph:
        concept = page.concept
        return paragraph(
            (0, f"- Step {number}, {marked([concept.name])}. {work}{concept.definition}"),
            (2, concept.rest),
            (1, f"Example: {concept.example}"),
            (1, f'A misunderstanding to expect: "{concept.wrong}" {concept.right}'),
            is_close=number > 1,
        )


def _sound(said: Container[str]) -> str:
    """Return the kind of the sentence that says what can stand of a reviewed text."""
    if "definition" not in said:
        return "sound_example"
    if "example" in said:
        return "sound_both"
    return "sound_explained" if "explanation" in said else "sound"
