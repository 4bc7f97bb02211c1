"""The commands: arguments in, exit code out. The only place that prints.

A command's module is imported when the command is called, so that `glan --help` stays fast.
"""

import importlib
import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import click

import glan
from glan.cli.screen import complain
from glan.errors import INTERRUPTED, GlanError, file_error

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("projects", "Make a project: glan.toml, taxonomy.yaml and prompts/."),
    "plan": ("planning", "Say what a run will cost, without asking anybody."),
    "check": ("checking", "Make one pair from end to end, and say what that shows of the teacher."),
    "preview": ("running", "Make three pairs and show every prompt."),
    "run": ("running", "Make the data set, or go on making it."),
    "batch": ("batches", "Show batches; write requests as files for an offline runner, and read its output."),
    "status": ("reading", "Say how far a project is."),
    "demo": ("projects", "Make a small data set with the offline teacher, in one command."),
    "export": ("reading", "Write the data set in the format of a trainer."),
    "push": ("pushing", "Put the data set on the Hugging Face hub, or to a bucket."),
    "report": ("reports", "Write what the data set is into one HTML page, with charts."),
    "view": ("viewing", "Show the data set, its prompts and replies, and a run in a browser."),
    "show": ("showing", "Show the way of one pair."),
    "test-set": ("exams", "Make a test set that no training pair is drawn like."),
    "judge": ("judging", "Let a judge compare or grade the answers of models."),
    "taxonomy": ("taxonomy", "Build, show, check, edit and compare the tree of disciplines."),
    "curriculum": ("curriculum", "Show, freeze, export and import the subjects and syllabi of disciplines."),
    "review": ("reviewing", "Let people vote on the tree and judge pairs."),
    "benchmarks": ("benchmarks", "Say which benchmarks the pairs are held against, and get more."),
    "contamination": ("contamination", "Hold a data set that others made against benchmarks."),
    "train": ("training", "Tune a student on the pairs."),
    "eval": ("evaluating", "Examine a model in the paper's benchmarks, and compare results."),
    "leakage": ("leaking", "Say whether a model has seen the training split of a benchmark."),
    "prompts": ("projects", "Show the prompts."),
    "ledger": ("ledger", "Look at every reply that was paid for, and share it between projects."),
    "simulate": ("servers", "Serve an OpenAI-compatible teacher for trying and testing, with faults."),
    "completion": ("completing", "Print what a shell needs to finish commands and options."),
}
"""Every command: its module, and its line in the help."""


class _LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"glan.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        assert isinstance(command, click.Command)  # noqa: S101 - the table above is wrong otherwise
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(glan.__version__, prog_name="glan")
def cli() -> None:
    """Make instruction-tuning data from a taxonomy of human knowledge, with a language model as the teacher."""


def main() -> NoReturn:
    """Run the command line; errors that a person can mend end with exit code 1 and one clear message."""
    _open_streams()
    code = _exit_code()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1
    # Not sys.exit: a thread of the HTTP library that lets go of a connection while Python finalises aborts the process.
    os._exit(code)


def _open_streams() -> None:
    """Open what whoever started the process has closed; otherwise a file that is opened next would be taken for it."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _exit_code() -> int:
    try:
        code = cli(prog_name="glan", standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except GlanError as error:
        complain(error)
        return 1
    except BrokenPipeError:
        return 1
    except OSError as error:
        complain(file_error(GlanError, error.filename or "A file", "read or written", error))
        return 1
    return code if isinstance(code, int) else 0
