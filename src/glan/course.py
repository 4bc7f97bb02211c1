"""Where a walk goes: which slots it decides, through which draws, and which questions it knows from before."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from glan.config import Config
from glan.fates import Ids
from glan.generate.walk import Walk
from glan.plan import Merge
from glan.records import Discipline, Slot


class Slots(Iterator[Slot], Protocol):
    """Slots in the order in which they are decided."""

    def leave(self, leaf: str) -> None:
        """Give no more slots of a leaf."""
        ...


class Course(NamedTuple):
    """The way of one walk; a test set is made in several, each over some slots."""

    slots: Slots
    walks: Mapping[str, Walk]
    """Of each discipline, by its leaf."""
    questions: Ids
    """Those that the examiner knows."""

    @classmethod
    def of(cls, disciplines: Sequence[Discipline], config: Config) -> "Course":
        """Return the way along the whole plan."""
        slots = Merge(disciplines, seed=config.seed, questions_per_visit=config.plan.questions_per_visit)
        return cls(slots, walks_of(disciplines, config), Ids())


def walks_of(disciplines: Iterable[Discipline], config: Config, *, reserved: bool = False) -> Mapping[str, Walk]:
    """Return the walks of disciplines by leaf, through the draws for training or through those for test sets."""
    return {
        each.leaf: Walk(each, plan=config.plan, seed=config.seed, merges_names=config.merges_names, reserved=reserved)
        for each in disciplines
    }
