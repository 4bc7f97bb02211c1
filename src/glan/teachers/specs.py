"""From a teacher's spec to an address and its key, and the rules on where a key may go. It knows no HTTP.

offline                                    the textbook inside glan
openai/gpt-5-mini                          a provider of `providers.toml`
ollama/qwen3:8b                            a server on this machine
vllm/my-model@http://gpu-box:8000/v1       a provider's kind of server at another address
my-model@http://gpu-box:8000/v1            any server that speaks the OpenAI protocol
"""

import difflib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from glan.environment import Environment
from glan.errors import ConfigError
from glan.settings import TeacherSettings
from glan.teachers.keys import Secret, astray, checked, missing, readable, untrusted
from glan.teachers.providers import BEARER, UNKNOWN, providers

OFFLINE = "offline"
OFFLINE_MODEL = "offline-textbook"
SERVER = "server"
"""Provider of a spec that is a model and an address alone."""
_MAX_SPEC_LENGTH = 1_000

_ADDRESS = re.compile(r"@(?=https?://)", re.IGNORECASE)
_HALF_ADDRESS = re.compile(r"://|@[^@/]*:\d+(/|$)|@localhost\b", re.IGNORECASE)
# A strict form, so that every reader of the URL sees the same host in it; '%', '\' and user names are left out.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<name>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?"
    r"(?P<path>/[\w.~!$&'()*+,;=:@/-]*)?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A teacher as a person names it."""

    provider: str
    model: str
    """The model's name as the server knows it; the identity that fingerprints hold."""
    base_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a teacher is asked, and with which key."""

    name: str
    """The provider's name at its own address, else the host."""
    base_url: str
    host: str
    """The host, with its port where the URL has one."""
    key: Secret | None
    key_variable: str
    """The environment variable where the key is, or is missed; empty where nobody has named one."""
    key_header: str = BEARER
    limit_name: str = UNKNOWN.limit
    """How a limit on the reply's length is called, as far as it is known."""
    rung: str = UNKNOWN.rung
    """How structured output is asked for first."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_pem: bytes | None = field(default=None, repr=False)
    """Further authorities whose certificates are trusted."""
    node: str = ""
    """The machine of a cluster that knows it as itself; empty where this one asks."""

    @property
    def place(self) -> str:
        return f"{self.base_url} on {self.node}" if self.node else self.base_url

    @property
    def is_loopback(self) -> bool:
        return bool(self.node) or is_loopback(self.host)


def parse_spec(text: str) -> Spec:
    """Return the teacher that a spec names.

    Raises:
        ConfigError: it names no model, an unknown provider, or an address that cannot be used.

    """
    text = text.strip()
    if not text or len(text) > _MAX_SPEC_LENGTH or not text.isprintable():
        raise ConfigError("A teacher's spec is one line of text, such as openai/MODEL, ollama/MODEL or MODEL@URL.")
    if text.casefold() == OFFLINE:
        return Spec(provider=OFFLINE, model=OFFLINE_MODEL)
    named, *address = _ADDRESS.split(text, maxsplit=1)
    if _URL.match(named):
        raise ConfigError(
            "The teacher's spec is an address without a model.", hint="Write MODEL@URL: the model, '@', the address."
        )
    base_url = parse_base_url(address[0], source="the teacher's spec") if address else None
    return _spec(named.strip(), base_url)


def no_writer(spec: Spec) -> Spec:
    """Return the teacher of everything else as that of embeddings, if it is the offline one, which has them too.

    Raises:
        ConfigError: it is another, which writes.

    """
    if spec.provider != OFFLINE:
        raise ConfigError(
            f"[curation.embeddings] is enabled, and no model is named for it: {spec.model!r} writes.",
            hint="Set `spec` in [teachers.embeddings], to openai/text-embedding-3-small or to MODEL@URL of a server of "
            "your own.",
        )
    return spec


def _spec(named: str, base_url: str | None) -> Spec:
    head, _, model = named.partition("/")
    provider = head.strip().casefold()
    if _HALF_ADDRESS.search(named):
        raise ConfigError(
            "The address in the teacher's spec is not whole.",
            hint="Write MODEL@URL with all of the URL, such as my-model@http://localhost:8000/v1.",
        )
    if provider in providers():
        if not model.strip():
            raise ConfigError(f"The teacher {named!r} names no model; write {provider}/MODEL.")
        return Spec(provider=provider, model=model.strip(), base_url=base_url)
    if base_url is not None and named:
        return Spec(provider=SERVER, model=named, base_url=base_url)
    raise _unknown(named, provider)


def _unknown(named: str, provider: str) -> ConfigError:
    known = ", ".join([OFFLINE, *providers()])
    if not named:
        return ConfigError("The teacher's spec names no model before its address; write MODEL@URL.")
    if "/" not in named:
        return ConfigError(
            f"The teacher {named!r} names no provider; write PROVIDER/MODEL, such as openai/{named}.",
            hint=f"The providers are {known}; any other server is MODEL@URL.",
        )
    near = difflib.get_close_matches(provider, [OFFLINE, *providers()], n=1)
    meant = f"; did you mean {near[0]!r}?" if near else "."
    return ConfigError(
        f"Unknown provider {provider!r} in the teacher {named!r}{meant}",
        hint=f"The providers are {known}; any other server is MODEL@URL.",
    )


def parse_base_url(text: str, *, source: str) -> str:
    """Return a base URL without the slash at its end; `source` says in errors where it stands.

    The text itself is shown by no error, since people put keys into URLs.
    """
    found = _URL.fullmatch(text.strip())
    authority = re.split(r"[/?#\\]", text.partition("://")[2], maxsplit=1)[0]
    if "@" in authority:
        raise ConfigError(f"The address in {source} has a user name or a key in it.", hint=_KEY_ELSEWHERE)
    if "?" in text or "#" in text:
        raise ConfigError(
            f"The address in {source} has a '?' or '#' in it, and a base URL has none.",
            hint=f"What a server needs there goes into `query` of the teacher's settings. {_KEY_ELSEWHERE}",
        )
    if found is None or not 0 < int(found["port"] or 1) < 65_536:
        raise ConfigError(f"The address in {source} is no base URL; one is like http://localhost:8000/v1.")
    path = (found["path"] or "").rstrip("/").removesuffix("/chat/completions").removesuffix("/embeddings")
    return f"{found['scheme'].lower()}://{_host(text)}{path}"


_KEY_ELSEWHERE = "A key goes into OPENAI_API_KEY or the variable that api_key_env names, never into an address."


def _host(url: str) -> str:
    """Return host and port of a base URL, in lower case."""
    return url.strip().partition("://")[2].partition("/")[0].lower()


def _name(host: str) -> str:
    """Return a host without its port."""
    return re.sub(r":\d+$", "", host).strip("[]")


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine; any spelling that is not plain counts as another one."""
    name = _name(host)
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    # 0.0.0.0 is what servers print as their own address, and a connection to it stays here.
    return address.is_loopback or address.is_unspecified


@dataclass(frozen=True, slots=True)
class _Address:
    base_url: str
    is_named_by_project: bool
    """Only the project's files name it."""

    @property
    def host(self) -> str:
        return _host(self.base_url)

    @property
    def is_plain(self) -> bool:
        """Say whether what is sent there can be read on the way."""
        return self.base_url.startswith("http://") and not is_loopback(self.host)


def where(spec: Spec, environment: Environment) -> tuple[str, str]:
    """Return the base URL that a spec leads to, and its host with its port: what a person confirms."""
    address = _address(spec, environment, from_command_line=False)
    return address.base_url, address.host


def is_same_server(one: Spec, other: Spec) -> bool:
    """Say whether two specs lead to the same server, whatever their models."""
    return (one.provider, one.base_url) == (other.provider, other.base_url) or (
        one.base_url is not None and one.base_url == other.base_url
    )


def endpoint(
    spec: Spec,
    settings: TeacherSettings,
    environment: Environment,
    *,
    trusted: frozenset[tuple[str, str]] = frozenset(),
    from_command_line: bool = False,
) -> Endpoint:
    """Return where a teacher is asked, how, and with which key.

    Args:
        spec: the teacher.
        settings: where `api_key_env` may name the variable with the key.
        environment: where keys and `OPENAI_BASE_URL` are.
        trusted: hosts that the user has confirmed, each with the variable whose key may go there.
        from_command_line: the user typed the spec, so its host is trusted.

    Raises:
        UntrustedError: the key may go to this host once the user has confirmed it.
        ConfigError: there is no key, or it may not go to this host.

    """
    if spec.provider == OFFLINE:
        raise ConfigError("The offline teacher has no server and needs no key.")
    address = _address(spec, environment, from_command_line=from_command_line)
    host = address.host
    if (host, _variable(spec, settings)) in trusted:
        address = replace(address, is_named_by_project=False)
    own = providers().get(spec.provider, UNKNOWN)
    known = own if own.knows(address.base_url) else UNKNOWN
    return Endpoint(
        name=spec.provider if own.base_url == address.base_url else host,
        base_url=address.base_url,
        host=host,
        key=_key(spec, settings, environment, address),
        key_variable=_variable(spec, settings),
        key_header=(settings.api_key_header or known.key_header).lower(),
        limit_name=known.limit,
        rung=known.rung,
        headers=settings.headers,
        query=settings.query,
    )


def _address(spec: Spec, environment: Environment, *, from_command_line: bool) -> _Address:
    own = providers().get(spec.provider, UNKNOWN)
    if spec.base_url is not None:
        is_own = own.base_url is not None and _host(spec.base_url) == _host(own.base_url)
        return _Address(spec.base_url, is_named_by_project=not from_command_line and not is_own)
    given = environment.get(own.base_url_env) if own.base_url_env is not None else None
    if given is not None and own.base_url_env is not None:
        return _Address(parse_base_url(given, source=own.base_url_env), environment.is_from_file(own.base_url_env))
    if own.base_url is None:
        raise ConfigError(
            f"{spec.provider!r} has no address that is the same for all.",
            hint=f"Write {spec.provider}/{spec.model}@URL, or set {own.base_url_env} to your own address.",
        )
    return _Address(own.base_url, is_named_by_project=False)


def _variable(spec: Spec, settings: TeacherSettings) -> str:
    return settings.api_key_env or providers().get(spec.provider, UNKNOWN).key or ""


def _key(spec: Spec, settings: TeacherSettings, environment: Environment, address: _Address) -> Secret | None:
    """Return the key for an address.

    A key that nobody named for this address stays at home where none is needed, or where it could be read on the way;
    one that `api_key_env` names is asked for, so what forbids it is an error.
    """
    variable = _variable(spec, settings)
    is_asked_for = settings.api_key_env is not None
    needs_none = address.is_plain or is_loopback(address.host)
    value = environment.get(variable) if variable else None
    if not variable or (value is None and needs_none):
        return None
    if not _is_home(variable, address, environment):
        if needs_none and not is_asked_for:
            return None
        raise astray(variable, address.host)
    if value is None:
        raise missing(variable, address.host)
    may_go = not address.is_named_by_project or environment.is_from_file(variable)
    if not is_asked_for and (address.is_plain or (needs_none and not may_go)):
        return None
    _check_way(variable, address, may_go=may_go)
    return checked(value, variable)


def _is_home(variable: str, address: _Address, environment: Environment) -> bool:
    """Say whether a host is that of the provider whose key is in a variable; nobody else ever gets this key."""
    for owner in providers().values():
        if owner.key == variable and owner.base_url is not None:
            moved = environment.get(owner.base_url_env) if owner.base_url_env is not None else None
            return address.host in {_host(owner.base_url), _host(moved or owner.base_url)}
    return True


def _check_way(variable: str, address: _Address, *, may_go: bool) -> None:
    if address.is_plain:
        raise readable(variable, address.host)
    if not may_go and not is_loopback(address.host):
        raise untrusted(variable, address.host)
