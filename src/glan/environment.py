"""The environment of the process over the `.env` of a project: the only place that reads either."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from glan.errors import ConfigError, file_error

_KEY_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)S?$", re.IGNORECASE)
_MIN_KEY_LENGTH = 12
"""Shorter values, and those without a digit, are placeholders and words that any text may hold."""


class Environment:
    """The environment of the process over the project's `.env`; its values are never shown."""

    def __init__(self, folder: Path | None = None, variables: Mapping[str, str] | None = None) -> None:
        self._process = dict(os.environ if variables is None else variables)
        self._folder = folder or Path()
        self._file = _read_env(folder / ".env") if folder is not None else {}

    def path(self, name: str) -> Path:
        """Return a path that the settings name, which begins at the project's folder."""
        return self._folder / name

    @property
    def config_path(self) -> Path | None:
        """Where the user's own settings of programs are, as the process alone says; None where it does not."""
        given = Path(self._process.get("XDG_CONFIG_HOME") or "")
        if given.is_absolute():
            return given
        home = Path(self._process.get("HOME") or "")
        return home / ".config" if home.is_absolute() else None

    def get(self, name: str) -> str | None:
        """Return a variable, empty ones as None; the process goes before the file."""
        return self._process.get(name) or self._file.get(name) or None

    def is_from_file(self, name: str) -> bool:
        """Say whether the value comes from the project's `.env`."""
        return not self._process.get(name) and bool(self._file.get(name))

    @staticmethod
    def preset(variables: Mapping[str, str]) -> None:
        """Give the process variables that a library reads there and nowhere else, unless it has them."""
        for name, value in variables.items():
            os.environ.setdefault(name, value)

    def keys(self) -> frozenset[str]:
        """Return every value whose variable is named as a key is: what must not stand in anything that is published."""
        values = {
            value for found in (self._process, self._file) for name, value in found.items() if _is_key(name, value)
        }
        return frozenset(values)

    def __repr__(self) -> str:
        return "Environment(...)"


def _is_key(name: str, value: str) -> bool:
    return (
        _KEY_NAME.search(name) is not None
        and len(value) >= _MIN_KEY_LENGTH
        and any(letter.isdigit() for letter in value)
    )


def _read_env(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise file_error(ConfigError, path, "read", error) from error
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, is_set, value = line.strip().removeprefix("export ").partition("=")
        if is_set and not name.startswith("#"):
            found[name.strip()] = value.strip().strip("'\"")
    return found
