"""One building of a tree: from a whole, or from nothing, to the text of a taxonomy file.

    open the ledger ─► ask for proposals, level by level (generate/decompose.py) ─► write

It stands where a run stands, and keeps to the same rules: every call goes through the ledger, the budget and the
permits, what the ledger has is never asked again, and the same replies give the same bytes. It makes no pairs and
changes no file; where the text goes is decided by who called it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import glan
from glan.config import TreeConfig
from glan.errands import Errand
from glan.errors import GlanError, TaxonomyError
from glan.generate.asking import Asking
from glan.generate.decompose import ALL, Decomposition, Grown, Shape
from glan.hearings import exit_code_of
from glan.options import Options
from glan.records import Stage
from glan.sites import Site
from glan.taxonomy.proposals import Built, LeftOut, nodes_of
from glan.taxonomy.writing import New, document
from glan.teachers.ledgered import Choice
from glan.teachers.panel import Panel

_log = logging.getLogger(__name__)


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
        return exit_code_of(self.stopped, is_whole=not self.undivided)


class Build:
    """One building. `errand` and `grown` can be read while it goes on, and `errand` be interrupted."""

    def __init__(self, site: Site[TreeConfig], panel: Panel, shape: Shape, options: Options) -> None:
        self.shape = shape
        self.errand = Errand(site, panel, options, what="building", choice=Choice.EXACT)
        self._model = panel.models[Stage.TAXONOMY]
        merges = site.config.merges_names
        self._decomposition = Decomposition(shape, merges=merges, on_error=self.errand.stop)
        self.errand.on_cut = self._decomposition.cut

    @property
    def grown(self) -> Grown:
        """How far it is."""
        return self._decomposition.grown

    async def __call__(self) -> Tree:
        """Build the tree.

        Raises:
            GlanError: before anything was asked: the ledger or a setting stands in the way.

        """
        async with self.errand.asking() as asking:
            _log.info("building begins: %s", self.shape)
            tree = await self._built(asking)
        _log.info("building ended with exit code %d: %d calls", tree.exit_code, self.errand.tally.asked)
        return tree

    async def _built(self, asking: Asking) -> Tree:
        try:
            root = await self._decomposition(asking)
        except (GlanError, asyncio.CancelledError):
            if self.errand.stopped is None:  # somebody else has cancelled us
                raise
        grown, builder = self.grown, self._decomposition.builder
        found = Tree(
            left_out=tuple(builder.left_out),
            merged=tuple(builder.merged.items()),
            failed=tuple((path, reason, count) for (path, reason), count in sorted(grown.failed.items())),
            undivided=tuple(grown.undivided),
            unfit=grown.unfit,
            stopped=self.errand.stopped,
        )
        if self.errand.stopped is not None:
            return found
        if not root.children:
            return replace(found, stopped=_nothing(self.shape, found))
        nodes = list(nodes_of(root))
        branches = sum(bool(node.children) for node in nodes)
        top = tops(root, self.shape)
        return replace(
            found,
            text=written(top, self.shape, self._model),
            nodes=top,
            branches=branches + (self.shape.root is not None),
            disciplines=len(nodes) - branches,
        )


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
