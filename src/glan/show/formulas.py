"""LaTeX's mathematics as MathML, which browsers draw by themselves: what people write most, and nothing of the rest.

A formula that holds a command which is not known here, or that is not whole, is left to whoever asked, to be shown as
it was written. Nothing of a text becomes markup: tags are ours, and every character of a formula is escaped.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from markupsafe import Markup, escape

_LONGEST: Final = 3_000
"""Characters of a formula that is drawn."""
_DEEPEST: Final = 40
_TOKEN: Final = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:[.,]\d+)*|\s+|.", re.DOTALL)
_BRACKETS: Final = frozenset("()[]{}|/\u2016\u2223\u27e8\u27e9\u230a\u230b\u2308\u2309")
_CLOSING: Final = ("", "}", "&", "\\\\", "\\end", "\\right", "]")


class _UnknownError(Exception):
    """Something of a formula is not known here."""


def drawn(formula: str, *, as_block: bool) -> Markup | None:
    """Return a formula as MathML, with its source as an annotation; None where it cannot be drawn."""
    if len(formula) > _LONGEST:
        return None
    try:
        body = _Parser(formula).whole()
    except _UnknownError:
        return None
    display = "block" if as_block else "inline"
    annotation = Markup('<annotation encoding="application/x-tex">{}</annotation>').format(formula.strip())
    semantics = f"<semantics><mrow>{body}</mrow>{annotation}</semantics>"
    return Markup(f'<math class="formula" display="{display}">{semantics}</math>')  # noqa: S704 - escaped below


class _Parser:
    """Reads a formula from its beginning to its end."""

    def __init__(self, formula: str) -> None:
        self._tokens: list[str] = _TOKEN.findall(formula)
        self._place = self._depth = 0

    def whole(self) -> str:
        body = self._row()
        if self._next() or not body:
            raise _UnknownError
        return body

    def _next(self, *, takes_space: bool = False) -> str:
        """Return the next token, which spaces do not count as; an empty one at the end."""
        while self._place < len(self._tokens):
            token = self._tokens[self._place]
            if takes_space or not token.isspace():
                return token
            self._place += 1
        return ""

    def _take(self, *, takes_space: bool = False) -> str:
        token = self._next(takes_space=takes_space)
        self._place += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise _UnknownError

    def _row(self, *, in_brackets: bool = False) -> str:
        """Read up to what closes a group, which is left."""
        parts = []
        while (token := self._next()) not in _CLOSING or (token == "]" and not in_brackets):  # noqa: S105 - a bracket
            parts.append(self._scripted())
        return "".join(parts)

    def _scripted(self) -> str:
        """Read an atom with what stands below and above it."""
        name = self._next().removeprefix("\\")
        is_large = name in _tables()["large"] or name in _tables()["limits"]
        base = "" if self._next() in {"^", "_"} else self._atom()
        found: dict[str, str] = {}
        while (mark := self._next()) in {"^", "_", "'"}:
            self._take()
            where = "_" if mark == "_" else "^"
            if mark == "'":
                found[where] = found.get(where, "") + _character(mark)
            elif where in found:
                raise _UnknownError
            else:
                found[where] = self._argument()
        return _with_scripts(base or "<mrow></mrow>", found, is_large=is_large) if found else base

    def _argument(self) -> str:
        if self._next() == "{":
            return self._group()
        token = self._next()
        if token in {*_CLOSING, "^", "_"}:
            raise _UnknownError
        if token[0].isdigit() and len(token) > 1:  # without braces it is one digit
            self._tokens[self._place] = token[1:]
            return _tag("mn", token[0])
        return self._atom()

    def _group(self) -> str:
        self._expect("{")
        body = self._row()
        self._expect("}")
        return f"<mrow>{body}</mrow>"

    def _atom(self) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _UnknownError
        found = self._group() if self._next() == "{" else self._single(self._take())
        self._depth -= 1
        return found

    def _single(self, token: str) -> str:
        spaces = _tables()["spaces"]
        if token in spaces:
            return f'<mspace width="{spaces[token]}"></mspace>'
        if token[0] == "\\":
            return self._command(token[1:])
        return _character(token)

    def _command(self, name: str) -> str:
        tables = _tables()
        if name in tables["letters"]:
            return _tag("mi", tables["letters"][name])
        if name in tables["operators"] or name in tables["large"]:
            return _sign(tables["operators"].get(name) or tables["large"][name])
        if name in tables["accents"]:
            return f'<mover accent="true">{self._argument()}{_tag("mo", tables["accents"][name])}</mover>'
        if name in tables["functions"] or name in tables["limits"]:
            return _tag("mi", name)
        if len(name) == 1 and not name.isalpha():
            return _sign({"|": "‖"}.get(name, name))
        return self._structure(name)

    def _structure(self, name: str) -> str:
        if name in {"frac", "dfrac", "tfrac"}:
            return f"<mfrac>{self._argument()}{self._argument()}</mfrac>"
        if name == "binom":
            return f'<mo>(</mo><mfrac linethickness="0">{self._argument()}{self._argument()}</mfrac><mo>)</mo>'
        if name in _tables()["texts"] or name in _tables()["fonts"]:
            return self._named(name)
        if name in _tables()["ignored"]:
            return ""
        special = {"sqrt": self._root, "left": self._fenced, "begin": self._environment}.get(name)
        if special is None:
            raise _UnknownError
        return special()

    def _named(self, name: str) -> str:
        """Read letters in a font, or a text, of which the spaces count."""
        is_text = name in _tables()["texts"]
        self._expect("{")
        body = []
        while (token := self._take(takes_space=is_text)) != "}":
            if not token or token[0] in "\\{^_&":
                raise _UnknownError
            body.append(token)
        letters = "".join(body)
        if name == "mathbb":
            letters = "".join(_tables()["double"].get(letter, letter) for letter in letters)
        # A space at the end of a text would not be drawn.
        return _tag("mtext", letters.replace(" ", "\N{NO-BREAK SPACE}")) if is_text else _tag("mi", letters)

    def _root(self) -> str:
        if self._next() != "[":
            return f"<msqrt>{self._argument()}</msqrt>"
        self._take()
        degree = self._row(in_brackets=True)
        self._expect("]")
        return f"<mroot>{self._argument()}<mrow>{degree}</mrow></mroot>"

    def _fenced(self) -> str:
        opening = self._fence()
        body = self._row()
        self._expect("\\right")
        return f"<mrow>{opening}{body}{self._fence()}</mrow>"

    def _fence(self) -> str:
        token = self._take()
        found = _tables()["operators"].get(token[1:], token.removeprefix("\\")) if token[:1] == "\\" else token
        if len(found) != 1 or found.isalnum():
            raise _UnknownError
        return "" if found == "." else f'<mo stretchy="true">{escape(found)}</mo>'

    def _environment(self) -> str:
        name = self._environment_name()
        if name not in _tables()["fences"]:
            raise _UnknownError
        opening, closing = (f'<mo stretchy="true">{fence}</mo>' if fence else "" for fence in _tables()["fences"][name])
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(f"<mtd>{self._row()}</mtd>")
            token = self._take()
            if token == "\\end":  # noqa: S105 - a command
                break
            if token not in {"&", "\\\\"}:
                raise _UnknownError
            if token == "\\\\":  # noqa: S105 - likewise
                rows.append([])
        if self._environment_name() != name:
            raise _UnknownError
        table = "".join(f"<mtr>{''.join(cells)}</mtr>" for cells in rows)
        return f"<mrow>{opening}<mtable>{table}</mtable>{closing}</mrow>"

    def _environment_name(self) -> str:
        self._expect("{")
        name = ""
        while (token := self._take()) != "}":
            if not token:
                raise _UnknownError
            name += token
        return name


def _with_scripts(base: str, found: Mapping[str, str], *, is_large: bool) -> str:
    """Return an atom with its scripts; those of a sum stand below and above it."""
    below, above = found.get("_"), found.get("^")
    if below is None:
        return f"<mover>{base}<mrow>{above}</mrow></mover>" if is_large else f"<msup>{base}<mrow>{above}</mrow></msup>"
    if above is None:
        return (
            f"<munder>{base}<mrow>{below}</mrow></munder>" if is_large else f"<msub>{base}<mrow>{below}</mrow></msub>"
        )
    tag = "munderover" if is_large else "msubsup"
    return f"<{tag}>{base}<mrow>{below}</mrow><mrow>{above}</mrow></{tag}>"


def _character(token: str) -> str:
    if token[0].isdigit():
        return _tag("mn", token)
    if token.isalpha():
        return _tag("mi", token)
    if token in {"#", "$", "%", "&", "\\"}:
        raise _UnknownError
    return _sign(_tables()["characters"].get(token, token))


def _sign(text: str) -> str:
    """Return an operator; brackets grow with what is in them only where LaTeX says `left`."""
    return f'<mo stretchy="false">{escape(text)}</mo>' if text in _BRACKETS else _tag("mo", text)


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>"


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads((resources.files("glan.show") / "formulas.toml").read_text(encoding="utf-8"))
