"""What a run leaves: shards, rejects, card and manifest, built aside and exchanged for the old ones in one step."""

import dataclasses
import hashlib
import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

import glan
from glan import claims
from glan.against import Against
from glan.config import Config
from glan.curate.personal import kinds_in
from glan.curate.words import words_of
from glan.dataset.card import Card, render_card
from glan.dataset.quantities import Curriculum
from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, reject_of, row_of
from glan.dataset.shards import ShardWriter, ids, read_rows, rows_with
from glan.dataset.statistics import Statistics
from glan.dataset.summary import Summary
from glan.errors import DatasetError
from glan.generate.walk import Walk
from glan.growth import Ordinals, Standing
from glan.languages import told
from glan.manifests import Manifest
from glan.places import place
from glan.plan import drafts_of_round
from glan.project import Project
from glan.records import Decided, Outcome, Reply, Request, Stage
from glan.reviewed import Reviewed
from glan.teachers.base import Teacher
from glan.teachers.identities import Answered
from glan.wording import few
from glan.yields import COPIES

_MOST_NAMED = 10
_LOOKED_UP = 4_096
"""Rows that are held against the rejects at once."""
_PLACE = re.compile(r"(?:question|slot)/(?P<leaf>[^/]+)/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended, as its manifest tells it."""

    wanted: int
    ended: str
    choice: str
    spent: Mapping[str, object]
    possibly_paid: Mapping[str, object]
    server_usd: float
    against: Against
    cut_prompts: int
    """Replies of which the server cut the prompt."""
    not_taken: Sequence[str]
    """Parameters that the models did not take, a sentence each."""
    answered: Sequence[Answered]
    """Which models gave the replies, as the servers named them."""
    near_names: Mapping[str, Any]
    """Subjects and key concepts that were merged into others."""
    basis: str
    """What the data set rests on, hashed."""
    rules: tuple[int, int] | None
    """How many rules of the project ran, on questions and on answers; None where none did."""
    walks: Mapping[str, Walk]
    """Of each leaf: how it ended, and what there was to draw from."""


def card_of(project: Project, models: Mapping[Stage, str], summary: Summary, against: Against) -> Card:
    """Return what the card of a data set tells beside what was checked."""
    config = project.config
    return Card(
        name=project.name,
        languages=config.languages,
        statistics=summary,
        seed=config.seed,
        version=glan.__version__,
        prompts={name: project.prompts.hash_of(name) for name in project.prompts.sources},
        models={stage: models[stage] for stage in config.stages if stage in models},
        license=config.dataset.license,
        authors=config.dataset.authors,
        citation=config.dataset.citation,
        benchmarks=against.listed(),
    )


class Curricula:
    """The replies of drafts and syllabi, until it is known which of them the rows and rejects rest on.

    What was asked ahead of a run's early end is paid for and in the ledger, but how much that is, is chance.
    """

    def __init__(self) -> None:
        self._replies: dict[tuple[str, int, int], tuple[Stage, Reply]] = {}
        self.last: dict[str, int] = {}
        """The ordinal of the last slot of each leaf that is decided."""
        self._subjects: set[tuple[str, str]] = set()

    def add(self, request: Request, reply: Reply) -> None:
        """Take a reply, of which the text is not kept; of other stages rows and rejects carry the replies."""
        if request.stage is Stage.SUBJECTS or request.stage is Stage.SYLLABI:
            found = request.stage, reply.bare
            self._replies.setdefault((request.id, request.sample, request.attempt), found)

    def decide(self, decided: Decided) -> None:
        """Note what a slot rests on."""
        discipline = decided.slot.discipline
        self.last[discipline.leaf] = decided.slot.ordinal
        if decided.subject is not None:
            self._subjects.add((discipline.key, decided.subject.key))

    def rested_on(self, walks: Mapping[str, Walk], drafts: int) -> Iterator[tuple[Stage, Reply]]:
        """Give the replies that the decided slots rest on, in the order of their ids."""
        n_drafts = {
            leaf: drafts_of_round(bisect_right(walks[leaf].rounds, last) - 1, drafts)
            for leaf, last in self.last.items()
        }
        subjects = {place("", *keys) for keys in self._subjects}
        for (id_, _, _), found in sorted(self._replies.items(), key=itemgetter(0)):
            kind, leaf, name = id_.split("/")
            is_draft = kind in {"draft", "listing"}
            if int(name) <= n_drafts.get(leaf, 0) if is_draft else f"/{leaf}/{name}" in subjects:
                yield found


class Outputs:
    """The data set of one run while it is being written."""

    def __init__(self, project: Project, config: Config, models: Mapping[Stage, str]) -> None:
        self.statistics = Statistics(project.taxonomy.disciplines, words=words_of)
        """Counts of what is written."""
        self.curricula = Curricula()
        self.reviewed = Reviewed(project.reviews)
        """What people made of the pairs."""
        self.rows = 0
        self.open = 0
        """Slots that are undecided and stand before a row."""
        self.turned: list[str] = []
        """Once exchanged: rows that stood and are rejects or failures now, each with the reason."""
        self._project = project
        self._config = config
        self._models = models
        self._folder = project.begin()
        self._train = ShardWriter(self._folder / "dataset" / "train", ROW_SCHEMA, config.dataset.shard_rows)
        self._rejects = ShardWriter(self._folder / "rejects", REJECT_SCHEMA, config.dataset.shard_rows)
        self._open_so_far = 0
        self._prefix_rows = 0
        self._unread: Mapping[str, int] = {}

    def add(self, slots: Iterable[Decided]) -> None:
        """Write what became of some slots; they come in plan order."""
        models = {"question_model": self._models[Stage.QUESTIONS], "answer_model": self._models[Stage.ANSWERS]}
        for decided in slots:
            if decided.outcome is Outcome.OPEN:
                self._open_so_far += 1
                continue
            found = self._with_personal(decided)
            self.statistics.add(found)
            self.curricula.decide(found)
            self.reviewed.add(found)
            if found.outcome is Outcome.PAIR:
                self._train.add(row_of(found, language=self._config.language, **models))
                self.rows += 1
                self.open = self._open_so_far
                self._prefix_rows += not self.open
            else:
                self._rejects.add(reject_of(found, language=self._config.language, **models))

    def _with_personal(self, decided: Decided) -> Decided:
        """Return a slot with the kinds of personal data that it holds, where these are looked for."""
        if self._config.curation.pii == "off":
            return decided
        texts = [decided.question.text] if decided.question is not None else []
        texts += [decided.answer.text] if decided.answer is not None else []
        return replace(decided, personal=tuple(sorted({kind for text in texts for kind in kinds_in(text)})))

    def exchange(self, ending: Ending) -> Manifest:
        """Finish the files and exchange them for the old ones."""
        shards, rejects = self._train.close(), self._rejects.close()
        self.turned = [*turned(self._project.train_path, self._folder / "rejects")]
        for stage, reply in self.curricula.rested_on(ending.walks, self._config.plan.drafts):
            self.statistics.add_reply(stage, reply)
        for leaf, last in self.curricula.last.items():
            walk = ending.walks[leaf]
            self.statistics.add_curriculum(
                walk.discipline.key, Curriculum(subjects=walk.named_by(last), sizes=walk.sizes)
            )
        summary = self.statistics.result(undecided=self.open)
        self._unread = summary.unread
        card = self._card(ending, summary)
        rendered = render_card(card).encode()
        (self._folder / "dataset" / "README.md").write_bytes(rendered)
        files = {
            "dataset/README.md": hashlib.sha256(rendered).hexdigest(),
            **{f"dataset/train/{shard.name}": shard.sha256 for shard in shards},
            **{f"rejects/{shard.name}": shard.sha256 for shard in rejects},
        }
        manifest = self._manifest(
            ending,
            card,
            [{"name": f"train/{shard.name}", "rows": shard.rows, "sha256": shard.sha256} for shard in shards],
            files,
        )
        _write(self._folder / "manifest.json", manifest)
        self._project.exchange()
        return manifest

    def told(self) -> Iterator[str]:
        """Say, once exchanged, what a person should know of the data set."""
        if self.turned:
            yield told_of_turned(self.turned)
        yield from claims.unread(self._unread, self.rows)
        yield from self.reviewed.told()

    def discard(self) -> None:
        """Leave the old data set as it is."""
        self._train.discard()
        self._rejects.discard()
        self._project.abandon()

    def _checked(self, ending: Ending, summary: Summary) -> tuple[str, ...]:
        checked = claims.checked(self._config, ending.against, ending.rules)
        near = claims.near_names(self._config, ending.near_names)
        people = self.reviewed.checked(self.rows)
        return (*checked, *near, *claims.looked_at(self._config, self._models, summary.unread), *people)

    def _not_checked(self, ending: Ending) -> tuple[str, ...]:
        is_idle = self._project.rules is not None and ending.rules is None
        not_done = claims.not_done(self._config, ending.against, has_idle_rules=is_idle)
        return (*not_done, *claims.kept(ending.choice), *self.reviewed.not_checked(self.rows))

    def _card(self, ending: Ending, summary: Summary) -> Card:
        return dataclasses.replace(
            card_of(self._project, self._models, summary, ending.against),
            given=claims.given([walk.discipline for walk in ending.walks.values()]),
            checked=self._checked(ending, summary),
            not_done=self._not_checked(ending),
            reviewed=tuple(self.reviewed.by_discipline()),
        )

    def _manifest(
        self, ending: Ending, card: Card, shards: list[dict[str, str | int]], files: dict[str, str]
    ) -> Manifest:
        """Return the manifest, which claims what the card does."""
        summary = card.statistics
        return Manifest(
            glan_version=glan.__version__,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            pairs_wanted=ending.wanted,
            complete=self.rows >= ending.wanted and not self.open,
            prefix_rows=self._prefix_rows,
            ended=ending.ended,
            slots={
                "decided": summary.pairs + summary.rejects + summary.failures,
                "pairs": summary.pairs,
                "rejects": summary.rejects,
                "failures": summary.failures,
                "open": self.open,
            },
            reasons=[
                {"outcome": outcome, "stage": ended.stage.value, "reason": ended.reason, "slots": ended.slots}
                for outcome, found in (("reject", summary.rejected), ("failure", summary.failed))
                for ended in found
            ],
            only=self._project.only,
            seed=self._config.seed,
            language=told(self._config.languages),
            languages=dict(self._config.languages),
            choice=ending.choice,
            models={stage.value: model for stage, model in self._models.items()},
            hashes=self._project.hashes(),
            leaves={found.leaf: str(found.weight) for found in self._project.taxonomy.disciplines},
            by_leaf=self.statistics.by_leaf(),
            left={leaf: walk.left for leaf, walk in ending.walks.items() if walk.left is not None},
            quantities=msgspec.to_builtins(summary),
            spent=dict(ending.spent),
            possibly_paid=dict(ending.possibly_paid),
            server_usd=ending.server_usd,
            cut_prompts=ending.cut_prompts,
            not_taken=list(ending.not_taken),
            answered=list(ending.answered),
            checked=list(card.checked),
            not_checked=list(card.not_done),
            benchmarks=ending.against.listed(),
            reviews=self.reviewed.listed(),
            shards=shards,
            files=files,
            near_names=dict(ending.near_names),
            basis=ending.basis,
        )


class Counted:
    """Lets the outputs know the replies of drafts and syllabi, which no row carries."""

    def __init__(self, teacher: Teacher, outputs: Outputs, watch: Callable[[Request, Reply], None] | None) -> None:
        self._teacher = teacher
        self._outputs = outputs
        self._watch = watch

    async def reply(self, request: Request) -> Reply:
        reply = await self._teacher.reply(request)
        self._outputs.curricula.add(request, reply)
        if self._watch is not None:
            self._watch(request, reply)
        return reply


def standing_of(project: Project) -> Standing | None:
    """Return the slots that the data set of a project rests on; None where there is no data set.

    Raises:
        DatasetError: it cannot be read.

    """
    manifest = project.manifest()
    if manifest is None or not project.train_path.is_dir():
        return None
    try:
        pairs, others = _ordinals(project.train_path), _ordinals(project.rejects_path)
    except DatasetError as error:
        raise DatasetError(
            str(error), hint=f"Move {project.manifest_path} away and run again: all there was is made from the ledger."
        ) from error
    return Standing(pairs=pairs, others=others, left=frozenset(manifest.left))


def turned(standing: Path, rejects: Path) -> Iterator[str]:
    """Give the rows of a standing data set that are among some rejects, in their order.

    Of all rejects hashes of their ids are held, eight bytes each: a tenth of ten million slots may be rejects.
    """
    if not standing.is_dir():
        return
    hashes = np.sort(np.fromiter(map(hash, ids(rejects)), np.int64))
    if not hashes.size:
        return
    alike: list[str] = []
    rows = ids(standing)
    while some := list(islice(rows, _LOOKED_UP)):
        wanted = np.fromiter(map(hash, some), np.int64, len(some))
        is_there = hashes.take(hashes.searchsorted(wanted), mode="clip") == wanted
        alike += [some[i] for i in is_there.nonzero()[0]]
    ended = {row["id"]: row for row in rows_with(rejects, alike, ["id", "reason", "detail"])}
    for id_ in alike:
        if id_ in ended:
            reason, detail = ended[id_]["reason"], ended[id_]["detail"]
            yield f"{id_} ({reason}{f' of {detail}' if reason in COPIES else ''})"


def told_of_turned(turned: Sequence[str]) -> str:
    """Name rows that stood and are rejects or failures now, such as copies of a question that is new."""
    return f"{len(turned):,} rows that stood leave and are in rejects/: {few(turned, _MOST_NAMED)}."


def _ordinals(folder: Path) -> Mapping[str, Ordinals]:
    found: dict[str, array[int]] = {}
    if folder.is_dir():
        for row in read_rows(folder, ["id", "slot"]):
            place = _PLACE.match(row["id"])
            if place is not None:
                found.setdefault(place["leaf"], array("q")).append(row["slot"])
    return {leaf: Ordinals(ordinals) for leaf, ordinals in found.items()}


def _write(path: Path, manifest: Manifest) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
