"""`glan completion`: what a shell needs to finish the names of commands and options."""

import click
from click.shell_completion import get_completion_class

from glan.cli import cli

_SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(_SHELLS))
def completion_command(shell: str) -> None:
    """Print the script by which SHELL finishes the names of commands, options and their values.

    In ~/.bashrc: eval "$(glan completion bash)"; in ~/.zshrc the same with zsh; for fish, in
    ~/.config/fish/config.fish: glan completion fish | source
    """
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click knows these three
    click.echo(made(cli, {}, "glan", "_GLAN_COMPLETE").source())
