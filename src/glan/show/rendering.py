"""What a model wrote, as HTML that is safe to show: Markdown, tables, code and formulas, and nothing that runs.

HTML in a text is shown as its characters. No picture is loaded. A link goes to http, https or mail, or is plain text.
Formulas are MathML as far as they are understood, and otherwise stay as they were written; no Markdown is read into
them. What orders or hides the text around it is named. Whoever puts the result into a page sets `dir="auto"` on what
surrounds it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from glan.show.formulas import drawn
from glan.show.sheets import visible

MAX_RENDERED: Final = 50_000
"""Characters of a text that is read as Markdown; a longer one is shown as it is."""
HEADING_SHIFT: Final = 3
"""A first heading of a text is one of the fourth level in the page, and none is below the sixth."""
_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9+#.-]{1,20}")
_PAIRS: Final = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
"""What a formula stands between; longest first."""
_BLOCKS: Final = {"$$": "$$", "\\[": "\\]"}
_MOST_LINES: Final = 40
"""Of a formula on lines of its own; whoever never closes one does not cost a search of the whole text each time."""


def rendered(text: str) -> Markup:
    """Return a text of a model as HTML; a very long one as it stands."""
    shown = visible(text)
    if len(shown) > MAX_RENDERED:
        return preformatted(text)
    return Markup(_markdown().render(shown))  # noqa: S704 - the renderer below escapes all that a text holds


def preformatted(text: str) -> Markup:
    """Return a text as it stands, such as a prompt or a raw reply."""
    return Markup('<pre class="plain">{}</pre>').format(visible(text))


def _is_harmless(url: str) -> bool:
    try:
        return urlsplit(url).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library calls it so
    """Take a formula out of a line; a dollar before a space or after one is money, not mathematics."""
    for opening, closing in _PAIRS:
        if state.src.startswith(opening, state.pos):
            return _formula_between(state, opening, closing, silent=silent)
    return False


def _formula_between(state: StateInline, opening: str, closing: str, *, silent: bool) -> bool:
    begin = state.pos + len(opening)
    end = state.src.find(closing, begin, state.posMax)
    body = state.src[begin:end] if end >= 0 else ""
    if not body.strip() or (opening == "$" and not _is_mathematics(body, state.src[end + 1 : end + 2])):
        return False
    if not silent:
        token = state.push("formula", "math", 0)
        token.content, token.markup, token.info = body, opening, closing
    state.pos = end + len(closing)
    return True


def _is_mathematics(body: str, after: str) -> bool:
    return not (body[0].isspace() or body[-1].isspace() or body[-1] == "\\" or after.isdigit())


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as above
    """Take a formula that begins a line of its own, over several lines, so that no list or rule is read into it."""
    opening = state.src[state.bMarks[start] + state.tShift[start] :][:2]
    closing = _BLOCKS.get(opening)
    if closing is None or state.is_code_block(start):
        return False
    first = state.bMarks[start] + state.tShift[start] + 2
    for line in range(start, min(end, start + _MOST_LINES)):
        begin = first if line == start else state.bMarks[line]
        found = state.src.find(closing, begin, state.eMarks[line])
        if found >= 0:
            if state.src[found + 2 : state.eMarks[line]].strip():
                return False  # prose goes on behind it: it is a formula in a line
            return _take_block(state, (start, line), (first, found), silent=silent)
    return False


def _take_block(state: StateBlock, lines: tuple[int, int], body: tuple[int, int], *, silent: bool) -> bool:
    if silent:
        return True
    token = state.push("formula_block", "math", 0)
    token.content, token.block = state.src[slice(*body)].strip("\n"), True
    token.map = [lines[0], lines[1] + 1]
    state.line = lines[1] + 1
    return True


def _heading(token: Token) -> str:
    level = min(int(token.tag[1:]) + HEADING_SHIFT, 6)
    return f"<h{level}>" if token.nesting == 1 else f"</h{level}>\n"


def _table(_: Token) -> str:
    """Begin a table that a keyboard can move: on a narrow page it is wider than its place."""
    return '<table tabindex="0">\n'


def _cell(token: Token) -> str:
    """Begin a cell of a table without its alignment, which Markdown writes as a style; the page's policy has none."""
    return f"<{token.tag}>"


def _fence(token: Token) -> str:
    language = _LANGUAGE.match(token.info.strip())
    named = Markup(' data-language="{}"').format(language[0]) if language else ""
    return f"<pre{named}><code>{escape(token.content)}</code></pre>\n"


def _image(token: Token) -> str:
    return Markup("<em>[picture: {} {}]</em>").format(token.content, token.attrGet("src") or "")


def _link(token: Token) -> str:
    url = str(token.attrGet("href") or "")
    return Markup('<a href="{}" title="{}" rel="noopener noreferrer nofollow">').format(url, url)


def _shown_formula(token: Token) -> str:
    return drawn(token.content, as_block=token.markup in _BLOCKS) or Markup('<code class="formula">{}</code>').format(
        token.markup + token.content + token.info
    )


def _shown_formula_block(token: Token) -> str:
    return drawn(token.content, as_block=True) or Markup('<pre class="formula">{}</pre>\n').format(token.content)


_SHOWN: Final[Mapping[str, Callable[[Token], str]]] = {
    "heading_open": _heading,
    "heading_close": _heading,
    "table_open": _table,
    "th_open": _cell,
    "td_open": _cell,
    "fence": _fence,
    "image": _image,
    "link_open": _link,
    "formula": _shown_formula,
    "formula_block": _shown_formula_block,
}
"""What is shown otherwise than the library does."""


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    markdown.enable(["table", "strikethrough"])
    markdown.validateLink = _is_harmless  # type: ignore[method-assign]  # the library's own way to say it
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.block.ruler.before("fence", "formula_block", _formula_block, {"alt": ["paragraph", "blockquote", "list"]})
    for name, show in _SHOWN.items():
        markdown.add_render_rule(name, _rule(show))
    return markdown


def _rule(show: Callable[[Token], str]) -> Callable[..., str]:
    def rule(_renderer: RendererHTML, tokens: Sequence[Token], place: int, *_: object) -> str:
        return str(show(tokens[place]))

    return rule
