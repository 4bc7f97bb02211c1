"""How a place is opened: which keys it gets, where they may go, and what obstore needs to know."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from glan.environment import Environment
from glan.errors import ConfigError, MissingPackageError
from glan.settings import Network
from glan.storage.files import Folder
from glan.storage.stores import Address, Store
from glan.teachers.network import is_allowed, read_ca
from glan.teachers.specs import is_loopback

_KEYS: Final = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "gs": ("GOOGLE_SERVICE_ACCOUNT_KEY",),
    "az": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_KEY", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
}
"""Variables that have keys, or the name of one."""
_FACTS: Final = {
    "s3": ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST"),
    "gs": (),
    "az": ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_TENANT_ID"),
}
"""Variables that say what is asked. What obstore knows beyond these it reads from the environment by itself."""
_ENDPOINTS: Final = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
    "az": ("AZURE_ENDPOINT",),
}
"""Variables that name another server; the first that is set holds."""
_ALLOW_HTTP: Final = "AWS_ALLOW_HTTP"


def opened(address: Address, environment: Environment, network: Network) -> Store:
    """Return the place at an address; nothing is sent yet.

    Raises:
        ConfigError: its host is not allowed, or a key would go where only the project's files say so.
        MissingPackageError: it is an object store, and obstore is not installed.
        StorageError: what is known is not enough.

    """
    if not address.is_remote:
        return Folder(Path(address.path))
    endpoint = _endpoint(address.scheme, environment)
    _check_allowed(address, endpoint, environment, network)
    settings = {
        name.lower(): value
        for name in (*_KEYS[address.scheme], *_FACTS[address.scheme])
        if (value := environment.get(name)) is not None
    }
    if endpoint is not None:
        settings[f"{'aws' if address.scheme == 's3' else 'azure'}_endpoint"] = endpoint
    try:
        from glan.storage.objects import Bucket  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingPackageError(
            f"For {address.scheme}:// the package `obstore` is needed, and it is not there.",
            hint="pip install 'glan[s3]'",
        ) from error
    return Bucket(address, settings, http=_is_http(endpoint), ca=read_ca(network, environment))


def _endpoint(scheme: str, environment: Environment) -> str | None:
    """Return the address of another server than the usual one, None where none is named."""
    name = next((name for name in _ENDPOINTS[scheme] if environment.get(name) is not None), None)
    url = environment.get(name) if name is not None else None
    if name is None or url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc or parts.query:
        raise ConfigError(f"{name} is no address of a server.", hint="It is https://HOST or https://HOST:PORT.")
    if environment.is_from_file(name) and not _keys_are_the_projects(scheme, environment):
        raise ConfigError(
            f"Your keys are not the project's, and only its .env names {parts.netloc}; nothing is sent there.",
            hint=f"Set {name} in the environment if it is meant, or put the keys of that store into the .env too.",
        )
    if parts.scheme == "http" and not _is_plain_allowed(parts.netloc, environment):
        raise ConfigError(
            f"Nothing is sent to {parts.netloc} over plain http, where anyone on the way can read it.",
            hint=f"Give {name} an https address, or set {_ALLOW_HTTP}=true in the environment.",
        )
    return url.rstrip("/")


def _keys_are_the_projects(scheme: str, environment: Environment) -> bool:
    given = [name for name in _KEYS[scheme] if environment.get(name) is not None]
    return bool(given) and all(environment.is_from_file(name) for name in given)


def _is_plain_allowed(host: str, environment: Environment) -> bool:
    told = (environment.get(_ALLOW_HTTP) or "").lower() in {"1", "true", "yes"}
    return is_loopback(host) or (told and not environment.is_from_file(_ALLOW_HTTP))


def _is_http(endpoint: str | None) -> bool:
    return endpoint is not None and endpoint.startswith("http://")


def _check_allowed(address: Address, endpoint: str | None, environment: Environment, network: Network) -> None:
    if network.allow is None:
        return
    base_url = endpoint or f"https://{_usual_host(address, environment)}"
    host = urlsplit(base_url).netloc
    if not is_allowed(f"{urlsplit(base_url).scheme}://{host}", network):
        raise ConfigError(
            f"The host {host} is not in allow of [network], so nothing is sent to it.",
            hint=f'Add "{host}" to allow in glan.toml if it is meant.',
        )


def _usual_host(address: Address, environment: Environment) -> str:
    if address.scheme == "s3":
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        return f"s3.{region}.amazonaws.com"
    if address.scheme == "gs":
        return "storage.googleapis.com"
    return f"{environment.get('AZURE_STORAGE_ACCOUNT_NAME') or 'ACCOUNT'}.blob.core.windows.net"
