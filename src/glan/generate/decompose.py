"""From a whole to a tree of its parts: proposals in two turns, level by level (paper, section 2.1).

Several differently worded prompts are asked, each for one proposal or more, and their proposals are votes. As with
subjects, the list is written as free text first and turned into JSON in a second turn.
What is asked of a branch depends on its name and what is above it alone: more proposals, another breadth and further
levels change no request that was made before.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from glan.errors import GlanError, ReplyError, RequestError
from glan.generate.asking import Asking, text_of
from glan.parsing import parse_parts
from glan.places import key_of, place
from glan.records import Message, Record, Stage
from glan.streams import begin
from glan.taxonomy.proposals import Builder, Built, Names, fitting

WORDINGS = ("divide_as_scholar", "divide_as_practitioner", "divide_as_librarian")
"""The prompts that ask for a proposal, in turn."""
ALL = "Human knowledge and skills"
"""The whole where none is named."""
_NO_ROOT = "-"
"""Stands for it in ids: no name has this key."""


class Shape(Record, frozen=True, kw_only=True):
    """What tree is to be built."""

    root: str | None = None
    """What is decomposed; all that people know if not given."""
    notes: str = ""
    """What the prompts are to keep to, such as for whom the tree is meant."""
    depth: int = 3
    """Levels below the root."""
    breadth: int = 15
    """Most parts of a branch."""
    samples: int = 6
    """Proposals for each branch."""
    least: int = 2
    """So many of them must name a part."""

    @property
    def most_nodes(self) -> int:
        """The most nodes that it may have below its root."""
        return sum(self.breadth**level for level in range(1, self.depth + 1))

    @property
    def most_divided(self) -> int:
        """The most branches whose parts are asked for."""
        return sum(self.breadth**level for level in range(self.depth))

    @property
    def most_calls(self) -> int:
        """The most calls, if no reply is cut off or malformed."""
        return 2 * self.samples * self.most_divided


@dataclass(slots=True, kw_only=True)
class Grown:
    """How far a tree has grown, counted as it happens."""

    level: int = 0
    nodes: int = 0
    """Placed so far."""
    done: int = 0
    """Proposals of this level that have come, or failed."""
    wanted: int = 0
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Proposals that came to nothing, by the path of their branch and the reason."""
    undivided: list[str] = field(default_factory=list)
    """Paths of branches of which every proposal failed."""
    unfit: int = 0
    """Names that no file can hold."""


class Decomposition:
    """The building of one tree. `grown` can be read meanwhile, and `cut` gives up what is in flight."""

    def __init__(self, shape: Shape, *, merges: bool, on_error: Callable[[GlanError], None]) -> None:
        """Begin with the root; `on_error` is told what ends the building, so that nothing more is asked."""
        self.grown = Grown()
        self.builder = Builder(Built(name=shape.root or ALL), least=shape.least, breadth=shape.breadth, merges=merges)
        self._shape = shape
        self._on_error = on_error
        self._tasks: Sequence[asyncio.Future[Names | None]] = ()

    async def __call__(self, asking: Asking) -> Built:
        """Return the root of the tree.

        Raises:
            GlanError: what ended the building before its time.

        """
        nodes = [self.builder.root]
        for level in range(self._shape.depth):
            self.grown.level, self.grown.done = level + 1, 0
            self.grown.wanted = len(nodes) * self._shape.samples
            nodes = self.builder.grow(nodes, await self._proposals(asking, nodes))
            self.grown.nodes += len(nodes)
        return self.builder.root

    def cut(self) -> None:
        """Give up what is in flight."""
        for task in self._tasks:
            task.cancel()

    async def _proposals(self, asking: Asking, nodes: Sequence[Built]) -> list[list[Names]]:
        """Return what the proposals for each node name; those that failed are left out.

        What is in flight when the building ends is waited for, since it is paid for.
        """
        samples = self._shape.samples
        self._tasks = [
            begin(self._proposal(asking.at(i * samples + number), node, number))
            for i, node in enumerate(nodes)
            for number in range(samples)
        ]
        found = await asyncio.gather(*self._tasks, return_exceptions=True)
        names = [_unbroken(each) for each in found]
        by_node = [names[i : i + samples] for i in range(0, len(names), samples)]
        for node, proposals in zip(nodes, by_node, strict=True):
            if all(each is None for each in proposals):
                self.grown.undivided.append(node.path)
        return [[each for each in proposals if each is not None] for proposals in by_node]

    async def _proposal(self, asking: Asking, node: Built, number: int) -> Names | None:
        try:
            names = await propose(asking, node, number, self._shape)
        except (ReplyError, RequestError) as error:
            reason = error.reason if isinstance(error, ReplyError) else "no reply"
            self.grown.failed[node.path, reason] += 1
            return None
        except GlanError as error:
            self._on_error(error)
            raise
        finally:
            self.grown.done += 1
        fit = [fitting(name) for name in names]
        self.grown.unfit += fit.count(None)
        return [name for name in fit if name is not None]


async def propose(asking: Asking, node: Built, number: int, shape: Shape) -> tuple[str, ...]:
    """Return the parts of a node that one proposal names, in its order; none where it says that there are none.

    Raises:
        ReplyError: the teacher's replies cannot be used.
        RequestError: the teacher does not answer.

    """
    above = [each.name for each in node.chain[:-1] if each.above is not None or shape.root is not None]
    prompt = asking.render(
        WORDINGS[number % len(WORDINGS)],
        whole=node.name,
        above=above,
        notes=[shape.notes] if shape.notes else [],
    )
    root = key_of(shape.root) if shape.root is not None else _NO_ROOT
    path = (root, *[key_of(each.name) for each in node.chain[1:]])
    draft = asking.request(Stage.TAXONOMY, place("proposal", *path, number), prompt, sample=number)
    _, text = await asking.ask_for(draft, text_of)
    listing = asking.request(
        Stage.TAXONOMY,
        place("parts", *path, number),
        prompt,
        Message(role="assistant", content=text),
        asking.render("list_parts"),
        schema="parts",
        sample=number,
    )
    _, names = await asking.ask_for(listing, lambda reply: parse_parts(reply.text))
    return names


def _unbroken(found: Names | BaseException | None) -> Names | None:
    if isinstance(found, BaseException):
        raise found
    return found
