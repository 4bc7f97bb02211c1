"""Items of benchmarks in questions and answers: what is planted is found, what is clean is not."""

# ruff: noqa: RUF001 - the characters of other scripts are meant

import asyncio
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.benchmarks.items import Item
from glan.curate.contamination import Contamination, Match, benchmark_of
from glan.curate.examiner import Examiner, Finding
from glan.curate.quality import Text
from glan.curate.shingles import normalise
from glan.curate.words import LONG, SHORT, Words, extent, runs_of, words_of
from glan.records import Message, Request, Sampling, Stage
from glan.settings import Curation
from glan.teachers.filler import Filler

LONG_ITEM = (
    "A baker puts 7 trays of 24 rolls each into the oven, takes out all but 5 rolls, and sells a third of them "
    "before noon; how many rolls are left on the counter?"
)
SOLUTION = "First 7 times 24 is 168, less the 5 that stayed behind is 163, and a third of that is not a whole number."
SHORT_ITEM = "Name the bone that joins knee and ankle."
TINY_ITEM = "What is 2 + 2?"
STEM = "Which of the following is not true?"
ITEMS = (
    Item(benchmark="Rolls", id="test/1", question=LONG_ITEM, others=(SOLUTION, "163")),
    Item(benchmark="Rolls", id="test/2", question=SHORT_ITEM, others=("The tibia.",)),
    Item(benchmark="Rolls", id="test/3", question=TINY_ITEM, others=("4", "Yes.")),
    Item(
        benchmark="Stems", id="a", question=STEM, others=(f"{STEM}\nIce floats\nLead floats\nCork floats\nOil floats",)
    ),
    Item(
        benchmark="Stems", id="b", question=STEM, others=(f"{STEM}\nOne is odd\nTwo is odd\nFive is odd\nNine is odd",)
    ),
)
KNOWN = Contamination(ITEMS)
AROUND = "Somebody wrote the following on a wall, and nobody knows why. {} Say in your own words what it might mean."

CHANGES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "case": str.upper,
    "other case": str.title,
    "punctuation": lambda text: "**" + text.replace(",", " --").replace(";", "!?").replace(".", " ...") + "**",
    "spaces": lambda text: text.replace(" ", " \n\t  "),
    "wide letters": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "invisible": lambda text: text.replace("o", "o\u00ad"),
    "quoted": lambda text: "> " + text.replace(" ", "\n> ", 3),
}


def found(text: str, *, is_question: bool = True, known: Contamination = KNOWN) -> tuple[str, str] | None:
    """Return the benchmark and the item that a text holds."""
    (match,) = known.questions([text]) if is_question else known.answers([text])
    return (match.benchmark, match.item) if match is not None else None


@pytest.mark.parametrize("is_question", [True, False], ids=["question", "answer"])
@pytest.mark.parametrize("around", ["{}", AROUND], ids=["alone", "inside"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_planted_is_found(change: str, around: str, *, is_question: bool) -> None:
    """Long items, their answers and short items, whatever is done to case, punctuation and spaces, and wherever."""
    for text, item in ((LONG_ITEM, "test/1"), (SOLUTION, "test/1"), (SHORT_ITEM, "test/2")):
        assert found(around.format(CHANGES[change](text)), is_question=is_question) == ("Rolls", item)


@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"punctuation", "quoted"}))
def test_a_tiny_item_is_found_where_it_is_all_that_is_asked(change: str) -> None:
    """Up to five words count as a whole only, among questions only, and with their symbols."""
    assert found(CHANGES[change](TINY_ITEM)) == ("Rolls", "test/3")
    assert found(CHANGES[change](TINY_ITEM), is_question=False) is None
    assert found(AROUND.format(TINY_ITEM)) is None
    assert found("What is 2 - 2?") is None


def test_a_part_of_thirteen_words_is_enough_and_twelve_are_not() -> None:
    """Any 13 words in a row of a long item; of a short one all of it."""
    words = LONG_ITEM.split()
    for start in range(len(words) - LONG + 1):
        assert found("Well: " + " ".join(words[start : start + LONG]) + " Or not?") == ("Rolls", "test/1")
        assert found("Well: " + " ".join(words[start : start + LONG - 1]) + " Or not?") is None
    assert found(SHORT_ITEM.removesuffix(" ankle.")) is None


def test_a_short_answer_of_a_benchmark_is_nothing_to_look_for() -> None:
    """A short answer, such as a plain yes, answers many questions."""
    for text in ("Yes.", "163", "The tibia.", "4"):
        assert found(text) is None
        assert found(text, is_question=False) is None


def test_a_question_that_goes_on_in_several_ways_is_an_item_only_with_what_follows() -> None:
    """`Which of the following is not true?` alone stands in a thousand questions; with its choices it is one item."""
    assert found(STEM) is None
    assert found(f"{STEM} (A) One is odd (B) Two is odd") is None
    assert found(f"{STEM} One is odd, two is odd, five is odd, nine is odd.") == ("Stems", "b")
    alone = Contamination([ITEMS[3]])
    assert found(STEM, known=alone) == ("Stems", "a")


def test_a_match_shows_all_that_both_have_in_a_row() -> None:
    """Name, item and words, from which the name can be read again."""
    (match,) = KNOWN.questions([f"Oh! {SOLUTION.replace('163', '164', 1)}"])
    shared = "first 7 times 24 is 168 less the 5 that stayed behind is"
    assert match == Match(benchmark="Rolls", item="test/1", text=shared)
    assert benchmark_of(match.detail) == "Rolls"
    assert shared in match.detail


def test_a_character_of_a_script_without_spaces_is_a_word() -> None:
    """Chinese items are found inside Chinese texts, also among other marks."""
    item = Item(benchmark="Chinese", id="1", question="小明有十二个苹果，他给了小红三个，还剩下几个？")
    known = Contamination([item])
    assert found("请回答：小明有十二个苹果。他给了小红三个。还剩下几个？谢谢", known=known) == ("Chinese", "1")
    assert found("小明有十三个苹果，他给了小红四个，还剩下几个？", known=known) is None


def test_words_whose_hashes_agree_are_two() -> None:
    """Two texts whose runs have the same hashes, of which one is an item: the other is clean."""
    seen: dict[int, str] = {}
    one = other = ""
    for i in range(1_000_000):
        word = blake2b(b"%d" % i, digest_size=6).hexdigest()
        other = seen.setdefault(zlib.crc32(word.encode()), word)
        if other != word:
            one = word
            break
    text = "a b c d e f {} g h i j k l m n"
    assert (
        runs_of([Words.of(text.format(one)).hashes])[1].hashes.tolist()
        == runs_of([Words.of(text.format(other)).hashes])[1].hashes.tolist()
    )
    known = Contamination([Item(benchmark="B", id="1", question=text.format(one))])
    assert found(text.format(one), known=known) == ("B", "1")
    assert found(text.format(other), known=known) is None
    short = Contamination([Item(benchmark="B", id="1", question=f"a b c {one} e f g")])
    assert found(f"a b c {one} e f g", known=short) == ("B", "1")
    assert found(f"a b c {other} e f g", known=short) is None


few_words = st.sampled_from(["red", "Red,", "sun", "moon.", "3", "+", "月", "é", "Über", "..."])
sentences = st.integers(0, 20).flatmap(lambda n: st.lists(few_words, min_size=n, max_size=n)).map(" ".join)
items_of_one = st.lists(st.tuples(sentences, st.lists(sentences, max_size=1)), max_size=6)


def by_comparing_all(items: Sequence[Item], text: str, *, is_question: bool) -> set[str]:
    """Return the items that a text holds, by comparing it with every one of them."""
    held = set()
    words = words_of(text)
    for item in items:
        asked = words_of(item.question)
        parts = [asked, *map(words_of, item.others)]
        has_run = any(_run(words, run) for part in parts for run in _runs(part))
        is_inside = SHORT <= extent(asked) < LONG and _run(words, asked)
        is_equal = 0 < extent(asked) < SHORT and normalise(item.question) == normalise(text)
        if has_run or is_inside or (is_equal and is_question):
            held.add(item.id)
    return held


def _runs(part: list[bytes]) -> Iterator[list[bytes]]:
    """Give the parts of a text that are worth 13 words, each as short as it can be."""
    for i in range(len(part)):
        ends = (k for k in range(i + 1, len(part) + 1) if extent(part[i:k]) >= LONG)
        if (end := next(ends, None)) is not None:
            yield part[i:end]


def _run(words: list[bytes], run: list[bytes]) -> bool:
    return any(words[i : i + len(run)] == run for i in range(len(words) - len(run) + 1))


@given(found=items_of_one, texts=st.lists(sentences, max_size=6), is_question=st.booleans())
@settings(max_examples=300, deadline=None)
def test_the_verdicts_are_those_of_comparing_with_every_item(
    found: list[tuple[str, list[str]]], texts: list[str], *, is_question: bool
) -> None:
    """None is missed and none is invented, and the item that is named is one that the text holds."""
    items = [Item(benchmark="B", id=str(i), question=asked, others=tuple(o)) for i, (asked, o) in enumerate(found)]
    items = [item for item in items if not any(other.startswith(item.question) for other in item.others)]
    known = Contamination(items)
    matches = known.questions(texts) if is_question else known.answers(texts)
    for text, match in zip(texts, matches, strict=True):
        held = by_comparing_all(items, text, is_question=is_question)
        assert (match is not None) == bool(held)
        assert match is None or match.item in held


@given(item=sentences, before=sentences, after=sentences, marks=st.sampled_from([" ", ", ", " - ", "\n", " **", ") ("]))
@settings(max_examples=300, deadline=None)
def test_planted_items_are_found(item: str, before: str, after: str, marks: str) -> None:
    """Whatever stands around it and between its words, an item of six words or more is found."""
    known = Contamination([Item(benchmark="B", id="1", question=item)])
    text = f"{before} {marks.join(item.upper().split())} {after}"
    if extent(words_of(item)) >= SHORT:
        assert found(text, known=known) == found(text, is_question=False, known=known) == ("B", "1")


@given(texts=st.lists(sentences | st.sampled_from([LONG_ITEM, SHORT_ITEM, TINY_ITEM, SOLUTION]), max_size=20))
@settings(max_examples=50, deadline=None)
def test_verdicts_do_not_depend_on_the_groups(texts: list[str]) -> None:
    """A text alone is judged as it is among others."""
    assert KNOWN.questions(texts) == [match for text in texts for match in KNOWN.questions([text])]
    assert KNOWN.answers(texts) == [match for text in texts for match in KNOWN.answers([text])]


def prose(seed: int, n_texts: int) -> list[str]:
    """Return texts of the filler, all in the same made-up words."""
    filler = Filler(seed=seed, syllabus_size=400)
    sampling = Sampling(model="filler", max_tokens=1_000)

    async def written() -> list[str]:
        return [
            (await filler.reply(Request(id="x", stage=Stage.SYLLABI, messages=(message,), sampling=sampling))).text
            for message in (Message(role="user", content=str(i)) for i in range(n_texts))
        ]

    return asyncio.run(written())


def test_twenty_thousand_clean_questions_stay() -> None:
    """In the words of 3,000 items, and not one match; the items themselves are all found among them."""
    backwards = [" ".join(reversed(text.split())) for text in prose(1, 3_000)]
    items = [Item(benchmark="Filler", id=str(i), question=text) for i, text in enumerate(backwards)]
    known = Contamination((*ITEMS, *items))
    clean = prose(2, 20_000)
    assert len(set(clean)) == 20_000
    assert known.questions(clean) == [None] * 20_000
    planted = [f"{clean[i]} {items[i].question.swapcase()} {clean[-i]}" for i in range(0, 3_000, 10)]
    assert None not in known.questions(planted)
    assert None not in known.answers(planted)


def test_memory_is_as_stated() -> None:
    """At most 14 bytes for a run of 13 words, and no more than half of the items' length."""
    texts = prose(1, 3_000)
    known = Contamination(Item(benchmark="B", id=str(i), question=text) for i, text in enumerate(texts))
    n_runs = sum(len(words_of(text)) - LONG + 1 for text in texts)
    assert known.size_bytes <= 14 * n_runs + sum(map(len, texts)) / 2


def test_nothing_is_looked_for_where_there_is_nothing_to_find() -> None:
    """Without items, or with items without a word, every text passes."""
    for items in ([], [Item(benchmark="B", id="1", question="???", others=("", "!"))]):
        known = Contamination(items)
        assert known.questions(["???", "", LONG_ITEM]) == [None] * 3
        assert known.answers(["???", "", LONG_ITEM]) == [None] * 3


def test_the_examiner_rejects_before_it_remembers() -> None:
    """A contaminated question is no original of later copies, and a broken text is not looked up."""
    examiner = Examiner(Curation(), ITEMS)
    texts = [Text(text=LONG_ITEM), Text(text=LONG_ITEM, finish_reason="length"), Text(text="How do birds sleep?")]
    contaminated = Finding(
        reason="contaminated", detail=f"Rolls test/1: {' '.join(word.decode() for word in words_of(LONG_ITEM))}"
    )
    assert examiner.questions(texts) == [contaminated, Finding(reason="cut off"), None]
    assert examiner.questions(texts[2:]) == [Finding(reason="exact duplicate", original=0, similarity=1.0)]
    assert [finding.reason if finding else None for finding in examiner.answers([Text(text=SOLUTION), texts[2]])] == [
        "contaminated",
        None,
    ]
