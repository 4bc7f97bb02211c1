"""How each model wants to be asked, as far as it is known, and the way of one request through what was tried.

It begins with what is known of the provider, and remembers for each model what worked. That is how a request is sent
and never what it means, so no fingerprint knows of it. It knows no connections and no time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from glan.records import Request, Stage
from glan.teachers.embedding import render_input
from glan.teachers.thinking import EFFORT, Words, effort_words, n_efforts
from glan.teachers.wire import LADDER, LIMIT_NAMES, Rung, render_body, rungs_of

_MAX_CRASHES = 2
"""So many times status 500 in a row cast doubt on the way structured output is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A parameter that a model does not take, and what it gets instead."""

    model: str
    name: str
    instead: str = ""
    """Empty where the parameter is left out."""

    @property
    def is_loss(self) -> bool:
        """Whether something that a person has set does not reach the model."""
        return self.name not in LIMIT_NAMES

    def told_of(self, host: str) -> str:
        """Say it in a sentence."""
        what = f"it is asked with {self.instead}" if self.instead else "it is left out, and the server decides"
        return f"The model {self.model!r} at {host} does not take {self.name}: {what}."


@dataclass(slots=True)
class Course:
    """The way of one request: what was tried, and how it is asked next."""

    request: Request
    rungs: tuple[Rung, ...]
    words: Words
    """How much to think, in the words of the server."""
    limit_name: str
    first_limit_name: str
    """What the limit was called before anything was known of the model."""
    left_out: frozenset[str] = frozenset()
    effort_step: int = 0
    """How many words for the effort the model has refused."""
    position: int = 0
    n_tries: int = 0
    n_refused: int = 0
    """Tries that were too many for the server at that moment, which says nothing of the request."""
    n_timeouts: int = 0
    n_crashes: int = 0
    is_renamed: bool = False
    is_doubt: bool = False
    """It left a rung on a mere suspicion, that of repeated crashes."""

    @property
    def rung(self) -> Rung | None:
        return self.rungs[self.position] if self.rungs else None

    @property
    def body(self) -> bytes:
        """The body of the request as it is asked next."""
        if self.request.stage is Stage.EMBEDDINGS:
            return render_input(self.request)
        return render_body(
            self.request, self.rung, limit_name=self.limit_name, thinking=self._thinking, left_out=self.left_out
        )

    @property
    def _thinking(self) -> dict[str, object]:
        reasoning = self.request.sampling.reasoning
        return {} if reasoning is None else self.words(reasoning, self.effort_step)

    def rename_limit(self) -> bool:
        """Ask under the other name of the room for the reply; False where both were tried."""
        if self.is_renamed:
            return False
        self.is_renamed = True
        self.limit_name = next(name for name in LIMIT_NAMES if name != self.limit_name)
        return True

    def leave_out(self, name: str) -> bool:
        """Go on without a parameter, or with a lower effort; False for one that is not ours to leave out."""
        name = name.partition(".")[0]
        sampling = self.request.sampling
        ours = {"temperature": sampling.temperature, "top_p": sampling.top_p, **self._thinking}
        if ours.get(name) is None or name in self.left_out or name in sampling.extra:
            return False
        if name == EFFORT and self.effort_step + 1 < n_efforts(sampling.reasoning or ""):
            self.effort_step += 1
        else:
            self.left_out |= {name}
        return True

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

    def refusals(self) -> Iterator[Refusal]:
        """Give what the model did not take on this way."""
        model = self.request.sampling.model
        if self.limit_name != self.first_limit_name:
            yield Refusal(model=model, name=self.first_limit_name, instead=self.limit_name)
        if self.effort_step and EFFORT not in self.left_out:
            yield Refusal(model=model, name=EFFORT, instead=f"{EFFORT} = {self._thinking.get(EFFORT)!r}")
        for name in sorted(self.left_out):
            yield Refusal(model=model, name=name)


@dataclass(slots=True)
class Manners:
    """How each model wants to be asked, as far as it is known."""

    limit_name: str = LIMIT_NAMES[0]
    """What the limit is called, where nothing is known of the model."""
    rung: Rung = LADDER[0]
    """Where the ladder begins, where nothing is known of the model."""
    words: Words = effort_words
    """How the server is told how much to think."""
    positions: dict[str, int] = field(default_factory=dict)
    proven: set[tuple[str, Rung]] = field(default_factory=set)
    limit_names: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, frozenset[str]] = field(default_factory=dict)
    effort_steps: dict[tuple[str, str | None], int] = field(default_factory=dict)
    """By model and setting."""
    refused: set[Refusal] = field(default_factory=set)
    """What was told already."""

    def begin(self, request: Request) -> Course:
        rungs = rungs_of(request)
        model = request.sampling.model
        return Course(
            request,
            rungs,
            self.words,
            limit_name=self.limit_names.get(model, self.limit_name),
            first_limit_name=self.limit_name,
            left_out=self.left_out.get(model, frozenset()),
            effort_step=self.effort_steps.get((model, request.sampling.reasoning), 0),
            position=min(self._position(model), max(len(rungs) - 1, 0)),
        )

    def _position(self, model: str) -> int:
        return self.positions.get(model, LADDER.index(self.rung))

    def learn(self, course: Course) -> list[Refusal]:
        """Remember what worked, and return what is new of what did not.

        A rung that has worked before is not left for good because a server crashed.
        """
        sampling = course.request.sampling
        model = sampling.model
        self.limit_names[model] = course.limit_name
        if course.left_out:
            self.left_out[model] = self.left_out.get(model, frozenset()) | course.left_out
        if course.effort_step:
            self.effort_steps[model, sampling.reasoning] = course.effort_step
        if course.rung is not None and len(course.rungs) > 1:
            known = self._position(model)
            if not (course.is_doubt and (model, course.rungs[known]) in self.proven):
                self.positions[model] = max(known, course.position)
            self.proven.add((model, course.rung))
        new = [refusal for refusal in course.refusals() if refusal not in self.refused]
        self.refused.update(new)
        return new
