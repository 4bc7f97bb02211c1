"""How the teachers of a run are named, and how each different one is opened once."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError
from glan.records import Stage
from glan.settings import Price, TeacherSettings
from glan.teachers.base import Teacher
from glan.teachers.batch import BatchServer, Terms
from glan.teachers.fleet import Fleet
from glan.teachers.joining import following, read_urls
from glan.teachers.manners import Refusal
from glan.teachers.network import check_allowed, check_settings, read_ca
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

if TYPE_CHECKING:
    from glan.teachers.engines import Engine

_WAYS = """\
  --teacher offline                              the textbook inside glan, to try it
  --teacher openai/MODEL                         a hosted model; its key in OPENAI_API_KEY
  --teacher ollama/MODEL                         a model on this machine
  --teacher vllm/MODEL@http://host:8000/v1       a server of your own
or write one of them as `spec` into [teachers.default] of glan.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """How the default teacher was named, and what that allows."""

    spec: Spec | str | None
    is_typed: bool = True
    """The user typed it just now, so its host may have the key."""
    cluster: str | None = None
    """Address of a Ray cluster, as the user typed it."""
    trusted: frozenset[tuple[str, str]] = frozenset()
    """Hosts that the user confirmed just now, each with the variable whose key may go there."""


_OF_A_SERVER = (
    "api_key_env", "api_key_envs", "api_key_header", "base_urls", "base_urls_file", "gpu_hour_usd", "headers", "query"
)  # fmt: skip
"""Settings that go with the server beside which they stand, and with no other."""


TEACHER = "teacher"
ADDRESS = "address of the teacher"
"""Names under which a run stores how its default teacher was named, and the address that a variable gave it."""


def named_again(
    spec: str | None, config: Config, environment: Environment, last: Mapping[str, str]
) -> tuple[Named, str]:
    """Return how the default teacher is named after another run, and what a person should know of it.

    Args:
        spec: what was typed.
        config: settings that may name it.
        environment: where a variable may give it another address.
        last: what the last run stored; nothing where there was none.

    """
    text, before, address = spec or config.teachers.default.spec, last.get(TEACHER), last.get(ADDRESS)
    variable = _variable_of(before) if before and address else None
    has_left = variable is not None and environment.get(variable) is None
    if text is not None:
        told = (
            f"{variable} is not set, which led the last run to {address}: {text} is the provider itself now. "
            f"To ask there again, set it, or give --teacher {text}@{address}."
        )
        return Named(spec=spec), told if has_left and text == before else ""
    if not before:
        return Named(spec=None), ""
    again = f"{before}@{address}" if has_left else before
    return Named(spec=again, is_typed=False), f"The teacher is {again}, as in the last run."


def _variable_of(text: str) -> str | None:
    """Return the variable that gives a teacher's provider another address; None where nothing does."""
    spec = parse_spec(text)
    return None if spec.base_url is not None else providers().get(spec.provider, UNKNOWN).base_url_env


def text_of(spec: Spec) -> str:
    """Return a spec as a person types it: what `parse_spec` reads as the same."""
    if spec.provider == OFFLINE:
        return OFFLINE
    named = spec.model if spec.provider == SERVER else f"{spec.provider}/{spec.model}"
    return f"{named}@{spec.base_url}" if spec.base_url else named


@dataclass(frozen=True, slots=True)
class Opened:
    """A teacher that is open."""

    teacher: Teacher
    price: Price | None
    fleet: Fleet | None = None
    """Its servers, where it has any."""
    batches: BatchServer | None = None
    """Where its batches are handed in: its first server."""


class Opening:
    """Opens each different teacher once."""

    def __init__(self, config: Config, environment: Environment, named: Named) -> None:
        self._config = config
        self._environment = environment
        self._named = named
        self.refusals: list[tuple[Refusal, str]] = []
        self.retries: Counter[str] = Counter()
        self.told: list[str] = []
        self._open: dict[tuple[object, ...], Opened] = {}
        self._fleets: dict[tuple[object, ...], Fleet] = {}
        self._engine: Engine | None = None

    def default_text(self) -> str:
        named = self._named.spec
        return text_of(named) if isinstance(named, Spec) else named or self._config.teachers.default.spec or ""

    def default_files(self) -> dict[str, str]:
        """Return what a run stores of its default teacher: how it was named, and the address that a variable gave."""
        text, default = self.default_text(), self._config.teachers.default
        variable = None if not text or default.base_urls or default.base_urls_file else _variable_of(text)
        if variable is None or self._environment.get(variable) is None:
            return {TEACHER: text}
        return {TEACHER: text, ADDRESS: where(parse_spec(text), self._environment)[0]}

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

    async def teacher_of(self, stage: Stage, spec: Spec, stack: AsyncExitStack) -> Opened:
        settings = self.settings_of(stage, spec)
        place = (spec, *_way_of(settings), settings.timeout_s, settings.price)
        if place not in self._open:
            self._open[place] = await self._opened(stage, spec, settings, stack)
        return self._open[place]

    async def _opened(self, stage: Stage, spec: Spec, settings: TeacherSettings, stack: AsyncExitStack) -> Opened:
        if spec.provider == OFFLINE:
            from glan.teachers.offline import Textbook  # noqa: PLC0415 - its chapters are read only when it is asked

            return Opened(Textbook(), price_of(spec.model, OFFLINE, settings.price))
        from glan.teachers.http import Http, Patience  # noqa: PLC0415 - the HTTP library is loaded only for a server

        engine = await self._engine_of(stack)
        fleet = await self._fleet(stage, spec, settings, stack)
        first = fleet.endpoints[0]
        price = None if settings.gpu_hour_usd is not None else price_of(spec.model, first.name, settings.price)
        patience = Patience(
            timeout_s=settings.timeout_s,
            max_retries=self._config.limits.max_retries,
            rng=random.Random(),
            on_retry=lambda reason, _: self.retries.update([reason]),
            on_refused=self._note,
        )
        own = providers().get(spec.provider, UNKNOWN)
        # At another address than its own the server of a provider with a key may be of any kind.
        words = words_of(spec.provider if own.knows(first.base_url) else SERVER)
        http = Http(fleet, patience, price=price, words=words, line_to=engine.line)
        takes = own.batch if own is not UNKNOWN and own.base_url in {None, first.base_url} else None
        terms = Terms(is_known=takes, price=batch_price(price, own if takes else None, self._config.batch.price_share))
        return Opened(await stack.enter_async_context(http), price, fleet, http.batches(terms))

    async def _engine_of(self, stack: AsyncExitStack) -> "Engine":
        """Return who asks servers, the same for all of them."""
        from glan.teachers.engines import engine_of  # noqa: PLC0415 - the HTTP library is loaded only for a server

        if self._engine is None:
            self._engine = await engine_of(
                self._config, self._environment, self._named.cluster, stack=stack, tell=self._tell
            )
        return self._engine

    async def _fleet(self, stage: Stage, spec: Spec, settings: TeacherSettings, stack: AsyncExitStack) -> Fleet:
        """Return the servers of a teacher; models at the same servers share what these bear."""
        check_settings(settings)
        servers = self.servers_of(spec, settings)
        place = (*(where(server, self._environment) for server in servers), *_way_of(settings))
        if place not in self._fleets:
            found = [self.endpoint_of(stage, server, settings) for server in servers]
            engine = await self._engine_of(stack)
            fleet = self._fleets[place] = Fleet(engine.placed(found), self._config.limits, rng=random.Random())
            near = engine.near(fleet)
            near.update(found)
            if settings.base_urls_file is not None:

                def endpoint_at(url: str) -> Endpoint:
                    return self.endpoint_of(stage, replace(spec, base_url=url), settings)

                path = self._environment.path(settings.base_urls_file)
                await stack.enter_async_context(following(path, near, endpoint_at))
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

    def _tell(self, text: str) -> None:
        if text not in self.told:
            self.told.append(text)

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
