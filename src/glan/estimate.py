"""What a run will ask for: calls, tokens, money, hours and disk, per stage, with a range. Pure; it asks nobody.

Where the project's ledger has replies of a stage, its own averages are used; elsewhere the defaults below, which
docs/estimates.md explains. The plan itself is exact; how many subjects a draft names is not known before it is asked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from glan.config import Config
from glan.plan import Merge, drafts_of_round, round_size
from glan.records import Discipline, Stage

_EXACT_SLOTS = 200_000
"""Up to so many slots are counted one by one; beyond it each leaf is given its share."""
_DISK_BYTES_PER_REPLY = 2_500
"""Ledger and data set together, a reply of average length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """What one call of a stage takes on average."""

    prompt_tokens: float
    completion_tokens: float
    latency_s: float
    is_measured: bool = False
    """Whether it comes from the project's ledger."""


DEFAULTS: Mapping[Stage, Average] = {
    Stage.SUBJECTS: Average(prompt_tokens=1_000, completion_tokens=1_500, latency_s=30),
    Stage.SYLLABI: Average(prompt_tokens=1_800, completion_tokens=2_200, latency_s=45),
    Stage.QUESTIONS: Average(prompt_tokens=3_200, completion_tokens=150, latency_s=5),
    Stage.ANSWERS: Average(prompt_tokens=160, completion_tokens=600, latency_s=12),
}
"""Assumptions for a hosted model without thinking, when nothing was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is not known before it is asked."""

    subjects_first_draft: int
    subjects_each_further: int
    rejected_share: float
    """Share of the slots that come to nothing after their question was written."""


LOW = Assumed(subjects_first_draft=25, subjects_each_further=15, rejected_share=0.0)
EXPECTED = Assumed(subjects_first_draft=18, subjects_each_further=12, rejected_share=0.05)
HIGH = Assumed(subjects_first_draft=10, subjects_each_further=8, rejected_share=0.25)
"""From many subjects a draft and no rejects to few subjects and many rejects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEstimate:
    """One stage of one case."""

    stage: Stage
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    """None where the price is unknown."""
    hours: float
    """At the given number of requests in flight, if the server keeps up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars per million tokens."""

    input: float
    output: float


def estimate(
    disciplines: Sequence[Discipline],
    config: Config,
    assumed: Assumed,
    averages: Mapping[Stage, Average],
    prices: Mapping[Stage, Prices | None],
) -> tuple[StageEstimate, ...]:
    """Return what each stage will take from nothing to N pairs."""
    calls = count_calls(disciplines, config, assumed)
    in_flight = config.limits.fixed
    found = []
    for stage in Stage:
        average, price = averages[stage], prices.get(stage)
        prompt = round(calls[stage] * average.prompt_tokens)
        completion = round(calls[stage] * average.completion_tokens)
        found.append(
            StageEstimate(
                stage=stage,
                calls=calls[stage],
                prompt_tokens=prompt,
                completion_tokens=completion,
                cost_usd=None if price is None else (prompt * price.input + completion * price.output) / 1e6,
                hours=calls[stage] * average.latency_s / in_flight / 3600,
            )
        )
    return tuple(found)


def disk_bytes(estimates: Sequence[StageEstimate]) -> int:
    """Return about how much room ledger and data set take."""
    return sum(found.calls for found in estimates) * _DISK_BYTES_PER_REPLY


def count_calls(disciplines: Sequence[Discipline], config: Config, assumed: Assumed) -> Mapping[Stage, int]:
    """Return the calls of each stage, two turns for each draft and each syllabus."""
    slots = round(config.pairs / (1 - assumed.rejected_share))
    n_drafts = n_syllabi = 0
    for leaf_slots in slots_by_leaf(disciplines, config, slots).values():
        drafts, syllabi = _curriculum(leaf_slots, config, assumed)
        n_drafts += drafts
        n_syllabi += syllabi
    return {
        Stage.SUBJECTS: 2 * n_drafts,
        Stage.SYLLABI: 2 * n_syllabi,
        Stage.QUESTIONS: slots,
        Stage.ANSWERS: slots,
    }


def slots_by_leaf(disciplines: Sequence[Discipline], config: Config, slots: int) -> Mapping[str, int]:
    """Return how many of the first slots of the plan each leaf has."""
    if slots > _EXACT_SLOTS:
        total = sum(discipline.weight for discipline in disciplines)
        return {discipline.leaf: round(slots * discipline.weight / total) for discipline in disciplines}
    merge = Merge(disciplines, seed=config.seed, questions_per_visit=config.plan.questions_per_visit)
    return Counter(slot.discipline.leaf for _, slot in zip(range(slots), merge, strict=False))


def _curriculum(slots: int, config: Config, assumed: Assumed) -> tuple[int, int]:
    """Return the drafts and syllabi that so many slots of one discipline need."""
    drafts = most_walked = 0
    number = 0
    while slots > 0:
        drafts = drafts_of_round(number, config.plan.drafts)
        subjects = assumed.subjects_first_draft + (drafts - 1) * assumed.subjects_each_further
        size = round_size(number, config.plan.questions_per_visit)
        most_walked = max(most_walked, min(subjects, -(-slots // size)))
        slots -= subjects * size
        number += 1
    return drafts, most_walked
