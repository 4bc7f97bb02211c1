"""Writes what the documentation says in the code's own words: settings, commands, and the records in the README.

python docs/generate.py            writes docs/configuration.md, docs/cli.md, docs/api.md, docs/decisions/README.md, and
                                   parts of README.md, docs/files.md and docs/teachers.md
python docs/generate.py --check    ends with 1 where one of them is not what the code gives
"""
# ruff: noqa: INP001, T201 - a script beside the pages that it writes; it says what it did

import re
import runpy
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
from msgspec import inspect

import glan
from glan.cli import cli
from glan.config import Config, recipes
from glan.config_text import description_of, render_config
from glan.dataset.rows import REJECT_SCHEMA
from glan.settings import Form, Price, Questions, Teachers
from glan.teachers.ledger_rows import COLUMNS
from glan.teachers.offline.book import open_book
from glan.teachers.providers import BEARER, providers

ROOT = Path(__file__).parents[1]
WIDTH = 100
"""Of the help in docs/cli.md, whatever the terminal has."""
RECORD_WIDTH = 120
RECORDS = (("Music", "single"), ("Law", "pair"), ("Fishing industry", "single"))
"""The records in the README: of each discipline and strategy the shortest in a demo."""
_BEGIN, _END = "<!-- records: written by docs/generate.py -->", "<!-- end of records -->"
_PROVIDERS, _END_PROVIDERS = "<!-- providers: written by docs/generate.py -->", "<!-- end of providers -->"
_GENERATED = "<!-- Written by docs/generate.py from the code; edit the code and run it again. -->"

_CONFIGURATION = """\
# Settings

Every setting has a default.
`glan init` writes all of them into `glan.toml`, each with its line of prose; that file stands at the end of this page.
A setting that is not here is an error, which names the nearest one that is.
"""

_TEACHERS = """\
All tables have the same settings.
What a role sets goes before what the default sets.
`curriculum` writes subjects and syllabi, and the trees that are built; the others write what they say.
"""

_FORM = """\
Both are tables to which you add a line for each form: `essay = 2`, or `NAME = {weight = 2, line = "...", ...}` with
these settings, of which a difficulty has the first two.
[docs/quality.md](quality.md#the-mix-of-questions) has examples.
"""

_ENVIRONMENT = """\
## Teachers by name, and the environment

A provider's name begins a teacher's spec: `openai/MODEL`; [docs/teachers.md](teachers.md#providers) lists them.
Keys are read from the environment, or from the project's `.env`, and are written nowhere.
`OPENAI_BASE_URL` is another address for `openai/MODEL`; [docs/teachers.md](teachers.md#keys) says where a key may go.
"""

_RECIPES = """\
## Recipes

`glan init --recipe NAME` begins with other settings; what a recipe does not name has its default.
The taxonomy is `builtin` unless the recipe or `--taxonomy` names another, with all its disciplines unless the recipe or
`--disciplines` names some; neither is a setting of `glan.toml`.
"""

_CLI = """\
# Commands

This page is `glan COMMAND --help` for every command.
A command works on the project in `--project DIR`, or in the current folder.

| Exit code | What it means |
|---|---|
| 0 | All is there: with `glan run`, the pairs that were asked for. |
| 1 | An error that a person can mend; the message says how. |
| 2 | The command line is wrong. |
| 3 | Fewer pairs than were asked for. |
| 4 | The budget is reached. |
| 130 | Interrupted; SIGTERM counts as the first Ctrl-C. |
"""
_DECISIONS = """\
# Decisions

What a reader would wonder about: the context, what was decided, and the price paid for it.
A new note replaces an old one; none is changed afterwards.
"""


def pages() -> dict[str, str]:
    """Return the generated pages by their paths."""
    return {
        "docs/configuration.md": configuration_page(),
        "docs/cli.md": cli_page(),
        "docs/api.md": f"{_GENERATED}\n\n{runpy.run_path(str(ROOT / 'docs' / 'generate_api.py'))['api_page']()}",
        "docs/decisions/README.md": decisions_page(),
        "docs/files.md": files_page(),
        "docs/teachers.md": teachers_page(),
        "README.md": readme(),
    }


def configuration_page() -> str:
    """Return the page of the settings."""
    parts = [_GENERATED, "", _CONFIGURATION, *_tables(Config, "")]
    parts += [_ENVIRONMENT, _RECIPES, *_recipes()]
    parts += ["## The file", "", *_fenced(render_config(Config()), "toml")]
    return "\n".join(parts).rstrip() + "\n"


def _tables(kind: type[msgspec.Struct], above: str) -> Iterator[str]:
    """Yield the settings of a table, and then the tables in it."""
    fields = msgspec.structs.fields(kind)
    tables = [field for field in fields if _is_table(field.type)]
    yield f"## {f'`[{above[:-1]}]`' if above else 'At the top'}\n"
    yield from _rows([field for field in fields if field not in tables])
    for field in tables:
        if field.type is Teachers:
            yield "## `[teachers.default]`, `[teachers.curriculum]`, `[teachers.questions]`, `[teachers.answers]`\n"
            yield _TEACHERS
            yield from _rows(msgspec.structs.fields(Teachers.__annotations__["default"]))
            yield "### `price`\n"
            yield from _rows(msgspec.structs.fields(Price))
        else:
            yield from _tables(field.type, f"{above}{field.name}.")
        if field.type is Questions:
            yield _FORM
            yield from _rows(msgspec.structs.fields(Form))


def _is_table(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _rows(fields: Sequence[msgspec.structs.FieldInfo]) -> Iterator[str]:
    yield "| Setting | Type | Default | What it does |"
    yield "|---|---|---|---|"
    for field in fields:
        told = description_of(field).replace("|", "\\|")
        yield f"| `{field.name}` | {kind_of(inspect.type_info(field.type))} | {_default(field)} | {told} |"
    yield ""


_PLAIN = {inspect.StrType: "text", inspect.BoolType: "`true` or `false`"}


def kind_of(found: inspect.Type) -> str:
    """Return the type of a setting in words, with its range."""
    if isinstance(found, inspect.Metadata):
        return kind_of(found.type)
    if isinstance(found, inspect.UnionType):
        return " or ".join(kind_of(each) for each in found.types if not isinstance(each, inspect.NoneType))
    if isinstance(found, inspect.LiteralType):
        return " or ".join(f'`"{value}"`' for value in found.values)
    if isinstance(found, inspect.IntType | inspect.FloatType):
        return _range("whole number" if isinstance(found, inspect.IntType) else "number", found)
    if isinstance(found, inspect.ListType | inspect.VarTupleType):
        return f"list of {kind_of(found.item_type)}s"
    return _PLAIN.get(type(found), "table")


def _range(name: str, found: inspect.IntType | inspect.FloatType) -> str:
    if found.gt is not None:
        return f"{name} above {found.gt:,g}"
    if found.ge is None:
        return name
    return f"{name}, {found.ge:,} or more" if found.le is None else f"{name}, {found.ge:,} to {found.le:,}"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "must be given"
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return "unset" if value is None else f"`{msgspec.json.encode(value).decode()}`"


def _recipes() -> Iterator[str]:
    for name in recipes():
        text = (resources.files("glan") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
        yield f"### `{name}`\n"
        yield from _fenced(text, "toml")


def _fenced(text: str, language: str) -> list[str]:
    return [f"```{language}", *text.rstrip().splitlines(), "```", ""]


def cli_page() -> str:
    """Return the page of the commands."""
    return "\n".join([_GENERATED, "", _CLI, *_help(cli, _context(cli, "glan", None))]).rstrip() + "\n"


def _help(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield the help of a command, then that of the commands in it."""
    yield f"## `{context.command_path}`\n"
    yield from _fenced(command.get_help(context), "text")
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _help(below, _context(below, name, context))


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    names = command.context_settings.get("help_option_names")
    return click.Context(command, parent, name, terminal_width=WIDTH, color=False, help_option_names=names)


def teachers_page() -> str:
    """Return the page of the teachers with the table of the providers between its marks."""
    return _between(_read(ROOT / "docs" / "teachers.md"), _PROVIDERS, _END_PROVIDERS, _providers())


def _providers() -> Iterator[str]:
    yield ""
    yield "| Provider | Address | Key | Sent as | Structured output | Limit | Batches |"
    yield "|---|---|---|---|---|---|---|"
    for name, provider in providers().items():
        sent = "bearer" if provider.key_header == BEARER else f"`{provider.key_header}`"
        cells = [
            f"[`{name}`]({provider.page})",
            provider.base_url or "your own",
            f"`{provider.key}`" if provider.key else "none",
            sent if provider.key else "",
            f"`{provider.rung}`",
            f"`{provider.limit}`",
            "yes" if provider.batch else "no",
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""


def decisions_page() -> str:
    """Return the list of the decisions."""
    found = []
    for path in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        number, _, title = _read(path).splitlines()[0].removeprefix("# ").partition(": ")
        found.append(f"- [{number}]({path.name}): {title}.")
    return "\n".join([_GENERATED, "", _DECISIONS, *found, ""])


def files_page() -> str:
    """Return the page of the files with the types of the columns of rows, rejects and ledger."""
    types = {field.name: _column(str(field.type)) for field in REJECT_SCHEMA}
    text = _typed(_read(ROOT / "docs" / "files.md"), "## A row", types)
    text = _typed(text, "## A reject", types)
    return _typed(text, "## ledger.sqlite", COLUMNS)


def _column(type_: str) -> str:
    return type_.replace("item: ", "").replace("element: ", "")


def _typed(text: str, heading: str, types: Mapping[str, str]) -> str:
    """Return a page in which the table below a heading has the type of each column beside its name."""
    before, _, after = text.partition(f"{heading}\n")
    section, mark, rest = after.partition("\n## ")
    lines = [_typed_line(line, types) for line in section.split("\n")]
    return "".join([before, heading, "\n", "\n".join(lines), mark, rest])


def _typed_line(line: str, types: Mapping[str, str]) -> str:
    cells = re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |"))
    name = cells[0].strip("`")
    if not line.startswith("| `") or name not in types:
        return line
    return f"| {cells[0]} | `{types[name]}` | {cells[-1]} |"


def _between(text: str, begin: str, end: str, lines: Iterable[str]) -> str:
    """Return a page with other lines between two marks."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return "\n".join([f"{before}{begin}", *lines, end]) + after


def readme() -> str:
    """Return the README with the records of a demo between its marks."""
    records = _fenced("\n\n".join(map(_record, _demo_rows())), "text")[:-1]
    return _between(_read(ROOT / "README.md"), _BEGIN, _END, records)


def _demo_rows() -> list[Mapping[str, Any]]:
    with TemporaryDirectory() as folder:
        project = glan.Project.create(Path(folder) / "demo", disciplines=open_book().disciplines, recipe="demo")
        project.run_sync()
        rows = project.dataset().to_table().to_pylist()
    return [
        min([row for row in rows if (row["discipline"], row["strategy"]) == wanted], key=_length) for wanted in RECORDS
    ]


def _length(row: Mapping[str, Any]) -> int:
    return sum(len(message["content"]) for message in row["messages"])


def _record(row: Mapping[str, Any]) -> str:
    about = f"{', '.join(row['sessions'])}: {', '.join(row['key_concepts'])}"
    parts = {"id": row["id"], "about": f"{about} ({row['level']})"}
    parts |= {message["role"]: message["content"] for message in row["messages"]}
    return "\n".join(_entry(name, value) for name, value in parts.items())


def _entry(name: str, value: str) -> str:
    """Return a name and its value, with long lines broken and empty ones left out."""
    lines = [
        line
        for paragraph in value.splitlines()
        for line in textwrap.wrap(paragraph, RECORD_WIDTH - 11, break_long_words=False)
    ]
    return "\n".join(f"{'' if i else name:11}{line}".rstrip() for i, line in enumerate(lines))


def main() -> int:
    """Write the pages, or say which ones are not as they would be written."""
    stale = {name: text for name, text in pages().items() if _read(ROOT / name) != text}
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"{name} is not what the code gives; run python docs/generate.py.")
        return 1 if stale else 0
    for name, text in stale.items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(f"Wrote {name}.")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
