"""What a simulated server was asked and what it gave. A request is *paid* once its whole reply has left."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from glan.records import Reply, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What a server has counted: received = paid + failed + in flight."""

    received: int
    paid: int
    """Whole replies sent."""
    failed: Mapping[str, int]
    """All others, by what became of them."""
    stages: Mapping[str, int]
    """Paid ones by stage."""
    prompt_tokens: int
    """Of the paid ones, like `completion_tokens`."""
    completion_tokens: int
    cached_tokens: int
    """Of the prompt tokens, those that the cache had."""
    distinct: int
    """Different bodies among all that were read."""
    repeats: int
    """Paid ones whose body had been paid before."""
    in_flight: int
    max_in_flight: int
    batches: Mapping[str, int]
    """Files and batches that came, and the lines of batches by what became of them; answered ones are paid as well."""


class Counts:
    """What was asked and given so far."""

    def __init__(self) -> None:
        self._received = 0
        self._in_flight = 0
        self._max_in_flight = 0
        self._failed: Counter[str] = Counter()
        self._stages: Counter[str] = Counter()
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._cached_tokens = 0
        self._repeats = 0
        self.batches: Counter[str] = Counter()
        self._paid: dict[int, bool] = {}
        """Whether a body was paid, by its hash: about 100 bytes a body."""

    def arrive(self) -> int:
        """Count a request, and return how many came before it."""
        self._received += 1
        self._in_flight += 1
        self._max_in_flight = max(self._max_in_flight, self._in_flight)
        return self._received - 1

    @property
    def paid(self) -> int:
        return self._stages.total()

    def see(self, raw: bytes) -> None:
        self._paid.setdefault(hash(raw), False)

    def pay(self, raw: bytes, stage: Stage, reply: Reply) -> bool:
        """Count a reply, and say whether its body had been paid before."""
        key = hash(raw)
        was_paid = self._paid[key]
        self._repeats += was_paid
        self._paid[key] = True
        self._stages[stage.value] += 1
        self._prompt_tokens += reply.usage.prompt_tokens or 0
        self._completion_tokens += reply.usage.completion_tokens or 0
        self._cached_tokens += reply.usage.cached_tokens or 0
        return was_paid

    def leave(self, failed: str | None) -> None:
        """Count a request as over, and how it failed if it was not paid."""
        self._in_flight -= 1
        if failed is not None:
            self._failed[failed] += 1

    def stats(self) -> Stats:
        return Stats(
            received=self._received,
            paid=self.paid,
            failed=dict(self._failed),
            stages=dict(self._stages),
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            cached_tokens=self._cached_tokens,
            distinct=len(self._paid),
            repeats=self._repeats,
            in_flight=self._in_flight,
            max_in_flight=self._max_in_flight,
            batches=dict(self.batches),
        )
