"""Votes on the elements of a tree: what people keep and remove, and what the majority makes of the tree. Pure.

An element is a branch, a discipline, or a subject that the file gives. Each person has one ballot; an element that a
ballot leaves out is an abstention. More votes to remove than to keep remove an element, and all below it with it; a
tie keeps it. A vote is on its element alone: who removes a branch has not voted on what is below it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from glan.errors import TaxonomyError
from glan.places import framed, key_of, quoted
from glan.raters import Agreement, fleiss
from glan.reviews import Kind
from glan.taxonomy.nodes import Branch, Node
from glan.taxonomy.support import told_support
from glan.taxonomy.tree import Taxonomy

Choice: TypeAlias = Literal["keep", "remove"]
CHOICES: tuple[Choice, ...] = ("keep", "remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """Something of a tree that people vote on."""

    id: str
    """Its percent-encoded keys from the top, each after a slash; a subject's stands after a colon."""
    title: str
    path: tuple[str, ...]
    """Titles of what is above it, from the top."""
    kind: Literal["branch", "discipline", "subject"]
    leaf: str = ""
    """Key of the discipline that it is, or that it is a subject of; a branch has none."""
    subject: str = ""
    """Key of the subject that it is."""
    above: str = ""
    """Id of the element directly above it."""
    named: str = ""
    """How many proposals named it, where a model built the tree: `5 of 6 proposals`."""

    @property
    def shown(self) -> str:
        """Its path as people read it."""
        return " / ".join((*self.path, self.title))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one person says of one element."""

    choice: Choice | None = None
    """None is an abstention, with or without a comment."""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """The votes of one person, or of a model."""

    voter: str
    tree: str
    """Hash of the tree that it was made for; empty where it does not say."""
    votes: Mapping[str, Vote]
    """By the ids of elements."""
    kind: Kind = "person"
    source: str = ""
    """Where it was read, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The votes on one element."""

    element: Element
    keep: int
    remove: int
    comments: tuple[tuple[str, str], ...]
    """Each with who made it."""

    @property
    def is_tie(self) -> bool:
        return self.keep == self.remove > 0

    @property
    def is_removed(self) -> bool:
        """Whether more people remove it than keep it; abstentions do not count."""
        return self.remove > self.keep


@dataclass(frozen=True)
class Outcome:
    """What the votes make of a tree."""

    elements: Sequence[Element]
    tallies: Mapping[str, Tally]
    """Of each element, by its id."""
    unfit: Sequence[tuple[str, str]]
    """Voter and id of each vote on an element that the tree has not."""
    other_trees: Sequence[str]
    """Voters whose ballots were made for another tree."""

    @cached_property
    def removed(self) -> tuple[Tally, ...]:
        """What the votes remove, each before what is below it, without what goes with something above it."""
        return tuple(tally for id_, tally in self.tallies.items() if tally.is_removed and not self._goes_with(id_))

    @cached_property
    def going(self) -> frozenset[str]:
        """Ids of all that goes."""
        return frozenset(e.id for e in self.elements if self.tallies[e.id].is_removed or self._goes_with(e.id))

    def below(self, tally: Tally) -> tuple[Tally, ...]:
        """Return what stands below an element, at any depth."""
        return tuple(self.tallies[id_] for id_ in self._below.get(tally.element.id, ()))

    @property
    def ties(self) -> tuple[Tally, ...]:
        """What as many remove as keep, and is kept for that."""
        return tuple(t for t in self.tallies.values() if t.is_tie and t.element.id not in self.going)

    @property
    def commented(self) -> tuple[Tally, ...]:
        """What stays, by no tie, and has comments."""
        stays = (t for t in self.tallies.values() if t.element.id not in self.going and not t.is_tie)
        return tuple(tally for tally in stays if tally.comments)

    @property
    def voted(self) -> int:
        """Elements that anybody voted on."""
        return sum(tally.keep + tally.remove > 0 for tally in self.tallies.values())

    def agreement(self) -> Agreement:
        """Return how far the voters agree, over the elements that two or more voted on."""
        return fleiss((tally.keep, tally.remove) for tally in self.tallies.values())

    def _goes_with(self, id_: str) -> bool:
        return any(self.tallies[above].is_removed for above in self._above[id_])

    @cached_property
    def _above(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for element in self.elements:
            found[element.id] = (*found[element.above], element.above) if element.above else ()
        return found

    @cached_property
    def _below(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for element in self.elements:
            for above in self._above[element.id]:
                found.setdefault(above, []).append(element.id)
        return found


def elements_of(taxonomy: Taxonomy) -> tuple[Element, ...]:
    """Return all that people vote on, each before what is below it, in the order of the file."""
    return tuple(_elements(taxonomy.roots, "", ()))


def tree_hash(elements: Iterable[Element]) -> str:
    """Return a hash that changes when an element comes or goes, and not with weights, notes or the order."""
    return hashlib.sha256(framed(*sorted(element.id for element in elements))).hexdigest()


def outcome(elements: Sequence[Element], ballots: Sequence[Ballot]) -> Outcome:
    """Count ballots.

    Raises:
        TaxonomyError: two ballots are of one person.

    """
    _refuse_twice(ballots)
    known, tree = {element.id for element in elements}, tree_hash(elements)
    return Outcome(
        elements=elements,
        tallies={element.id: _tally(element, ballots) for element in elements},
        unfit=[(ballot.voter, id_) for ballot in ballots for id_ in ballot.votes if id_ not in known],
        other_trees=[ballot.voter for ballot in ballots if ballot.tree not in {"", tree}],
    )


def _elements(nodes: Iterable[Node], above: str, path: tuple[str, ...]) -> Iterator[Element]:
    for node in nodes:
        id_ = f"{above}/{quoted(node.key)}"
        if isinstance(node, Branch):
            yield Element(
                id=id_, title=node.title, path=path, kind="branch", above=above, named=told_support(node.votes)
            )
            yield from _elements(node.children, id_, (*path, node.title))
            continue
        yield Element(
            id=id_,
            title=node.title,
            path=path,
            kind="discipline",
            leaf=node.key,
            above=above,
            named=told_support(node.votes),
        )
        for subject in node.subjects:
            yield Element(
                id=f"{id_}:{quoted(subject.key)}",
                title=subject.name,
                path=(*path, node.title),
                kind="subject",
                leaf=node.key,
                subject=subject.key,
                above=id_,
            )


def _tally(element: Element, ballots: Iterable[Ballot]) -> Tally:
    found = [(ballot, vote) for ballot in ballots if (vote := ballot.votes.get(element.id)) is not None]
    return Tally(
        element=element,
        keep=sum(vote.choice == "keep" for _, vote in found),
        remove=sum(vote.choice == "remove" for _, vote in found),
        comments=tuple((ballot.voter, vote.comment) for ballot, vote in found if vote.comment),
    )


def _refuse_twice(ballots: Iterable[Ballot]) -> None:
    known: dict[str, Ballot] = {}
    for ballot in ballots:
        first = known.setdefault(key_of(ballot.voter), ballot)
        if first is not ballot:
            raise TaxonomyError(
                f"{first.source} and {ballot.source} are both ballots of {ballot.voter!r}; each person has one.",
                hint="Name the one that is meant; two people of one name need two names in their files.",
            )
