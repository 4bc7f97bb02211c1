"""No surprise spending: what reaches the requests, what of it changed since the last run, and what that would cost.

A run whose requests differ from those the ledger answers is stopped before it asks; a person decides.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

from msgspec import structs

from glan.config import Config
from glan.errors import StoppedError, WouldAskAgainError
from glan.generate.asking import Asking
from glan.mix import Mix
from glan.pipeline import Job, Pipeline
from glan.progress import Progress
from glan.prompts import OF_SOME, VARIABLES, Prompts
from glan.records import OF_A_PAIR, Discipline, Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.ledger import Entry, Ledger
from glan.teachers.ledgered import Choice, Ledgered
from glan.teachers.permits import Permits
from glan.teachers.watched import Cuts, Watched


def meaning_of(
    config: Config, disciplines: Iterable[Discipline], prompts: Prompts, asking: Asking
) -> Mapping[str, str]:
    """Return everything that reaches the requests, as names that a person knows to short values."""
    found = {
        "language": config.language_name,
        "seed": str(config.seed),
        "plan.law": config.plan.law,
        "plan.sampling": config.plan.sampling,
        "plan.pair_share": str(config.plan.pair_share),
        "curation.near_names": "merge" if config.merges_names else "keep",
        **asking.mix.meaning,
    }
    if Stage.SAFETY in asking.sampling:
        found["curation.safety.asks"] = config.curation.safety.asks
    for name in VARIABLES:
        if OF_SOME.get(name, Stage.QUESTIONS) in asking.sampling:  # one that is not asked with reaches no request
            found[f"prompt {name}"] = prompts.hash_of(name)
    for stage, sampling in asking.sampling.items():
        found[f"model of {stage}"] = sampling.model
        found[f"temperature of {stage}"] = str(sampling.temperature)
        found[f"top_p of {stage}"] = str(sampling.top_p)
        found[f"reasoning of {stage}"] = sampling.reasoning or "server"
        found[f"extra of {stage}"] = json.dumps(sampling.extra, sort_keys=True)
        found[f"system of {stage}"] = _digest(asking.system.get(stage, ""))
    for discipline in disciplines:
        given = [(subject.name, subject.level.value, subject.subtopics) for subject in discipline.subjects]
        found[f"discipline {discipline.key}"] = _digest(json.dumps([discipline.name, discipline.notes, given]))
    return found


_BEFORE_IT_WAS_KNOWN = {
    **{f"reasoning of {stage}": "server" for stage in OF_A_PAIR},
    "curation.near_names": "keep",
    **Mix().meaning,
}
"""What a run meant that stored nothing of it."""


def changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Name what both know and tell differently; a new or a removed discipline changes no request of another."""
    before = {**_BEFORE_IT_WAS_KNOWN, **before}
    lines = []
    for name in now:
        if name in before and before[name] != now[name]:
            is_shown = not name.startswith(("prompt", "system", "discipline"))
            lines.append(f"{name} ({before[name]} -> {now[name]})" if is_shown else name)
    return lines


async def chosen(job: Job, ledger: Ledger, now: Mapping[str, str], told: Choice | None) -> Choice:
    """Return what is done about replies under another fingerprint: as told, as before, or nothing to do.

    Raises:
        WouldAskAgainError: there are some, and nobody has said what to do.

    """
    before = ledger.last_run()
    if before is None:
        return Choice.EXACT
    lines = changed(before.meaning, now)
    if told is not None:
        return told
    if not lines:
        return Choice(before.choice)
    again = await audit(job, ledger)
    if again.replies:
        raise refusal(lines, again)
    return Choice.EXACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What would be asked again."""

    replies: int
    tokens: int
    cost_usd: float
    n_without_price: int


async def audit(job: Job, ledger: Ledger) -> Again:
    """Walk what the ledger holds without asking, and count what a new fingerprint would ask again.

    Where a draft, a syllabus or a question would be asked again, so would everything that rests on it.
    """
    mismatched: set[str] = set()
    async for _ in auditing(job, ledger, mismatched).decided():
        pass
    return _count(ledger, mismatched, job.config.stages)


def auditing(
    job: Job, ledger: Ledger, mismatched: set[str], seen: Callable[[Teacher], Teacher] | None = None
) -> Pipeline:
    """Return a walk along what the ledger holds: it asks nobody, and slots that would have to ask stay open.

    Requests that the ledger answers under another fingerprint alone are put into `mismatched`, and their replies are
    used. What `seen` makes of the teacher is asked in its place.
    """
    permits = Permits(1)
    permits.close(StoppedError("an audit asks nobody"))

    def note(request: Request, _: Entry) -> None:
        mismatched.add(request.id)

    ledgered = Ledgered(Nobody(), ledger, permits, choice=Choice.KEEP, on_mismatch=note)
    teacher: Teacher = Watched(ledgered, Cuts(), keeps_cut=job.config.curation.cut_prompts == "keep")
    teacher = teacher if seen is None else seen(teacher)
    walk = replace(job, asking=structs.replace(job.asking, teacher=teacher), is_audit=True)
    return Pipeline(walk, permits=permits, progress=Progress(wanted=job.pairs))


class Nobody:
    """A teacher who is never asked: what is not in the ledger stays open."""

    async def reply(self, request: Request) -> Reply:
        raise StoppedError(f"{request.id} is not in the ledger.")


def _count(ledger: Ledger, mismatched: set[str], stages: Collection[str]) -> Again:
    """Count each place once: the mismatched ones, and those whose way leads through one, as far as they are wanted."""
    through = through_of(mismatched)
    last: dict[tuple[str, int, int], Entry] = {}
    for entry in ledger.entries():
        above = rests_on(entry.request_id) if entry.stage in stages else ()
        if entry.request_id in mismatched or any(part in through for part in above):
            last[entry.request_id, entry.sample, entry.attempt] = entry
    replies = [entry.reply for entry in last.values() if entry.reply is not None]
    return Again(
        replies=len(replies),
        tokens=sum((reply.usage.prompt_tokens or 0) + (reply.usage.completion_tokens or 0) for reply in replies),
        cost_usd=sum(reply.cost_usd or 0.0 for reply in replies),
        n_without_price=sum(reply.cost_usd is None for reply in replies),
    )


def through_of(request_ids: Iterable[str]) -> set[tuple[str, ...]]:
    """Return the places that requests stand for: what rests on one of them is asked again with it."""
    return {above for request_id in request_ids for above in _rests_under(request_id)}


def _rests_under(request_id: str) -> Iterable[tuple[str, ...]]:
    """Give the place that a mismatched request stands for: a leaf, a subject, a question."""
    kind, *parts = request_id.split("/")
    if kind in {"draft", "listing"}:
        yield (parts[0],)
    elif kind in {"syllabus", "sessions", "question"}:
        yield tuple(parts)
    elif kind == "answer":
        yield ("answer", *parts)


def rests_on(request_id: str) -> Iterable[tuple[str, ...]]:
    """Give the places that a request's text comes from."""
    kind, *parts = request_id.split("/")
    if kind in {"draft", "listing"} or kind.startswith("test"):  # a run asks nothing of a test set
        return
    yield (parts[0],)
    if kind != "syllabus":
        yield tuple(parts[:2])
    if kind not in {"syllabus", "sessions", "question"}:
        yield tuple(parts)
    if kind in {"score", "safety"}:
        yield ("answer", *parts)


def refusal(lines: list[str], again: Again) -> WouldAskAgainError:
    """Return the error that says what changed, how many replies that concerns, and what they cost."""
    cost = f"${again.cost_usd:,.2f}" if again.cost_usd or not again.n_without_price else "at a price unknown"
    if again.cost_usd and again.n_without_price:
        cost += f" and {again.n_without_price} at a price unknown"
    return WouldAskAgainError(
        f"This run would ask again for {again.replies:,} replies that are paid for "
        f"({again.tokens:,} tokens, {cost}), because this changed: {'; '.join(lines)}. Nothing was asked.",
        hint="--keep uses the replies that are there; --reask asks anew and keeps the old ones in the ledger.",
    )


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
