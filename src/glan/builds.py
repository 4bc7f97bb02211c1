"""One building of a tree: from a whole, or from nothing, to the text of a taxonomy file.

    open the ledger ─► ask for proposals, level by level (generate/decompose.py) ─► write

It stands where a run stands, and keeps to the same rules: every call goes through the ledger, the budget and the
permits, what the ledger has is never asked again, and the same replies give the same bytes. It makes no pairs and
changes no file; where the text goes is decided by who called it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import structs

import glan
from glan.config import TreeConfig
from glan.environment import Environment
from glan.errors import GlanError, StoppedError, TaxonomyError
from glan.generate.asking import Asking, asking_of
from glan.generate.decompose import ALL, Decomposition, Grown, Shape
from glan.options import InterruptedRunError, Options, code_of
from glan.project import Project
from glan.prompts import Prompts
from glan.records import Stage
from glan.spending import possibly_paid, purse_of
from glan.taxonomy.proposals import Built, LeftOut, nodes_of
from glan.taxonomy.writing import New, document
from glan.teachers.identities import Identities
from glan.teachers.ledger import BUILDING, Ledger
from glan.teachers.ledgered import Choice, Ledgered, Tally
from glan.teachers.panel import Panel
from glan.teachers.permits import Pools
from glan.teachers.purse import Purse
from glan.teachers.watched import Cuts, Watched

_log = logging.getLogger(__name__)
_BEAT_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a tree is built: in a project, or with a ledger of its own."""

    config: TreeConfig
    prompts: Prompts
    environment: Environment
    ledger_path: Path
    log_path: Path | None = None

    @classmethod
    def in_project(cls, project: Project) -> "Site":
        """Return the site with settings, prompts and ledger of a project."""
        return cls(
            config=TreeConfig.of(project.config),
            prompts=project.prompts,
            environment=project.environment,
            ledger_path=project.ledger_path,
            log_path=project.log_path,
        )

    @classmethod
    def alone(cls, ledger_path: Path) -> "Site":
        """Return a site with the default settings and the shipped prompts."""
        return cls(config=TreeConfig(), prompts=Prompts.shipped(), environment=Environment(), ledger_path=ledger_path)

    def speaking(self, language: str | None) -> "Site":
        """Return the same in another language, where one is named."""
        return self if language is None else replace(self, config=structs.replace(self.config, language=language))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What a building came to."""

    text: str = ""
    """The taxonomy file; empty where the building ended before its time."""
    nodes: Sequence[New] = ()
    """The same as nodes."""
    branches: int = 0
    disciplines: int = 0
    left_out: Sequence[LeftOut] = ()
    merged: Sequence[tuple[str, str]] = ()
    """Names that were counted as others, each with the one that stands."""
    failed: Sequence[tuple[str, str, int]] = ()
    """Proposals that came to nothing: the path of their branch, the reason, and how many."""
    undivided: Sequence[str] = ()
    """Paths of branches that every proposal failed for."""
    unfit: int = 0
    """Names that no file can hold."""
    stopped: GlanError | None = None

    @property
    def exit_code(self) -> int:
        """0 all there, 1 an error to mend, 3 a branch could not be divided, 4 budget reached, 130 interrupted."""
        return code_of(self.stopped) or (3 if self.undivided else 0)


class Build:
    """One building. `grown` and `tally` can be read while it goes on; `interrupt` asks it to stop."""

    def __init__(self, site: Site, panel: Panel, shape: Shape, options: Options) -> None:
        self.shape = shape
        self.tally = Tally(by_hour=frozenset(panel.hourly))
        self.cuts = Cuts()
        self.identities = Identities()
        self.stopped: GlanError | None = None
        self._site = site
        self._panel = panel
        self._options = options
        self._permits: Pools = panel.permits(options.over(site.config.limits))
        self._purse = Purse()
        self._asking = asking_of(site.config, site.prompts, panel.teacher, panel.models)
        self._decomposition = Decomposition(shape, merges=site.config.merges_names, on_error=self._stop)

    @property
    def grown(self) -> Grown:
        """How far it is."""
        return self._decomposition.grown

    @property
    def told(self) -> tuple[str, ...]:
        """What a person should know of the teacher."""
        lost = [refusal.told_of(host) for refusal, host in self._panel.refusals if refusal.is_loss]
        return (*lost, *filter(None, [self.cuts.told()]), *self.identities.told())

    @property
    def possibly_paid(self) -> dict[str, object]:
        """Calls that may have been paid for without a reply, and the most that they cost."""
        return possibly_paid(self.tally, self._purse)

    @property
    def is_interrupted(self) -> bool:
        """Say whether it was asked to stop."""
        return isinstance(self.stopped, InterruptedRunError)

    def interrupt(self) -> None:
        """Stop asking; what is in flight is waited for until the grace is over."""
        self._stop(InterruptedRunError("The building was interrupted."))

    async def __call__(self) -> Tree:
        """Build the tree.

        Raises:
            GlanError: before anything was asked: the ledger or a setting stands in the way.

        """
        with Ledger.open(self._site.ledger_path) as ledger:
            self._purse = purse_of(self._panel, self._options, ledger)
            self.tally.meter = self._purse.budget.meter
            ledger.begin_run(
                glan_version=glan.__version__, meaning={}, choice=BUILDING, files={"teacher": self._panel.spec}
            )
            asking = structs.replace(self._asking, teacher=self._teacher(ledger))
            _log.info("building begins: %s, teacher %s", self.shape, self._panel.spec or "at hand")
            async with self._beating():
                tree = await self._built(asking)
            self._purse.close()
        _log.info("building ended with exit code %d: %d calls", tree.exit_code, self.tally.asked)
        return tree

    def _teacher(self, ledger: Ledger) -> Watched:
        ledgered = Ledgered(
            self._panel.teacher,
            ledger,
            self._permits,
            choice=self._options.choice or Choice.EXACT,
            retry_failed_before=ledger.last_seq() if self._options.retry_failed else None,
            tally=self.tally,
            purse=self._purse,
        )
        return Watched(ledgered, self.cuts, self.tally, identities=self.identities)

    async def _built(self, asking: Asking) -> Tree:
        try:
            root = await self._decomposition(asking)
        except (GlanError, asyncio.CancelledError):
            if self.stopped is None:  # somebody else has cancelled us
                raise
        grown, builder = self.grown, self._decomposition.builder
        found = Tree(
            left_out=tuple(builder.left_out),
            merged=tuple(builder.merged.items()),
            failed=tuple((path, reason, count) for (path, reason), count in sorted(grown.failed.items())),
            undivided=tuple(grown.undivided),
            unfit=grown.unfit,
            stopped=self.stopped,
        )
        if self.stopped is not None:
            return found
        if not root.children:
            return replace(found, stopped=_nothing(self.shape, found))
        nodes = list(nodes_of(root))
        branches = sum(bool(node.children) for node in nodes)
        top = tops(root, self.shape)
        return replace(
            found,
            text=written(top, self.shape, self._panel.models[Stage.TAXONOMY]),
            nodes=top,
            branches=branches + (self.shape.root is not None),
            disciplines=len(nodes) - branches,
        )

    def _stop(self, cause: GlanError) -> None:
        """Ask for nothing more; what is in flight goes on for a while. The first cause stands."""
        if self.stopped is None:
            self.stopped = cause
            _log.info("stopping: %s", cause)
            self._permits.close(StoppedError(str(cause)))
            asyncio.get_running_loop().call_later(self._options.grace_s, self._decomposition.cut)

    @asynccontextmanager
    async def _beating(self) -> AsyncIterator[None]:
        """Book the time of servers that are paid by the hour, and end the building when it is paid up."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        while True:
            left_s = self._purse.beat()
            if left_s <= 0 and self.stopped is None:
                self._stop(self._purse.budget.refusal())
                self._decomposition.cut()
            await asyncio.sleep(min(_BEAT_EVERY_S, left_s) if left_s > 0 else _BEAT_EVERY_S)


def tops(root: Built, shape: Shape) -> tuple[New, ...]:
    """Return a tree as nodes of a file: with its root, where that has a name."""
    children = tuple(child.as_new() for child in root.children)
    if shape.root is None:
        return tuple(_with_notes(child, shape.notes) for child in children)
    # The prompts of a discipline have its name and notes alone: without this nothing would say within what it is meant.
    notes = f"Meant as a part of: {root.name}. {shape.notes}".strip()
    return (New(settings={"name": root.name, "notes": notes}, children=children),)


def written(nodes: Sequence[New], shape: Shape, model: str) -> str:
    """Return a taxonomy file; a comment says where it comes from."""
    lines = [
        f"# {shape.root or ALL}: proposed by {_visible(model)}, for `glan taxonomy build` of glan {glan.__version__}.",
        f"# `votes` says how many proposals named a node, of how many: {shape.least} of {shape.samples} or more.",
        "# People should look at it: `glan review sample --taxonomy` makes a form to vote on it.",
        "",
    ]
    return "\n".join([*lines, document(nodes)])


def _with_notes(node: New, notes: str) -> New:
    return New(settings={**node.settings, "notes": notes}, children=node.children) if notes else node


def _visible(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


def _nothing(shape: Shape, found: Tree) -> TaxonomyError:
    failed = sum(count for *_, count in found.failed)
    if failed == shape.samples:
        return TaxonomyError(
            f"None of the {shape.samples} proposals could be used: {found.failed[0][1]}.",
            hint="`glan ledger list` has the replies (--ledger where there is no project); --retry-failed asks again "
            "for calls that failed.",
        )
    named = len(found.left_out)
    return TaxonomyError(
        f"No part was named by {shape.least} proposals or more ({named:,} by fewer), so there is no tree.",
        hint="Name a broader root, ask for more proposals with --samples, or take what fewer name with --least.",
    )
