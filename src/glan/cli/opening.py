"""How a command opens what it reads: a project, or its trial of a node."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from glan.project import Project

F = TypeVar("F", bound=Callable[..., Any])


def only_option(function: F) -> F:
    """Add --only, for a trial."""
    return click.option(
        "--only", metavar="NODE", help="The trial of this node of the taxonomy, with a data set of its own in trials/."
    )(function)


def opened_project(folder: Path, ledger: Path | None, only: str | None) -> Project:
    """Return a project, or its trial of a node."""
    project = Project.open(folder, ledger)
    return project if only is None else project.trial(only)
