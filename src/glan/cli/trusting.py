"""The question whether a key may go to a host that only a project's files name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import click

from glan.cli.screen import printable
from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError
from glan.teachers.panel import Named, untrusted
from glan.teachers.trust import remember


class Site(Protocol):
    """A project, or what stands for one."""

    @property
    def config(self) -> Config: ...
    @property
    def environment(self) -> Environment: ...


def confirmed(project: Site, named: Named, confirm: Callable[[str], bool]) -> Named:
    """Return how the teacher is named, with the hosts that the user allows a key; each is asked about once for ever.

    Raises:
        UntrustedError: the user said no, or there is no terminal to ask on and no --yes.

    """
    found = untrusted(project.config, project.environment, named)
    for error in found:
        if not confirm(f"This project's files send requests with the key in {error.variable} to {error.host}; allow?"):
            raise error
    pairs = frozenset((error.host, error.variable) for error in found)
    if pairs:
        try:
            remember(project.environment, pairs)
        except ConfigError as error:
            click.echo(f"{printable(str(error))} You will be asked again.", err=True)
    return replace(named, trusted=named.trusted | pairs)
