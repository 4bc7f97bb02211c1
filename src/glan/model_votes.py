"""A model votes on a tree: its ballot, or several, as a person's is, but marked as a model's.

It is asked level by level, about neighbours together; what stands below what it removes is not asked about, as in a
terminal. A group whose votes cannot be read is left out: the model abstains from it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from glan.errands import Errand
from glan.errors import ReplyError, RequestError
from glan.generate.asking import Asking
from glan.generate.voting import vote_on
from glan.taxonomy.groups import Group, groups_of
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Ballot, Vote, elements_of, tree_hash

NO_REPLY = "no reply"
"""Why a group has no votes where the teacher did not answer."""


@dataclass(slots=True)
class ModelVotes:
    """The voting of one model. `done` and `failed` can be read while it goes on."""

    taxonomy: Taxonomy
    samples: int = 1
    """Ballots: the same is asked for so many times."""
    done: int = 0
    """Groups that were voted on, or failed."""
    failed: Counter[str] = field(default_factory=Counter)
    """Groups without votes, by the reason."""
    abstained: int = 0
    """Elements of these groups."""

    async def __call__(self, errand: Errand, voter: str) -> Sequence[Ballot]:
        """Return the ballots; of several each has its number in the name.

        Raises:
            GlanError: what ended it before its time.

        """
        votes: list[dict[str, Vote]] = [{} for _ in range(self.samples)]
        async with errand.asking() as asking:
            for level in groups_of(self.taxonomy):
                works = [
                    self._voted(asking.at(i), group, sample, votes[sample])
                    for i, (group, sample) in enumerate(
                        (group, sample) for group in level for sample in range(self.samples)
                    )
                ]
                await errand.all(works)
        tree = tree_hash(elements_of(self.taxonomy))
        names = [voter] if self.samples == 1 else [f"{voter} ({number})" for number in range(1, self.samples + 1)]
        return [
            Ballot(voter=name, tree=tree, votes=found, kind="model") for name, found in zip(names, votes, strict=True)
        ]

    async def _voted(self, asking: Asking, group: Group, sample: int, votes: dict[str, Vote]) -> None:
        """Ask about a group, unless something above it is removed in this ballot."""
        if _goes(group.elements[0].above, votes):
            return
        try:
            said = await vote_on(asking, group, sample=sample)
        except (ReplyError, RequestError) as error:
            self.failed[error.reason if isinstance(error, ReplyError) else NO_REPLY] += 1
            self.abstained += len(group.elements)
            return
        finally:
            self.done += 1
        for element, each in zip(group.elements, said, strict=True):
            vote = Vote(choice=each.vote, comment=each.comment)
            if vote != Vote():
                votes[element.id] = vote


def _goes(above: str, votes: dict[str, Vote]) -> bool:
    """Say whether an element, or something above it, is removed: its id begins with theirs."""
    while above:
        if votes.get(above, Vote()).choice == "remove":
            return True
        above = above.rpartition("/")[0]
    return False
