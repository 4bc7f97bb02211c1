"""Voting in a terminal: one element of the tree after the other; what was said is in a file after each answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from glan.cli.screen import say
from glan.disk import replace
from glan.errors import DatasetError
from glan.places import key_of
from glan.show.ballots import checked_name, read_ballot, saved_ballot
from glan.taxonomy.votes import Ballot, Choice, Element, Vote, tree_hash

_CHOICES: dict[str, Choice] = {"k": "keep", "r": "remove"}
_ASKED = "  [k]eep, [r]emove, [s]kip, [c]omment, [b]ack, [q]uit"


@dataclass(slots=True)
class Balloting:
    """A ballot that is being filled in."""

    elements: Sequence[Element]
    voter: str
    votes: dict[str, Vote]
    path: Path

    @classmethod
    def begin(cls, elements: Sequence[Element], voter: str, path: Path) -> "Balloting":
        """Return a new ballot, or the one in the file, to go on with.

        Raises:
            DatasetError: the file is no ballot, or another person's.

        """
        voter = checked_name(voter, "--name")
        if not path.exists():
            return cls(elements, voter, {}, path)
        ballot = read_ballot(path)
        if key_of(ballot.voter) != key_of(voter):
            raise DatasetError(f"{path} is the ballot of {ballot.voter!r}.", hint="Name another file with --out.")
        return cls(elements, voter, dict(ballot.votes), path)

    def ask(self) -> bool:
        """Go through what is open; say whether the end was reached."""
        place = next((i for i, element in enumerate(self.elements) if self._is_open(element)), len(self.elements))
        while 0 <= place < len(self.elements):
            step = self._step(place)
            if step is None:
                return False
            place = max(0, place + step)
            while step > 0 and place < len(self.elements) and self._goes(self.elements[place]):
                place += 1
        return True

    @property
    def told(self) -> str:
        """How far it is."""
        voted = sum(self.votes.get(element.id, Vote()).choice is not None for element in self.elements)
        return f"{voted:,} of {len(self.elements):,} voted on; the ballot is in {self.path}."

    def _step(self, place: int) -> int | None:
        """Ask about one element; return where to go from there, or None to end."""
        element = self.elements[place]
        said = self.votes.get(element.id, Vote())
        named = f", named by {element.named}" if element.named else ""
        say(f"\n{place + 1:,} of {len(self.elements):,}  {element.shown}  ({element.kind}{named})")
        if said.choice is not None or said.comment:
            say(f"  so far: {said.choice or 'no vote'}" + (f", {said.comment}" if said.comment else ""))
        answer = click.prompt(
            _ASKED, type=click.Choice([*"krscbq"]), show_choices=False, default="s", show_default=False
        )
        if answer in _CHOICES:
            self._set(element, Vote(choice=_CHOICES[answer], comment=said.comment))
        elif answer == "c":
            comment = click.prompt("  comment", default=said.comment, show_default=False).strip()
            self._set(element, Vote(choice=said.choice, comment=comment))
            return 0
        return {"q": None, "b": -1}.get(answer, 1)

    def _set(self, element: Element, vote: Vote) -> None:
        self.votes[element.id] = vote
        ballot = Ballot(voter=self.voter, tree=tree_hash(self.elements), votes=self.votes)
        replace(self.path, saved_ballot(ballot))

    def _is_open(self, element: Element) -> bool:
        return self.votes.get(element.id, Vote()).choice is None and not self._goes(element)

    def _goes(self, element: Element) -> bool:
        """Say whether something above it is removed in this ballot, so that there is nothing to ask."""
        return any(self.votes.get(above, Vote()).choice == "remove" for above in _above(element.id))


def _above(id_: str) -> Iterator[str]:
    """Give the ids above an element: they are the beginnings of its own."""
    if ":" in id_:
        id_ = id_.rpartition(":")[0]
        yield id_
    while id_ := id_.rpartition("/")[0]:
        yield id_
