"""What agreement, a critic and a rating find of a teacher's errors, what they drop by mistake, and what it costs.

    python benchmarks/judging.py            2,000 exact problems of the offline textbook
    python benchmarks/judging.py 500

The teacher is the textbook, which is right, with a known share of its results made wrong (`teachers/mistakes.py`); the
judge is the textbook, with a known share of its verdicts turned round. What is measured is the code of a run: polls,
looks and rules, without a ledger. It prints tables in Markdown; `docs/judging.md` has them.
"""

import asyncio
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from msgspec.structs import replace

from glan.config import Config
from glan.curate.examiner import Examiner
from glan.curate.quality import text_of
from glan.generate.asking import Asking, asking_of
from glan.looks import looks_at_pairs, looks_at_questions
from glan.polls import VOTES, Poll, Polls, Result
from glan.prompts import Prompts
from glan.records import (
    Decided,
    Discipline,
    Draw,
    Level,
    Outcome,
    Question,
    Reply,
    Request,
    Slot,
    Stage,
    Strategy,
    Subject,
)
from glan.settings import Agreement, Critic, Curation, Questions, Rating
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.filler import digest_of
from glan.teachers.offline import MODEL, Textbook
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.phrases import Phrase, open_phrasebook
from glan.teachers.offline.problems import write_values

PROBLEMS_ASKED: Final = 2_000
ERRORS: Final = (0.05, 0.15, 0.3)
JUDGES: Final = ((0.1, 0.05), (0.3, 0.15))
"""How often a judge misses what is wrong, and condemns what is right."""
UNANSWERABLE: Final = 10
"""One problem in so many has a number left out, where ratings are measured."""


class Remembering:
    """The textbook, which says the same each time: asked again it is not reckoned again."""

    def __init__(self) -> None:
        self._textbook = Textbook()
        self._known: dict[object, Reply] = {}

    async def reply(self, request: Request) -> Reply:
        key = request.messages, request.schema
        if key not in self._known:
            self._known[key] = await self._textbook.reply(request)
        return self._known[key]


@dataclass(slots=True)
class Metered:
    """Counts calls and tokens by stage."""

    teacher: Teacher
    calls: dict[Stage, int] = field(default_factory=lambda: dict.fromkeys(Stage, 0))
    tokens: dict[Stage, int] = field(default_factory=lambda: dict.fromkeys(Stage, 0))

    async def reply(self, request: Request) -> Reply:
        reply = await self.teacher.reply(request)
        self.calls[request.stage] += 1
        self.tokens[request.stage] += (reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0)
        return reply


class Rewording:
    """Says every result in another way each time, as models do: other words around it, other marks in the number."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        reply = await self._teacher.reply(request)
        luck = digest_of(2, request.messages, str(request.sample))
        return replace(reply, text=reworded(reply.text, FRAMES[luck[0] % len(FRAMES)], WAYS[luck[1] % len(WAYS)]))


def reworded(text: str, frame: str, way: Callable[[str], str]) -> str:
    """Return an answer whose result is said in another way."""
    return RESULT.sub(lambda found: frame.replace("X", way(found[1])), text)


RESULT: Final = re.compile(r"\*\*Result:\*\* ([^\n]+)\.(?=\n|$)")
FRAMES: Final = (
    "**Result:** X.",
    "So the answer is X.",
    "**Answer:** X",
    "#### X",
    "**Final answer: X**",
    r"\boxed{X}",
)
WAYS: Final[tuple[Callable[[str], str], ...]] = (
    lambda said: said,
    lambda said: said if said.startswith("[") else said.partition(", ")[0],
    lambda said: said.removeprefix("about "),
    lambda said: re.sub(r"(?<![\d.])\d{4,}(?![\d.^])", lambda found: f"{int(found[0]):,}", said),
    lambda said: re.sub(r"(?<![\d.])\d+\.\d(?!\d)", lambda found: f"{found[0]}0", said),
    lambda said: re.sub(r"(?<=\d) (?:metres|grams|litres|euros|hertz|mm|N|s)$", "", said),
)
"""As it is, without its explanation, without `about`, with commas, with a further zero, without its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What looks for errors."""

    name: str
    samples: int = 1
    has_critic: bool = False
    has_rating: bool = False

    @property
    def config(self) -> Config:
        curation = Curation(
            agreement=Agreement(samples=self.samples), critic=Critic(enabled=self.has_critic, at_least=5)
        )
        return Config(curation=curation, questions=Questions(rating=Rating(enabled=self.has_rating)))


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """What became of the problems; `first` is what a run without any rule would have."""

    asked: int = 0
    voted: int = 0
    first_wrong: int = 0
    wrong_left: int = 0
    kept: int = 0
    found: int = 0
    """First answers that are wrong and not in the data."""
    mended: int = 0
    """Those of them in whose place a right one is."""
    voted_wrong: int = 0
    voted_found: int = 0
    """The same of problems that were voted on."""
    lost: int = 0
    """First answers that are right, of problems that are not in the data with a right answer."""
    calls: int = 0
    tokens: int = 0
    """Beyond one call for each answer."""

    def add(self, *, first_is_right: bool, kept: bool, is_right: bool, is_voted: bool) -> None:
        is_found = not first_is_right and (not kept or is_right)
        self.asked += 1
        self.voted += is_voted
        self.kept += kept
        self.first_wrong += not first_is_right
        self.wrong_left += kept and not is_right
        self.found += is_found
        self.mended += not first_is_right and is_right
        self.voted_wrong += is_voted and not first_is_right
        self.voted_found += is_voted and is_found
        self.lost += first_is_right and not (kept and is_right)

    @property
    def cells(self) -> Iterator[str]:
        """The numbers of a row."""
        yield _share(self.found, self.first_wrong)
        yield _share(self.voted_found, self.voted_wrong) if self.voted else ""
        yield _share(self.mended, self.first_wrong)
        yield _share(self.lost, self.asked - self.first_wrong)
        yield _share(self.asked - self.first_wrong, self.asked)
        yield _share(self.kept - self.wrong_left, self.kept)
        yield _share(self.kept, self.asked)
        yield f"{self.calls / self.asked:.2f}"
        yield f"{self.calls / self.found:,.1f}" if self.found else "none found"
        yield f"{self.tokens / self.found:,.0f}" if self.found else "none found"


COLUMNS: Final = (
    "Found", "Found of those voted on", "Put right", "Right ones lost", "Right before", "Right after", "Left",
    "More calls a question", "Calls for each found", "Tokens for each found",
)  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.1%}"


def problems(number: int, rng: Random) -> Iterator[Question]:
    """Give so many different exact problems, each kind as often as the others."""
    phrases = open_phrasebook()
    names = [*PROBLEMS]
    seen: set[str] = set()
    for i in count():
        if len(seen) == number:
            return
        name = names[i % len(names)]
        text = story(phrases.words.names, phrases.tasks[f"problem/{name}"], write_values(PROBLEMS[name].draw(rng)), rng)
        if text not in seen:
            seen.add(text)
            yield question(i, text)


def story(names: Sequence[str], phrases: Sequence[Phrase], values: Mapping[str, str], rng: Random) -> str:
    person, other = rng.sample(list(names), 2)
    people = {"who": person, "whom": person, "person": person, "other": other, "role": "a cook"}
    return rng.choice(phrases).fill({**people, **values})


def without_a_number(asked: Question) -> Question:
    """Return a problem of which nobody can tell the result: its first number is left out."""
    words = asked.text.split(" ")
    at = next(i for i, word in enumerate(words) if any(letter.isdigit() for letter in word))
    kept = "".join(letter for letter in words[at] if not letter.isdigit())
    return replace(asked, text=" ".join([*words[:at], f"some{kept}", *words[at + 1 :]]))


def question(i: int, text: str) -> Question:
    leaf = Discipline(name="Problems", key="problems", path=(), title="Problems")
    return Question(
        id=f"question/problems/exact/{i}",
        slot=Slot(discipline=leaf, ordinal=i),
        subject=Subject(name="Exact", key="exact", level=Level.INTRODUCTORY),
        draw=Draw(index=i, strategy=Strategy.SINGLE, sessions=(), concepts=()),
        session_names=(),
        concept_names=(),
        places=(),
        text=text,
        reply=Reply(text=text, finish_reason="stop"),
    )


@dataclass(slots=True)
class Bench:
    """Problems with their right answers."""

    textbook: Remembering
    problems: Sequence[Question]
    right: dict[str, str] = field(default_factory=dict)
    rewords: bool = False
    """Whether each answer says its result in another way."""

    async def prepare(self) -> None:
        asking = self.asking(Config(), self.textbook)
        for asked in self.problems:
            request = asking.request(
                Stage.ANSWERS, asked.answer_id, asking.render("answer_question", question=asked.text)
            )
            self.right[asked.id] = (await self.textbook.reply(request)).text

    def asking(self, config: Config, teacher: Teacher) -> Asking:
        return asking_of(config, Prompts.shipped(), teacher, dict.fromkeys(Stage, MODEL))

    async def run(self, rule: Rule, rates: Mapping[str, float], *, unanswerable: Sequence[Question] = ()) -> Outcomes:
        """Let a rule look at what an erring teacher says to each problem."""
        config, meter = rule.config, Metered(self.teacher(rates))
        asking, polls, examiner = self.asking(config, meter), Polls.of(config), Examiner(config.curation)
        outcomes = Outcomes()
        for asked in (*self.problems, *unanswerable):
            first = await self.first(asking, asked, rates)
            decided = await self.rated(config, asking, asked)
            is_voted = False
            if decided is not None:
                result = await self.polled(polls, examiner, asking, Poll(decided=decided, question=asked, rank=0))
                is_voted = dict(result.decided.scores).get(VOTES, 0) > 0
                decided = await self.scored(config, asking, result)
            is_right = decided is not None and decided.answer is not None and self.is_right(asked, decided.answer)
            outcomes.add(first_is_right=first, kept=decided is not None, is_right=is_right, is_voted=is_voted)
        # What one answer to each would have cost is no cost of the rule; what the rating saved is taken off.
        outcomes.calls = sum(meter.calls.values()) - outcomes.asked
        mean = meter.tokens[Stage.ANSWERS] / max(1, meter.calls[Stage.ANSWERS])
        outcomes.tokens = round(sum(meter.tokens.values()) - outcomes.asked * mean)
        return outcomes

    async def first(self, asking: Asking, asked: Question, rates: Mapping[str, float]) -> bool:
        """Say whether the first answer is right."""
        request = asking.request(Stage.ANSWERS, asked.answer_id, asking.render("answer_question", question=asked.text))
        return self.is_right(asked, await self.teacher(rates).reply(request))

    def is_right(self, asked: Question, answer: Reply) -> bool:
        right = self.right.get(asked.id)
        if right is None or not self.rewords:
            return answer.text == right
        return any(answer.text == reworded(right, frame, way) for frame in FRAMES for way in WAYS)

    def teacher(self, rates: Mapping[str, float]) -> Teacher:
        erring = Faulty(self.textbook, seed=1, rates=rates)
        return Rewording(erring) if self.rewords else erring

    async def rated(self, config: Config, asking: Asking, asked: Question) -> Decided | None:
        decided = Decided(slot=asked.slot, outcome=Outcome.OPEN, subject=asked.subject, question=asked)
        for look in looks_at_questions(config):
            seen = await look.at(asking, decided)
            if seen.finding is not None:
                return None
            decided = seen.decided
        return decided

    async def polled(self, polls: Polls, examiner: Examiner, asking: Asking, poll: Poll) -> Result:
        found: Poll | Result = poll
        while isinstance(found, Poll):
            found = await polls.ask(asking, found)
            texts = [text_of(found.question, reply, config=Config()) for reply in found.replies]
            found = polls.after(found, iter(examiner.answers(texts)))
        return found

    async def scored(self, config: Config, asking: Asking, result: Result) -> Decided | None:
        if result.finding is not None or result.error is not None:
            return None
        for look in looks_at_pairs(config):
            seen = await look.at(asking, result.decided)
            if seen.finding is not None:
                return None
        return result.decided


def judge(missed: float, condemned: float) -> dict[str, float]:
    return {"lenient": missed, "harsh": condemned}


async def answers(bench: Bench) -> None:
    """Print what agreement and a critic find of wrong answers."""
    head("Wrong first answers", "Rule", *COLUMNS)
    samples = [Rule(name=f"agreement of {k}", samples=k) for k in (3, 5, 7)]
    for rate in ERRORS:
        wrong = {"mistake@answers": rate}
        for rule in (Rule(name="none"), *samples):
            line(f"{rate:.0%}", rule.name, *(await bench.run(rule, wrong)).cells)
        for missed, condemned in JUDGES:
            name = f"critic ({missed:g}, {condemned:g})"
            found = await bench.run(Rule(name=name, has_critic=True), {**wrong, **judge(missed, condemned)})
            line(f"{rate:.0%}", name, *found.cells)
        both = Rule(name="agreement of 5, then critic (0.1, 0.05)", samples=5, has_critic=True)
        line(f"{rate:.0%}", both.name, *(await bench.run(both, {**wrong, **judge(*JUDGES[0])})).cells)


async def alike(bench: Bench) -> None:
    """Print what agreement finds of a teacher that makes the same mistake each time."""
    head("Same mistake each time", "Rule", *COLUMNS)
    for share in (0.0, 0.5, 1.0):
        rates = {"mistake@answers": 0.15 * (1 - share), "misconception@answers": 0.15 * share}
        for rule in (Rule(name="agreement of 5", samples=5), Rule(name="critic (0.1, 0.05)", has_critic=True)):
            told = {**rates, **judge(*JUDGES[0])} if rule.has_critic else rates
            line(f"{share:.0%}", rule.name, *(await bench.run(rule, told)).cells)


async def reworded_answers(bench: Bench) -> None:
    """Print what agreement makes of answers that say the same in other words each time."""
    bench.rewords = True
    head("Wrong first answers, other words each time", "Rule", *COLUMNS)
    for rate in (0.0, 0.15):
        for samples in (3, 5):
            rule = Rule(name=f"agreement of {samples}", samples=samples)
            line(f"{rate:.0%}", rule.name, *(await bench.run(rule, {"mistake@answers": rate})).cells)
    bench.rewords = False


async def ratings(bench: Bench) -> None:
    """Print what a rating finds of problems that nobody can answer."""
    head("Rater", "Rule", *COLUMNS)
    unanswerable = [without_a_number(asked) for asked in bench.problems[::UNANSWERABLE]]
    for i, asked in enumerate(unanswerable):
        unanswerable[i] = replace(asked, id=f"question/problems/unanswerable/{i}")
    for missed, condemned in ((0.0, 0.0), *JUDGES):
        rules = (
            Rule(name="rating", has_rating=True),
            Rule(name="critic", has_critic=True),
            Rule(name="agreement of 3", samples=3),
        )
        for rule in rules if missed == JUDGES[0][0] else rules[:1]:
            found = await bench.run(rule, judge(missed, condemned), unanswerable=unanswerable)
            line(f"({missed:g}, {condemned:g})", rule.name, *found.cells)


def head(*cells: str) -> None:
    print()
    line(*cells)
    line(*["---"] * len(cells))


def line(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


async def main(number: int) -> None:
    bench = Bench(Remembering(), [*problems(number, Random(0))])
    await bench.prepare()
    voted = (await bench.run(Rule(name="agreement", samples=3), {})).voted
    print(f"{number:,} exact problems of {len(PROBLEMS)} kinds; {voted / number:.0%} are voted on.")
    for table in (answers, alike, reworded_answers, ratings):
        await table(bench)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else PROBLEMS_ASKED))
