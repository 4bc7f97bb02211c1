"""Models in folders: what they are called, and what tells one from another. No library is needed to look at one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_CONFIGS: Final = ("config.json", "adapter_config.json")
_OF_THE_MODEL: Final = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt")
_PIECE: Final = 1 << 20
"""Bytes of the beginning and the end of a file that are read: weights have many gigabytes."""
_USUAL: Final = "model"
"""What `glan train` calls the folder of every student."""


def is_model(path: Path) -> bool:
    """Say whether a folder holds a model, or an adapter of one."""
    return any((path / name).is_file() for name in _CONFIGS)


def model_in(path: Path) -> Path | None:
    """Return the folder of a model: the one that is given, or `model` in it, where `glan train` puts a student."""
    return next((found for found in (path, path / _USUAL) if is_model(found)), None)


def model_name_of(path: Path) -> str:
    """Return what people call the model of a folder: its name, or that of the folder above where it is `model`."""
    whole = path.resolve()
    return whole.parent.name if whole.name == _USUAL and whole.parent.name else whole.name


def mark_of(path: Path) -> str:
    """Return 16 digits that change when the weights, the tokenizer or the chat template of a folder change.

    Of each file its size, its first and its last mebibyte count; training changes all weights.
    """
    digest = hashlib.sha256()
    for file in _files(path):
        size = file.stat().st_size
        digest.update(f"{file.name}\n{size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_PIECE))
            opened.seek(max(0, size - _PIECE))
            digest.update(opened.read(_PIECE))
    return digest.hexdigest()[:16]


def identity_of(name: str) -> str:
    """Return what changes when a model in a folder is another; one on the hub is known by its name."""
    folder = Path(name)
    return f"files {mark_of(folder)}" if folder.is_dir() else f"hub {name}"


def _files(path: Path) -> Iterator[Path]:
    """Give what `from_pretrained` reads, and nothing that only tells how the model came about."""
    told = {"training.json", "data.json", "trainer_state.json"}
    for file in sorted(path.iterdir()):
        if file.suffix in _OF_THE_MODEL and file.name not in told and file.is_file():
            yield file
