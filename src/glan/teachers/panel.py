"""The teachers of a run: who answers each stage, under which name, at which price."""

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from glan.config import Config, Environment, Limits, Price
from glan.errors import ConfigError
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.limits import Budget, Budgeted, Permits
from glan.teachers.prices import price_of
from glan.teachers.specs import OFFLINE, Spec, endpoint, parse_spec
from glan.teachers.traffic import Traffic
from glan.teachers.window import Window

_WAYS = """\
  --teacher offline                              the textbook inside glan, to try it
  --teacher openai/MODEL                         a hosted model; its key in OPENAI_API_KEY
  --teacher ollama/MODEL                         a model on this machine
  --teacher vllm/MODEL@http://host:8000/v1       a server of your own
or write one of them as `spec` into [teachers.default] of glan.toml."""


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
    traffic: tuple[Traffic, ...] = ()
    """What goes to each server; nothing where no server is asked."""

    @classmethod
    def of(cls, teacher: Teacher, model: str, price: Price | None = None) -> "Panel":
        """Return a panel of one teacher that is at hand already."""
        return cls(
            teachers=dict.fromkeys(Stage, teacher),
            models=dict.fromkeys(Stage, model),
            prices=dict.fromkeys(Stage, price),
        )

    def permits(self, limits: Limits) -> Permits:
        """Return as many permits as the settings say, or as the servers bear.

        Without a server there is none to be spared: what answers in this process gets a fixed number.
        """
        if limits.concurrency == "fixed" or not self.traffic:
            return Permits(limits.fixed)
        permits = Permits(limits.ceiling, Window(limits.ceiling))
        for traffic in self.traffic:
            traffic.join(permits)
        return permits

    def within(self, budget: Budget) -> Teacher:
        """Return the whole panel as one teacher that keeps to a budget."""
        if budget.max_usd is None and budget.max_tokens is None:
            return _Routed(self.teachers)
        return _Routed(
            {stage: Budgeted(teacher, budget, price=self.prices[stage]) for stage, teacher in self.teachers.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How the default teacher was named, and what that allows."""

    spec: Spec | str | None
    is_typed: bool = True
    """The user typed it just now, so its host may have the key."""
    trusted_hosts: frozenset[str] = frozenset()


@asynccontextmanager
async def opened(config: Config, environment: Environment, named: Named) -> AsyncIterator[Panel]:
    """Open the teachers of every stage, and close them at the end.

    Raises:
        ConfigError: no teacher is named, or one cannot be reached as it is named.

    """
    opening = _Opening(config, environment, named)
    async with AsyncExitStack() as stack:
        teachers: dict[Stage, Teacher] = {}
        models: dict[Stage, str] = {}
        prices: dict[Stage, Price | None] = {}
        hosts: dict[str, None] = {}
        for stage in Stage:
            spec = opening.spec_of(stage)
            models[stage] = spec.model
            teachers[stage], prices[stage], host = await opening.teacher_of(stage, spec, stack)
            if host:
                hosts[host] = None
        yield Panel(
            teachers=teachers,
            models=models,
            prices=prices,
            spec=opening.default_text(),
            hosts=tuple(hosts),
            traffic=tuple(opening.traffic),
        )


class _Opening:
    """Opens each different teacher once."""

    def __init__(self, config: Config, environment: Environment, named: Named) -> None:
        self._config = config
        self._environment = environment
        self._named = named
        self.traffic: list[Traffic] = []
        self._open: dict[tuple[object, ...], tuple[Teacher, Price | None, str]] = {}

    def default_text(self) -> str:
        named = self._named.spec
        if isinstance(named, Spec):
            return f"{named.provider}/{named.model}" + (f"@{named.base_url}" if named.base_url else "")
        return named or self._config.teachers.default.spec or ""

    def spec_of(self, stage: Stage) -> Spec:
        """Return the teacher of a stage: its role's own, else the one that was named, else the default."""
        text = self._config.teacher_of(stage).spec
        if self._named.spec is not None and text == self._config.teachers.default.spec:
            return self._named.spec if isinstance(self._named.spec, Spec) else parse_spec(self._named.spec)
        if text is None:
            raise ConfigError("No teacher is named. There are these ways:", hint=_WAYS)
        return parse_spec(text)

    async def teacher_of(self, stage: Stage, spec: Spec, stack: AsyncExitStack) -> tuple[Teacher, Price | None, str]:
        settings = self._config.teacher_of(stage)
        place = (spec, settings.api_key_env, settings.timeout_s, settings.price)
        if place not in self._open:
            self._open[place] = await self._opened(stage, spec, stack)
        return self._open[place]

    async def _opened(self, stage: Stage, spec: Spec, stack: AsyncExitStack) -> tuple[Teacher, Price | None, str]:
        settings = self._config.teacher_of(stage)
        if spec.provider == OFFLINE:
            from glan.teachers.offline import Textbook  # noqa: PLC0415 - its chapters are read only when it is asked

            return Textbook(), price_of(spec.model, OFFLINE, settings.price), ""
        from glan.teachers.http import Http, Patience  # noqa: PLC0415 - the HTTP library is loaded only for a server

        is_named = self._named.spec is not None and settings.spec == self._config.teachers.default.spec
        found = endpoint(
            spec,
            settings,
            self._environment,
            trusted_hosts=self._named.trusted_hosts,
            from_command_line=is_named and self._named.is_typed,
        )
        price = price_of(spec.model, found.name, settings.price)
        limits = self._config.limits
        traffic = Traffic(rpm=limits.rpm, tpm=limits.tpm)
        self.traffic.append(traffic)
        patience = Patience(
            timeout_s=settings.timeout_s, max_retries=limits.max_retries, rng=random.Random(), watching=traffic
        )
        teacher = await stack.enter_async_context(Http(found, patience, price=price))
        return teacher, price, found.host


class _Routed:
    """Sends each stage to its teacher."""

    def __init__(self, teachers: Mapping[Stage, Teacher]) -> None:
        self._teachers = teachers

    async def reply(self, request: Request) -> Reply:
        return await self._teachers[request.stage].reply(request)
