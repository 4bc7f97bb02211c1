"""What a model wrote, as HTML: Markdown is shown, formulas stay whole, and nothing runs or is fetched."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from glan.show.formulas import drawn
from glan.show.rendering import MAX_RENDERED, preformatted, rendered

ALLOWED = {
    "a": {"href", "title", "rel"},
    "pre": {"class", "data-language"},
    "code": {"class"},
    "ol": {"start"},
    "math": {"class", "display"},
    "annotation": {"encoding"},
    "mspace": {"width"},
    "mo": {"stretchy"},
    "mover": {"accent"},
    "mfrac": {"linethickness"},
    "table": {"tabindex"},
    "th": set(),
    "td": set(),
}
"""What may stand in a tag; all others have no attribute."""
TAGS = {
    *ALLOWED,
    *("semantics", "mrow", "mi", "mn", "mtext", "msub", "msup", "msubsup", "munder", "munderover", "msqrt", "mroot"),
    *("mtable", "mtr", "mtd"),
    *(
        "p",
        "h4",
        "h5",
        "h6",
        "em",
        "strong",
        "s",
        "ul",
        "li",
        "blockquote",
        "hr",
        "br",
        "thead",
        "tbody",
        "tr",
    ),
}
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt&colon;alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<javascript:alert(1)>",
    "![x](https://example.org/seen.png)",
    '[x](https://example.org/"onclick="alert(1))',
    '```"><script>alert(1)</script>\nx\n```',
    "$<script>alert(1)</script>$",
    "$\\text{</math><script>alert(1)</script>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\left<\\frac{</mi><img src=x onerror=alert(1)>}{2}\\right>$",
    "$$\\begin{pmatrix}<b>&\\mathrm{<i>}\\\\ \\end{pmatrix}$$",
    "\\[\n</pre><script>alert(1)</script>\n\\]",
    "</div></body></html><h1>",
    "| <b>a | b |\n|---|:--:|\n| <i>c | `<u>` |",
)


class Tags(HTMLParser):
    """Notes the tags of a text and what stands in them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(html: str) -> None:
    """Hold a page's part to the tags and attributes that Markdown needs, and its links to three schemes."""
    tags = Tags()
    tags.feed(html)
    tags.close()
    for tag, attributes in tags.found:
        assert tag in TAGS, html
        assert set(attributes) <= ALLOWED.get(tag, set()), html
        assert re.match(r"https?:|mailto:", attributes.get("href") or "https:"), html


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_text_holds_becomes_a_tag_of_the_page(text: str) -> None:
    """Scripts, handlers, pictures, odd links and broken HTML are shown as characters, or not at all."""
    assert_harmless(rendered(text))
    assert_harmless(preformatted(text).replace('<pre class="plain">', "<pre>", 1))


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                (*HOSTILE, "\n", "\n\n", "- ", "> ", "    ", "$", "$$", "\\(", "\\frac", "{", "}", "^", "*", "`")
            )
        ),
        max_size=12,
    )
)
def test_no_mixture_of_texts_becomes_a_tag_of_the_page(parts: list[str]) -> None:
    """The same holds however such texts follow each other."""
    assert_harmless(rendered("".join(parts)))


def test_markdown_is_shown_as_such() -> None:
    """Headings go below those of the page, code keeps its characters, and a table is one that keys can move."""
    html = rendered("# A\n\n**b** and `<c>`\n\n| d | e |\n|---|---|\n| 1 | 2 |\n\n```python\nif a < b: pass\n```")
    for part in (
        "<h4>A</h4>",
        "<strong>b</strong>",
        "<code>&lt;c&gt;</code>",
        '<table tabindex="0">',
        "<td>2</td>",
        '<pre data-language="python"><code>if a &lt; b: pass\n</code></pre>',
    ):
        assert part in html


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("so $a_1 * b_2 * c$ is", "a_1 * b_2 * c</annotation>"),
        (r"so \(x_1 < \unknown*y*\) is", r"\(x_1 &lt; \unknown*y*\)"),
        (r"so \[x\] is", "x</annotation>"),
        ("$$\na_1\n- b\n= c\n$$", "a_1\n- b\n= c"),
        ("prose\n\\[\n# a\n\\]\nmore", '<pre class="formula"># a</pre>'),
    ],
)
def test_no_markdown_is_read_into_a_formula(text: str, formula: str) -> None:
    """What stands between dollars or LaTeX's brackets is kept as it was written."""
    html = rendered(text)
    assert formula in html
    assert "formula" in html
    assert not re.search("<em>|<h4>|<ul>|<hr", html)


def test_money_is_no_formula() -> None:
    """Prices in dollars stay prose."""
    assert rendered("It costs $5 and then $6.") == "<p>It costs $5 and then $6.</p>\n"


def test_what_orders_or_hides_text_is_named() -> None:
    """Marks of direction and escape sequences are made visible."""
    html = rendered("\u202egnp.exe \x1b[31mred")
    assert "\u27e8U+202E\u27e9gnp.exe \N{REPLACEMENT CHARACTER}[31mred" in html


def test_a_huge_text_is_shown_as_it_stands() -> None:
    """What is longer than anybody reads is not parsed, and still escaped."""
    html = rendered("<b>" * MAX_RENDERED)
    assert html.startswith('<pre class="plain">&lt;b&gt;')


@pytest.mark.parametrize(
    ("formula", "mathml"),
    [
        ("x_1^2", "<msubsup><mi>x</mi><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></msubsup>"),
        (r"\frac12", "<mfrac><mn>1</mn><mn>2</mn></mfrac>"),
        (r"\sqrt[3]{x}", "<mroot><mrow><mi>x</mi></mrow><mrow><mn>3</mn></mrow></mroot>"),
        (r"a \le \alpha", "<mi>a</mi><mo>\u2264</mo><mi>\u03b1</mi>"),
        (
            r"\sum_{i}^n",
            "<munderover><mo>\u2211</mo><mrow><mrow><mi>i</mi></mrow></mrow><mrow><mi>n</mi></mrow></munderover>",
        ),
        (r"f'(x)", '<msup><mi>f</mi><mrow><mo>\u2032</mo></mrow></msup><mo stretchy="false">(</mo><mi>x</mi>'),
        (r"\text{if } x", "<mtext>if\N{NO-BREAK SPACE}</mtext><mi>x</mi>"),
        (r"\mathbb{R}", "<mi>\u211d</mi>"),
        (r"\vec{v}", '<mover accent="true"><mrow><mi>v</mi></mrow><mo>\u2192</mo></mover>'),
        (r"\begin{matrix}a&b\\c&d\end{matrix}", "<mtr><mtd><mi>c</mi></mtd><mtd><mi>d</mi></mtd></mtr>"),
    ],
)
def test_formulas_are_drawn(formula: str, mathml: str) -> None:
    """What people write most becomes MathML, with its source beside it."""
    found = str(drawn(formula, as_block=False))
    assert mathml in found
    assert f"{escape(formula)}</annotation>" in found


@pytest.mark.parametrize(
    "formula",
    [
        r"\unknown{x}",
        r"\frac{a}",
        "x^",
        "x^2^3",
        "{x",
        "x}",
        r"\left( x",
        r"\begin{pmatrix} x",
        r"\begin{x}\end{x}",
        "x" * 4_000,
        r"\sqrt" * 500 + "x",
        "{" * 500 + "x" + "}" * 500,
        "",
    ],
)
def test_a_formula_that_is_not_understood_is_left(formula: str) -> None:
    """Unknown commands, halves, huge and deep ones are not drawn, and the text shows them as they were written."""
    assert drawn(formula, as_block=True) is None


@given(st.text(alphabet=r"\{}[]^_&'<>ab1 .", max_size=60))
def test_any_formula_is_drawn_whole_or_not_at_all(formula: str) -> None:
    """What is drawn is well-formed, and nothing of the formula is a tag in it."""
    found = drawn(formula, as_block=False)
    if found is not None:
        assert_harmless(str(found))
        opened = Counter(re.findall("<([a-z]+)", str(found)))
        assert opened == Counter(re.findall("</([a-z]+)>", str(found)))
