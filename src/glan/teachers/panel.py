"""The teachers of a run: who answers each stage, under which name, at which price."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError, UntrustedError
from glan.records import Reply, Request, Stage
from glan.settings import Limits, Price
from glan.teachers.base import Teacher
from glan.teachers.batch import BatchServer
from glan.teachers.fleet import Absence, Fleet
from glan.teachers.manners import Refusal
from glan.teachers.network import check_settings, is_allowed
from glan.teachers.opening import TEACHER, Named, Opening
from glan.teachers.permits import Permits, Pools
from glan.teachers.specs import (
    OFFLINE,
    where,
)

__all__ = ["Host", "Hourly", "Named", "Panel", "hosts_of", "hourly_of", "models_of", "opened", "untrusted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hourly:
    """Servers that are paid by the hour."""

    servers: str
    """Their hosts."""
    usd: float
    """US dollars an hour, for all of them together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Who answers each stage."""

    teachers: Mapping[Stage, Teacher]
    models: Mapping[Stage, str]
    """The model asked in each stage, without provider and host: what fingerprints hold."""
    prices: Mapping[Stage, Price | None]
    """None where the price is unknown."""
    files: Mapping[str, str] = field(default_factory=lambda: {TEACHER: ""})
    """What a run stores of the default teacher, so that the next one may name it again."""
    hosts: tuple[str, ...] = ()
    """Every host that is asked."""
    refusals: Sequence[tuple[Refusal, str]] = ()
    """What the models did not take so far, each with the host; it grows while they are asked."""
    retries: Counter[str] = field(default_factory=Counter)
    """How many tries were made again so far, by the reason."""
    told: Sequence[str] = ()
    """What a person should know of those who ask, so far."""
    fleets: Mapping[Stage, Fleet] = field(default_factory=dict)
    """The servers that each stage asks; nothing for a teacher in this process."""
    hourly: Mapping[Stage, Hourly] = field(default_factory=dict)
    """The servers that are paid by the hour."""
    batches: Mapping[Stage, BatchServer] = field(default_factory=dict)
    """Where the batches of each stage are handed in; a stage that no server answers has none."""

    @classmethod
    def of(cls, teacher: Teacher, model: str, price: Price | None = None) -> "Panel":
        """Return a panel of one teacher that is at hand already."""
        return cls(
            teachers=dict.fromkeys(Stage, teacher),
            models=dict.fromkeys(Stage, model),
            prices=dict.fromkeys(Stage, price),
        )

    def permits(self, limits: Limits) -> Pools:
        """Return as many permits as the settings say, or as the servers bear; stages with the same servers share them.

        What answers in this process has nobody to be spared, and gets a fixed number.
        """
        pools: dict[Fleet | None, Permits] = {}
        for stage in self.teachers:
            fleet = self.fleets.get(stage)
            if fleet not in pools:
                pools[fleet] = Permits(limits.fixed) if fleet is None else fleet.regulate(limits)
        return Pools({stage: pools[self.fleets.get(stage)] for stage in self.teachers})

    @property
    def spec(self) -> str:
        """How a person named the default teacher; empty where it is at hand."""
        return self.files[TEACHER]

    @property
    def absences(self) -> tuple[Absence, ...]:
        """The servers that are away just now."""
        fleets = dict.fromkeys(self.fleets.values())
        return tuple(absence for fleet in fleets for absence in fleet.absences())

    @property
    def teacher(self) -> Teacher:
        """The whole panel as one teacher."""
        return _Routed(self.teachers)

    @property
    def usd_per_hour(self) -> float:
        """What its servers cost by the hour, each once."""
        return sum({found.servers: found.usd for found in self.hourly.values()}.values())


@asynccontextmanager
async def opened(config: Config, environment: Environment, named: Named) -> AsyncIterator[Panel]:
    """Open the teachers of every stage, and close them at the end.

    Raises:
        ConfigError: no teacher is named, or one cannot be reached as it is named.

    """
    opening = Opening(config, environment, named)
    async with AsyncExitStack() as stack:
        hourly = hourly_of(config, environment, named)
        found = {stage: await opening.teacher_of(stage, opening.spec_of(stage), stack) for stage in config.stages}
        fleets = [one.fleet for one in found.values() if one.fleet is not None]
        hosts = dict.fromkeys(server.host for fleet in fleets for server in fleet.endpoints)
        yield Panel(
            teachers={stage: opened_.teacher for stage, opened_ in found.items()},
            models={stage: opening.spec_of(stage).model for stage in config.stages},
            prices={stage: opened_.price for stage, opened_ in found.items()},
            files=opening.default_files(),
            hosts=tuple(hosts),
            refusals=opening.refusals,
            retries=opening.retries,
            told=opening.told,
            fleets={stage: opened_.fleet for stage, opened_ in found.items() if opened_.fleet is not None},
            hourly=hourly,
            batches={stage: opened_.batches for stage, opened_ in found.items() if opened_.batches is not None},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host that a run would talk to."""

    host: str
    stages: tuple[Stage, ...]
    is_allowed: bool
    """Whether `[network] allow` lets it be asked."""


def hosts_of(config: Config, environment: Environment, named: Named) -> tuple[Host, ...]:
    """Return every host that a run would talk to, as far as teachers are named; it asks nobody and needs no key.

    Raises:
        ConfigError: a teacher is not named as it should be.

    """
    opening = Opening(config, environment, named)
    found: dict[str, tuple[str, list[Stage]]] = {}
    for stage in config.stages:
        if opening.named_of(stage) is not None and (spec := opening.spec_of(stage)).provider != OFFLINE:
            for one in opening.servers_of(spec, opening.settings_of(stage, spec)):
                base_url, host = where(one, environment)
                found.setdefault(host, (base_url, []))[1].append(stage)
    return tuple(
        Host(host=host, stages=tuple(stages), is_allowed=is_allowed(base_url, config.network))
        for host, (base_url, stages) in found.items()
    )


def models_of(config: Config, environment: Environment, named: Named) -> Mapping[Stage, str]:
    """Return the model of each stage, an empty name where no teacher is named; it asks nobody and needs no key."""
    opening = Opening(config, environment, named)
    return {stage: spec.model if (spec := opening.named_of(stage)) else "" for stage in config.stages}


def untrusted(config: Config, environment: Environment, named: Named) -> tuple[UntrustedError, ...]:
    """Return, for each key that may go to a host only once the user has confirmed it, what stands in the way.

    Raises:
        ConfigError: a teacher cannot be reached as it is named, whatever the user confirms.

    """
    opening = Opening(config, environment, named)
    found: dict[tuple[str, str], UntrustedError] = {}
    for stage in config.stages:
        if (spec := opening.named_of(stage)) is not None and spec.provider != OFFLINE:
            settings = opening.settings_of(stage, spec)
            check_settings(settings)
            for server in opening.servers_of(spec, settings):
                try:
                    opening.endpoint_of(stage, server, settings)
                except UntrustedError as error:
                    found[error.host, error.variable] = error
    return tuple(found.values())


def hourly_of(config: Config, environment: Environment, named: Named) -> Mapping[Stage, Hourly]:
    """Return which stages have servers that are paid by the hour; it asks nobody.

    Raises:
        ConfigError: a teacher has both prices.

    """
    opening = Opening(config, environment, named)
    found: dict[Stage, Hourly] = {}
    for stage in config.stages:
        spec = opening.named_of(stage)
        if spec is None or spec.provider == OFFLINE:
            continue
        settings = opening.settings_of(stage, spec)
        if settings.gpu_hour_usd is None:
            continue
        if settings.price is not None:
            raise ConfigError(
                f"The teacher of {stage} has a price of its tokens and one of its hours.",
                hint="Leave out `price` or `gpu_hour_usd` in the teacher's settings: one of them is what you pay.",
            )
        servers = " ".join(where(server, environment)[1] for server in opening.servers_of(spec, settings))
        found[stage] = Hourly(servers=servers, usd=settings.gpu_hour_usd)
    return found


@dataclass(frozen=True, slots=True)
class _Routed:
    """Sends each stage to its teacher."""

    teachers: Mapping[Stage, Teacher]

    async def reply(self, request: Request) -> Reply:
        return await self.teachers[request.stage].reply(request)
