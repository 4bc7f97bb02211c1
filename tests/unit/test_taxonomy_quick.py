"""What is read line by line is what the parser reads, to the character, and all that is unusual is left to it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import TREE, files

from glan.errors import TaxonomyError
from glan.taxonomy.quick import read_quickly
from glan.taxonomy.syntax import compose_slowly
from glan.taxonomy.tree import shipped_text

USUAL = [
    shipped_text("builtin"),
    shipped_text("paper"),
    "taxonomy:\n- A\n- B, and C  # the last\n",
    "taxonomy: [A, {name: B, children: [C, 'D'], weight: 0.5}]",
    "taxonomy:\n- 'it''s'\n- {name: 'a''''b', weight: 2, notes: ''''}\n- {name: S, subjects: ['''x', T]}\n",
    "taxonomy:\r\n  - name: A\r\n    children:\r\n    - B\r\n\r\n  - C\r\n",
    'taxonomy:\n  - {"name": "A: b", "weight": 3/7}\n  - Été & co. (数学)\n  - C#\n  - null\n  - ~\n'.replace(
        "  - ~\n", ""
    ),
    'taxonomy:\n  - name: A\n    notes: "it\'s"\n    subjects:\n      - {name: S, subtopics: [a b, c]}\n  -   B\n',
]
UNUSUAL = [
    "", "# only a comment\n", "- A\n", "taxonomy:\n", "taxonomy:\n- A\n  more of A\n", "taxonomy:\n- A\n    - B\n",
    "taxonomy: &x\n- A\n", "taxonomy:\n- 'it'''s'\n", "taxonomy:\n\t- A\n", "taxonomy:\n- |\n  A\n",
    "taxonomy:\n- name: A\n  name: B\n", "taxonomy:\n- {name: A, name: B}\n", "taxonomy: [A\n", "taxonomy:\n- A: \n",
    "taxonomy:\n- A\ntaxonomy:\n- B\n", "---\ntaxonomy: [A]\n", "taxonomy:\n- A\n...\n", "taxonomy:\n -\n  A\n",
    "\ufefftaxonomy: [A]\n", "taxonomy: [A, ]\n", "taxonomy: []\n", 'taxonomy: ["a\\tb"]\n',
    "taxonomy:\n- A\u2028- B\n",
    "taxonomy:\n  - A\n - B\n", "taxonomy:\n- A\n-\n", "taxonomy: !x [A]\n", "taxonomy:\n- A #b\n- C\rD\n",
    "? a\n: b\n",
    "taxonomy:\n- - A\n", "a: b\n c: d\n", "taxonomy: [A] x\n", "taxonomy: [A]# x\n", "taxonomy:\n- \x07\n",
    "taxonomy: " + "[" * 30 + "A" + "]" * 30 + "\n",
]  # fmt: skip


@pytest.mark.parametrize("text", USUAL, ids=range(len(USUAL)))
def test_the_usual_is_read_as_the_parser_reads_it(text: str) -> None:
    """Texts, kinds and places are equal, and the quick way was taken."""
    found = read_quickly(text)
    assert found is not None
    assert found == compose_slowly(text, "x")


@pytest.mark.parametrize("text", UNUSUAL, ids=range(len(UNUSUAL)))
def test_the_unusual_is_left_to_the_parser(text: str) -> None:
    """Also whatever is wrong: only the parser says what."""
    assert read_quickly(text) is None


SLIPS = [*" \n#:-,[]{}'\"&*!|>?%@`~\\x1é\u3000\xa0\t", "\n  ", "\n- ", ": ", " #", "null", "- - "]


def agree(text: str) -> None:
    """Hold the two ways against each other: the quick one reads what the parser reads, or nothing."""
    found = read_quickly(text)
    if found is not None:
        assert found == compose_slowly(text, "x")


@settings(max_examples=150, deadline=None)
@given(files(), st.booleans())
def test_files_as_people_write_them(body: str, ends: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
    """Whichever way a file is written, both ways agree."""
    text = f"taxonomy:\n{body}"
    agree(text.replace("\n", "\r\n") if ends else text)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([TREE, *USUAL[2:]]), st.integers(0, 2**32))
def test_files_with_a_slip(text: str, seed: int) -> None:
    """With characters put in, taken out and doubled anywhere, the quick way never reads what the parser refuses."""
    rng = random.Random(seed)
    for _ in range(rng.randrange(1, 4)):
        i = rng.randrange(len(text))
        sign = rng.choice(SLIPS)
        text = rng.choice([text[:i] + sign + text[i:], text[:i] + text[i + 1 :], text[:i] + text[i : i + 9] + text[i:]])
    agree_or_refused(text)


def agree_or_refused(text: str) -> None:
    try:
        expected = compose_slowly(text, "x")
    except TaxonomyError:
        assert read_quickly(text) is None
        return
    assert read_quickly(text) in (None, expected)
