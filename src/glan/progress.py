"""What a run has done so far, counted as it happens; whoever shows it reads it when they like."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from glan.records import Decided, Outcome

_PLACES = {Outcome.PAIR: 0, Outcome.REJECT: 1, Outcome.FAILURE: 2}
_MOST_LETTERS = 500
"""Of the last question; a model may have written a book."""


@dataclass(slots=True, kw_only=True)
class Progress:
    """Counts of slots. What was asked and paid is counted by the ledgered teacher."""

    wanted: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By stage and reason."""
    by_leaf: dict[str, list[int]] = field(default_factory=dict)
    """Pairs, rejects and failures of each leaf."""
    last: str = ""
    """The question of the last pair."""

    def decide(self, slots: Sequence[Decided]) -> None:
        """Count slots whose fate is known."""
        for slot in slots:
            self.outcomes[slot.outcome] += 1
            if slot.outcome is not Outcome.OPEN:
                self.by_leaf.setdefault(slot.slot.discipline.leaf, [0, 0, 0])[_PLACES[slot.outcome]] += 1
            if slot.verdict is not None:
                self.reasons[slot.verdict.stage.value, slot.verdict.reason] += 1
        if slots and slots[-1].question is not None:
            self.last = slots[-1].question.text

    def forget(self) -> None:
        """Begin again: the slots are walked once more."""
        self.outcomes, self.reasons, self.by_leaf = Counter(), Counter(), {}

    @property
    def pairs(self) -> int:
        return self.outcomes[Outcome.PAIR]

    def as_dict(self) -> dict[str, object]:
        """Return the counts as JSON can hold them."""
        return {
            "wanted": self.wanted,
            "pairs": self.pairs,
            "rejects": self.outcomes[Outcome.REJECT],
            "failures": self.outcomes[Outcome.FAILURE],
            "reasons": [
                {"stage": stage, "reason": reason, "slots": slots}
                for (stage, reason), slots in self.reasons.most_common()
            ],
            "last": self.last[:_MOST_LETTERS],
        }
