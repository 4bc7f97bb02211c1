"""The command that says what a run will cost: plan. It asks nobody."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, Unpack

import click
import msgspec

from glan.cli.opening import only_option, opened_project
from glan.cli.running import named_for
from glan.cli.scaling import say_scale, scaled
from glan.cli.screen import json_option, ledger_option, project_option, say, say_json
from glan.config import Config, parse_config
from glan.estimate import (
    DEFAULTS,
    DISK_BYTES_PER_CALL,
    DISK_BYTES_PER_TOKEN,
    Average,
    Known,
    Prices,
    StageEstimate,
    disk_bytes,
    estimates_of,
)
from glan.growth import pairs_of
from glan.project import Project
from glan.records import STAGES, Discipline, Stage
from glan.teachers.ledger import Ledger, StageTotals
from glan.teachers.ledger_rows import Run
from glan.teachers.opening import Opening
from glan.teachers.panel import Host, Named, hosts_of, hourly_of
from glan.teachers.prices import batch_price, price_of
from glan.teachers.providers import UNKNOWN, providers
from glan.teachers.shelf import Shelf
from glan.teachers.specs import OFFLINE, where
from glan.wording import counted

_LEAST_TOKENS = 100_000
"""Of replies, below which the files of a project say little about the size of a larger one."""


class _Given(TypedDict):
    """The options of `glan plan` as click gives them."""

    pairs: int | None
    spec: str | None
    only: str | None
    scale: bool


@click.command("plan")
@project_option
@ledger_option
@json_option
@click.option(
    "--pairs", type=click.IntRange(1, 1_000_000_000), help="How many pairs; as many as a run would make if not given."
)
@click.option("--teacher", "spec", metavar="SPEC", help="The teacher whose prices count.")
@click.option(
    "--scale",
    is_flag=True,
    help="Say it for 1,000 to 10,000,000 pairs instead, with disk and memory, from what the ledger has measured.",
)
@only_option
def plan_command(folder: Path, ledger: Path | None, *, as_json: bool, **given: Unpack[_Given]) -> None:
    """Say what a run will still take to N pairs, with a range, and which hosts it will talk to.

    What the ledger has is not counted.
    """
    project = opened_project(folder, ledger, given["only"])
    named = named_for(project, given["spec"])
    disciplines = project.taxonomy.disciplines
    config = msgspec.structs.replace(project.config, pairs=given["pairs"] or _pairs_of_a_run(project, disciplines))
    known = known_of(project, config, named)
    if given["scale"]:
        _tell_scale(disciplines, config, known, as_json=as_json)
        return
    hosts = hosts_of(config, project.environment, named)
    if as_json:
        say_json(_as_json(disciplines, config, known, hosts))
    else:
        _tell(disciplines, config, known, hosts, n_on_shelf=_on_shelf(project))


def _as_json(
    disciplines: Sequence[Discipline], config: Config, known: Known, hosts: tuple[Host, ...]
) -> Mapping[str, object]:
    cases = estimates_of(disciplines, config, known)
    return {
        "pairs": config.pairs,
        "disciplines": len(disciplines),
        "languages": config.languages,
        "in_ledger": sum(known.done.values()),
        "averages": {stage: known.averages[stage] for stage in config.stages},
        "usd_per_hour": known.usd_per_hour,
        "hosts": hosts,
        "disk_bytes": {name: disk_bytes(estimates, known) for name, estimates in cases.items()},
        **cases,
    }


def _tell(
    disciplines: Sequence[Discipline], config: Config, known: Known, hosts: tuple[Host, ...], *, n_on_shelf: int
) -> None:
    cases = estimates_of(disciplines, config, known)
    in_flight = config.limits.fixed
    of_all = f"{config.pairs:,} pairs over {counted(len(disciplines), 'discipline')}"
    say(f"{of_all}{_told_languages(config)}, with {in_flight:,} requests in flight.")
    if in_ledger := sum(known.done.values()):
        say(f"The ledger has {in_ledger:,} of the replies already; this is what is left:")
    if n_on_shelf:
        say(f"{n_on_shelf:,} replies of other projects may save some of it: `glan taxonomy diff` says how many.")
    say(f"{'':10} {'calls':>12} {'prompt tokens':>16} {'reply tokens':>16} {'cost':>12} {'hours':>8}")
    for found in cases["expected"]:
        say(_line(found.stage, (found,)))
    for name, estimates in cases.items():
        say(_line(f"all, {name}", estimates))
    low, high = (disk_bytes(cases[name], known) / 1e6 for name in ("low", "high"))
    say(f"Disk: {low:,.0f} to {high:,.0f} MB more.")
    for line in _told_costs(config, known):
        say(line)
    say(f"Hosts: {_told_hosts(hosts) or 'none'}.")
    say(_told_measured(config.stages, known.averages))


def _told_costs(config: Config, known: Known) -> Iterator[str]:
    """Say what the costs are, where they are not tokens times price."""
    if config.mode == "batch":
        yield "Costs are those of batches; the hours are the provider's, up to 24 for each step of the way."
    if known.usd_per_hour:
        yield f"The cost has ${known.usd_per_hour:,.2f} for each hour of servers of your own."


def _told_languages(config: Config) -> str:
    """Name the languages, where there are several."""
    return f" in {config.told_languages}" if len(config.languages) > 1 else ""


def _tell_scale(disciplines: Sequence[Discipline], config: Config, known: Known, *, as_json: bool) -> None:
    """Say what a run takes at growing sizes, and what the numbers rest on."""
    sizes = scaled(disciplines, config, known)
    rests_on = [*_rests_on(config, known)]
    if as_json:
        listed = [{"pairs": pairs, **cases} for pairs, cases in sizes.items()]
        say_json({"disciplines": len(disciplines), "sizes": listed, "rests_on": rests_on})
        return
    over = counted(len(disciplines), "discipline")
    say(f"What a run still takes, over {over}, from the cheapest case to the dearest:")
    say_scale(sizes)
    for line in rests_on:
        say(line)


def _rests_on(config: Config, known: Known) -> Iterator[str]:
    """Say where the numbers come from."""
    yield _told_measured(config.stages, known.averages)
    if unpriced := [stage.value for stage in config.stages if known.prices[stage] is None]:
        yield f"The price of {', '.join(unpriced)} is unknown: `price` or `gpu_hour_usd` of the teacher says it."
    yield from _told_costs(config, known)
    yield (
        f"Hours are with {config.limits.fixed:,} requests in flight, if the servers keep up; with ten times as many "
        "they are a tenth. A run finds by itself how many the servers bear."
    )
    measured = known.disk_bytes_per_token
    rests = "assumed" if measured is None else "what this project takes"
    per_token = DISK_BYTES_PER_TOKEN if measured is None else measured
    yield f"Disk is {DISK_BYTES_PER_CALL} bytes a call, and {per_token:.1f} bytes a reply token, which is {rests}."
    yield "Memory is that of a run at its end, as measured with questions of 400 characters (docs/scale.md)."


def _on_shelf(project: Project) -> int:
    if not project.ledger_path.exists():
        return 0
    with Ledger.open(project.ledger_path, readonly=True) as ledger:
        return Shelf(ledger).count()


def _pairs_of_a_run(project: Project, disciplines: Sequence[Discipline]) -> int:
    """Return what a run without `--pairs` makes: as many as glan.toml says, or as keep every row that stands."""
    from glan.outputs import standing_of  # noqa: PLC0415 - pyarrow is loaded when it is needed

    pairs, _ = pairs_of(standing_of(project), disciplines, project.config, None, lambda _: False)
    return pairs


def _told_hosts(hosts: tuple[Host, ...]) -> str:
    """Name the hosts, each with the stages that it is asked for."""
    told = []
    for found in hosts:
        refused = "" if found.is_allowed else "; not in allow of [network], so it will be refused"
        told.append(f"{found.host} ({', '.join(found.stages)}{refused})")
    return ", ".join(told)


def _told_measured(stages: Sequence[Stage], averages: Mapping[Stage, Average]) -> str:
    """Say where the averages come from."""
    measured = [stage.value for stage in stages if averages[stage].is_measured]
    if not measured:
        return "Tokens and times are assumed (docs/estimates.md), not measured: try `glan preview` or a small --pairs."
    assumed = [stage.value for stage in stages if not averages[stage].is_measured]
    others = f"; those of {', '.join(assumed)} are assumed (docs/estimates.md)" if assumed else ""
    return f"Tokens and times of {', '.join(measured)} are this ledger's averages{others}."


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


def known_of(project: Project, config: Config, named: Named) -> Known:
    """Return what the ledger, the data set and the price list say."""
    hourly = hourly_of(config, project.environment, named)
    prices = {
        stage: Prices(input=0, output=0) if stage in hourly else _price(project, stage, named)
        for stage in config.stages
    }
    manifest = project.manifest()
    slots = manifest.slots if manifest is not None else {}
    known = Known(
        prices=prices,
        usd_per_hour=sum({found.servers: found.usd for found in hourly.values()}.values()),
        pairs=slots.get("pairs", 0),
        slots=slots.get("decided", 0),
    )
    if not project.ledger_path.exists():
        return known
    with Ledger.open(project.ledger_path, readonly=True) as ledger:
        totals, done = ledger.totals(also_elsewhere=True), Counter(_places(ledger))
        further = ledger.n_further(Stage.ANSWERS)
        has_voted = manifest is not None and _has_voted(ledger.runs(), manifest.hashes, config)
    places = Counter({Stage.ANSWERS: further})
    for (_, stage), number in done.items():
        places[stage] += number
    return replace(
        known,
        done=done,
        further_answers=further,
        has_voted=has_voted,
        averages=_averages(totals, places),
        disk_bytes_per_token=_disk_bytes_per_token(project, totals),
    )


def _disk_bytes_per_token(project: Project, totals: Mapping[str, StageTotals]) -> float | None:
    """Return what a token of a reply takes on this project's disk; None where it has too few to say."""
    tokens = sum(total.completion_tokens for total in totals.values())
    if tokens < _LEAST_TOKENS:
        return None
    calls = sum(total.replies + total.failures for total in totals.values())
    made = [path for folder in (project.train_path, project.rejects_path) for path in folder.glob("*.parquet")]
    size = sum(path.stat().st_size for path in (project.ledger_path, *made))
    return max(0.0, size - calls * DISK_BYTES_PER_CALL) / tokens


def _has_voted(runs: Iterable[Run], hashes: Mapping[str, str], config: Config) -> bool:
    """Say whether the settings of the data set that stands asked for as many answers as these do."""
    texts = {run.files.get("glan.toml", "") for run in runs}
    made_by = [text for text in texts if hashlib.sha256(text.encode()).hexdigest() == hashes.get("glan.toml")]
    samples = [parse_config(text, source="glan.toml").curation.agreement.samples for text in made_by]
    return max(samples, default=0) >= config.curation.agreement.samples


def _places(ledger: Ledger) -> Iterator[tuple[str, Stage]]:
    """Give the leaf and the stage of each place that the ledger knows."""
    for request in ledger.requests():
        kind, _, rest = request.partition("/")
        if kind in STAGES:
            yield rest.partition("/")[0], STAGES[kind]


def _averages(totals: Mapping[str, StageTotals], places: Mapping[Stage, int]) -> Mapping[Stage, Average]:
    """Return what the ledger has measured, and the defaults elsewhere."""
    found = dict(DEFAULTS)
    for stage in Stage:
        total = totals.get(stage.value)
        if total is not None and total.replies and _is_counted(stage, total):
            found[stage] = Average(
                prompt_tokens=total.prompt_tokens / total.replies,
                completion_tokens=total.completion_tokens / total.replies,
                latency_s=total.latency_s / total.replies,
                calls=max(1.0, (total.replies + total.failures) / max(1, places.get(stage, 0))),
                is_measured=True,
            )
    return found


def _is_counted(stage: Stage, total: StageTotals) -> bool:
    """Say whether a server counted the tokens of a stage; a vector has none of its own."""
    return bool(total.prompt_tokens if stage is Stage.EMBEDDINGS else total.completion_tokens)


def _price(project: Project, stage: Stage, named: Named) -> Prices | None:
    """Return the price of a stage's tokens, as a run would have it: a list knows a provider's own address alone."""
    config = project.config
    opening = Opening(config, project.environment, named)
    spec = opening.named_of(stage)
    settings = config.teacher_of(stage) if spec is None else opening.settings_of(stage, spec)
    taker = None
    if spec is None or spec.provider == OFFLINE:
        price = settings.price if spec is None else price_of(spec.model, OFFLINE, settings.price)
    else:
        base_url, host = where(spec, project.environment)
        is_elsewhere = bool(settings.base_urls or settings.base_urls_file)
        provider = providers().get(spec.provider, UNKNOWN)
        is_own = not is_elsewhere and provider.base_url == base_url
        price = price_of(spec.model, spec.provider if is_own else host, settings.price)
        taker = provider if not is_elsewhere and provider.knows(base_url) else None
    if config.mode == "batch" and stage is not Stage.EMBEDDINGS:
        price = batch_price(price, taker, config.batch.price_share)
    return None if price is None else Prices(input=price.input, output=price.output)
