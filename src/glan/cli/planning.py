"""The command that says what a run will cost: plan. It asks nobody."""

from collections.abc import Mapping
from pathlib import Path

import click
import msgspec

from glan.cli.running import named_for
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.config import Config
from glan.estimate import DEFAULTS, EXPECTED, HIGH, LOW, Average, Prices, StageEstimate, disk_bytes, estimate
from glan.project import Project
from glan.records import Stage
from glan.teachers.ledger import Ledger
from glan.teachers.panel import Host, Named, hosts_of
from glan.teachers.prices import batch_price, price_of
from glan.teachers.providers import providers
from glan.teachers.specs import OFFLINE, Spec, parse_spec


@click.command("plan")
@project_option
@ledger_option
@json_option
@click.option("--pairs", type=click.IntRange(1, 1_000_000_000), help="How many pairs; those of glan.toml if not given.")
@click.option("--teacher", "spec", metavar="SPEC", help="The teacher whose prices count.")
def plan_command(folder: Path, ledger: Path | None, *, as_json: bool, pairs: int | None, spec: str | None) -> None:
    """Say what a run will take from nothing to N pairs, with a range, and which hosts it will talk to."""
    project = Project.open(folder, ledger)
    named = named_for(project, spec)
    config = msgspec.structs.replace(project.config, pairs=pairs or project.config.pairs)
    averages = _averages(project)
    prices = {stage: _price(config, stage, named) for stage in Stage}
    hosts = hosts_of(config, project.environment, named)
    disciplines = project.taxonomy.disciplines
    cases = {
        name: estimate(disciplines, config, assumed, averages, prices)
        for name, assumed in (("low", LOW), ("expected", EXPECTED), ("high", HIGH))
    }
    if as_json:
        told = {"pairs": config.pairs, "disciplines": len(disciplines), "averages": averages, "hosts": hosts}
        say_json({**told, **cases})
        return
    say(f"{config.pairs:,} pairs over {len(disciplines):,} disciplines, {config.limits.fixed:,} requests in flight.")
    say(f"{'':10} {'calls':>12} {'prompt tokens':>16} {'reply tokens':>16} {'cost':>12} {'hours':>8}")
    for found in cases["expected"]:
        say(_line(found.stage, (found,)))
    for name, estimates in cases.items():
        say(_line(f"all, {name}", estimates))
    if config.mode == "batch":
        say("Costs are those of batches; the hours are the provider's, up to 24 for each step of the way.")
    say(f"Disk: about {disk_bytes(cases['expected']) / 1e6:,.0f} MB.")
    say(f"Hosts: {_told_hosts(hosts) or 'none'}.")
    say(_told_measured([stage.value for stage in Stage if averages[stage].is_measured]))


def _told_hosts(hosts: tuple[Host, ...]) -> str:
    """Name the hosts, each with the stages that it is asked for."""
    told = []
    for found in hosts:
        refused = "" if found.is_allowed else "; not in allow of [network], so it will be refused"
        told.append(f"{found.host} ({', '.join(found.stages)}{refused})")
    return ", ".join(told)


def _told_measured(stages: list[str]) -> str:
    """Say where the averages come from."""
    if not stages:
        return "Tokens and times are assumed, not measured: run `glan preview` or a small --pairs first."
    others = "" if len(stages) == len(Stage) else "; the others are assumed"
    return f"Tokens and times of {', '.join(stages)} are this ledger's averages{others}."


def _line(title: str, estimates: tuple[StageEstimate, ...]) -> str:
    costs = [found.cost_usd for found in estimates]
    known = [cost for cost in costs if cost is not None]
    cost = f"${sum(known):,.2f}" if len(known) == len(costs) else "unknown"
    return (
        f"{title:14} {sum(found.calls for found in estimates):>8,} "
        f"{sum(found.prompt_tokens for found in estimates):>16,} "
        f"{sum(found.completion_tokens for found in estimates):>16,} "
        f"{cost:>12} {sum(found.hours for found in estimates):>8.2f}"
    )


def _averages(project: Project) -> Mapping[Stage, Average]:
    """Return what the ledger has measured, and the defaults elsewhere."""
    if not project.ledger_path.exists():
        return DEFAULTS
    with Ledger.open(project.ledger_path, readonly=True) as ledger:
        totals = ledger.totals()
    found = dict(DEFAULTS)
    for stage in Stage:
        total = totals.get(stage.value)
        if total is not None and total.replies and total.completion_tokens:
            found[stage] = Average(
                prompt_tokens=total.prompt_tokens / total.replies,
                completion_tokens=total.completion_tokens / total.replies,
                latency_s=total.latency_s / total.replies,
                is_measured=True,
            )
    return found


def _price(config: Config, stage: Stage, given: Named) -> Prices | None:
    settings = config.teacher_of(stage)
    named: Spec | str | None = settings.spec
    if given.spec is not None and named == config.teachers.default.spec:
        named = given.spec
    spec = parse_spec(named) if isinstance(named, str) else named
    if spec is None and settings.price is None:
        return None
    provider = OFFLINE if spec is None else spec.provider
    price = price_of(spec.model if spec is not None else "", provider, settings.price)
    if config.mode == "batch":
        price = batch_price(price, providers().get(provider), config.batch.price_share)
    return None if price is None else Prices(input=price.input, output=price.output)
