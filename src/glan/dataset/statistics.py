"""What a data set is made of, counted in one pass with bounded memory. It refuses to know files and prices.

What a run fixes fixes the numbers: counts are kept as integers and names are sorted, so that the same slots
give the same result in the same bytes.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from glan.parsing import clean
from glan.records import OF_A_PAIR, Decided, Discipline, Outcome, Question, Reply, Stage

MOST_NAMES = 100
"""Different names that a tally keeps; a server may invent a model or a finish reason for every reply."""
MOST_LETTERS = 200
"""Characters of a name that a tally keeps."""
OTHER = "(other)"
UNKNOWN = "(unknown)"
NO_FIELD = "(none)"
"""Stands for the field of leaves at the top of a tree."""

_MOST_DIFFERENT = 1_000
"""Kinds of pairs that are held apart; a server may invent a model for every reply."""
_EXACT_BITS = 7
"""Lengths are counted exactly below 2^7, above it in buckets that are less than 1% wide to either side."""
_DOLLAR = 10**12
"""Costs are added as whole 10^-12 dollars, so that their order does not change the sum."""


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Levels(_Result, frozen=True):
    """Different things at each level of the tree."""

    fields: int
    sub_fields: int
    disciplines: int
    subjects: int
    sessions: int
    key_concepts: int


class Share(_Result, frozen=True):
    """What became of the slots of one branch."""

    title: str
    field: str | None
    pairs: int
    rejects: int
    failures: int


class Ended(_Result, frozen=True):
    """How many slots ended at a stage for a reason."""

    stage: Stage
    reason: str
    slots: int


class Lengths(_Result, frozen=True):
    """Lengths in characters; the median and the 90th percentile are exact to 1%."""

    mean: float
    median: int
    p90: int
    longest: int


class Spent(_Result, frozen=True):
    """Tokens and cost of the replies of one stage, where they are known."""

    stage: Stage
    replies: int
    prompt_tokens: int
    completion_tokens: int
    replies_without_tokens: int
    """Replies whose server did not count."""
    cost_usd: float
    replies_without_price: int


class Summary(_Result, frozen=True):
    """Everything that was counted."""

    slots: int
    pairs: int
    rejects: int
    failures: int
    open: int
    questions: int
    """Slots for which a question was written."""
    drawn: Levels
    """What those questions are about; fields, disciplines and subjects are counted also where none was written."""
    paired: Levels
    """The same of the pairs alone."""
    by_field: tuple[Share, ...]
    by_discipline: tuple[Share, ...]
    strategies: dict[str, int]
    levels: dict[str, int]
    finish_reasons: dict[str, int]
    question_models: dict[str, int]
    """Models as the servers named them; these and the four above are counted over the pairs."""
    answer_models: dict[str, int]
    question_length: Lengths
    answer_length: Lengths
    rejected: tuple[Ended, ...]
    failed: tuple[Ended, ...]
    spent: tuple[Spent, ...]
    unread: dict[str, int]
    """Pairs that stand without what was to be said of them, by stage: the replies could not be read."""

    @property
    def cost_usd(self) -> float:
        """Cost of all replies, where it is known."""
        return round(sum(stage.cost_usd for stage in self.spent), 12)


def plausible(tokens: int | None) -> int | None:
    """Return a number of tokens that a server could mean, or None: some send -1."""
    return tokens if tokens is not None and 0 <= tokens < 2**53 else None


class Statistics:
    """Counts slots as they are decided."""

    def __init__(self) -> None:
        self._outcomes: Counter[Outcome] = Counter()
        self._questions = 0
        self._drawn = _Coverage()
        self._paired = _Coverage()
        self._by_discipline: dict[str, _Branch] = {}
        self._pairs: Counter[tuple[str | None, ...]] = Counter()
        """Pairs by all that is tallied of them: one count for each instead of five, and few of them differ."""
        self._strategies = _Tally()
        self._levels = _Tally()
        self._finish_reasons = _Tally()
        self._question_models = _Tally()
        self._answer_models = _Tally()
        self._question_lengths = _Histogram()
        self._answer_lengths = _Histogram()
        self._ended = {Outcome.REJECT: _Tally(), Outcome.FAILURE: _Tally()}
        self._spent = {stage: _Spending(stage) for stage in Stage}
        self._unread = _Tally()

    def add(self, decided: Decided) -> None:
        """Count a slot, and the replies to its question."""
        self._outcomes[decided.outcome] += 1
        self._count_branches(decided)
        bits = _bits_of(decided.question) if decided.question is not None else (0, 0)
        self._drawn.add(decided, bits)
        if decided.question is not None:
            self._questions += 1
            self.add_reply(Stage.QUESTIONS, decided.question.reply)
        if decided.answer is not None:
            self.add_reply(Stage.ANSWERS, decided.answer)
        for stage, reply in decided.looked:
            self.add_reply(stage, reply)
        if decided.verdict is not None and decided.outcome in self._ended:
            self._ended[decided.outcome].add(decided.verdict.reason, decided.verdict.stage.value)
        if decided.outcome is Outcome.PAIR and decided.question is not None and decided.answer is not None:
            self._paired.add(decided, bits)
            self._count_pair(decided.question, decided.answer)
            for stage in decided.unread:
                self._unread.add(stage.value)

    def add_reply(self, stage: Stage, reply: Reply) -> None:
        """Count a reply that slots rest on and that they do not carry: a draft, a listing, a syllabus."""
        self._spent[stage].add(reply)

    def _count_branches(self, decided: Decided) -> None:
        discipline = decided.slot.discipline
        if discipline.key not in self._by_discipline:
            field = discipline.path[0] if discipline.path else None
            self._by_discipline[discipline.key] = _Branch(discipline.title, field)
        self._by_discipline[discipline.key].outcomes[decided.outcome] += 1

    def _count_pair(self, question: Question, answer: Reply) -> None:
        strategy, level = question.draw.strategy.value, question.subject.level.value
        self._pairs[strategy, level, answer.finish_reason, question.reply.model, answer.model] += 1
        if len(self._pairs) > _MOST_DIFFERENT:
            self._tally_pairs()
        self._question_lengths.add(len(question.text))
        self._answer_lengths.add(len(answer.text))

    def _tally_pairs(self) -> None:
        """Count the names of the pairs by themselves, in the order in which they came first."""
        tallies = self._strategies, self._levels, self._finish_reasons, self._question_models, self._answer_models
        for names, count in self._pairs.items():
            for tally, name in zip(tallies, names, strict=True):
                tally.add(name, count=count)
        self._pairs.clear()

    def result(self) -> Summary:
        """Return what was counted so far."""
        self._tally_pairs()
        spent = [spending.result() for spending in self._spent.values()]
        return Summary(
            slots=self._outcomes.total(),
            pairs=self._outcomes[Outcome.PAIR],
            rejects=self._outcomes[Outcome.REJECT],
            failures=self._outcomes[Outcome.FAILURE],
            open=self._outcomes[Outcome.OPEN],
            questions=self._questions,
            drawn=self._drawn.result(),
            paired=self._paired.result(),
            by_field=_shares(_by_field(self._by_discipline.values())),
            by_discipline=_shares(self._by_discipline.values()),
            strategies=self._strategies.names(),
            levels=self._levels.names(),
            finish_reasons=self._finish_reasons.names(),
            question_models=self._question_models.names(),
            answer_models=self._answer_models.names(),
            question_length=self._question_lengths.result(),
            answer_length=self._answer_lengths.result(),
            rejected=self._ended[Outcome.REJECT].reasons(),
            failed=self._ended[Outcome.FAILURE].reasons(),
            unread=self._unread.names(),
            spent=tuple(found for found in spent if found.replies or found.stage in OF_A_PAIR),
        )


class _Tally:
    """Counts names, the first hundred of them by themselves."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, name: str | None, above: str = "", *, count: int = 1) -> None:
        key = (above, UNKNOWN if name is None else name)
        if key not in self._counts:  # cleaning every name would double the time of a count
            key = (above, clean(key[1][:MOST_LETTERS]))
        if key not in self._counts and len(self._counts) >= MOST_NAMES:
            key = (above, OTHER)
        self._counts[key] += count

    def names(self) -> dict[str, int]:
        return {name: count for (_, name), count in sorted(self._counts.items())}

    def reasons(self) -> tuple[Ended, ...]:
        """Return the counts in the order of the stages, the most frequent reason first."""
        stages = list(Stage)
        found = [Ended(stage=Stage(stage), reason=name, slots=n) for (stage, name), n in self._counts.items()]
        return tuple(sorted(found, key=lambda ended: (stages.index(ended.stage), -ended.slots, ended.reason)))


class _Branch:
    def __init__(self, title: str, field: str | None) -> None:
        self.title, self.field = title, field
        self.outcomes: Counter[Outcome] = Counter()

    def result(self) -> Share:
        return Share(
            title=self.title,
            field=self.field,
            pairs=self.outcomes[Outcome.PAIR],
            rejects=self.outcomes[Outcome.REJECT],
            failures=self.outcomes[Outcome.FAILURE],
        )


def _by_field(disciplines: Iterable[_Branch]) -> Iterable[_Branch]:
    """Return the branches at the top, with the counts of what is below them."""
    fields: dict[str | None, _Branch] = {}
    for discipline in disciplines:
        field = fields.setdefault(discipline.field, _Branch(discipline.field or NO_FIELD, discipline.field))
        field.outcomes.update(discipline.outcomes)
    return fields.values()


def _shares(branches: Iterable[_Branch]) -> tuple[Share, ...]:
    found = (branch.result() for branch in branches)
    return tuple(sorted(found, key=lambda share: (share.title, share.field or "")))


class _Coverage:
    """Different things at each level.

    Of a subject it keeps two integers, with a bit for each session and each key concept: the 1.9 million
    key concepts of 18,900 subjects take about 4 MB, and as a set of names they would take 200 MB.
    """

    def __init__(self) -> None:
        self._fields: set[str] = set()
        self._sub_fields: set[tuple[str, ...]] = set()
        self._disciplines: set[str] = set()
        self._subjects: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, decided: Decided, bits: tuple[int, int]) -> None:
        discipline = decided.slot.discipline
        if discipline.key not in self._disciplines:
            self._add_discipline(discipline)
        question = decided.question
        subject = question.subject if question is not None else decided.subject
        if subject is not None:
            place = (discipline.key, subject.key)
            sessions, concepts = self._subjects.get(place, (0, 0))
            self._subjects[place] = (sessions | bits[0], concepts | bits[1])

    def _add_discipline(self, discipline: Discipline) -> None:
        self._disciplines.add(discipline.key)
        self._fields.update(discipline.path[:1])
        if len(discipline.path) > 1:
            self._sub_fields.add(discipline.path[:2])

    def result(self) -> Levels:
        return Levels(
            fields=len(self._fields),
            sub_fields=len(self._sub_fields),
            disciplines=len(self._disciplines),
            subjects=len(self._subjects),
            sessions=sum(sessions.bit_count() for sessions, _ in self._subjects.values()),
            key_concepts=sum(concepts.bit_count() for _, concepts in self._subjects.values()),
        )


def _bits_of(question: Question) -> tuple[int, int]:
    """Return the drawn sessions and key concepts as bits; the concepts of all sessions stand in one row."""
    sessions = concepts = 0
    for i in question.draw.sessions:
        sessions |= 1 << i
    for i in question.places:
        concepts |= 1 << i
    return sessions, concepts


class _Histogram:
    """Lengths in buckets that grow with the length: at most 64 for each power of two."""

    def __init__(self) -> None:
        self._buckets: Counter[tuple[int, int]] = Counter()
        self._count = self._sum = self._longest = 0

    def add(self, length: int) -> None:
        shift = max(0, length.bit_length() - _EXACT_BITS)
        self._buckets[shift, length >> shift] += 1
        self._count += 1
        self._sum += length
        self._longest = max(self._longest, length)

    def result(self) -> Lengths:
        mean = round(self._sum / self._count, 1) if self._count else 0.0
        return Lengths(mean=mean, median=self._quantile(50), p90=self._quantile(90), longest=self._longest)

    def _quantile(self, percent: int) -> int:
        """Return the middle of the bucket with the smallest length that so many percent do not exceed."""
        wanted = -(-self._count * percent // 100)
        for (shift, value), count in sorted(self._buckets.items()):
            wanted -= count
            if wanted <= 0:
                return min((value << shift) + (1 << shift) // 2, self._longest)
        return 0


class _Spending:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._replies = self._prompt = self._completion = self._uncounted = 0
        self._cost = self._unpriced = 0

    def add(self, reply: Reply) -> None:
        prompt, completion = plausible(reply.usage.prompt_tokens), plausible(reply.usage.completion_tokens)
        self._replies += 1
        self._prompt += prompt or 0
        self._completion += completion or 0
        self._uncounted += prompt is None or completion is None
        if reply.cost_usd:
            self._cost += round(reply.cost_usd * _DOLLAR)
        self._unpriced += reply.cost_usd is None

    def result(self) -> Spent:
        return Spent(
            stage=self._stage,
            replies=self._replies,
            prompt_tokens=self._prompt,
            completion_tokens=self._completion,
            replies_without_tokens=self._uncounted,
            cost_usd=self._cost / _DOLLAR,
            replies_without_price=self._unpriced,
        )
