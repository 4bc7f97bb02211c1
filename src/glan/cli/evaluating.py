"""The command that examines a model in the paper's benchmarks, and sets results beside each other."""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Unpack

import click
import msgspec

from glan.cli.columns import say_table
from glan.cli.display import STOPPING, lined
from glan.cli.logs import logged_to
from glan.cli.paying import Given, options_of, paying_options, project_here
from glan.cli.running import interruptible
from glan.cli.screen import confirmer, json_option, ledger_option, on_stop, printable, say, say_json, yes_option
from glan.cli.trusting import confirmed
from glan.config import Config, StudentConfig
from glan.disk import replace
from glan.errors import BudgetError, ConfigError, GlanError
from glan.evaluate.answering import Answer, Respondent
from glan.evaluate.folders import identity_of, model_in, model_name_of
from glan.evaluate.sandbox import Isolation, Limits
from glan.evaluations import Chosen, Examination, Examined, Wanted, before_of, harness, pairs_of, ready
from glan.examinees import Asked, Served
from glan.hearings import exit_code_of
from glan.options import InterruptedRunError
from glan.project import LEDGER, Project
from glan.sites import Site, site_alone, site_in
from glan.spending import told_possibly_paid
from glan.standings import (
    HOW_COMPARED,
    PAGE,
    as_dict,
    compared,
    comparison,
    comparison_page,
    names_of,
    not_compared,
    overview,
    page,
    remarks,
    write_curve,
)
from glan.teachers.panel import Named
from glan.teachers.providers import providers
from glan.teachers.specs import OFFLINE, parse_spec
from glan.telling import calls_of, cost_of

_EVERY_S: Final = 10.0
_SPEC: Final = re.compile(r"@https?://", re.IGNORECASE)
_NAME: Final = re.compile(r"[\w.+ -]{1,80}")


class _Given(Given):
    folder: Path | None
    tasks: str
    limit: int | None
    samples: int
    run_code: bool
    sandbox: str
    data: Path | None
    out: Path | None
    batch_size: int
    local: bool
    ledger: Path | None
    curve: Path | None


@click.command("eval")
@click.argument("models", nargs=-1, metavar="MODEL")
@click.option(
    "--project",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder of a project, whose settings and ledger are used; the current folder, if it is one.",
)
@click.option("--tasks", default="", metavar="A,B", help="Benchmarks; all of the suite if not given.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many items of each, spread evenly over all.")
@click.option("--run-code", is_flag=True, help="Run programs that the model writes, in a sandbox: HumanEval and MBPP.")
@click.option(
    "--sandbox",
    type=click.Choice([each.value for each in Isolation]),
    default=Isolation.FULL.value,
    show_default=True,
    help="What holds them back; docs/sandbox.md says what a weak one does not.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 1_000),
    default=1,
    show_default=True,
    help="Programs for each problem; from 10 and 100 on there is pass@10 and pass@100.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the published rows, one folder a benchmark; from the hub if not given.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the results, `eval/NAME` in the project, or here, if not given; with --compare for one page.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(1, 4_096),
    default=8,
    show_default=True,
    help="Prompts at once, of a local model.",
)
@click.option("--local", is_flag=True, help="MODEL is a name on the hub, also where it reads like a SPEC.")
@click.option("--compare", "is_compared", is_flag=True, help="Set the results in several folders beside each other.")
@click.option(
    "--curve",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="With --compare: draw the scores over the pairs that each was tuned on; a CSV goes beside it.",
)
@paying_options
@ledger_option
@json_option
@yes_option
@click.pass_context
def eval_command(
    ctx: click.Context, *, models: tuple[str, ...], is_compared: bool, as_json: bool, yes: bool, **given: Unpack[_Given]
) -> None:
    """Examine MODEL in the paper's benchmarks, or set results beside each other.

    MODEL is a folder, a name on the hub, or a SPEC as for --teacher; NAME=MODEL gives it a name. With --compare there
    are folders of results in its place. A killed examination goes on when the same command is given again. Needs the
    extra `eval`.
    """
    if is_compared:
        _compare(tuple(map(Path, models)), given, as_json=as_json)
        return
    if given["curve"] is not None:
        raise click.UsageError("--curve goes with --compare.")
    if len(models) != 1:
        raise click.UsageError("Name one model; --compare takes several folders of results.")
    sitting = _Sitting.of(models[0], given)
    code = sitting.examine(yes=yes, as_json=as_json)
    ctx.exit(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sitting:
    """One call of the command."""

    name: str
    model: str
    is_server: bool
    out: Path
    given: _Given
    project: Project | None

    @classmethod
    def of(cls, text: str, given: _Given) -> "_Sitting":
        name, equals, model = text.partition("=")
        if not equals or not _NAME.fullmatch(name) or Path(text).exists():
            name, model = "", text
        model = str(model_in(Path(model)) or model)
        is_server = not given["local"] and _is_spec(model)
        name = name or (parse_spec(model).model if is_server else model_name_of(Path(model)))
        project = project_here(given["folder"], given["ledger"])
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-")[:100] or "model"
        out = given["out"] or (project.folder if project is not None else Path()) / "eval" / plain
        return cls(name=name, model=model, is_server=is_server, out=out, given=given, project=project)

    @property
    def wanted(self) -> Wanted:
        given = self.given
        return Wanted(
            names=tuple(name for name in given["tasks"].split(",") if name.strip()),
            data=given["data"],
            limit=given["limit"],
            samples=given["samples"],
            run_code=given["run_code"],
            limits=Limits(isolation=Isolation(given["sandbox"])),
        )

    def examine(self, *, yes: bool, as_json: bool) -> int:
        """Take every benchmark, and say what came of it; return the exit code."""
        harness()
        if not self.is_server:
            return self._local(as_json=as_json)
        examined = self._examined(f"server {self.model}")
        before_of(self.out, examined)
        those = ready(self.wanted)
        served = self._served(yes=yes)
        log = self.project.log_path if self.project is not None else None
        with logged_to(log) if log is not None else nullcontext():
            return self._take(those, examined, served, as_json=as_json)

    def _local(self, *, as_json: bool) -> int:
        from glan.evaluate.local import LocalModel  # noqa: PLC0415 - an extra, and slow to load

        examined = self._examined(identity_of(self.model))
        before_of(self.out, examined)
        those = ready(self.wanted)
        with _progress(self.name) as tell:
            model = LocalModel(
                self.model, batch_size=self.given["batch_size"], kept=self.out / "replies.jsonl", tell=tell
            )
            return self._take(those, examined, model, as_json=as_json)

    def _examined(self, identity: str) -> Examined:
        return Examined(
            name=self.name,
            model=self.model,
            way="server" if self.is_server else "local",
            identity=identity,
            pairs=None if self.is_server else pairs_of(self.model),
        )

    def _served(self, *, yes: bool) -> Served:
        project = self.project
        config = StudentConfig.of(project.config if project is not None else Config())
        site: Site[StudentConfig]
        if project is not None:
            site = site_in(project, config)
        else:
            site = site_alone(self.given["ledger"] or self.out / LEDGER, config)
        site.ledger_path.parent.mkdir(parents=True, exist_ok=True)
        named = confirmed(site, Named(spec=self.model), confirmer(yes=yes))
        served = Served(site, named, self.name, options_of(self.given))
        served.conduct = lambda asked: _conduct(served, asked)
        return served

    def _take(self, those: Chosen, examined: Examined, respondent: Respondent, *, as_json: bool) -> int:
        examination = Examination(self.out, self.wanted, examined, respondent)
        stopped: GlanError | None = None
        try:
            for name in examination(those):
                if not as_json:
                    say(f"{name} is done.")
        except (InterruptedRunError, BudgetError) as error:
            stopped = error
        results = examination.results
        replace(self.out / PAGE, page(results).encode("utf-8", "replace"))
        is_whole = all(name in results.tasks and not results.tasks[name].failed for name in those.names)
        code = exit_code_of(stopped, is_whole=is_whole)
        notices = list(_notices(respondent))
        if as_json:
            found: dict[str, Any] = msgspec.to_builtins(results)
            told = {"out": str(self.out), "stopped": None if stopped is None else str(stopped), "exit_code": code}
            say_json({**found, **told, "notices": notices, "remarks": list(remarks(results))})
            return code
        if results.tasks:
            say_table(overview(results))
        for line in (*remarks(results), *notices):
            say(line)
        say(f"Beside the paper's tables: {self.out / PAGE}; every item is in {self.out / 'items'}.")
        if stopped is not None:
            say(f"{stopped} To go on, give the same command again: no reply is asked for twice.")
        return code


def _is_spec(model: str) -> bool:
    """Say whether a model is behind a server: a SPEC with an address, or a provider that is known."""
    if Path(model).exists():
        return False
    provider = model.partition("/")[0].strip().casefold()
    return bool(_SPEC.search(model)) or model.casefold() == OFFLINE or ("/" in model and provider in providers())


async def _conduct(served: Served, asked: Asked) -> list[Answer]:
    async with lined(lambda: _line(served)):
        with interruptible(served):
            return await asked


def _line(served: Served) -> str:
    done, wanted = served.done
    tallies = [hearing.tally for hearing in served.hearings]
    parts = [f"{done:,}/{wanted:,} replies"]
    if tallies:
        parts += [f"{tallies[-1].in_flight:,} in flight", *_spent(served)]
    return ", ".join([*parts, *([STOPPING] if served.is_interrupted else [])])


def _spent(served: Served) -> tuple[str, str]:
    """Return the calls of all benchmarks so far, and what they cost."""
    tallies = [hearing.tally for hearing in served.hearings]
    costs = [tally.cost_usd for tally in tallies]
    known = [cost for cost in costs if cost is not None]
    calls = calls_of(sum(tally.asked for tally in tallies), sum(tally.hits for tally in tallies))
    return calls, cost_of(sum(known) if len(known) == len(costs) else None)


def _notices(respondent: Respondent) -> Iterator[str]:
    """Say what a person should know of the calls, each thing once."""
    if not isinstance(respondent, Served) or not respondent.hearings:
        return
    hearings = respondent.hearings
    yield from dict.fromkeys(line for hearing in hearings for line in hearing.told)
    for hearing in hearings:
        if doubtful := told_possibly_paid(hearing.possibly_paid):
            yield doubtful
    yield f"{', '.join(_spent(respondent))}."


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Give what tells of a local model: a line in its place on a terminal, one now and then in a log.

    The first Ctrl-C or SIGTERM ends the examination once a few more replies are there, the second at once.
    """
    is_stopped = False
    told_s = time.monotonic()
    is_terminal = sys.stderr.isatty()

    def stop(*_: object) -> None:
        nonlocal is_stopped
        if is_stopped:
            raise KeyboardInterrupt
        is_stopped = True
        click.echo("Stopping: waiting for what is being written. Once more ends at once; nothing is lost.", err=True)

    def tell(done: int, wanted: int) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        line = printable(f"{name}: {done:,}/{wanted:,} replies")
        if is_terminal:
            click.echo(f"\r{line}", nl=done == wanted, err=True)
        elif now_s - told_s >= _EVERY_S:
            told_s = now_s
            click.echo(line, err=True)
        if is_stopped and done < wanted:
            raise InterruptedRunError("The examination was interrupted.")

    with on_stop(stop):
        yield tell


def _compare(folders: Sequence[Path], given: _Given, *, as_json: bool) -> None:
    """Set results beside each other, and draw their curve."""
    curve, out = given["curve"], given["out"]
    if len(folders) < 2 and not (folders and curve is not None):
        raise click.UsageError("--compare takes two folders of results or more.")
    every, rows = compared(folders)
    names = names_of(every, folders)
    without = write_curve(curve, every) if curve is not None else []
    if curve is not None and len(without) == len(every):
        raise ConfigError(
            "None of these results says on how many pairs its model was tuned, so there is no curve.",
            hint="`glan eval FOLDER` reads it from the training.json that `glan train` writes beside the weights.",
        )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        replace(out / PAGE, comparison_page(every, names, rows).encode("utf-8", "replace"))
    if as_json:
        say_json({"models": names, "numbers": as_dict(rows), "not_in_curve": without})
        return
    say_table(comparison(names, rows))
    say(HOW_COMPARED)
    for line in (*not_compared(names, rows), *_written(out, curve, without)):
        say(line)


def _written(out: Path | None, curve: Path | None, without: Sequence[str]) -> Iterator[str]:
    """Say where the page and the curve are."""
    if out is not None:
        yield f"The paper's tables with all of them are in {out / PAGE}."
    if curve is not None:
        yield f"The curve is in {curve}, its numbers in {curve.with_suffix('.csv')}."
        for name in without:
            yield f"{name} is not in it: it does not say on how many pairs it was tuned."
