"""What a run will ask for: calls, tokens, money, hours and disk, per stage, with a range. Pure; it asks nobody.

Where the project's ledger has replies of a stage, its own averages are used; elsewhere the defaults below, which
docs/estimates.md explains. The plan itself is exact; how many subjects a draft names is not known before it is asked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from glan import plan
from glan.config import Config
from glan.plan import drafts_of_round, given_in_round, round_of, round_size
from glan.records import Discipline, Stage
from glan.settings import Agreement, Limits

DISK_BYTES_PER_CALL = 350
"""Of the ledger, beside the texts: what a row and its place in the index take."""
DISK_BYTES_PER_TOKEN = 3.5
"""Of a reply, compressed, in the ledger and once more in the data set."""
_MEMORY_BYTES = {"low": 250e6, "expected": 400e6, "high": 600e6}
"""The program itself, what is in flight, and the subjects that are walked: 5,000 of them in what was measured."""
_MEMORY_BYTES_PER_SLOT = {"low": 600, "expected": 700, "high": 1_040}
"""The sketch of a question and its draw. docs/scale.md has what was measured with questions of 400 characters."""
_VECTOR_BYTES = 1_536
"""Of a question, where copies in meaning are looked for and the length of the vectors is the model's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """What one call of a stage takes on average."""

    prompt_tokens: float
    completion_tokens: float
    latency_s: float
    calls: float = 1.0
    """Calls for each place: more than one where replies were cut off or malformed, or the whole was asked anew."""
    is_measured: bool = False
    """Whether it comes from the project's ledger."""


DEFAULTS: Mapping[Stage, Average] = {
    Stage.SUBJECTS: Average(prompt_tokens=1_000, completion_tokens=1_500, latency_s=30),
    Stage.SYLLABI: Average(prompt_tokens=1_800, completion_tokens=2_200, latency_s=45),
    Stage.QUESTIONS: Average(prompt_tokens=3_200, completion_tokens=150, latency_s=5),
    Stage.EMBEDDINGS: Average(prompt_tokens=80, completion_tokens=0, latency_s=1),
    Stage.RATINGS: Average(prompt_tokens=480, completion_tokens=60, latency_s=3),
    Stage.ANSWERS: Average(prompt_tokens=160, completion_tokens=600, latency_s=12),
    Stage.SCORES: Average(prompt_tokens=1_200, completion_tokens=150, latency_s=5),
    Stage.SAFETY: Average(prompt_tokens=1_100, completion_tokens=15, latency_s=2),
}
"""Assumptions for a hosted model without thinking, when nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is not known before it is asked."""

    subjects_first_draft: int
    subjects_each_further: int
    rejected_share: float
    """Share of the slots that come to nothing after their question was written."""
    voted_share: float
    """Share of the questions that have a final answer, where several answers may vote."""
    contested_share: float
    """Share of those votes that the first answers do not settle."""


LOW = Assumed(
    subjects_first_draft=25, subjects_each_further=15, rejected_share=0.0, voted_share=0.1, contested_share=0.0
)
EXPECTED = Assumed(
    subjects_first_draft=18, subjects_each_further=12, rejected_share=0.05, voted_share=0.3, contested_share=0.25
)
HIGH = Assumed(
    subjects_first_draft=10, subjects_each_further=8, rejected_share=0.25, voted_share=1.0, contested_share=1.0
)
"""From many subjects a draft, no rejects and no votes to few subjects, many rejects and every answer that may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars per million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a project before its next run."""

    averages: Mapping[Stage, Average] = field(default_factory=lambda: DEFAULTS)
    prices: Mapping[Stage, Prices | None] = field(default_factory=dict)
    """None where a price is unknown; nothing for the tokens of a server that is paid by the hour."""
    usd_per_hour: float = 0.0
    """What servers cost as long as a run goes on."""
    done: Mapping[tuple[str, Stage], int] = field(default_factory=dict)
    """By leaf and stage the places of which the ledger has a reply or a failure: they are not asked for again."""
    further_answers: int = 0
    """Answers beside the first to their question that the ledger has."""
    disk_bytes_per_token: float | None = None
    """Of a reply, in ledger and data set together, as far as the project is large enough to say."""
    has_voted: bool = False
    """Whether the slots of the data set that stands had as many answers as they may have now."""
    pairs: int = 0
    """Rows that stand."""
    slots: int = 0
    """Slots that they took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEstimate:
    """What one stage still takes in one case."""

    stage: Stage
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """With the time of servers that are paid by the hour; None where the price is unknown."""
    hours: float
    """At the given number of requests in flight and rates, if the server keeps up."""


def estimate(
    disciplines: Sequence[Discipline], config: Config, assumed: Assumed, known: Known
) -> tuple[StageEstimate, ...]:
    """Return what each stage will still take to N pairs: what the ledger has is not counted."""
    return costs_of(count_calls(disciplines, config, assumed, known), config, known)


def costs_of(places: Mapping[Stage, int], config: Config, known: Known) -> tuple[StageEstimate, ...]:
    """Return what it takes to ask for so many places of each stage."""
    return tuple(_stage(stage, places.get(stage, 0), config.limits, known) for stage in config.stages)


def estimates_of(
    disciplines: Sequence[Discipline], config: Config, known: Known
) -> Mapping[str, tuple[StageEstimate, ...]]:
    """Return the expected case, and of all cases the cheapest and the dearest.

    Which these are hangs on the plan: many subjects save drafts, and may cost syllabi.
    """
    found = [estimate(disciplines, config, assumed, known) for assumed in (LOW, EXPECTED, HIGH)]
    return {"low": min(found, key=_size), "expected": found[1], "high": max(found, key=_size)}


def _size(estimates: Sequence[StageEstimate]) -> tuple[float, int]:
    costs = sum(found.cost_usd or 0.0 for found in estimates)
    return costs, sum(found.prompt_tokens + found.completion_tokens for found in estimates)


def _stage(stage: Stage, places: int, limits: Limits, known: Known) -> StageEstimate:
    average = known.averages[stage]
    calls = round(places * average.calls)
    price = known.prices.get(stage) if calls else Prices(input=0.0, output=0.0)
    prompt, completion = round(calls * average.prompt_tokens), round(calls * average.completion_tokens)
    hours = max(
        calls * average.latency_s / limits.fixed / 3600,
        calls / limits.rpm / 60 if limits.rpm else 0.0,
        (prompt + completion) / limits.tpm / 60 if limits.tpm else 0.0,
    )
    tokens_usd = None if price is None else (prompt * price.input + completion * price.output) / 1e6
    return StageEstimate(
        stage=stage,
        calls=calls,
        prompt_tokens=prompt,
        completion_tokens=completion,
        cost_usd=None if tokens_usd is None else tokens_usd + hours * known.usd_per_hour,
        hours=hours,
    )


def disk_bytes(estimates: Sequence[StageEstimate], known: Known) -> int:
    """Return about how much more room ledger and data set take."""
    calls = sum(found.calls for found in estimates)
    tokens = sum(found.completion_tokens for found in estimates)
    vectors = sum(found.calls for found in estimates if found.stage is Stage.EMBEDDINGS) * _VECTOR_BYTES
    per_token = DISK_BYTES_PER_TOKEN if known.disk_bytes_per_token is None else known.disk_bytes_per_token
    return round(calls * DISK_BYTES_PER_CALL + tokens * per_token + vectors)


def memory_bytes(config: Config) -> Mapping[str, int]:
    """Return about how much memory a run to N pairs takes at its end, in each case; it grows with the questions."""
    embeddings = config.curation.embeddings
    each = (embeddings.dimensions or _VECTOR_BYTES) if embeddings.enabled else 0
    return {
        name: round(base + config.pairs / (1 - assumed.rejected_share) * (_MEMORY_BYTES_PER_SLOT[name] + each))
        for (name, base), assumed in zip(_MEMORY_BYTES.items(), (LOW, EXPECTED, HIGH), strict=True)
    }


def count_calls(
    disciplines: Sequence[Discipline], config: Config, assumed: Assumed, known: Known
) -> Mapping[Stage, int]:
    """Return the places of each stage that are still to be asked for, two for each draft and each syllabus."""
    wanted = max(0, config.pairs - known.pairs)
    left: Counter[Stage] = Counter(dict.fromkeys(Stage, 0))
    n_new = round(wanted / (1 - assumed.rejected_share))
    for stage in (Stage.RATINGS, Stage.SCORES, Stage.SAFETY):
        done = sum(known.done.get((discipline.leaf, stage), 0) for discipline in disciplines)
        left[stage] = _looks(n_new if stage is Stage.RATINGS else wanted, done, known)
    left[Stage.ANSWERS] = _further(n_new, config.curation.agreement, assumed, known)
    if not wanted:
        return left
    shares = slots_by_leaf(disciplines, config, known.slots + n_new)
    for discipline in disciplines:
        slots = shares.get(discipline.leaf, 0)
        drafts, syllabi = curriculum_of(discipline, slots, config, assumed)
        needed = {
            Stage.SUBJECTS: 2 * drafts,
            Stage.SYLLABI: 2 * syllabi,
            Stage.QUESTIONS: slots,
            Stage.EMBEDDINGS: slots if config.curation.embeddings.enabled else 0,
            Stage.ANSWERS: slots,
        }
        for stage, places in needed.items():
            left[stage] += max(0, places - known.done.get((discipline.leaf, stage), 0))
    return left


def further_answers(agreement: Agreement, assumed: Assumed) -> float:
    """Return how many answers a question gets beside its first, on average."""
    settling = agreement.needed - 1
    contested = agreement.samples - agreement.needed
    return assumed.voted_share * (settling + assumed.contested_share * contested)


def _further(new: int, agreement: Agreement, assumed: Assumed, known: Known) -> int:
    """Return how many answers beside the first are left; where there was a vote before, it is over."""
    each = further_answers(agreement, assumed)
    if known.has_voted:
        return round(new * each)
    return max(0, round((known.slots + new) * each) - known.further_answers)


def _looks(new: int, done: int, known: Known) -> int:
    """Return how many looks are left: at the rows that stand without one, and at what is new."""
    return max(0, known.pairs - done) + max(0, new - max(0, done - known.slots))


def slots_by_leaf(disciplines: Sequence[Discipline], config: Config, slots: int) -> Mapping[str, int]:
    """Return how many of the first slots of the plan each leaf has."""
    return plan.slots_by_leaf(disciplines, slots, seed=config.seed, questions_per_visit=config.plan.questions_per_visit)


def curriculum_of(discipline: Discipline, slots: int, config: Config, assumed: Assumed) -> tuple[int, int]:
    """Return the drafts and syllabi that so many slots of a discipline need; what is given is not asked for."""
    drafts = most_walked = 0
    number = 0
    while slots > 0:
        if discipline.subjects:
            subjects = len(given_in_round(discipline, number))
        else:
            drafts = drafts_of_round(number, config.plan.drafts)
            subjects = assumed.subjects_first_draft + (drafts - 1) * assumed.subjects_each_further
        size = round_size(number, config.plan.questions_per_visit)
        most_walked = max(most_walked, min(subjects, -(-slots // size)))
        slots -= subjects * size
        number += 1
    walked = sorted(discipline.subjects, key=round_of)[:most_walked]
    return drafts, most_walked - sum(bool(subject.sessions) for subject in walked)
