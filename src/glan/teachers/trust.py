"""Which host may get which key though only a project's files name it: what a person confirmed, outside any project.

    [[allowed]]
    host = "gateway.example:8443"
    key = "GATEWAY_KEY"

The file has the names of variables and no keys. It is `glan/hosts.toml` among the user's settings.
"""

import os
import tempfile
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from glan.environment import Environment
from glan.errors import ConfigError, file_error

_HEAD = "# Hosts that get a key of yours when a project names them, as you confirmed. Take one out to be asked again.\n"


def trusted(environment: Environment) -> frozenset[tuple[str, str]]:
    """Return the hosts, with their ports, that were confirmed, each with the variable whose key may go there.

    Raises:
        ConfigError: the file is there and cannot be read.

    """
    path = _path(environment)
    if path is None:
        return frozenset()
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("allowed", [])
        return frozenset((str(entry["host"]), str(entry["key"])) for entry in entries)
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        hint = "Mend it or remove it: then you are asked again."
        raise file_error(
            ConfigError, f"{path}, which has the hosts that you confirmed,", "read", error, hint
        ) from error


def remember(environment: Environment, confirmed: Iterable[tuple[str, str]]) -> None:
    """Add hosts with their variables to what was confirmed, in one step; only the user can read the file.

    Raises:
        ConfigError: it cannot be written.

    """
    path = _path(environment)
    if path is None:
        raise ConfigError("There is no place to remember it: neither XDG_CONFIG_HOME nor HOME is set.")
    entries = sorted(trusted(environment) | frozenset(confirmed))
    text = _HEAD + "".join(
        f"\n[[allowed]]\nhost = {_toml(host)}\nkey = {_toml(variable)}\n" for host, variable in entries
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, text.encode())
    except OSError as error:
        raise file_error(ConfigError, path, "written", error) from error


def _path(environment: Environment) -> Path | None:
    folder = environment.config_path
    return None if folder is None else folder / "glan" / "hosts.toml"


def _toml(text: str) -> str:
    return msgspec.json.encode(text).decode().replace("\x7f", "\\u007f")


def _replace(path: Path, data: bytes) -> None:
    """Write a file anew in one step, for its owner alone."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".hosts-")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
