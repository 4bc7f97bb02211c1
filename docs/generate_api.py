"""The page of the Python interface, from the docstrings of what `glan` exports; docs/generate.py writes it."""
# ruff: noqa: INP001 - a script beside the pages that it writes

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import glan
from glan import errors, records
from glan.teachers import base

_HEAD = """\
# From Python

Everything that `import glan` gives; each name is loaded when it is first used.
A function and its `_sync` twin do the same: the first is awaited, the second works everywhere, in notebooks too.
What is not on this page may change in any version.

```python
import glan

project = glan.Project.create("my-data", pairs=20, disciplines=["Astronomy"])
result = project.run_sync(teacher="offline", options=glan.Options(budget_tokens=1_000_000))
assert (result.pairs, result.exit_code) == (20, 0)
rows = project.dataset().to_table().to_pylist()
print(rows[0]["messages"][0]["content"])
```
"""
_TEACHERS = """\
Each names a teacher, for `Project.run` and `ask`; a spec as on the command line, such as `"openai/gpt-5-mini"`, does the same.
Any object with `async reply(request) -> Reply` is a teacher too, and [teachers.md](teachers.md#a-teacher-in-python) has one.
"""  # noqa: E501 - one sentence for each line of Markdown
_PROJECT = ("create", "open", "run", "run_sync", "dataset", "trial", "trials", "manifest", "config", "taxonomy")
"""What a user of a project wants; the rest is for the commands."""


def api_page() -> str:
    """Return the page of the Python interface."""
    parts = [_HEAD, *_function(glan.ask), *_function(glan.ask_sync), *_value(glan.Asked)]
    parts += [*_class(glan.Project, _PROJECT), *_value(glan.Options), *_value(glan.Result)]
    parts += ["## `glan.teachers`", "", _TEACHERS]
    for name in glan.teachers.__all__:
        parts += _function(getattr(glan.teachers, name), above="glan.teachers", level=3)
    parts += _class(base.Teacher, ("reply",))
    for kind in (records.Request, records.Message, records.Sampling, records.Reply, records.Usage):
        parts += _value(kind)
    return "\n".join([*parts, *_errors()]).rstrip() + "\n"


def _function(function: Callable[..., Any], *, above: str = "glan", level: int = 2) -> Iterator[str]:
    name = f"{above}.{function.__name__}"
    yield from _heading(f"{name}{'()' if level == 2 else ''}", level)
    yield from _signature(name, function)
    yield from _prose(function)


def _class(kind: type, members: Sequence[str]) -> Iterator[str]:
    yield from _heading(_name_of(kind))
    yield from _prose(kind)
    for name in members:
        member = inspect.getattr_static(kind, name)
        plain = getattr(member, "__func__", getattr(member, "func", member))
        yield from _heading(f"{kind.__name__}.{name}", 3)
        if not inspect.isdatadescriptor(member) and not hasattr(member, "attrname"):
            yield from _signature(f"{kind.__name__}.{name}", plain)
        yield from _prose(plain)


def _value(kind: type) -> Iterator[str]:
    """Yield a frozen value with its fields, and the properties that it has beside them."""
    yield from _heading(_name_of(kind))
    yield from _prose(kind)
    yield "| Field | Type | Default | What it is |"
    yield "|---|---|---|---|"
    for name, type_, default, told in _fields(kind):
        yield f"| `{name}` | `{_cell(type_)}` | {f'`{default}`' if default else ''} | {_cell(told)} |"
    for name, member in vars(kind).items():
        if isinstance(member, property) and member.fget is not None and member.fget.__doc__:
            returns = inspect.signature(member.fget).return_annotation
            yield f"| `{name}` | `{_cell(_type_of(returns))}` | | {_cell(' '.join(member.fget.__doc__.split()))} |"
    yield ""


def _fields(kind: type) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, type, default and prose of each field, as its module writes them."""
    (body,) = [node for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(kind)))) if _is_class(node)]
    for field, after in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and not ast.unparse(field.target).startswith("_"):
            told = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            default = ast.unparse(field.value) if field.value is not None else ""
            yield ast.unparse(field.target), _plain(ast.unparse(field.annotation)), default, " ".join(str(told).split())


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)


def _errors() -> Iterator[str]:
    """Yield the tree of the errors."""
    yield from _heading("glan.GlanError")
    yield from _prose(errors.GlanError)
    yield "`str(error)` is the message, and `error.hint` the way out, where it needs a line of its own."
    yield "The kinds are in `glan.errors`:"
    yield ""
    drawing = inspect.getdoc(errors)
    yield "```text"
    yield textwrap.dedent("\n".join(line for line in (drawing or "").splitlines() if line.startswith("    ")))
    yield "```"


def _heading(name: str, level: int = 2) -> Iterator[str]:
    yield f"{'#' * level} `{name}`"
    yield ""


def _name_of(kind: type) -> str:
    return f"glan.{kind.__name__}" if kind.__name__ in glan.__all__ else f"{kind.__module__}.{kind.__name__}"


def _signature(name: str, function: Callable[..., Any]) -> Iterator[str]:
    """Yield how a function is called, an argument on each line where there are several."""
    found = inspect.signature(function)
    arguments = [each for each in found.parameters.values() if each.name not in {"self", "cls"}]
    shown = []
    for i, each in enumerate(arguments):
        if each.kind is each.KEYWORD_ONLY and (i == 0 or arguments[i - 1].kind is not each.KEYWORD_ONLY):
            shown.append("*")
        default = "" if each.default is each.empty else f" = {each.default!r}"
        shown.append(f"{each.name}: {_type_of(each.annotation)}{default}")
    inside = ", ".join(shown)
    if len(shown) > 2:
        inside = "".join(["\n", *(f"    {each},\n" for each in shown)])
    begin = "await " if inspect.iscoroutinefunction(function) else ""
    yield "```text"
    yield f"{begin}{name}({inside}) -> {_type_of(found.return_annotation)}"
    yield "```"
    yield ""


def _type_of(annotation: object) -> str:
    """Return a type as the source has it."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return _plain(text)


def _plain(text: str) -> str:
    unquoted = re.sub(r"""^(["'])(.*)\1$|(["'])([A-Z]\w*)\3""", r"\2\4", text)
    return re.sub(r"(?:\b[a-z_]+\.)+(?=[A-Z])", "", unquoted).replace("~", "")


def _prose(thing: object) -> Iterator[str]:
    """Yield a docstring as Markdown: arguments and errors as lists."""
    for part in re.split(r"\n\n", inspect.getdoc(thing) or ""):
        title, _, rest = part.partition("\n")
        if title in {"Args:", "Raises:"}:
            yield {"Args:": "Arguments:", "Raises:": "Errors:"}[title]
            yield ""
            for line in re.split(r"\n(?=\S)", textwrap.dedent(rest)):
                name, _, told = line.partition(":")
                yield f"- `{name}`: {' '.join(told.split())}"
        else:
            yield " ".join(part.split())
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(api_page())
