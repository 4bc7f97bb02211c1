"""No surprise spending: what reaches the requests, what of it changed since the last run, and what that would cost.

A run whose requests differ from those the ledger answers is stopped before it asks; a person decides.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from urllib.parse import unquote

from msgspec import structs

from glan.config import Config
from glan.errors import StoppedError, WouldAskAgainError
from glan.generate.asking import Asking
from glan.generate.syllabi import given_text
from glan.mix import Mix
from glan.options import PREVIEW
from glan.pipeline import Job, Pipeline
from glan.places import quoted
from glan.progress import Progress
from glan.prompts import OF_SOME, VARIABLES, Prompts
from glan.records import OF_A_PAIR, Discipline, Reply, Request, Stage, Subject
from glan.teachers.base import Teacher
from glan.teachers.ledger import Entry, Ledger
from glan.teachers.ledger_rows import Run as LedgerRun
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.permits import Permits
from glan.teachers.shelf import Shelf
from glan.teachers.watched import Cuts, Watched
from glan.wording import few

_DISCIPLINE = "discipline "
"""How the names of what a discipline says begin."""
_MOST_NAMED = 5


def meaning_of(
    config: Config, disciplines: Iterable[Discipline], prompts: Prompts, asking: Asking
) -> Mapping[str, str]:
    """Return everything that reaches the requests, as names that a person knows to short values."""
    found = {
        "language": config.told_languages,
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
        given = [_meant(subject) for subject in discipline.subjects]
        found[f"{_DISCIPLINE}{discipline.key}"] = _digest(json.dumps([discipline.name, discipline.notes, given]))
    return found


def _meant(subject: Subject) -> tuple[object, ...]:
    """Return what reaches requests of a given subject; one without a syllabus is told as before there were any."""
    alone = (subject.name, subject.level.value, subject.subtopics)
    text = given_text(subject)
    if not text and subject.draft == 1:
        return alone
    return (*alone, subject.draft, text, [(session.name, session.key_concepts) for session in subject.sessions])


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
            is_shown = not name.startswith(("prompt", "system", _DISCIPLINE))
            lines.append(f"{name} ({before[name]} -> {now[name]})" if is_shown else name)
    return lines


@dataclass(frozen=True, slots=True)
class Earlier:
    """The runs whose requests a run is held against: the last one of its scope, or over all, and those after it.

    What a trial was told to do about other fingerprints holds for the trial. What it meant is remembered by all, since
    its replies are in the same ledger.
    """

    runs: Sequence[LedgerRun] = ()

    @classmethod
    def of(cls, ledger: Ledger, scope: str) -> "Earlier":
        """Return those that a ledger knows of, for a run of a scope."""
        runs = [run for run in ledger.runs() if not run.is_beside]
        own = [i for i, run in enumerate(runs) if run.scope in {"", scope} or scope == PREVIEW]
        return cls(runs[own[-1] if own else -1 :])

    @property
    def meaning(self) -> Mapping[str, str]:
        """What reached their requests; of two that differ the later one."""
        return {name: value for run in self.runs for name, value in run.meaning.items()}

    def changed(self, now: Mapping[str, str]) -> list[str]:
        """Name what any of them tells differently."""
        return [*dict.fromkeys(line for run in self.runs for line in changed(run.meaning, now))]

    def choice(self, now: Mapping[str, str]) -> Choice | None:
        """Return what was decided earlier and still holds, or that there is nothing to decide; else None."""
        if not self.runs:
            return Choice.EXACT
        before = Choice(self.runs[0].choice)
        if before is not Choice.EXACT and not changed(self.runs[0].meaning, now):
            return before
        return None if self.changed(now) else Choice.EXACT


async def chosen(job: Job, ledger: Ledger, now: Mapping[str, str], *, told: Choice | None, earlier: Earlier) -> Choice:
    """Return what is done about replies under another fingerprint: as told, as before, or nothing to do.

    Raises:
        WouldAskAgainError: there are some, and nobody has said what to do.

    """
    if not earlier.runs:
        return Choice.EXACT
    choice = told or earlier.choice(now)
    if choice is not None:
        return choice
    mismatched: set[str] = set()
    again = await audit(job, ledger, mismatched)
    if again.replies:
        raise refusal(narrowed(earlier.changed(now), mismatched), again)
    return Choice.EXACT


def check_there(ledger: Ledger, earlier: Earlier, rows: int) -> None:
    """See that a ledger is the one of the rows that stand, and not another or a new one.

    Raises:
        WouldAskAgainError: it knows of no run and has no replies of others, so all that they rest on would be paid for
            again.

    """
    if rows and not earlier.runs and not Shelf(ledger).count():
        raise WouldAskAgainError(
            f"The data set has {rows:,} rows, and the ledger {ledger.path} has none of the replies that they rest on: "
            "this run would ask for all of them again. Nothing was asked.",
            hint="Name the ledger that has them, --ledger PATH, or put a backup in its place with `glan ledger "
            "restore`; --reask pays for everything anew.",
        )


def narrowed(lines: Sequence[str], mismatched: Iterable[str]) -> list[str]:
    """Return the lines without the disciplines of which no reply is another, and name the subjects of the others."""
    subjects: dict[str, set[str]] = {}
    for kind, leaf, *rest in (id_.split("/") for id_ in sorted(mismatched)):
        # A draft is of the whole discipline, and so is all that rests on it.
        subjects.setdefault(leaf, set()).add("" if kind in {"draft", "listing"} else unquote(rest[0]))
    found: list[str] = []
    for line in lines:
        key = line.removeprefix(_DISCIPLINE)
        names = sorted(subjects.get(quoted(key), ()))
        if key == line or "" in names:
            found.append(line)
        elif names:
            found.append(f"{line} ({few(names, _MOST_NAMED)})")
    return found or list(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What would be asked again."""

    replies: int
    tokens: int
    cost_usd: float
    n_without_price: int


async def audit(job: Job, ledger: Ledger, mismatched: set[str]) -> Again:
    """Walk what the ledger holds without asking, and count what a new fingerprint would ask again.

    Where a draft, a syllabus or a question would be asked again, so would everything that rests on it. The requests
    that are another are put into `mismatched`.
    """
    async for _ in auditing(job, ledger, mismatched).decided():
        pass
    return _count(ledger, mismatched, job.config.stages)


def auditing(
    job: Job,
    ledger: Ledger,
    mismatched: set[str],
    seen: Callable[[Teacher], Teacher] | None = None,
    tally: Tally | None = None,
) -> Pipeline:
    """Return a walk along what the ledger holds: it asks nobody, and slots that would have to ask stay open.

    Requests that the ledger answers under another fingerprint alone are put into `mismatched`, and their replies are
    used. What `seen` makes of the teacher is asked in its place, and `tally` counts what is found.
    """
    permits = _closed()

    def note(request: Request, _: Entry) -> None:
        mismatched.add(request.id)

    teacher = answering(ledger, job.config, note, tally)
    teacher = teacher if seen is None else seen(teacher)
    walk = replace(job, asking=structs.replace(job.asking, teacher=teacher), is_audit=True)
    return Pipeline(walk, permits=permits, progress=Progress(wanted=job.pairs))


def answering(
    ledger: Ledger, config: Config, note: Callable[[Request, Entry], None] | None, tally: Tally | None = None
) -> Teacher:
    """Return a teacher that answers from the ledger, also under another fingerprint, and stops where that has nothing.

    With `note` the reply to exactly a request goes first, and `note` is told of all others that are used.
    """
    ledgered = Ledgered(Nobody(), ledger, _closed(), choice=Choice.KEEP, on_mismatch=note, tally=tally or Tally())
    return Watched(ledgered, Cuts(), keeps_cut=config.curation.cut_prompts == "keep")


def _closed() -> Permits:
    permits = Permits(1)
    permits.close(StoppedError("an audit asks nobody"))
    return permits


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


def refusal(lines: Sequence[str], again: Again) -> WouldAskAgainError:
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
