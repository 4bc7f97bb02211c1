"""How a model wants to be asked: the form of structured output, and the name of the limit on a reply's length. Pure.

It begins with what is known of the provider, and remembers for each model what worked.
"""

from dataclasses import dataclass, field

from glan.records import Request
from glan.teachers.wire import LADDER, LIMIT_NAMES, Rung, rungs_of

_MAX_CRASHES = 2
"""So many times status 500 in a row cast doubt on the way structured output is asked for."""


@dataclass(slots=True)
class Course:
    """The way of one request: what was tried, and how it is asked next."""

    request: Request
    rungs: tuple[Rung, ...]
    limit_name: str
    position: int = 0
    is_renamed: bool = False
    """The limit goes by its other name already."""
    n_tries: int = 0
    n_timeouts: int = 0
    n_crashes: int = 0
    is_doubt: bool = False
    """It left a rung on a mere suspicion, that of repeated crashes."""

    @property
    def rung(self) -> Rung | None:
        return self.rungs[self.position] if self.rungs else None

    def step_down(self) -> bool:
        """Go to the next rung; False where there is none."""
        if self.position + 1 >= len(self.rungs):
            return False
        self.position += 1
        self.n_crashes = 0
        return True

    def rename_limit(self) -> bool:
        """Call the limit by its other name; False where that was tried."""
        if self.is_renamed:
            return False
        self.is_renamed = True
        self.limit_name = next(name for name in LIMIT_NAMES if name != self.limit_name)
        return True

    def leave_crashing(self, max_retries: int) -> bool:
        """Step down after repeated crashes, or when no retry is left."""
        if self.n_crashes < _MAX_CRASHES and self.n_tries <= max_retries:
            return False
        if not self.step_down():
            return False
        self.is_doubt = True
        return True


@dataclass(slots=True)
class Manners:
    """How each model wants to be asked, as far as it is known."""

    limit_name: str = "max_tokens"
    """What the limit is called, where nothing is known of the model."""
    rung: Rung = Rung.JSON_SCHEMA
    """Where the ladder begins, where nothing is known of the model."""
    positions: dict[str, int] = field(default_factory=dict)
    proven: set[tuple[str, Rung]] = field(default_factory=set)
    limit_names: dict[str, str] = field(default_factory=dict)

    def begin(self, request: Request) -> Course:
        rungs = rungs_of(request)
        model = request.sampling.model
        position = min(self._position(model), max(len(rungs) - 1, 0))
        return Course(request, rungs, self.limit_names.get(model, self.limit_name), position)

    def _position(self, model: str) -> int:
        return self.positions.get(model, LADDER.index(self.rung))

    def learn(self, course: Course) -> None:
        """Remember what worked. A rung that has worked before is not left for good because a server crashed."""
        model = course.request.sampling.model
        self.limit_names[model] = course.limit_name
        if course.rung is None or len(course.rungs) == 1:
            return
        known = self._position(model)
        if not (course.is_doubt and (model, course.rungs[known]) in self.proven):
            self.positions[model] = max(known, course.position)
        self.proven.add((model, course.rung))
