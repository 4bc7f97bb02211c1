"""How each model wants to be asked, as far as it is known, and the way of one request through what was tried.

It knows no connections and no time: `http.py` sends what a course says, and tells it what came back.
"""

from dataclasses import dataclass, field

from glan.records import Request
from glan.teachers.wire import Rung, rungs_of

_MAX_CRASHES = 2
"""So many times status 500 in a row cast doubt on the way structured output is asked for."""


@dataclass(slots=True)
class Course:
    """The way of one request: what was tried, and how it is asked next."""

    request: Request
    rungs: tuple[Rung, ...]
    limit_name: str
    position: int = 0
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

    positions: dict[str, int] = field(default_factory=dict)
    proven: set[tuple[str, Rung]] = field(default_factory=set)
    limit_names: dict[str, str] = field(default_factory=dict)

    def begin(self, request: Request) -> Course:
        rungs = rungs_of(request)
        model = request.sampling.model
        position = min(self.positions.get(model, 0), max(len(rungs) - 1, 0))
        return Course(request, rungs, self.limit_names.get(model, "max_tokens"), position)

    def learn(self, course: Course) -> None:
        """Remember what worked. A rung that has worked before is not left for good because a server crashed."""
        model = course.request.sampling.model
        self.limit_names[model] = course.limit_name
        if course.rung is None or len(course.rungs) == 1:
            return
        known = self.positions.get(model, 0)
        if not (course.is_doubt and (model, course.rungs[known]) in self.proven):
            self.positions[model] = max(known, course.position)
        self.proven.add((model, course.rung))
