"""Exercises in Python: the code in a reply, the program that examines it, and pass@k.

Replies are taken apart as text alone: what a model wrote is never parsed or run in this process.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from textwrap import dedent, indent

from glan.errors import BenchmarkError

_FENCE = re.compile(
    r"^[ \t]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[^\s`]*)[^\n`]*\n(?P<code>.*?)(?:^[ \t]*(?P=mark)[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_PYTHON = {"", "py", "python", "python3", "py3", "pycon", "python-repl", "{python}", "{.python}"}
_BEGINS = re.compile(r"(?:async\s+)?def\s+\w+\s*\(|class\s+\w+\s*[(:]|from\s+[\w.]+\s+import\b|import\s+\w|@\w")
_GOES_ON = re.compile(
    r"\s|\Z|[#)\]}@]|(?:async|class|def|for|from|if|elif|else|import|try|except|finally|while|with)\b|[A-Za-z_][\w.]*\s*=(?!=)"
)
"""How a line at the margin begins that belongs to a solution: sentences and examples of its use do not."""
_FUTURE = re.compile(r"^from __future__ import [^\n]*\n?", re.MULTILINE)
_TABS = re.compile(r"^\t+", re.MULTILINE)
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_INDENT = "    "


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the chance that at least one of k samples passes, where c of n did: 1 - C(n-c, k) / C(n, k).

    It has no bias (Chen et al., 2021, arXiv 2107.03374, section 2.1), unlike 1 - (1 - c/n)^k. The quotient is taken
    as a product of numbers up to 1: the binomials themselves would overflow.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@{k} of {n} samples, {c} of which passed, is not defined: 0 <= c <= n and 1 <= k <= n.")
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1)) if n - c >= k else 1.0


def humaneval_program(item: Mapping[str, object], reply: str) -> str:
    """Return the program that examines a reply to an item of HumanEval, which may be a body or a whole function.

    The function of the prompt comes first in any case: what its prompt imports and defines is there for the reply.
    """
    prompt, test, name = (_text(item, "HumanEval", column) for column in ("prompt", "test", "entry_point"))
    code = code_of(reply, [name])
    if _defines(code, [name]):
        solution = f"{prompt.rstrip()}\n{_INDENT}pass\n\n\n{code}"
    else:
        solution = f"{prompt.rstrip()}\n{_body(code) or _INDENT + 'pass'}"
    return _program(solution, test, f"check({name})")


def mbpp_program(item: Mapping[str, object], reply: str) -> str:
    """Return the program that examines a reply to an item of MBPP, in its full or its sanitised form."""
    tests = _texts(item, "MBPP", "test_list")
    imports = _texts(item, "MBPP", "test_imports") if item.get("test_imports") else []
    setup = _text(item, "MBPP", "test_setup_code") if item.get("test_setup_code") else ""
    return _program(*imports, setup, code_of(reply, functions_of(tests)), *tests)


def functions_of(tests: Sequence[str]) -> list[str]:
    """Return the names that asserts call, outermost first: one of them is the function that is asked for."""
    return list(dict.fromkeys(name for test in tests for name in _CALLED.findall(test)))


def code_of(reply: str, names: Collection[str] = ()) -> str:
    """Return the Python code in a reply, or an empty text where there is none.

    Of several fenced blocks it is the first that defines one of the names, or else the first that is Python.
    A block in another language is none. Without a fence the code is what looks like code, from its first line on.
    """
    reply = reply.replace("\r\n", "\n")
    fences = list(_FENCE.finditer(reply))
    if not fences:
        return _unfenced(reply, names)
    before = reply[: fences[0].start()]
    blocks = [_block(each["code"]) for each in fences if each["language"].casefold() in _PYTHON]
    for block in blocks:
        if _defines(block, names):
            return block
    if _defines(before, names):  # the fence was opened in the question, and is only closed here
        return _unfenced(before, names)
    return next((block for block in blocks if block.strip()), "")


def _block(code: str) -> str:
    """Return the code of a fenced block; of a session at the prompt, what was typed."""
    code = dedent(code).strip("\n") + "\n"
    if not code.startswith(">>>"):
        return code
    typed = [line[4:] for line in code.splitlines() if line.startswith((">>>", "..."))]
    return "\n".join(typed) + "\n"


def _unfenced(reply: str, names: Collection[str]) -> str:
    if _defines(dedent(reply), names):
        reply = dedent(reply)
    lines = reply.splitlines()
    start = next((i for i, line in enumerate(lines) if _BEGINS.match(line)), None)
    if start is None or (names and not _defines(reply, names)):
        return reply  # a body, if it is any code: who asks knows what it belongs to
    return "\n".join(_while_code(lines[start:])) + "\n"


def _while_code(lines: Sequence[str]) -> Iterator[str]:
    """Go on to the first line at the margin that is a sentence; texts of several lines may hold any."""
    quote = ""
    for line in lines:
        if not quote and not _GOES_ON.match(line):
            return
        yield line
        quote = _open_quote(line, quote)


def _open_quote(line: str, quote: str) -> str:
    """Return which triple quotes are open after a line, where `quote` was open before it."""
    for mark in re.findall(r'"""|\'\'\'', line):
        if not quote:
            quote = mark
        elif quote == mark:
            quote = ""
    return quote


def _defines(code: str, names: Collection[str]) -> bool:
    if not names:
        return False
    named = "|".join(re.escape(name) for name in names)
    return re.search(rf"^(?:async\s+def|def|class)\s+(?:{named})\b|^(?:{named})\s*=", code, re.MULTILINE) is not None


def _body(code: str) -> str:
    """Return the body of a function, indented as one, up to where it ends."""
    lines = _TABS.sub(lambda tabs: _INDENT * len(tabs[0]), code.strip("\n")).splitlines()
    first, rest = lines[:1], [line for line in lines[1:] if line.strip()]
    if not first:
        return ""
    if not first[0][:1].isspace():
        if not rest or not _lost_its_indent(first[0], rest[0]):
            return indent(dedent("\n".join(lines)), _INDENT) + "\n"
        lines[0] = _INDENT + first[0]
    return "\n".join(_while_indented(lines)) + "\n"


def _lost_its_indent(first: str, second: str) -> bool:
    """Say whether the first line of a body was stripped of its indent, as chat templates do, and the others not."""
    depth = len(second) - len(second.lstrip())
    goes_deeper = first.rstrip().endswith((":", "(", "[", "{", ",", "\\"))
    return depth >= len(_INDENT) * (2 if goes_deeper else 1)


def _while_indented(lines: Sequence[str]) -> Iterator[str]:
    quote = ""
    for line in lines:
        if not quote and line.strip() and not line[:1].isspace() and not line.startswith((")", "]", "}", "#")):
            return
        yield line
        quote = _open_quote(line, quote)


def _program(*parts: str) -> str:
    """Return the parts as one program; what is imported from the future stands first, as it must."""
    whole = "\n\n".join(part.rstrip("\n") for part in parts if part.strip()) + "\n"
    future = "".join(line.rstrip("\n") + "\n" for line in _FUTURE.findall(whole))
    return future + _FUTURE.sub("", whole) if future else whole


def _text(item: Mapping[str, object], benchmark: str, column: str) -> str:
    value = item.get(column)
    if not isinstance(value, str):
        raise BenchmarkError(f"An item of {benchmark} has no text in its column {column!r}: {value!r}.")
    return value


def _texts(item: Mapping[str, object], benchmark: str, column: str) -> list[str]:
    value = item.get(column)
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(each, str) for each in value):
        raise BenchmarkError(f"An item of {benchmark} has no list of texts in its column {column!r}: {value!r}.")
    return list(value)
