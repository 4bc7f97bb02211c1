"""What a data set is made of, counted in one pass with bounded memory. It refuses to know files and prices.

What a run fixes fixes the numbers: counts are kept as integers and names are sorted, so that the same slots
give the same result in the same bytes.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from glan.dataset.quantities import Curriculum, Quantities
from glan.dataset.summary import Copies, Held, Named, Spent, Summary
from glan.dataset.tallies import UNKNOWN, Histogram, Scores, Spending, Tally, plausible
from glan.dataset.variety import Runs, Words, is_read
from glan.records import OF_A_PAIR, Decided, Discipline, Outcome, Question, Reply, Stage

_MOST_DIFFERENT: Final = 1_000
"""Kinds of pairs that are held apart; a server may invent a model for every reply."""
_ORIGINAL: Final = re.compile(r"(?:question|test)/(?P<leaf>[^/ ]+)/(?P<subject>[^/ ]+)/\d+ \(")
"""How the detail of a reject names the question that it copies."""
_NEARNESS: Final = ("same_subject", "same_discipline", "other_discipline")


def words_at_spaces(text: str) -> Sequence[bytes]:
    """Return what stands between spaces; for those who have no better way to tell words."""
    return text.lower().encode("utf-8", "replace").split()


class Statistics:
    """Counts slots as they are decided."""

    def __init__(self, tree: Iterable[Discipline] = (), *, words: Words = words_at_spaces) -> None:
        """Begin without slots; `tree` has the disciplines of the plan, and `words` cuts a text into its words."""
        self._outcomes: Counter[Outcome] = Counter()
        self._questions = 0
        self._quantities = Quantities(tree)
        self._pairs: Counter[tuple[str | None, ...]] = Counter()
        """Pairs by all that is tallied of them: one count for each instead of seven, and few of them differ."""
        self._tallies = [Tally() for _ in range(_TALLIED)]
        self._named = Tally()
        self._lengths = [Histogram() for _ in range(4)]
        """Characters of questions and answers, and tokens of both."""
        self._runs = [Runs(words), Runs(words)]
        self._checks = Tally()
        self._scores = Scores()
        self._personal = Tally()
        self._unread = Tally()
        self._ended = {Outcome.REJECT: Tally(), Outcome.FAILURE: Tally()}
        self._copies: dict[str, Counter[str]] = {}
        self._spent = {stage: Spending(stage) for stage in Stage}

    def add(self, decided: Decided) -> None:
        """Count a slot, and the replies to its question."""
        self._outcomes[decided.outcome] += 1
        self._quantities.add(decided)
        if decided.question is not None:
            self._questions += 1
            self.add_reply(Stage.QUESTIONS, decided.question.reply)
        if decided.answer is not None:
            self.add_reply(Stage.ANSWERS, decided.answer)
        for stage, reply in decided.looked:
            self.add_reply(stage, reply)
        if decided.outcome is Outcome.PAIR and decided.question is not None and decided.answer is not None:
            self._count_pair(decided.question, decided.answer)
            self._count_looks(decided)
        elif decided.verdict is not None and decided.outcome in self._ended:
            self._ended[decided.outcome].add(decided.verdict.reason, decided.verdict.stage.value)
            self._count_copy(decided, decided.verdict.reason, decided.verdict.detail)

    def add_reply(self, stage: Stage, reply: Reply) -> None:
        """Count a reply that slots rest on, and those before it that it was asked for in place of."""
        spending = self._spent[stage]
        for each in (*reply.before, reply):
            spending.add(each)
        if len(spending.models) > _MOST_DIFFERENT:
            self._tally_models(stage)

    def add_curriculum(self, discipline: str, curriculum: Curriculum) -> None:
        """Note what there is in a discipline that is drawn from; it is named by its key."""
        self._quantities.add_curriculum(discipline, curriculum)

    def _count_pair(self, question: Question, answer: Reply) -> None:
        question_tokens = plausible(question.reply.usage.completion_tokens)
        answer_tokens = plausible(answer.usage.completion_tokens)
        kind = (
            question.draw.strategy.value,
            question.subject.level.value,
            question.task.form,
            question.task.difficulty,
            question.language,
            answer.finish_reason,
            question.reply.model,
            answer.model,
        )
        self._pairs[kind] += 1
        if len(self._pairs) > _MOST_DIFFERENT:
            self._tally_pairs()
        lengths = len(question.text), len(answer.text), question_tokens, answer_tokens
        for histogram, length in zip(self._lengths, lengths, strict=True):
            if length is not None:
                histogram.add(length)
        if is_read(question.id, self._outcomes[Outcome.PAIR] - 1):
            for runs, text in zip(self._runs, (question.text, answer.text), strict=True):
                runs.add(text)

    def _count_looks(self, decided: Decided) -> None:
        """Count what was found in a pair by looking at it."""
        for check, verdict in decided.checks:
            self._checks.add(verdict, check)
        for name, value in decided.scores:
            self._scores.add(name, value)
        for kind in decided.personal or ():
            self._personal.add(kind)
        for stage in decided.unread:
            self._unread.add(stage.value)

    def _count_copy(self, decided: Decided, reason: str, detail: str) -> None:
        """Count a reject whose detail names the question that it copies."""
        found = _ORIGINAL.match(detail)
        if found is None or decided.question is None:
            return
        _, leaf, subject, _ = decided.question.id.split("/")
        is_near = found["leaf"] == leaf, found["subject"] == subject
        self._copies.setdefault(reason, Counter())[_NEARNESS[2 if not is_near[0] else not is_near[1]]] += 1

    def _tally_pairs(self) -> None:
        """Count the names of the pairs by themselves, in the order in which they came first."""
        for names, count in self._pairs.items():
            for tally, name in zip(self._tallies, names, strict=True):
                tally.add(name, count=count)
        self._pairs.clear()

    def _spending(self) -> tuple[Spent, ...]:
        found = (spending.result() for spending in self._spent.values())
        return tuple(each for each in found if each.replies or each.stage in OF_A_PAIR)

    def _tally_models(self, stage: Stage) -> None:
        models = self._spent[stage].models
        for model, count in models.items():
            self._named.add(model, stage.value, count=count)
        models.clear()

    def by_leaf(self) -> dict[str, tuple[int, int, int]]:
        """Return how many pairs, rejects and failures each leaf has so far."""
        return self._quantities.by_leaf()

    def result(self, *, undecided: int = 0) -> Summary:
        """Return what was counted so far; `undecided` are slots that stand before a pair and were not added."""
        self._tally_pairs()
        for stage in self._spent:
            self._tally_models(stage)
        strategies, levels, forms, difficulties, languages, finish_reasons, question_models, answer_models = (
            self._tallies
        )
        question_length, answer_length, question_tokens, answer_tokens = self._lengths
        return Summary(
            slots=self._outcomes.total() + undecided,
            pairs=self._outcomes[Outcome.PAIR],
            rejects=self._outcomes[Outcome.REJECT],
            failures=self._outcomes[Outcome.FAILURE],
            open=self._outcomes[Outcome.OPEN] + undecided,
            questions=self._questions,
            there=self._quantities.there(),
            drawn=self._quantities.drawn(),
            paired=self._quantities.paired(),
            spreads=self._quantities.spreads(),
            coverage=self._quantities.coverage(),
            by_field=self._quantities.by_field(),
            by_discipline=self._quantities.by_discipline(),
            strategies=strategies.names(),
            levels=levels.names(),
            forms=_mix(forms.names()),
            difficulties=_mix(difficulties.names()),
            languages=_several(languages.names()),
            finish_reasons=finish_reasons.names(),
            question_models=question_models.names(),
            answer_models=answer_models.names(),
            models=tuple(Named(stage=stage, model=name, replies=n) for stage, name, n in self._named.by_stage()),
            question_length=question_length.result(),
            answer_length=answer_length.result(),
            question_tokens=question_tokens.result(),
            answer_tokens=answer_tokens.result(),
            question_variety=self._runs[0].result(),
            answer_variety=self._runs[1].result(),
            checks=tuple(Held(check=check, verdict=verdict, pairs=n) for check, verdict, n in self._checks.listed()),
            scores=self._scores.result(),
            unread=self._unread.names(),
            personal=self._personal.names(),
            rejected=self._ended[Outcome.REJECT].ended(),
            failed=self._ended[Outcome.FAILURE].ended(),
            copies=tuple(
                Copies(reason=reason, **{name: counts[name] for name in _NEARNESS})
                for reason, counts in sorted(self._copies.items())
            ),
            spent=self._spending(),
        )


_TALLIED: Final = 8
_NONE: Final = "(none)"
"""The name of what a question was asked without: a free form has none."""


def _mix(names: dict[str, int]) -> dict[str, int]:
    """Return the counts of a mix; where the project has none, every pair is without a name."""
    return {} if set(names) == {UNKNOWN} else {_NONE if name == UNKNOWN else name: n for name, n in names.items()}


def _several(names: dict[str, int]) -> dict[str, int]:
    """Return the counts of languages; nothing where there is one."""
    return names if len(names) > 1 else {}
