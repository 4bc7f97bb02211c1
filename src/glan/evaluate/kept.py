"""What a model on this machine has said or lost so far, in a file: whoever was killed goes on where it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from glan.disk import append
from glan.errors import ProjectError, file_error

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by their keys, a line for each, written down as soon as they are there."""

    def __init__(self, path: Path, kind: Any) -> None:  # noqa: ANN401 - a type, or a union of some
        self._path = path
        self._kind = tuple[str, kind]

    def known(self) -> dict[str, T]:
        """Return what was written down; a last line that a kill has torn is left out.

        Raises:
            ProjectError: the file cannot be read.

        """
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            hint = "Name another folder with --out, or move it away: what it holds is then taken anew."
            raise file_error(ProjectError, self._path, "read", error, hint) from error
        found: dict[str, T] = {}
        for line in lines:
            try:
                key, value = msgspec.json.decode(line, type=self._kind)
            except msgspec.DecodeError:
                continue
            found[key] = value
        return found

    def add(self, found: Mapping[str, T]) -> None:
        """Write some down, all of them or none.

        Raises:
            ProjectError: the file cannot be written.

        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        append(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in found.items()))
