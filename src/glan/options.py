"""What one run is told beyond the files of its project, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from glan.config import Config
from glan.curate.own import OwnRules
from glan.errors import INTERRUPTED, BudgetError, GlanError, ProjectError, StoppedError
from glan.project import RULES, Project
from glan.records import Reply, Request, Stage
from glan.reviews import NAME as REVIEWS
from glan.settings import Limits
from glan.teachers.ledger_rows import SCOPE
from glan.teachers.ledgered import Choice
from glan.yields import LowYieldError

PREVIEW = "preview"
"""The scope of a run of a few pairs."""
RULES_DID_NOT_RUN = "The project's own rules.py did not run: `glan run --rules` lets it."


class InterruptedRunError(StoppedError):
    """A person or the system asked the run to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run is told beyond the project's files."""

    pairs: int | None = None
    """How many; as in glan.toml, or as many as stand, if not given."""
    until: Stage = Stage.ANSWERS
    """The last stage that is asked for; before answers no data set is made."""
    max_in_flight: int | None = None
    """Most requests in flight at once to each server; as in glan.toml if not given."""
    concurrency: Literal["adaptive", "fixed"] | None = None
    """Whether that is a ceiling or the number; as in glan.toml if not given."""
    mode: Literal["live", "batch"] | None = None
    """Whether requests are sent one by one or in batches; as in glan.toml if not given."""
    engine: Literal["local", "ray"] | None = None
    """Who asks the servers; as in glan.toml if not given."""
    address: str | None = None
    """Where the Ray cluster is; as RAY_ADDRESS says, or on this machine, if not given."""
    choice: Choice | None = None
    """What to do about replies under another fingerprint; without it the run stops where there are some."""
    retry_failed: bool = False
    """Ask again for what failed for good."""
    rules: bool = False
    """Let the project's own rules.py run: a stranger's folder runs no code by itself."""
    rebuild: bool = False
    """Walk also where nothing has changed since the data set was made."""
    grace_s: float = 60.0
    """Seconds that a stopping run waits for what is in flight."""
    budget_usd: float | None = None
    """The most that the project may spend, over all its runs."""
    budget_tokens: int | None = None
    """The same in tokens, prompts and replies."""
    only: str | None = None
    """Walk the plan over the disciplines under this node alone: a trial, with a data set of its own."""
    is_preview: bool = False
    """Leave the data set that stands as it is."""
    write_to: Path | None = None
    """Ask nobody: write the requests that the ledger lacks into this folder or file, for an offline runner."""
    watch: Callable[[Request, Reply], None] | None = None
    """Is told every reply that the run uses."""

    @property
    def is_aside(self) -> bool:
        """Whether the run makes no data set."""
        return self.until is not Stage.ANSWERS or self.is_preview or self.write_to is not None

    def scope_in(self, project: Project) -> str:
        """Return what the run is about: a few pairs, the path of a trial's node, or nothing for the whole plan."""
        return PREVIEW if self.is_preview else project.only or ""

    def asked_by(self, config: Config) -> Config:
        """Return the settings with the engine that this names."""
        return replace(config, engine=self.engine or config.engine)

    def over(self, limits: Limits) -> Limits:
        """Return what this says of how much is in flight, over what glan.toml says."""
        return replace(
            limits,
            max_in_flight=self.max_in_flight or limits.max_in_flight,
            concurrency=self.concurrency or limits.concurrency,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a run."""

    pairs: int
    """Rows of the data set."""
    rejects: int
    """Slots with a reply that was not good enough."""
    failures: int
    """Slots without a reply."""
    open: int
    """Slots that were not decided when it ended."""
    wanted: int
    """How many pairs it was to make."""
    cost_usd: float | None
    """What this run paid; None where a price is unknown."""
    asked: int
    """Calls that this run made."""
    stopped: GlanError | None
    """Why it ended before its time, if it did."""
    is_standing: bool
    """Whether the data set in the folder is this run's."""
    is_settled: bool = False
    """Nothing had changed since the data set was made, so the run left it as it is."""
    notices: tuple[str, ...] = ()
    """What a person should know, a sentence each."""

    @property
    def exit_code(self) -> int:
        """0 all there, 1 an error to mend, 3 fewer than wanted, 4 budget reached, 130 interrupted."""
        return code_of(self.stopped) or (0 if self.pairs >= self.wanted else 3)


def code_of(stopped: GlanError | None) -> int:
    """Return the exit code of what ended before its time, by its cause; 0 where it is nobody's to mend."""
    if isinstance(stopped, InterruptedRunError):
        return INTERRUPTED
    if isinstance(stopped, BudgetError):
        return 4
    return 0 if stopped is None or isinstance(stopped, LowYieldError) else 1


def own_rules(project: Project, options: Options, tell: Callable[[str], None]) -> OwnRules | None:
    """Return the project's own rules, if they are to run; where there are some that are not, tell so.

    Raises:
        ProjectError: they are to run, and there are none.
        CurationError: they cannot be read.

    """
    source = project.rules
    if not options.rules:
        if source is not None and not options.is_preview:
            tell(RULES_DID_NOT_RUN)
        return None
    if source is None:
        raise ProjectError(
            f"{project.folder} has no {RULES}, so --rules has nothing to run.",
            hint="docs/quality.md says how one is written.",
        )
    return OwnRules.read(source)


def inputs_of(project: Project, options: Options) -> Mapping[str, str]:
    """Return the hashes of what a data set rests on: of rules.py only where it runs."""
    return {name: found for name, found in project.hashes().items() if name != RULES or options.rules}


def stored_of(project: Project, options: Options) -> Mapping[str, str]:
    """Return what the ledger keeps of the inputs of a run: texts, and hashes of reviews.jsonl and rules that run."""
    hashes = inputs_of(project, options)
    of_files = {RULES: hashes.get(RULES, ""), REVIEWS: hashes.get(REVIEWS, "")}
    return {**project.inputs(), **of_files, SCOPE: options.scope_in(project)}
