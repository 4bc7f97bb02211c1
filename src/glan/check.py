"""One pair of a project from end to end, and what it shows of each teacher.

A check is a run for one pair: the same stages, the same requests, the same ledger, so that a run pays for none of it
again. It is stricter: the first request that fails for good ends it, and nothing of that is recorded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from glan.errors import INTERRUPTED, GlanError, RequestError, UnusableError, WouldAskAgainError
from glan.options import InterruptedRunError, Options, Result
from glan.parsing import has_form
from glan.places import beside
from glan.project import Project
from glan.prompts import OF_LOOKS
from glan.records import Reply, Request, Stage
from glan.runs import Run
from glan.settings import Price
from glan.spending import told_possibly_paid
from glan.teachers.base import Teacher
from glan.teachers.listing import Listed, Listing
from glan.teachers.panel import Panel
from glan.teachers.wire import Rung
from glan.vectors import VectorError, unpack

MOST_CALLS = 32
"""So many calls without a pair, which takes six, are enough to see that none will come."""
MAX_RETRIES = 2
"""Who waits for a check is not served by the patience of a long run."""
_TOLD_LENGTH = 200
_OF_LOOKS = frozenset(OF_LOOKS.values())
_ELSEWHERE = (
    "`glan run` with --keep or --reask decides that. Another teacher is tried in a project of its own: glan init."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What is known of one teacher; None is what nobody said."""

    stages: tuple[Stage, ...]
    model: str
    host: str
    """Empty for a teacher inside the process."""
    has_key: bool | None
    is_listed: bool | None
    """Whether the server lists the model."""
    nearest: tuple[str, ...]
    """Names in its list that are most like that of a model which is not."""
    context_tokens: int | None
    replies: int
    rung: str | None
    """How structured output was asked for in the end."""
    formless: int
    """Whole replies to a JSON schema that have not its form: a server may accept a schema and take no notice of it."""
    schema_replies: int
    """Whole replies to a JSON schema."""
    dimensions: int | None
    """Of the vectors that it made."""
    has_thoughts: bool
    reasoning_tokens: int
    cut_prompts: int
    """Replies of which the server had cut the prompt."""
    latency_s: float | None
    """Mean time of a reply."""
    tokens_per_second: float | None
    price: Price | None
    usd_per_hour: float | None
    """What its server costs in an hour, where that is what is paid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The pair that came."""

    id: str
    question: str
    answer: str
    said: Mapping[str, str]
    """What was said of it, by stage, as the replies came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check has shown."""

    pair: Pair | None
    cause: str
    """Why there is no pair."""
    hint: str
    teachers: tuple[Examined, ...]
    hosts: tuple[str, ...]
    """Every host that was asked."""
    calls: int
    hits: int
    """Replies that the ledger had."""
    cost_usd: float | None
    notices: tuple[str, ...]
    exit_code: int


class Check:
    """A check of a project's teachers. `run` is its run, which can be shown and interrupted."""

    def __init__(self, project: Project, panel: Panel) -> None:
        self._panel = replace(panel, teachers={stage: panel.teachers[stage] for stage in project.config.stages})
        self._seen: list[tuple[Request, Reply]] = []
        self._n_calls = 0
        strict = {stage: _Strict(teacher, self._admit) for stage, teacher in self._panel.teachers.items()}
        options = Options(
            pairs=1,
            is_preview=True,
            retry_failed=True,
            watch=lambda request, reply: self._seen.append((request, reply)),
        )
        self.run = Run(project, replace(self._panel, teachers=strict), options)

    async def __call__(self, confirm: Callable[[str], bool]) -> Report:
        """Ask each server for its list, then make the pair; what a person can mend stands in the report."""
        listings: dict[int, Listing] = {}
        try:
            for stage, teacher in self._panel.teachers.items():
                if isinstance(teacher, Listed) and id(teacher) not in listings:
                    listings[id(teacher)] = await teacher.listed(self._panel.models[stage])
            return self._report(listings, await self.run(confirm), None)
        except WouldAskAgainError as error:
            return self._report(listings, None, WouldAskAgainError(str(error), hint=_ELSEWHERE))
        except GlanError as error:
            return self._report(listings, None, error)

    def _report(self, listings: Mapping[int, Listing], result: Result | None, error: GlanError | None) -> Report:
        pair = self._pair() if result is not None and result.pairs else None
        cause = None if pair is not None else error or (result and result.stopped) or self._fruitless()
        code = 0 if pair is not None else INTERRUPTED if isinstance(cause, InterruptedRunError) else 1
        return Report(
            pair=pair,
            cause=str(cause or ""),
            hint=cause.hint if cause is not None else "",
            teachers=tuple(self._examined(stages, listings) for stages in self._groups()),
            hosts=self._panel.hosts,
            calls=self.run.tally.asked,
            hits=self.run.tally.hits,
            cost_usd=self.run.tally.cost_usd,
            notices=(
                *self.run.told,
                *filter(None, [told_possibly_paid(self.run.possibly_paid)]),
                *self._tight(listings),
            ),
            exit_code=code,
        )

    def _tight(self, listings: Mapping[int, Listing]) -> Iterator[str]:
        """Say where a prompt and the room for its reply do not fit into the context together."""
        for stage, teacher in self._panel.teachers.items():
            listing = listings.get(id(teacher))
            prompts = [reply.usage.prompt_tokens or 0 for request, reply in self._seen if request.stage is stage]
            room = self.run.config.max_tokens.of(stage)
            needed = max(prompts, default=0) + room
            if listing is not None and listing.context_tokens is not None and needed > listing.context_tokens:
                yield (
                    f"A prompt of {stage} and its room in [max_tokens] take {needed:,} tokens, and the context of "
                    f"{self._panel.models[stage]} has {listing.context_tokens:,}: lower `{stage}` there, or raise it."
                )

    def _admit(self) -> None:
        """Count a call, and end the check where it has had enough of them."""
        self._n_calls += 1
        if self._n_calls > MOST_CALLS:
            raise self._fruitless()

    def _fruitless(self) -> UnusableError:
        """Say why what the teacher said came to nothing."""
        reasons = [f"{n} x {reason} ({stage})" for (stage, reason), n in self.run.progress.reasons.most_common(3)]
        why = ", ".join(reasons) or "the replies have not the form that is asked for"
        last = " ".join(self._seen[-1][1].text.split())[:_TOLD_LENGTH] if self._seen else ""
        return UnusableError(
            f"{len(self._seen)} replies gave no pair: {why}.",
            hint=f"The last one began: {last or '(nothing)'}\n`glan ledger list` has them all.",
        )

    def _pair(self) -> Pair:
        """Return the pair: what was answered last, and its question."""
        answered = next(seen for seen in reversed(self._seen) if seen[0].stage is Stage.ANSWERS)
        id_ = beside("question", answered[0].id)
        question = next(reply for request, reply in reversed(self._seen) if request.id == id_)
        place = id_.removeprefix("question")
        said = {
            request.stage.value: reply.text.strip()
            for request, reply in self._seen
            if request.stage in _OF_LOOKS and request.id.endswith(place)
        }
        return Pair(id=id_, question=question.text.strip(), answer=answered[1].text.strip(), said=said)

    def _groups(self) -> Sequence[tuple[Stage, ...]]:
        """Return the stages by their teacher and model."""
        found: dict[tuple[int, str], list[Stage]] = {}
        for stage, teacher in self._panel.teachers.items():
            found.setdefault((id(teacher), self._panel.models[stage]), []).append(stage)
        return [tuple(stages) for stages in found.values()]

    def _held(self, stages: tuple[Stage, ...]) -> Iterator[tuple[str, Reply]]:
        """Yield whole replies that the server was to hold to a schema, with the schema's name."""
        for request, reply in self._seen:
            is_whole = reply.rung == Rung.JSON_SCHEMA and reply.finish_reason == "stop"
            if request.stage in stages and request.schema is not None and is_whole:
                yield request.schema, reply

    def _dimensions(self, stages: tuple[Stage, ...]) -> int | None:
        """Return how long the vectors are; None where there is none, or none that can be used."""
        texts = [
            reply.text for request, reply in self._seen if request.stage in {Stage.EMBEDDINGS}.intersection(stages)
        ]
        try:
            return unpack(texts[-1]).size if texts else None
        except VectorError:
            return None

    def _host(self, stage: Stage) -> str:
        """Return the first server of a stage, which has not said anything; nothing for a teacher in this process."""
        fleet = self._panel.fleets.get(stage)
        return fleet.endpoints[0].host if fleet is not None else ""

    def _examined(self, stages: tuple[Stage, ...], listings: Mapping[int, Listing]) -> Examined:
        listing = listings.get(id(self._panel.teachers[stages[0]]))
        hourly = self._panel.hourly.get(stages[0])
        replies = [reply for request, reply in self._seen if request.stage in stages]
        took_s = sum(reply.latency_s or 0.0 for reply in replies)
        tokens = sum(reply.usage.completion_tokens or 0 for reply in replies)
        has_forms = [has_form(reply.text, schema) for schema, reply in self._held(stages)]
        return Examined(
            stages=stages,
            model=self._panel.models[stages[0]],
            host=listing.host if listing is not None else self._host(stages[0]),
            has_key=listing.has_key if listing is not None else None,
            is_listed=listing.has_model if listing is not None else None,
            nearest=listing.nearest if listing is not None else (),
            context_tokens=listing.context_tokens if listing is not None else None,
            replies=len(replies),
            rung=next((reply.rung for reply in reversed(replies) if reply.rung is not None), None),
            formless=has_forms.count(False),
            schema_replies=len(has_forms),
            dimensions=self._dimensions(stages),
            has_thoughts=any(reply.reasoning for reply in replies),
            reasoning_tokens=sum(reply.usage.reasoning_tokens or 0 for reply in replies),
            cut_prompts=sum(self.run.cuts.by_stage[stage] for stage in stages),
            latency_s=took_s / len(replies) if took_s else None,
            tokens_per_second=tokens / took_s if took_s and tokens else None,
            price=self._panel.prices[stages[0]],
            usd_per_hour=hourly.usd if hourly is not None else None,
        )


class _Strict:
    """A teacher of which the first failure ends everything: what failed is told with the server's words."""

    def __init__(self, teacher: Teacher, admit: Callable[[], None]) -> None:
        self._teacher = teacher
        self._admit = admit

    async def reply(self, request: Request) -> Reply:
        self._admit()
        try:
            return await self._teacher.reply(request)
        except RequestError as error:
            told = UnusableError(f"{request.id}: {error}", hint=error.hint)
            told.timed_out = error.timed_out
            raise told from error
