"""The way of a pair as the ledger has it: every prompt, rendered again, and every reply. Nobody is asked.

    row ─► the draft that named its subject ─► its syllabus ─► its question ─► its answers, and what was said of them

Prompts are not stored. Each is rendered from the inputs of the run that asked, which the ledger keeps, by the code that
rendered it then; that it is the same is proven where its fingerprint is the one that stands beside the reply.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

from msgspec.structs import replace

from glan.config import parse_config
from glan.curricula import with_texts
from glan.errors import GlanError, ReplyError, RequestError
from glan.generate.answers import write_answer
from glan.generate.asking import Asking, asking_of
from glan.generate.embeddings import embed_question
from glan.generate.judging import guard_pair, rate_question, score_pair
from glan.generate.questions import write_question
from glan.generate.subjects import draft_subjects
from glan.generate.syllabi import given_text, write_syllabus
from glan.places import beside, key_of, place
from glan.prompts import OF_LOOKS, SUFFIX, VARIABLES, Prompts
from glan.records import (
    Discipline,
    Draw,
    Question,
    Record,
    Reply,
    Request,
    Session,
    Slot,
    Strategy,
    Subject,
    Syllabus,
)
from glan.taxonomy.tree import Taxonomy
from glan.teachers.base import Teacher
from glan.teachers.fingerprints import fingerprint
from glan.teachers.ledger import Entry, Ledger, Run

T = TypeVar("T")

_MOST_RUNS = 8
"""Runs whose inputs are tried for one place."""


class Step(Record, frozen=True, kw_only=True):
    """A request, as it was rendered again, and what came of it."""

    request: Request
    entry: Entry
    is_proven: bool
    """Whether its fingerprint is that of the reply: the prompt is the one that was sent, letter for letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What the ledger has of a pair or a subject."""

    steps: tuple[Step, ...]
    """In the order in which they were asked."""
    others: tuple[Entry, ...] = ()
    """What lies at the same places and is not a part of this way, such as replies to older prompts."""
    discipline: Discipline | None = None
    subject: Subject | None = None
    syllabus: Syllabus | None = None


class Ways:
    """Finds ways in a ledger, which is open for reading."""

    def __init__(self, ledger: Ledger, sources: "Sources | None" = None) -> None:
        """Take the inputs of the ledger's runs from `sources`, where they were read before."""
        self._ledger = ledger
        self._sources = Sources(ledger.runs()) if sources is None else sources

    async def of_subject(self, leaf: str, subject: str) -> Way:
        """Return the draft that named a subject, and its syllabus; both are given as ids have them."""
        walk = _Replay(self._ledger, self._sources)
        discipline, found, syllabus = await self._syllabus(walk, unquote(leaf), unquote(subject))
        return self._way(walk, discipline=discipline, subject=found, syllabus=syllabus)

    async def of_row(self, row: Mapping[str, Any]) -> Way:
        """Return the way of a row, or of a reject as far as it came."""
        walk = _Replay(self._ledger, self._sources)
        kind, *parts = row["id"].split("/")
        if kind not in {"question", "test"} or len(parts) != 3:
            return self._way(walk)
        leaf, key, index = parts
        discipline, subject, syllabus = await self._syllabus(walk, unquote(leaf), unquote(key))
        if discipline is not None and subject is not None and syllabus is not None and index.isdecimal():
            question = await walk.take(row["id"], _asking_question(row, discipline, replace(syllabus, sessions=())))
            if question is not None:
                await self._looks(walk, question)
        return self._way(walk, discipline=discipline, subject=subject, syllabus=syllabus)

    async def _syllabus(
        self, walk: "_Replay", leaf: str, key: str
    ) -> tuple[Discipline | None, Subject | None, Syllabus | None]:
        discipline, subject = await self._subject(walk, leaf, key)
        if discipline is None or subject is None:
            return discipline, None, None

        async def written(asking: Asking, discipline: Discipline) -> Syllabus:
            return await write_syllabus(asking, discipline, subject)

        syllabus = await walk.take(place("syllabus", leaf, key), _of_leaf(leaf, written))
        if syllabus is None and subject.sessions:  # nobody was asked
            text = given_text(subject)
            syllabus = Syllabus(discipline=discipline, subject=subject, text=text, sessions=subject.sessions)
        return discipline, subject, syllabus

    async def _subject(self, walk: "_Replay", leaf: str, key: str) -> tuple[Discipline | None, Subject | None]:
        """Return a discipline, and its subject as the first draft names it that has it."""
        discipline = self._sources.discipline(leaf)
        if discipline is not None:
            (discipline,) = with_texts([discipline], self._ledger)
        given = {subject.key: subject for subject in discipline.subjects} if discipline is not None else {}
        if key in given:
            return discipline, given[key]
        for number in self._drafts(leaf):

            async def drafted(asking: Asking, discipline: Discipline, number: int = number) -> tuple[Subject, ...]:
                return await draft_subjects(asking, discipline, number)

            aside = _Replay(self._ledger, self._sources)
            named = await aside.take(place("draft", leaf, number), _of_leaf(leaf, drafted))
            found = next((subject for subject in named or () if subject.key == key), None)
            if found is not None:
                walk.steps += aside.steps
                return discipline, found
        return discipline, None

    def _drafts(self, leaf: str) -> list[int]:
        prefix = f"{place('draft', leaf)}/"
        return sorted({entry.sample for entry in self._ledger.entries(prefix=prefix)})

    async def _looks(self, walk: "_Replay", question: Question) -> None:
        """Follow the answers of a question, and what was said of it and of them."""
        await walk.take(beside("rating", question.id), _of_text(rate_question, question))
        await walk.take(beside("embedding", question.id), _of_text(embed_question, question))
        for sample in self._samples(question.answer_id):

            async def answered(inputs: "_Inputs", sample: int = sample) -> Reply:
                return await write_answer(inputs.asking, question, sample=sample)

            answer = await walk.take(question.answer_id, answered, sample=sample)
            if answer is not None:
                for stage in ("score", "safety"):
                    await walk.take(
                        beside(stage, question.id), _judging(stage, question, answer, sample), sample=sample
                    )

    def _samples(self, request_id: str) -> list[int]:
        return sorted({entry.sample for entry in _at(self._ledger, request_id)})

    def _way(self, walk: "_Replay", **known: Any) -> Way:  # noqa: ANN401 - fields of a way
        shown = {step.entry.seq for step in walk.steps}
        places = dict.fromkeys(step.request.id for step in walk.steps)
        others = [entry for id_ in places for entry in _at(self._ledger, id_) if entry.seq not in shown]
        return Way(steps=tuple(walk.steps), others=tuple(others), **known)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """What one run made its requests of."""

    asking: Asking
    disciplines: Mapping[str, Discipline]
    """By their keys."""
    guards_conversation: bool


_Work = Callable[[_Inputs], Awaitable[T]]


class Sources:
    """The inputs of runs, each read when it is needed first."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs = {run.number: run for run in runs}
        self._known: dict[int, _Inputs | None] = {}

    def discipline(self, leaf: str) -> Discipline | None:
        """Return a discipline as the newest run knew it that had it."""
        found = (inputs.disciplines.get(leaf) for inputs in self.of(None))
        return next((discipline for discipline in found if discipline is not None), None)

    def of(self, run: int | None) -> Iterator[_Inputs]:
        """Give the inputs of a run, then those of others, the newest first."""
        order = [run] if run in self._runs else []
        order += [number for number in sorted(self._runs, reverse=True) if number != run]
        for number in order[:_MOST_RUNS]:
            if number not in self._known:
                self._known[number] = self._read(self._runs[number])
            inputs = self._known[number]
            if inputs is not None:
                yield inputs

    def _read(self, run: Run) -> _Inputs | None:
        """Return the inputs of a run; None where they are not as this version of glan reads them."""
        source = f"run {run.number}"
        try:
            config = parse_config(run.files["glan.toml"], source=source)
            taxonomy = Taxonomy.parse(run.files["taxonomy.yaml"], source)
            shipped = Prompts.shipped().sources
            sources = {name: run.files.get(f"prompts/{name}{SUFFIX}") for name in VARIABLES}
            prompts = Prompts({n: shipped[n] if t is None and n in OF_LOOKS else t or "" for n, t in sources.items()})
            models = {stage: run.meaning.get(f"model of {stage}", "") for stage in config.stages}
            return _Inputs(
                asking=asking_of(config, prompts, _Nobody(), models),
                disciplines={leaf.key: leaf for leaf in taxonomy.disciplines},
                guards_conversation=config.curation.safety.asks == "conversation",
            )
        except (GlanError, KeyError):
            return None


class _Nobody:
    async def reply(self, request: Request) -> Reply:
        raise RequestError(f"{request.id} is not in the ledger.")


@dataclass(eq=False)
class _Recalling:
    """A teacher that says what the ledger has, and notes each step."""

    ledger: Ledger
    steps: list[Step] = field(default_factory=list)

    async def reply(self, request: Request) -> Reply:
        there = self.ledger.at(request.id, sample=request.sample, attempt=request.attempt)
        entry = there.find(fingerprint(request), max_tokens=0)
        is_proven = entry is not None
        entry = there.standing() if entry is None else entry
        if entry is None:
            raise RequestError(f"{request.id} is not in the ledger.")
        self.steps.append(Step(request=request, entry=entry, is_proven=is_proven))
        if entry.reply is None:
            raise RequestError(entry.failure or "It failed.")
        return entry.reply if is_proven else replace(entry.reply, is_kept=True)

    @property
    def n_unproven(self) -> int:
        return sum(not step.is_proven for step in self.steps)


@dataclass(eq=False)
class _Replay:
    """The steps of one way, as they are found."""

    ledger: Ledger
    sources: Sources
    steps: list[Step] = field(default_factory=list)

    async def take(self, request_id: str, work: _Work[T], *, sample: int | None = None) -> T | None:
        """Do the work of a stage once more, with the inputs that prove most of its prompts; None where it failed.

        A place that the ledger has nothing of adds no step.
        """
        there = [entry for entry in _at(self.ledger, request_id) if sample is None or entry.sample == sample]
        if not there:
            return None
        best: tuple[list[Step], T | None] | None = None
        fewest = 0
        for inputs in self.sources.of(there[-1].run):
            recalling = _Recalling(self.ledger)
            found = await _tried(work, _asking_with(inputs, recalling))
            if best is None or (recalling.n_unproven < fewest and recalling.steps):
                best, fewest = (recalling.steps, found), recalling.n_unproven
            if recalling.steps and not fewest:
                break
        if best is None:
            return None
        self.steps += best[0]
        return best[1]


async def _tried(work: _Work[T], inputs: _Inputs) -> T | None:
    try:
        return await work(inputs)
    except (ReplyError, RequestError, KeyError):  # a stage or a leaf that these inputs do not know
        return None


def _asking_with(inputs: _Inputs, teacher: Teacher) -> _Inputs:
    return _Inputs(
        asking=replace(inputs.asking, teacher=teacher),
        disciplines=inputs.disciplines,
        guards_conversation=inputs.guards_conversation,
    )


def _of_leaf(leaf: str, work: Callable[[Asking, Discipline], Awaitable[T]]) -> _Work[T]:
    async def done(inputs: _Inputs) -> T:
        return await work(inputs.asking, inputs.disciplines[leaf])

    return done


def _of_text(work: Callable[[Asking, Question], Awaitable[T]], question: Question) -> _Work[T]:
    async def done(inputs: _Inputs) -> T:
        return await work(inputs.asking, question)

    return done


def _judging(stage: str, question: Question, answer: Reply, sample: int) -> _Work[object]:
    async def scored(inputs: _Inputs) -> object:
        return await score_pair(inputs.asking, question, answer, sample=sample)

    async def guarded(inputs: _Inputs) -> object:
        as_conversation = inputs.guards_conversation
        return await guard_pair(inputs.asking, question, answer, as_conversation=as_conversation, sample=sample)

    return scored if stage == "score" else guarded


def _asking_question(row: Mapping[str, Any], discipline: Discipline, syllabus: Syllabus) -> _Work[Question]:
    """Return the work of writing a row's question: a syllabus of what was drawn alone gives the same prompt."""
    names: Sequence[str] = row["sessions"] or ()
    concepts = tuple(row["key_concepts"] or ())
    drawn = [Session(name=name, key=key_of(name), key_concepts=() if i else concepts) for i, name in enumerate(names)]
    draw = Draw(
        index=int(row["id"].rpartition("/")[2]),
        strategy=Strategy(row["strategy"]) if row["strategy"] else Strategy.SINGLE,
        sessions=tuple(range(len(drawn))),
        concepts=tuple((0, i) for i in range(len(concepts))) if drawn else (),
        is_reserved=row["id"].startswith("test/"),
    )

    async def written(inputs: _Inputs) -> Question:
        here = inputs.disciplines.get(discipline.key, discipline)
        slot = Slot(discipline=here, ordinal=row["slot"])
        return await write_question(
            inputs.asking, slot, replace(syllabus, discipline=here, sessions=tuple(drawn)), draw
        )

    return written


def _at(ledger: Ledger, request_id: str) -> list[Entry]:
    """Return the entries of a place, in the order in which they were committed."""
    return [entry for entry in ledger.entries(prefix=request_id) if entry.request_id == request_id]
