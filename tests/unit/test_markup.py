"""Code and formulas that are never closed, thinking that was left in a text, and what must pass."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verdicts import reason_of

from glan.curate.markup import has_open_code, has_open_formula, prose_of, without_code
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES, Text


def reasons(text: str) -> set[str | None]:
    return {reason_of(Text(text=text), QUESTION_RULES), reason_of(Text(text=text, question="Why?"), ANSWER_RULES)}


@pytest.mark.parametrize(
    "text",
    [
        "Run this:\n```python\nprint(1)\n",
        "Run this:\n~~~\nls\n",
        "Run this:\n````\n```\nls\n```\n",
        "1. Run this:\n   ```sh\n   ls\n2. Done.",
        "> ```\n> ls",
        "- ```\n  ls",
        "```\nls\n```\nand then\n```\npwd",
    ],
)
def test_code_that_is_never_closed(text: str) -> None:
    """A fence without its end is an objection, also in a list or a quotation, and inside a longer one."""
    assert reasons(text) == {"unclosed code"}


@pytest.mark.parametrize(
    "text",
    [
        "Run this:\n```python\nprint(1)\n```\nDone.",
        "Run this:\n   ```python\n   print(1)\n   ```",
        "````markdown\n```python\nprint(1)\n```\n````",
        "```markdown\n# Title\n```python\nprint(1)\n```\n```",
        "A fence is written as ``` and closed in the same way.",
        "```ls``` lists the files.",
        "~~~\n```\n~~~\nThat is one.",
        "```\r\nls\r\n```\r\n",
    ],
)
def test_code_that_is_closed(text: str) -> None:
    """Fences in fences, and fences that a text speaks of, are no objection."""
    assert reasons(text) == {None}


@pytest.mark.parametrize(
    "text",
    [
        r"The area is \( \pi r^2, so it grows.",
        r"The sum is \[ \sum_{i=1}^n i and it is large.",
        r"The sum is $$\sum_{i=1}^{n} i and it is large.",
        r"The sum is $\sum_{i=1}^{n} i and it is large.",
        r"Both $a_{1}$ and $a_{2} are positive.",
        r"\begin{align} a &= b \\ c &= d",
        r"\begin{align} a &= b \end{matrix}",
        r"a &= b \end{align}",
        r"\[ \begin{pmatrix} 1 & 0 \\[2pt] 0 & 1 \] is the identity.",
    ],
)
def test_formulas_that_are_never_closed(text: str) -> None:
    """A formula or an environment without its end is an objection."""
    assert reasons(text) == {"unclosed formula"}


@pytest.mark.parametrize(
    "text",
    [
        r"The area is \( \pi r^2 \), and \[ A = \pi r^2 \] again.",
        r"\[ \begin{pmatrix} 1 & 0 \\[2pt] 0 & 1 \end{pmatrix} \]",
        r"\[ x = 1 \quad \text{where \(x\) is real} \]",
        r"\left( \frac{1}{2} \right)",
        "It costs $5, and the other one costs $12 or US$ 14.",
        r"It costs $5, which is \frac{1}{2} of the price.",
        r"It costs \$5, and $x_{1}$ is \$10.",
        "Set $HOME before you run it; \\alpha{x}_{1} stands for nothing.",
        "The sign $ is a letter in some languages, \\begin is not.",
        "An expensive restaurant has $$$, a cheap one has $.",
        "`$x_{1}` is code, and so is `\\begin{align}`.",
        "```\n\\[ x_{1} $\n```",
        "Is $a$$b_{1}$ one formula or two?",
        "1\\) First. 2\\) Second.",
        "In $A$ and $B$ there are 3 and $x^{2}$ things.",
    ],
)
def test_formulas_that_are_closed(text: str) -> None:
    """Prices, variables of a shell, code and what is closed are no objection."""
    assert reasons(text) == {None}


@pytest.mark.parametrize(
    "text",
    [
        "Let me think step by step. It falls 20 m, so it takes 2 s.",
        "Let me think... the ball falls for 2 s.",
        "Okay, so the user is asking about a ball. It takes 2 s.",
        "Hmm, let me see. The ball falls for 2 s.",
        "Alright, I need to figure out how long it falls.",
        "The user wants me to say how long a ball falls. 2 s.",
        "We need to answer the user in one sentence. 2 s.",
        "<thought>It falls.</thought> 2 s.",
        "[THINK]It falls.[/THINK]2 s.",
        "◁think▷It falls.◁/think▷2 s.",
        "<|channel|>analysis<|message|>It falls. 2 s.",
    ],
)
def test_thinking_by_its_words(text: str) -> None:
    """A text that begins as thinking does, or in the tags of some models, is a leak."""
    assert reasons(text) == {"reasoning leak"}


@pytest.mark.parametrize(
    "text",
    [
        "Let me think of a number between 1 and 9; you double it. What do you know?",
        "The user wants a simple form. Which fields does it need?",
        "Okay is a word of unknown origin. Where does it come from?",
        "We need to produce 5 g of copper. How long must the current flow?",
        "First, the user opens the door; then the light goes on. Draw the diagram.",
        "So the ball falls for 2 s.",
        "In HTML, <reasoning> is no element.",
    ],
)
def test_no_thinking(text: str) -> None:
    """Words that thinking uses are also used elsewhere."""
    assert reasons(text) == {None}


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("`~$\\()[]{}abegin end\n \ud800\x00"), max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Whatever stands in a text, it is read; and what is closed inside code changes nothing outside."""
    has_open_code(text)
    has_open_formula(text)
    prose_of(text)
    fenced = f"```\n{text.replace('```', '')}\n```\nEnd."
    assert without_code(fenced).strip() == "End."
    assert not has_open_formula(fenced)


def test_prose_is_what_is_neither_code_nor_formula() -> None:
    """Code, formulas, addresses and tags are left out; the words between them stay."""
    text = "See `x` and $x_{1}$ at https://a.b/c:\n```\ncode\n```\n\\[ y \\] and \\begin{x} <b>done</b>."
    assert prose_of(text).split() == ["See", "and", "at", "and", "{x}", "done", "."]
