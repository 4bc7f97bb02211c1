"""Instruction-tuning data from a taxonomy of human knowledge, with a language model as the teacher.

The names here are the public Python interface; each is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glan import teachers
    from glan.api import Project
    from glan.client import Asked, ask, ask_sync
    from glan.errors import GlanError
    from glan.runs import Options, Result

__version__ = "0.1.0"
__all__ = ["Asked", "GlanError", "Options", "Project", "Result", "__version__", "ask", "ask_sync", "teachers"]

_PLACES = {
    "Asked": "glan.client",
    "GlanError": "glan.errors",
    "Options": "glan.runs",
    "Project": "glan.api",
    "Result": "glan.runs",
    "ask": "glan.client",
    "ask_sync": "glan.client",
}


def __getattr__(name: str) -> object:
    if name == "teachers":
        return importlib.import_module("glan.teachers")
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'glan' has no attribute {name!r}")
