"""The teachers of a run: who answers each stage, under which name, at which price."""

import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec

from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError, UntrustedError
from glan.records import Reply, Request, Stage
from glan.settings import Limits, Price, TeacherSettings
from glan.teachers.base import Teacher
from glan.teachers.batch import BatchServer, Terms
from glan.teachers.fleet import Absence, Fleet
from glan.teachers.joining import following, read_urls
from glan.teachers.manners import Refusal
from glan.teachers.network import check_allowed, check_settings, is_allowed, read_ca
from glan.teachers.permits import Permits, Pools
from glan.teachers.prices import batch_price, price_of
from glan.teachers.providers import UNKNOWN, providers
from glan.teachers.specs import (
    OFFLINE,
    SERVER,
    Endpoint,
    Spec,
    endpoint,
    is_same_server,
    no_writer,
    parse_base_url,
    parse_spec,
    where,
)
from glan.teachers.thinking import words_of
from glan.teachers.trust import trusted

_WAYS = """\
  --teacher offline                              the textbook inside glan, to try it
  --teacher openai/MODEL                         a hosted model; its key in OPENAI_API_KEY
  --teacher ollama/MODEL                         a model on this machine
  --teacher vllm/MODEL@http://host:8000/v1       a server of your own
or write one of them as `spec` into [teachers.default] of glan.toml."""


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
    spec: str = ""
    """How a person named the default teacher; the next run may name it again."""
    hosts: tuple[str, ...] = ()
    """Every host that is asked."""
    refusals: Sequence[tuple[Refusal, str]] = ()
    """What the models did not take so far, each with the host; it grows while they are asked."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How the default teacher was named, and what that allows."""

    spec: Spec | str | None
    is_typed: bool = True
    """The user typed it just now, so its host may have the key."""
    trusted: frozenset[tuple[str, str]] = frozenset()
    """Hosts that the user confirmed just now, each with the variable whose key may go there."""


@asynccontextmanager
async def opened(config: Config, environment: Environment, named: Named) -> AsyncIterator[Panel]:
    """Open the teachers of every stage, and close them at the end.

    Raises:
        ConfigError: no teacher is named, or one cannot be reached as it is named.

    """
    opening = _Opening(config, environment, named)
    async with AsyncExitStack() as stack:
        hourly = hourly_of(config, environment, named)
        found = {stage: await opening.teacher_of(stage, opening.spec_of(stage), stack) for stage in config.stages}
        fleets = [one.fleet for one in found.values() if one.fleet is not None]
        hosts = dict.fromkeys(server.host for fleet in fleets for server in fleet.endpoints)
        yield Panel(
            teachers={stage: opened_.teacher for stage, opened_ in found.items()},
            models={stage: opening.spec_of(stage).model for stage in config.stages},
            prices={stage: opened_.price for stage, opened_ in found.items()},
            spec=opening.default_text(),
            hosts=tuple(hosts),
            refusals=opening.refusals,
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
    opening = _Opening(config, environment, named)
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
    opening = _Opening(config, environment, named)
    return {stage: spec.model if (spec := opening.named_of(stage)) else "" for stage in config.stages}


def untrusted(config: Config, environment: Environment, named: Named) -> tuple[UntrustedError, ...]:
    """Return, for each key that may go to a host only once the user has confirmed it, what stands in the way.

    Raises:
        ConfigError: a teacher cannot be reached as it is named, whatever the user confirms.

    """
    opening = _Opening(config, environment, named)
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
    opening = _Opening(config, environment, named)
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


_OF_A_SERVER = (
    "api_key_env", "api_key_envs", "api_key_header", "base_urls", "base_urls_file", "gpu_hour_usd", "headers", "query"
)  # fmt: skip
"""Settings that go with the server beside which they stand, and with no other."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A teacher that is open."""

    teacher: Teacher
    price: Price | None
    fleet: Fleet | None = None
    """Its servers, where it has any."""
    batches: BatchServer | None = None
    """Where its batches are handed in: its first server."""


class _Opening:
    """Opens each different teacher once."""

    def __init__(self, config: Config, environment: Environment, named: Named) -> None:
        self._config = config
        self._environment = environment
        self._named = named
        self.refusals: list[tuple[Refusal, str]] = []
        self._open: dict[tuple[object, ...], _Opened] = {}
        self._fleets: dict[tuple[object, ...], Fleet] = {}

    def default_text(self) -> str:
        named = self._named.spec
        if isinstance(named, Spec):
            return f"{named.provider}/{named.model}" + (f"@{named.base_url}" if named.base_url else "")
        return named or self._config.teachers.default.spec or ""

    def spec_of(self, stage: Stage) -> Spec:
        """Return the teacher of a stage, who must be named."""
        spec = self.named_of(stage)
        if spec is None:
            raise ConfigError("No teacher is named. There are these ways:", hint=_WAYS)
        is_of_all = stage is Stage.EMBEDDINGS and self._config.role_of(stage).spec is None
        return no_writer(spec) if is_of_all else spec

    def named_of(self, stage: Stage) -> Spec | None:
        """Return the teacher of a stage: its role's own, else the one that was named, else the default."""
        text = self._config.teacher_of(stage).spec
        if self._named.spec is not None and text == self._config.teachers.default.spec:
            return self._named.spec if isinstance(self._named.spec, Spec) else parse_spec(self._named.spec)
        return None if text is None else parse_spec(text)

    def settings_of(self, stage: Stage, spec: Spec) -> TeacherSettings:
        """Return a stage's settings, without those that stand beside another server: one may hold the key of it."""
        role, default = self._config.role_of(stage), self._config.teachers.default
        settings, unset = self._config.teacher_of(stage), TeacherSettings()
        foreign = {}
        for name in _OF_A_SERVER:
            is_roles_own = getattr(role, name) != getattr(unset, name)
            beside = role.spec if is_roles_own and role.spec is not None else default.spec
            if beside is not None and not is_same_server(parse_spec(beside), spec):
                foreign[name] = getattr(unset, name)
        return msgspec.structs.replace(settings, **foreign)

    async def teacher_of(self, stage: Stage, spec: Spec, stack: AsyncExitStack) -> _Opened:
        settings = self.settings_of(stage, spec)
        place = (spec, *_way_of(settings), settings.timeout_s, settings.price)
        if place not in self._open:
            self._open[place] = await self._opened(stage, spec, settings, stack)
        return self._open[place]

    async def _opened(self, stage: Stage, spec: Spec, settings: TeacherSettings, stack: AsyncExitStack) -> _Opened:
        if spec.provider == OFFLINE:
            from glan.teachers.offline import Textbook  # noqa: PLC0415 - its chapters are read only when it is asked

            return _Opened(Textbook(), price_of(spec.model, OFFLINE, settings.price))
        from glan.teachers.http import Http, Patience  # noqa: PLC0415 - the HTTP library is loaded only for a server

        fleet = await self._fleet(stage, spec, settings, stack)
        first = fleet.endpoints[0]
        price = None if settings.gpu_hour_usd is not None else price_of(spec.model, first.name, settings.price)
        patience = Patience(
            timeout_s=settings.timeout_s, max_retries=self._config.limits.max_retries, rng=random.Random()
        )
        own = providers().get(spec.provider, UNKNOWN)
        # At another address than its own the server of a provider with a key may be of any kind.
        words = words_of(spec.provider if own.knows(first.base_url) else SERVER)
        http = Http(fleet, patience, price=price, words=words, on_refused=self._note)
        takes = own.batch if own is not UNKNOWN and own.base_url in {None, first.base_url} else None
        terms = Terms(is_known=takes, price=batch_price(price, own if takes else None, self._config.batch.price_share))
        return _Opened(await stack.enter_async_context(http), price, fleet, http.batches(terms))

    async def _fleet(self, stage: Stage, spec: Spec, settings: TeacherSettings, stack: AsyncExitStack) -> Fleet:
        """Return the servers of a teacher; models at the same servers share what these bear."""
        check_settings(settings)
        servers = self.servers_of(spec, settings)
        place = (*(where(server, self._environment) for server in servers), *_way_of(settings))
        if place not in self._fleets:
            found = [self.endpoint_of(stage, server, settings) for server in servers]
            fleet = self._fleets[place] = Fleet(found, self._config.limits, rng=random.Random())
            if settings.base_urls_file is not None:

                def endpoint_at(url: str) -> Endpoint:
                    return self.endpoint_of(stage, replace(spec, base_url=url), settings)

                path = self._environment.path(settings.base_urls_file)
                await stack.enter_async_context(following(path, fleet, endpoint_at))
        return self._fleets[place]

    def servers_of(self, spec: Spec, settings: TeacherSettings) -> Sequence[Spec]:
        """Return a spec for each of a teacher's servers.

        Raises:
            ConfigError: they are named twice, or the file that names them cannot be read.

        """
        named = [settings.base_urls, settings.base_urls_file, spec.base_url]
        if sum(bool(found) for found in named) > 1:
            raise ConfigError(
                "The servers of a teacher are named more than once: of an address in `spec`, `base_urls` and "
                "`base_urls_file` there may be one.",
            )
        if settings.base_urls_file is not None:
            urls = read_urls(self._environment.path(settings.base_urls_file))
        else:
            urls = tuple(parse_base_url(url, source="base_urls") for url in settings.base_urls)
        return [replace(spec, base_url=url) for url in dict.fromkeys(urls)] if urls else [spec]

    def _note(self, refusal: Refusal, host: str) -> None:
        """Note what a model does not take; of two connections to a host the first tells it."""
        if (refusal, host) not in self.refusals:
            self.refusals.append((refusal, host))

    def endpoint_of(self, stage: Stage, server: Spec, settings: TeacherSettings) -> Endpoint:
        """Return where one of a stage's servers is asked, and with which key; what may not be asked is refused."""
        base_url, host = where(server, self._environment)
        network = self._config.network
        check_allowed(base_url, host, network)
        named = self._named.spec
        is_named = named is not None and self._config.teacher_of(stage).spec == self._config.teachers.default.spec
        found = endpoint(
            server,
            msgspec.structs.replace(settings, api_key_env=settings.api_key_envs.get(host, settings.api_key_env)),
            self._environment,
            trusted=self._named.trusted | trusted(self._environment),
            from_command_line=is_named and self._named.is_typed and not (settings.base_urls or settings.base_urls_file),
        )
        # A project that came from a stranger could name an authority that may speak for a provider's own address.
        return found if found.name != found.host else replace(found, ca_pem=read_ca(network, self._environment))


def _way_of(settings: TeacherSettings) -> tuple[object, ...]:
    """Return what goes with the servers of a teacher, as something that can be compared."""
    return tuple(repr(getattr(settings, name)) for name in _OF_A_SERVER)


@dataclass(frozen=True, slots=True)
class _Routed:
    """Sends each stage to its teacher."""

    teachers: Mapping[Stage, Teacher]

    async def reply(self, request: Request) -> Reply:
        return await self.teachers[request.stage].reply(request)
