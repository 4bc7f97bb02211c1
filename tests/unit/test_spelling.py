"""A text in its tokens: spelled once, and the same whichever way it was read."""

# ruff: noqa: RUF001 - the characters of other scripts are meant

import unicodedata
import zlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from glan.benchmarks.items import Item
from glan.curate.contamination import Contamination
from glan.curate.duplicates import Duplicates
from glan.curate.examiner import Examiner, Finding
from glan.curate.quality import Text
from glan.curate.shingles import normalise, spell
from glan.curate.words import Words, words_of
from glan.settings import Curation

pieces = st.sampled_from(
    [
        *(
            "What",
            "is",
            "the",
            "C++",
            "C#",
            "3 - 5",
            "3*5",
            "*this*",
            "well-known",
            "a_b",
            "x < 3",
            "50%",
            "$x$",
            "“so”",
        ),
        *(
            "don’t",
            "—",
            "café",
            "cafe\u0301",
            "ﬁne",
            "①",
            "月亮",
            "ชื่อ",
            "हिन्दी",
            "\u200b",
            "\ud800",
            "\x1c",
            "\x85",
            "☂",
        ),
    ]
)
texts = st.lists(pieces, max_size=20).map(" ".join) | st.lists(pieces, max_size=30).map("".join) | st.text(max_size=60)
plain = st.text(alphabet=st.characters(max_codepoint=127), max_size=80)


@given(text=texts | plain)
@settings(max_examples=150, deadline=None)
def test_tokens_are_words_and_single_symbols(text: str) -> None:
    """A token is made of letters, digits and marks, or is one symbol; a plain text has the first alone."""
    spelled = spell(text)
    tokens = [token.decode() for token in spelled.tokens]
    are_words = [all(unicodedata.category(character)[0] in "LMN" for character in token) for token in tokens]
    assert all(is_word or len(token) == 1 for token, is_word in zip(tokens, are_words, strict=True))
    assert all(are_words) or not spelled.is_plain
    assert " ".join(tokens) == normalise(text)
    assert spelled.hashes.tolist() == [zlib.crc32(token) for token in spelled.tokens]


@given(text=plain)
@settings(max_examples=150, deadline=None)
def test_ascii_is_read_as_all_else(text: str) -> None:
    """An invisible character, with which a text is no longer ASCII, changes no token."""
    assert spell(text).tokens == spell(f"{text}\u200b").tokens


@given(text=texts | plain)
@settings(max_examples=150, deadline=None)
def test_the_words_of_a_spelled_text_are_its_words(text: str) -> None:
    """What is held against benchmarks is the same, whether a text was spelled for copies before or not."""
    words = Words.spelled(spell(text))
    assert words.words == words_of(text)
    assert words.hashes.tolist() == [zlib.crc32(word) for word in words_of(text)]


def test_a_long_text_is_no_plain_one() -> None:
    """Beyond 2,000 characters a word of more than 200 is two for copies, and one for benchmarks."""
    text = "so long " * 300 + "o" * 300
    assert len(spell(text).tokens) == len(words_of(text)) + 1
    assert Words.spelled(spell(text)).words == words_of(text)


LONG = "a baker puts seven trays of rolls into the oven and takes out all but five of them"
questions = st.lists(
    st.sampled_from([LONG, LONG.upper(), f"So {LONG}", LONG[5:70], "Do birds sleep?", "do BIRDS sleep", "?", "月亮"])
    | st.lists(st.sampled_from(["red", "sun", "moon", "C++", "3"]), min_size=8, max_size=14).map(" ".join),
    max_size=20,
)  # fmt: skip


@given(texts=questions, cuts=st.lists(st.integers(0, 20), max_size=4))
@settings(max_examples=50, deadline=None)
def test_the_examiner_finds_what_each_of_its_parts_finds_alone(texts: list[str], cuts: list[int]) -> None:
    """Spelling a question once for both, in groups of any size, gives the verdicts of each check on its own."""
    items = [Item(benchmark="Rolls", id="1", question=LONG)]
    contamination, duplicates = Contamination(items), Duplicates(0.7)
    expected: list[Finding | None] = []
    for text in texts:
        (match,) = contamination.questions([text])
        (copy,) = duplicates.judge([text]) if match is None and any(map(str.isalnum, text)) else [None]
        if match is not None:
            expected.append(Finding(reason="contaminated", detail=match.detail))
        elif copy is not None:
            expected.append(Finding(reason=f"{copy.kind} duplicate", original=copy.of, similarity=copy.similarity))
        else:
            expected.append(None if any(map(str.isalnum, text)) else Finding(reason="empty"))
    examiner = Examiner(Curation(), items)
    bounds = sorted({0, len(texts), *(min(cut, len(texts)) for cut in cuts)})
    groups = [[Text(text=text) for text in texts[start:end]] for start, end in pairwise(bounds)]
    assert [finding for group in groups for finding in examiner.questions(group)] == expected
