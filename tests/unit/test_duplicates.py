"""Copies of questions: what counts as one, and that the search misses none and invents none."""

# ruff: noqa: RUF001 - the characters of other scripts are meant

import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.curate.duplicates import Copy, Duplicates
from glan.curate.postings import Postings, entries
from glan.curate.shingles import normalise, shingles, spell

T = TypeVar("T")

EXAMPLE = "Explain why the seasons change when the axis of the Earth is tilted, and not with its distance."

# Few words, so that copies and half copies are common; two scripts without spaces, symbols, and nothing at all.
words = st.sampled_from(
    ["red", "Green", "blue", "sun", "moon", "C++", "C#", "-", "+", "3", "的", "月", "ชื่อ", "!", "..."]
)
sentences = st.lists(words, max_size=14).map(" ".join)
chinese = st.text(alphabet="的一是不了人我在", max_size=18)
questions = st.lists(sentences | chinese | st.sampled_from(["", "?", EXAMPLE]), max_size=24)
thresholds = st.sampled_from([0.0, 0.1, 0.35, 0.5, 2 / 3, 0.7, 0.75, 0.9, 1.0])


def judged(texts: Sequence[str], threshold: float = 0.7) -> list[Copy | None]:
    return Duplicates(threshold).judge(texts)


def hashes(text: str) -> frozenset[int]:
    return frozenset(int(packed) for packed in shingles([spell(text)]))


def runs(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three words of a text that has letters and spaces alone."""
    found = text.split()
    return frozenset(zip(found, found[1:], found[2:], strict=False))


def similarity(one: frozenset[T], other: frozenset[T]) -> float:
    return len(one & other) / len(one | other)


def by_comparing_all(texts: Sequence[str], threshold: float) -> list[Copy | None]:
    """Judge as the module says it does, by comparing each question with every earlier one that passed."""
    verdicts: list[Copy | None] = []
    passed: list[int] = []
    for i, text in enumerate(texts):
        verdicts.append(next((copy for k in passed if (copy := copy_of(texts[k], k, text, threshold))), None))
        if verdicts[-1] is None:
            passed.append(i)
    return verdicts


def copy_of(earlier: str, number: int, text: str, threshold: float) -> Copy | None:
    if (normalise(earlier) or earlier) == (normalise(text) or text):
        return Copy(of=number, kind="exact", similarity=1.0)
    one, other = hashes(earlier), hashes(text)
    if threshold == 0 or min(len(one), len(other)) < 2 or similarity(one, other) < threshold:
        return None
    return Copy(of=number, kind="near", similarity=similarity(one, other))


@given(texts=questions, threshold=thresholds)
@settings(max_examples=300, deadline=None)
def test_the_verdicts_are_those_of_comparing_all_pairs(texts: list[str], threshold: float) -> None:
    """No copy is missed and none is invented, at any threshold."""
    assert judged(texts, threshold) == by_comparing_all(texts, threshold)


@given(texts=questions, cuts=st.lists(st.integers(0, 24), max_size=6), threshold=thresholds)
@settings(max_examples=150, deadline=None)
def test_the_verdicts_do_not_depend_on_the_groups(texts: list[str], cuts: list[int], threshold: float) -> None:
    """However a sequence is cut into groups, each question gets the same verdict."""
    duplicates = Duplicates(threshold)
    bounds = sorted({0, len(texts), *(min(cut, len(texts)) for cut in cuts)})
    in_groups = [copy for start, end in pairwise(bounds) for copy in duplicates.judge(texts[start:end])]
    assert in_groups == judged(texts, threshold)


def test_groups_larger_than_what_is_judged_at_once() -> None:
    """Several hundred questions at once get the verdicts that they get one by one."""
    texts = zipf_texts(300, rng=random.Random(1))
    texts += [edited(text, n_edits=1, rng=random.Random(i)) for i, text in enumerate(texts)]
    one_by_one = Duplicates(0.7)
    assert judged(texts) == [one_by_one.judge([text])[0] for text in texts]


@given(one=sentences | chinese, other=sentences | chinese)
@settings(max_examples=150, deadline=None)
def test_similarity_is_symmetric(one: str, other: str) -> None:
    """The second of two questions is a copy of the first just when the first would be one of the second."""
    assert judged([one, other]) == judged([other, one])


@given(text=st.text(max_size=60) | sentences)
@settings(max_examples=500, deadline=None)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """The normal form of a normal form is itself, in every script."""
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("What is osmosis?", "what is  OSMOSIS", id="case, spaces and punctuation"),
        pytest.param("**What** is `osmosis`?", "- What is osmosis?", id="Markdown"),
        pytest.param("Find $x$ if $x - 3 = 7$.", "Find x if x−3 = 7", id="LaTeX and the minus sign"),
        pytest.param("What is 3 * 5?", "What is 3×5?", id="signs of multiplication"),
        pytest.param("Ｗｈａｔ　ｉｓ　Ｏ₂？", "What is O2?", id="compatibility forms"),
        pytest.param("Was heißt „Maß“?", "WAS HEISST „MASS“?", id="German sharp s"),
        pytest.param("Caf\u00e9 au lait", "Cafe\u0301 au lait", id="composed and decomposed"),
        pytest.param("co\u00adoperate \u200ewith\u200f \ufeffme", "cooperate with me", id="invisible characters"),
        pytest.param("مَا هُوَ", "مَا  هُوَ؟", id="right to left"),
        pytest.param("什么是光合作用？", "什么是光合作用", id="Chinese"),
        pytest.param("", "", id="empty"),
        pytest.param("?!", "?!", id="only punctuation"),
    ],
)
def test_exact_copies(one: str, other: str) -> None:
    """What differs only in case, spaces, punctuation, markup or coding is the same question."""
    assert judged([one, other], threshold=0) == [None, Copy(of=0, kind="exact", similarity=1.0)]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["What is C?", "What is C++?", "What is C#?"], id="languages"),
        pytest.param(["What is 3 + 5?", "What is 3 - 5?", "What is 3 * 5?", "What is 3 / 5?"], id="operations"),
        pytest.param(["Solve x = 3.", "Solve x < 3.", "Solve x > 3.", "Solve x ≤ 3."], id="relations"),
        pytest.param(["कल क्या है?", "काल क्या है?", "कील क्या है?"], id="Hindi vowel signs"),
        pytest.param(["ชื่อ", "ชือ"], id="Thai tone marks"),
        pytest.param(["What does 👍 mean?", "What does 👎 mean?"], id="emoji"),
        pytest.param(["?", "!", "...", "", " "], id="no words"),
        pytest.param(["\ud800", "\ud801", "\x00", "\x01"], id="what cannot be encoded or printed"),
        pytest.param(["What is osmosis?", "Define osmosis.", "Why is there osmosis?"], id="short"),
    ],
)
def test_different_questions(texts: list[str]) -> None:
    """Questions that ask different things are no copies, however alike they look."""
    assert judged(texts) == [None] * len(texts)


def test_a_copy_is_named_by_its_number_among_all_that_were_judged() -> None:
    """Duplicates are counted too, and the earliest original is named."""
    duplicates = Duplicates(0.7)
    assert duplicates.judge(["What is osmosis?", "what is osmosis"])[1] == Copy(of=0, kind="exact", similarity=1.0)
    assert duplicates.judge([EXAMPLE]) == [None]
    near = duplicates.judge([f"{EXAMPLE} Why?"])[0]
    assert near is not None
    assert (near.of, near.kind) == (2, "near")
    assert 0.9 < near.similarity < 1
    assert duplicates.judge([]) == []


def test_a_copy_is_not_itself_copied() -> None:
    """A question that is near only to a copy passes: copies do not enter the index."""
    first = [f"word{i}" for i in range(40)]
    second = first[5:] + [f"more{i}" for i in range(2)]
    third = second[5:] + [f"most{i}" for i in range(2)]
    texts = [" ".join(each) for each in (first, second, third)]
    assert [copy is not None for copy in judged(texts)] == [False, True, False]
    assert [copy is not None for copy in judged(texts[1:])] == [False, True]


def test_a_threshold_of_zero_finds_exact_copies_only() -> None:
    """With near copies turned off, a question with one more word passes."""
    assert judged([EXAMPLE, f"{EXAMPLE} Why?", EXAMPLE.upper()], threshold=0) == [
        None,
        None,
        Copy(of=0, kind="exact", similarity=1.0),
    ]


def test_planted_copies_are_found_at_and_above_the_threshold_and_nowhere_below() -> None:
    """Among thousands of questions, edited ones are copies just when their words say so, in each bin of 0.05."""
    rng = random.Random(7)
    originals = zipf_texts(1_500, rng=rng)
    duplicates = Duplicates(0.7)
    assert duplicates.judge(originals) == [None] * len(originals)
    bins: Counter[int] = Counter()
    for number, original in enumerate(originals):
        copy = edited(original, n_edits=rng.randint(0, 7), rng=rng) + rng.choice(["", " more"])
        true = similarity(runs(original), runs(copy))
        bins[int(true * 20)] += 1
        (found,) = duplicates.judge([copy])
        assert (found is None) == (true < 0.7)
        if found is not None:
            assert found == Copy(of=number, kind="near" if true < 1 else found.kind, similarity=true)
    assert min(bins[place] for place in range(10, 20)) >= 5


@pytest.mark.parametrize(("threshold", "n_words"), [(0.8, 30), (0.8, 58), (0.7, 44), (0.9, 65)])
def test_a_similarity_equal_to_the_threshold_is_enough(threshold: float, n_words: int) -> None:
    """A question that is the beginning of another is a copy where exactly the threshold of the longer one is left."""
    longer = round((n_words - 2) / threshold) + 2
    texts = [" ".join(f"w{i}" for i in range(length)) for length in (n_words, longer)]
    for in_order in (texts, texts[::-1]):
        assert judged(in_order, threshold) == [None, Copy(of=0, kind="near", similarity=threshold)]


def test_short_texts_whose_hashes_agree_are_two() -> None:
    """These two agree in the 32 bits under which short questions are looked up, and are no copies."""
    assert judged(["item 57125", "item 74773"]) == [None, None]


def test_a_text_in_a_script_without_spaces_is_compared_by_characters() -> None:
    """One changed character in a Chinese question of forty makes a near copy."""
    text = "请解释为什么地球的四季变化是由地轴倾斜引起的而不是由地球与太阳之间距离的变化引起的并举例说明理由"
    (_, found) = judged([text, text.replace("举例", "详细")])
    assert found is not None
    assert found.kind == "near"


def test_hashes_are_the_same_everywhere() -> None:
    """The verdicts of a run rest on these numbers, which are no other in another process or on another machine."""
    assert [int(packed) for packed in shingles([spell("what is the sum"), spell(""), spell("什么是光合")])] == [
        95_697_546,
        2_061_372_132,
        2 * 2**32 + 667_957_926,
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("word " * 200_000, id="one word"),
        pytest.param(" ".join(f"w{i}" for i in range(150_000)), id="many words"),
        pytest.param("的" * 1_000_000, id="one character"),
        pytest.param("a" + "\u0301\u0327" * 300_000, id="combining marks"),
        pytest.param("\U0001f600" * 250_000, id="emoji"),
        pytest.param("-" * 1_000_000, id="dashes"),
        pytest.param("\n" * 1_000_000, id="empty lines"),
        pytest.param("\ufdfa" * 20_000, id="grows eighteen times"),
    ],
)
def test_huge_texts_are_judged_like_others(text: str) -> None:
    """A text of a megabyte, of whatever it is made, is its own copy and nobody else's."""
    assert judged(["What is osmosis?", text, text]) == [None, None, Copy(of=1, kind="exact", similarity=1.0)]


def test_an_opening_that_all_questions_share_costs_nothing() -> None:
    """After a few questions, nobody is entered under the shingles of a phrase that all of them begin with."""
    rng = random.Random(3)
    opening = " ".join(f"opening{i}" for i in range(30))
    duplicates = Duplicates(0.7)
    for _ in range(20):
        duplicates.judge([f"{opening} {text}" for text in zipf_texts(20, rng=rng, n_words=30)])
    common = shingles([spell(opening)]).astype(np.uint32)
    assert duplicates.postings.find(common).rows.size < 40


def test_memory_stays_below_a_kilobyte_a_question() -> None:
    """Questions of sixty words take much less than the kilobyte that is promised."""
    duplicates = Duplicates(0.7)
    texts = zipf_texts(3_000, rng=random.Random(5))
    duplicates.judge(texts)
    assert duplicates.size_bytes < 700 * len(texts)


@given(
    groups=st.lists(st.lists(st.integers(0, 60), max_size=400), max_size=12),
    scale=st.sampled_from([1, 2**20, 2**26]),
)
@settings(max_examples=60, deadline=None)
def test_postings_find_every_entry(groups: list[list[int]], scale: int) -> None:
    """The index holds what was added to it and nothing else, however it was merged."""
    postings = Postings()
    expected: list[tuple[int, int]] = []
    for group in groups:
        rows = np.arange(len(expected), len(expected) + len(group))
        keys = np.array(group, dtype=np.uint32) * np.uint32(scale)
        expected += zip(keys.tolist(), rows.tolist(), strict=True)
        postings.add(entries(keys, rows))
    asked = np.arange(62, dtype=np.uint32) * np.uint32(scale)
    hits = postings.find(asked)
    found = [(int(asked[i]), int(row)) for i, row in zip(hits.which, hits.rows, strict=True)]
    assert sorted(found) == sorted(expected)


def zipf_texts(n_texts: int, *, rng: random.Random, n_words: int = 60) -> list[str]:
    """Return texts in which few words are common and most are rare, as in language."""
    return [" ".join(f"w{int(rng.paretovariate(0.8)) % 50_000}" for _ in range(n_words)) for _ in range(n_texts)]


def edited(text: str, *, n_edits: int, rng: random.Random) -> str:
    found = text.split()
    for _ in range(n_edits):
        at = rng.randrange(len(found))
        found[at : at + rng.randint(0, 1)] = [f"new{rng.randrange(10_000)}"] * rng.randint(0, 1)
    return " ".join(found)
