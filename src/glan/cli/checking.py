"""The command that tries a project's teachers: check."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, Unpack

import click
from msgspec.structs import replace

from glan.check import MAX_RETRIES, Check, Examined, Report
from glan.cli.display import displayed
from glan.cli.logs import logged_to
from glan.cli.running import interruptible, named_for
from glan.cli.screen import complain, confirmer, json_option, ledger_option, project_option, say, say_json, yes_option
from glan.cli.trusting import confirmed
from glan.errors import GlanError
from glan.project import Project
from glan.records import Stage
from glan.teachers.panel import Named, opened
from glan.telling import cost_of

_SHOWN_LENGTH = 400


class _Given(TypedDict):
    """The options of `glan check` as click gives them."""

    as_json: bool
    yes: bool
    spec: str | None


@click.command("check")
@project_option
@ledger_option
@json_option
@yes_option
@click.option("--teacher", "spec", metavar="SPEC", help="As for `glan run`.")
@click.pass_context
def check_command(ctx: click.Context, folder: Path, ledger: Path | None, **given: Unpack[_Given]) -> None:
    """Make one pair from end to end, and say what that shows of each teacher.

    Key, model, structured output, thinking, context, speed, price and hosts. What is unknown is said to be unknown. The
    replies are in the ledger, and a run does not pay for them again.
    """
    project = Project.open(folder, ledger)
    as_json = given["as_json"]
    try:
        named = confirmed(project, named_for(project, given["spec"]), confirmer(yes=given["yes"]))
        report = asyncio.run(_checked(project, named))
    except GlanError as error:
        if not as_json:
            raise
        say_json({"pair": None, "cause": str(error), "hint": error.hint, "exit_code": 1})
        ctx.exit(1)
    if as_json:
        say_json(report)
    else:
        _tell(report)
    ctx.exit(report.exit_code)


async def _checked(project: Project, named: Named) -> Report:
    config = project.config
    limits = replace(config.limits, max_retries=min(config.limits.max_retries, MAX_RETRIES), outage_s=0)
    with logged_to(project.log_path):
        async with opened(replace(config, limits=limits), project.environment, named) as panel:
            check = Check(project, panel)
            with interruptible(check.run):
                async with displayed(check.run):
                    return await check(confirmer(yes=False))


def _tell(report: Report) -> None:
    for teacher in report.teachers:
        say(f"{teacher.model} ({', '.join(teacher.stages)})")
        for name, told in _lines(teacher, is_asked=report.calls > 0):
            say(f"  {name:12} {told}")
    say(f"Hosts: {', '.join(report.hosts) or 'none'}.")
    say(f"Calls: {report.calls:,} ({report.hits:,} replies from the ledger), {cost_of(report.cost_usd)}.")
    for notice in report.notices:
        say(notice)
    if report.pair is None:
        complain(GlanError(report.cause, hint=report.hint))
        return
    say(f"Pair: {report.pair.id}")
    for role, text in (("user", report.pair.question), ("assistant", report.pair.answer), *report.pair.said.items()):
        say(f"  {role:12} {_short(text)}")


def _lines(teacher: Examined, *, is_asked: bool) -> Iterator[tuple[str, str]]:
    yield "host", teacher.host or "none: it answers inside the process"
    if teacher.host:
        yield "key", _key(teacher, is_asked=is_asked)
        nearest = f". Nearest there: {', '.join(teacher.nearest)}" if teacher.nearest else ""
        yield "model", f"{_MODEL[teacher.is_listed]}{nearest}"
        length = teacher.context_tokens
        yield "context", "unknown: the server does not say" if length is None else f"{length:,} tokens"
        yield "cut prompts", f"{teacher.cut_prompts} of {teacher.replies}" if teacher.cut_prompts else "none was seen"
    if teacher.dimensions is not None:
        yield "embeddings", f"{teacher.dimensions:,} dimensions"
    if teacher.stages != (Stage.EMBEDDINGS,):
        yield "structured", _structured(teacher)
        yield "thinking", _thinking(teacher)
    yield "speed", _speed(teacher)
    yield "price", _price(teacher)


def _key(teacher: Examined, *, is_asked: bool) -> str:
    if not teacher.has_key:
        return "none was sent"
    if is_asked and teacher.replies:
        return "accepted"
    return "accepted for the list of models" if teacher.is_listed is not None else "not tried"


_MODEL = {
    True: "listed by the server",
    False: "not in the server's list; it may answer under another name",
    None: "unknown: the server shows no list",
}


def _structured(teacher: Examined) -> str:
    if teacher.rung is None:
        return "unknown: none was asked for" if teacher.host else "not needed"
    if not teacher.formless:
        return teacher.rung
    n_all = teacher.schema_replies
    return f"{teacher.rung} was accepted, and {teacher.formless} of {n_all} replies do not have the form of the schema"


def _thinking(teacher: Examined) -> str:
    if not teacher.has_thoughts and not teacher.reasoning_tokens:
        return "none was seen"
    tokens = f", {teacher.reasoning_tokens:,} tokens" if teacher.reasoning_tokens else ""
    return f"{'kept apart' if teacher.has_thoughts else 'not shown'}{tokens}"


def _speed(teacher: Examined) -> str:
    if teacher.latency_s is None:
        return "unknown"
    each = f"{teacher.latency_s:.2f} s a reply"
    return each if teacher.tokens_per_second is None else f"{teacher.tokens_per_second:,.0f} tokens a second, {each}"


def _price(teacher: Examined) -> str:
    if teacher.usd_per_hour is not None:
        return f"${teacher.usd_per_hour:g} an hour{_by_the_token(teacher.usd_per_hour, teacher.tokens_per_second)}"
    if teacher.price is None:
        return (
            "unknown: set `price` in the teacher's settings, or `gpu_hour_usd` for a server of your own, to know costs "
            "and to have a budget in dollars"
        )
    return f"${teacher.price.input:g} and ${teacher.price.output:g} for a million tokens of prompt and reply"


def _by_the_token(usd_per_hour: float, tokens_per_second: float | None) -> str:
    """Say what an hour's price makes of the speed that was seen: that of one call at a time, which is the dearest."""
    if not tokens_per_second:
        return ""
    each = usd_per_hour / 3_600 / tokens_per_second * 1e6
    return f", which is ${each:,.2f} for a million reply tokens with one call at a time, and less with many at once"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_LENGTH else f"{line[:_SHOWN_LENGTH]} ..."
