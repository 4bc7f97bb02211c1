"""One judging: models answer questions, and a judge scores their answers.

    questions ─► the answers of each model, one model after the other ─► the judge, in both orders ─► what it comes to

Every call goes through the ledger, the permits and the budget; what the ledger has is not asked again. Of a model that
is asked no server is needed once its answers are in the ledger. It knows how to ask, and no files but the ledger.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from msgspec import structs

from glan.config import Config, JudgeConfig, StudentConfig
from glan.errors import GlanError
from glan.evaluate.questions import Asked
from glan.evaluate.scores import Orders
from glan.generate.asking import Asking, asking_of
from glan.generate.examining import answer_as_student, compare_answers, grade_answer
from glan.hearings import Each, Failed, Hearing, exit_code_of
from glan.judgements import Compared, Graded
from glan.options import InterruptedRunError, Options
from glan.records import Record, Reply, Stage
from glan.sites import Site
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Tally
from glan.teachers.panel import Named, Panel, opened

A = TypeVar("A")
B = TypeVar("B")

Way = Literal["pairwise", "single"]
Side = Literal["a", "b"]
SIDES: tuple[Side, ...] = ("a", "b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model whose answers are judged: it is asked, or its answers are there already."""

    name: str
    """As people call it; its answers are in the ledger under this name."""
    named: Named | Panel | None = None
    """How it is reached; a panel that is open already is used as it is."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """By the ids of the questions, where nobody is asked."""
    source: str = ""
    """What a person gave: a spec or a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be judged, and how."""

    questions: Sequence[Asked]
    contestants: Sequence[Contestant]
    way: Way
    judge: Named | Panel
    judge_config: JudgeConfig


class Judged(Record, frozen=True, kw_only=True):
    """What the judge said once."""

    id: str
    order: str
    """Whose answer came first and second: `ab` or `ba`; `a` or `b` where one answer was graded."""
    scores: tuple[float, ...] = ()
    """In that order; nothing where there is no judgement."""
    reason: str = ""
    """In the judge's words, or why there is no judgement."""
    model: str | None = None
    """As the judge's server named it."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a judging."""

    judge_model: str = ""
    answers: dict[Side, list[str | None]] = field(default_factory=dict)
    """In the order of the questions; None where there is none."""
    judged: list[Judged] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    """Why answers or judgements are missing, each with how many."""
    stopped: GlanError | None = None
    n_questions: int = 0

    def orders(self) -> Mapping[str, Orders]:
        """Return the questions that were judged in both orders."""
        found = {(each.id, each.order): each.scores for each in self.judged if each.scores}
        both = {}
        for (id_, order), scores in found.items():
            if order == "ab" and (other := found.get((id_, "ba"))) is not None:
                both[id_] = Orders(a_first=(scores[0], scores[1]), b_first=(other[1], other[0]))
        return both

    def grades(self, side: Side) -> Mapping[str, float]:
        """Return the grades of one model by question."""
        return {each.id: each.scores[0] for each in self.judged if each.order == side and each.scores}

    @property
    def complete(self) -> int:
        """How many questions have every judgement."""
        if len(self.answers) > 1 and any(each.order == "ab" for each in self.judged):
            return len(self.orders())
        graded = [self.grades(side).keys() for side in self.answers]
        return len(graded[0] & graded[-1]) if graded else 0

    @property
    def exit_code(self) -> int:
        """0 all judged, 1 an error to mend, 3 some questions have no judgement, 4 budget reached, 130 interrupted."""
        return exit_code_of(self.stopped, is_whole=self.complete == self.n_questions)


class Judging:
    """One judging. `line` and `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(self, site: Site[Config], task: Task, options: Options) -> None:
        self.site = site
        self.task = task
        self.hearings: list[Hearing] = []
        self.step = ""
        """What is being done."""
        self._options = options
        self._each: Each | None = None
        self._wanted = 0
        self._outcome = Outcome(n_questions=len(task.questions))
        self._stopped: GlanError | None = None

    @property
    def is_interrupted(self) -> bool:
        """Say whether it was asked to stop."""
        return isinstance(self._stopped, InterruptedRunError)

    @property
    def progress(self) -> str:
        """How far it is."""
        return f"{self.step} {self._each.done if self._each is not None else 0:,}/{self._wanted:,}"

    @property
    def tallies(self) -> Sequence[Tally]:
        """What was asked so far, by each model that is asked."""
        return [hearing.tally for hearing in self.hearings]

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self._stopped = InterruptedRunError("The judging was interrupted.")
        for hearing in self.hearings:
            hearing.stop(self._stopped)

    async def __call__(self) -> Outcome:
        """Ask and judge.

        Raises:
            GlanError: before anything was asked: the ledger, a key or a setting stands in the way.

        """
        site, outcome = self.site, self._outcome
        students = StudentConfig.of(site.config)
        async with AsyncExitStack() as stack:
            panels = [
                None if each.named is None else await self._opened(stack, students, each.named)
                for each in self.task.contestants
            ]
            judge = await self._opened(stack, self.task.judge_config, self.task.judge)
            outcome.judge_model = judge.models[Stage.JUDGEMENTS]
            with Ledger.open(site.ledger_path) as ledger:
                for side, contestant, panel in zip(SIDES, self.task.contestants, panels, strict=False):
                    outcome.answers[side] = await self._answers(contestant, panel, students, ledger)
                if self._stopped is None:
                    await self._judge(judge, ledger)
        outcome.stopped = self._stopped
        return outcome

    async def _opened(self, stack: AsyncExitStack, config: Config, named: Named | Panel) -> Panel:
        if isinstance(named, Panel):
            return named
        return await stack.enter_async_context(opened(config, self.site.environment, named))

    async def _answers(
        self, contestant: Contestant, panel: Panel | None, config: Config, ledger: Ledger
    ) -> list[str | None]:
        questions = self.task.questions
        if panel is None:
            found: Sequence[object] = [contestant.answers.get(asked.id) for asked in questions]
            self._note(f"{contestant.name} has no answer", [each for each in found if each is None])
            return [each if isinstance(each, str) else None for each in found]
        if self._stopped is not None:
            return [None] * len(questions)

        async def ask(asking: Asking, asked: Asked) -> str:
            return (await answer_as_student(asking, contestant.name, asked.turns)).text

        self.step = f"answers of {contestant.name}"
        found = await self._asked(panel, (config, ledger), questions, ask)
        self._note(f"{contestant.name} gave no answer", [each for each in found if isinstance(each, Failed)])
        return [each if isinstance(each, str) else None for each in found]

    async def _judge(self, panel: Panel, ledger: Ledger) -> None:
        """Ask for every judgement that can be had."""
        asked = self._to_judge()

        async def ask(asking: Asking, each: "_ToJudge") -> Judged:
            return await each.judged(asking)

        self.step = "judgements"
        found = await self._asked(panel, (self.task.judge_config, ledger), asked, ask)
        self._note("the judge gave no judgement", [each for each in found if isinstance(each, Failed)])
        for each, came in zip(asked, found, strict=True):
            if isinstance(came, Judged):
                self._outcome.judged.append(came)
            elif isinstance(came, Failed):
                self._outcome.judged.append(Judged(id=each.asked.id, order=each.order, reason=came.reason))

    def _to_judge(self) -> list["_ToJudge"]:
        answers = self._outcome.answers
        orders = ("ab", "ba") if self.task.way == "pairwise" else tuple(answers)
        found = []
        for row, asked in enumerate(self.task.questions):
            for order in orders:
                texts = [answers["b" if side == "b" else "a"][row] for side in order]
                shown = tuple(text for text in texts if text is not None)
                if len(shown) == len(texts):
                    found.append(_ToJudge(asked=asked, order=order, answers=shown))
        return found

    async def _asked(
        self,
        panel: Panel,
        place: tuple[Config, Ledger],
        things: Sequence[A],
        ask: Callable[[Asking, A], Awaitable[B]],
    ) -> list[B | Failed | None]:
        config, ledger = place
        hearing = Hearing(panel, self._options, config.limits)
        self.hearings.append(hearing)
        async with hearing.begun(ledger):
            teacher, permits = hearing.teacher()
            asking = structs.replace(asking_of(config, self.site.prompts, panel.teacher, panel.models), teacher=teacher)
            each = self._each = Each(hearing, permits)
            self._wanted = len(things)
            found = await each(things, lambda thing: ask(asking, thing))
        self._stopped = self._stopped or hearing.stopped
        return found

    def _note(self, what: str, missing: Sequence[object]) -> None:
        """Count why something is missing."""
        for each in missing:
            reason = f"{what}: {each.reason}" if isinstance(each, Failed) else what
            self._outcome.reasons[reason] = self._outcome.reasons.get(reason, 0) + 1


class _ToJudge(Record, frozen=True, kw_only=True):
    """One call of the judge."""

    asked: Asked
    order: str
    answers: tuple[str, ...]

    async def judged(self, asking: Asking) -> Judged:
        """Return what the judge says, asked in the language of the question where the project has that."""
        own = self.asked.groups.get("language")
        asking = asking.speaking(own if own in asking.languages.names else None)
        reply: Reply
        said: Compared | Graded
        if len(self.answers) == 1:
            reply, said = await grade_answer(asking, self.asked.text, self.answers[0])
            scores: tuple[float, ...] = (said.score,)
        else:
            reply, said = await compare_answers(asking, self.asked.text, *self.answers)
            scores = said.first, said.second
        return Judged(id=self.asked.id, order=self.order, scores=scores, reason=said.reason, model=reply.model)
