"""The lists of the viewer: filters, full text and paging give just the rows that a plain look through all gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, Check, Reject, Row, Score
from glan.dataset.shards import ShardWriter
from glan.errors import DatasetError
from glan.records import Message, Outcome, Stage
from glan.view.filters import Filter, filters_of, item_counts, mask_of, shares, words_of
from glan.view.index import Data, Index, Shelf
from glan.view.listing import PAGE, PAIRS, Asked, Listing, Lists
from glan.view.texts import Search, Texts, build, snippet
from glan.view.threes import ROWS

ALL, NONE = frozenset(range(1_000)).__contains__, frozenset[int]().__contains__
LEVELS = ("introductory", "graduate", None)


def row(i: int, **known: Any) -> Row:  # noqa: ANN401 - the columns have many types
    values: dict[str, Any] = {
        "id": f"question/leaf%20{i % 3}/subject/{i}",
        "messages": (Message(role="user", content=f"Question {i}?"), Message(role="assistant", content=f"Answer {i}.")),
        "field": "Science",
        "sub_field": None,
        "discipline": f"Leaf {i % 3}",
        "subject": "Subject",
        "level": LEVELS[i % 3],
        "sessions": (f"Session {i % 5}",),
        "key_concepts": (f"Concept {i % 7}", f"Concept {i % 2}"),
        "strategy": "single",
        "question_model": "m",
        "answer_model": "m",
        "question_tokens": i,
        "answer_tokens": None if i % 4 else 2 * i,
        "language": "en",
        "finish_reason": "stop",
        "reasoning": None,
        "slot": i,
    }
    return Row(**{**values, **known})


def reject(i: int, **known: Any) -> Reject:  # noqa: ANN401
    return Reject(
        row=row(i, messages=(Message(role="user", content=f"Refused {i}?"),), **known),
        outcome=Outcome.FAILURE if i % 2 else Outcome.REJECT,
        stage=Stage.ANSWERS,
        reason="refusal",
        detail="It says no.",
        raw="I will not.",
    )


def write(folder: Path, pairs: Sequence[Row], rejects: Sequence[Reject] = ()) -> Data:
    """Write a data set with small shards, and a manifest that names it."""
    data = Data(train=folder / "train", rejects=folder / "rejects", manifest=folder / "manifest.json")
    for place, schema, rows in ((data.train, ROW_SCHEMA, pairs), (data.rejects, REJECT_SCHEMA, rejects)):
        with ShardWriter(place, schema, 40) as writer:
            for each in rows:
                writer.add(each)
            writer.close()
    data.manifest.write_text(str(len(pairs)), encoding="utf-8")
    return data


def indexed(data: Data, folder: Path, *, texts: bool = True) -> Index:
    shelf = Shelf(data, folder)
    shelf.refresh()
    shelf.wait()
    if texts:
        shelf.want_texts()
        shelf.wait()
    assert shelf.error is None
    assert shelf.index is not None
    return shelf.index


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The index of 130 pairs and 9 rejects."""
    folder = tmp_path_factory.mktemp("data")
    pairs = [row(i) for i in range(120)]
    pairs += [
        row(i, scores=(Score(name="clarity", value=float(i % 10)),), checks=(Check(name="items", verdict="kept"),))
        for i in range(120, 130)
    ]
    return indexed(write(folder, pairs, [reject(i) for i in range(200, 209)]), folder / ".view")


def ids(listing: Listing) -> list[str]:
    return [each["id"] for each in listing.rows]


def numbers(index: Index, *filters: tuple[str, str]) -> list[int]:
    """Return the slots of the rows that have some conditions, rejects too."""
    mask = mask_of(index.columns, filters_of(filters))
    return [int(slot) for slot in index.columns.numbers("slot")[mask]]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ([], ALL),
        ([("level", "=graduate")], lambda i: i % 3 == 1),
        ([("level", "GRAD")], lambda i: i % 3 == 1),
        ([("level", "=")], lambda i: i % 3 == 2),
        ([("discipline", "=Leaf 2")], lambda i: i % 3 == 2),
        ([("discipline", "=leaf 2")], NONE),
        ([("discipline", "leaf")], ALL),
        ([("key_concepts", "=Concept 1")], lambda i: i % 7 == 1 or i % 2 == 1),
        ([("sessions", "session 4"), ("level", "=graduate")], lambda i: i % 5 == 4 and i % 3 == 1),
        ([("pii", "=")], ALL),
        ([("checks", "=items: kept")], lambda i: 120 <= i < 130),
        ([("question_tokens.min", "100"), ("question_tokens.max", "104")], lambda i: 100 <= i <= 104),
        ([("answer_tokens.max", "8")], lambda i: i % 4 == 0 and 2 * i <= 8),
        ([("scores.clarity.min", "7")], lambda i: 120 <= i < 130 and i % 10 >= 7),
        ([("scores.nothing.min", "7")], NONE),
        ([("outcome", "=failure")], lambda i: i >= 200 and i % 2 == 1),
        ([("outcome", "=pair")], lambda i: i < 200),
        ([("id", "=question/leaf%201/subject/4")], lambda i: i == 4),
        ([("id", "subject/12")], lambda i: str(i).startswith("12")),
        ([("leaf", "=leaf%201")], lambda i: i % 3 == 1),
        ([("no such column", "=1"), ("answer_tokens.min", "many"), ("slot.min", "nan")], ALL),
    ],
)
def test_a_filter_gives_just_the_rows_that_have_it(index: Index, asked: Any, wanted: Any) -> None:  # noqa: ANN401
    """Each kind of condition, alone and together; what is no condition is left out."""
    assert numbers(index, *asked) == [i for i in [*range(130), *range(200, 209)] if wanted(i)]


def test_texts_are_counted_among_the_rows_of_a_list(index: Index) -> None:
    """Beside each choice stands how many rows have it, and no text at all is one."""
    mask = mask_of(index.columns, (PAIRS,))
    assert {(each.shown, each.rows) for each in shares(index.columns, "level", mask, 10)} == {
        ("introductory", 44), ("graduate", 43), ("(none)", 43),
    }  # fmt: skip
    assert item_counts(index.columns, "sessions", mask) == {f"Session {i}": 26 for i in range(5)}


def test_columns_have_the_words_of_the_docs() -> None:
    """A column whose name is no word that people are told stands on a page, and in what is asked, by that word."""
    assert [words_of(name) for name in ("sub_field", "task", "pii", "answer_tokens", "scores.my_own")] == [
        "sub-field", "form", "personal data", "answer tokens", "my own",
    ]  # fmt: skip
    assert Filter("task", "is", "").told == "form is (none)"


def walked(lists: Lists, asked: Asked) -> list[str]:
    """Walk all pages forwards, and see that each leads back to the one before it."""
    found: list[str] = []
    earlier: Listing | None = None
    while True:
        listing = lists.page(asked, PAIRS)
        found += ids(listing)
        if earlier is not None:
            assert listing.previous is not None
            back = lists.page(Asked(filters=asked.filters, typed=asked.typed, before=listing.previous), PAIRS)
            assert ids(back) == ids(earlier)
        if listing.next is None:
            return found
        earlier = listing
        asked = Asked(filters=asked.filters, typed=asked.typed, after=listing.next)


@pytest.mark.parametrize("typed", ["", "question", "er", "ANSWER"])
@pytest.mark.parametrize("filters", [(), (Filter("level", "is", "graduate"),)])
def test_pages_follow_each_other_without_a_gap(index: Index, typed: str, filters: tuple[Filter, ...]) -> None:
    """Forwards and backwards, with filters and a search, each row stands on one page, in the order of the data set."""
    words = typed.casefold().split()
    wanted = [
        f"question/leaf%20{i % 3}/subject/{i}"
        for i in range(130)
        if all(word in f"question {i}? answer {i}." for word in words) and (not filters or i % 3 == 1)
    ]
    lists = Lists(index)
    assert walked(lists, Asked(filters=filters, typed=typed)) == wanted
    assert len(wanted) > PAGE
    last = lists.page(Asked(filters=filters, typed=typed, before=10**12), PAIRS)
    assert ids(last) == wanted[-PAGE:]
    assert last.total == len(wanted)


@pytest.mark.parametrize("typed", ["question", '"answer 9"', '"nswer 10"', '"no such thing"'])
def test_a_search_that_gives_up_is_carried_on(index: Index, typed: str) -> None:
    """A page that has read enough says that there may be more and where; page by page nothing is left out or twice."""
    whole, short = Lists(index), Lists(index, most_read=4_000)
    wanted = walked(whole, Asked(typed=typed))
    found: list[str] = []
    asked = Asked(typed=typed)
    told: list[str] = []
    while asked.after is not None or not told:
        listing = short.page(asked, PAIRS)
        told.append(listing.told)
        found += ids(listing)
        if listing.next is None:
            break
        asked = Asked(typed=typed, after=listing.next)
    assert found == wanted
    assert len(told) > 1 or not wanted
    back: list[str] = []
    asked = Asked(typed=typed, before=10**12)
    while asked.before is not None:
        listing = short.page(asked, PAIRS)
        back = ids(listing) + back
        asked = Asked(typed=typed, before=listing.previous)
    assert back == wanted


def test_a_search_that_has_found_nothing_yet_says_so(index: Index) -> None:
    """Where the letters are frequent and the phrase is nowhere, nothing so far is not nothing."""
    asked = Asked(typed='"1111"')
    short = Lists(index, most_read=10).page(asked, PAIRS)
    assert (short.told, short.next is None) == ("Nothing so far", False)
    whole = Lists(index)
    for each in (asked, Asked(typed=asked.typed, before=10**12)):
        listing = whole.page(each, PAIRS)
        assert (listing.told, listing.previous, listing.next) == ("Nothing", None, None)


@pytest.mark.parametrize(
    ("asked", "phrases"),
    [
        ('"', ('"',)),
        ('""', ('""',)),
        ('"a b', ("a b",)),
        ('a" "b c"', ('a"', "b c")),
        ('"" a', ("a",)),
        (" ", ()),
    ],
)
def test_quotation_marks_are_looked_for_where_they_enclose_nothing(asked: str, phrases: tuple[str, ...]) -> None:
    """Quotation marks alone are text; around words they make a phrase, closed or not."""
    assert Search.of(asked, "all").phrases == phrases


def test_a_search_shows_where_it_was_found(index: Index) -> None:
    """Beside a hit stands the text around it, with what was looked for marked; a reject has what was refused."""
    [hit] = Lists(index).page(Asked(typed='"answer 117"'), PAIRS).rows
    assert hit["snippets"] == [(("Answer 117", True), (".", False))]
    refused = Lists(index).page(Asked(typed='"will not"', where="answer"), Filter("outcome", "not", "pair"))
    assert refused.total == 9
    assert Lists(index).page(Asked(typed='"will not"', where="question"), Filter("outcome", "not", "pair")).total == 0


text = st.text(alphabet="abcABÄäßé \"'*(){}:^-+.,数学的是\u202e\x00\n", max_size=12)


@given(texts=st.lists(st.tuples(text, text), min_size=1, max_size=8), asked=text)
@settings(max_examples=150, deadline=None)
def test_full_text_finds_what_holds_the_letters(texts: list[tuple[str, str]], asked: str) -> None:
    """Whatever is typed is text and no syntax; what is found holds every phrase."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "texts.arrow"
        build(path, texts, lambda _: None)
        search = Search.of(asked, "all")
        if not search.phrases:
            return
        numbers_ = list(Texts.open(path).look(search, np.ones(len(texts), np.bool_)))
    exact = [i for i, each in enumerate(texts) if all(any(p in part for part in each) for p in search.phrases)]
    assert set(exact) <= set(numbers_)
    if search.phrases == tuple(p for p in search.phrases if p.isascii()):
        folded = [tuple(part.casefold() for part in each) for each in texts]
        for i in numbers_:
            assert all(any(p.casefold() in part for part in folded[i]) for p in search.phrases)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("数学", [0]),
        ("学", [0, 3]),
        ("ÄPFEL", [1]),
        ("äpfel и ВОЙНА", [1]),
        ("ὀδυσσεύς", [2]),
        ('"war AND peace"', [3]),
        ('"peace war"', []),
        ("a\ud800b", []),
    ],
)
def test_every_script_is_searched_without_case(tmp_path: Path, asked: str, wanted: list[int]) -> None:
    """One Chinese sign is enough, no script needs its capitals, and a phrase ends with its text."""
    texts = [("什么是数学?", ""), ("Äpfel", "Война и мир"), ("ὈΔΥΣΣΕΎΣ", "\0"), ("大学: peace", "War and peace, peace")]
    build(tmp_path / "texts.arrow", texts, lambda _: None)
    look = Texts.open(tmp_path / "texts.arrow").look(Search.of(asked, "all"), np.ones(len(texts), np.bool_))
    assert (list(look), look.stopped) == (wanted, None)


def test_rows_of_many_chunks_keep_their_numbers(tmp_path: Path) -> None:
    """Whether a list is kept as numbers or as bits, each row is found by its own number, from either end, and read."""
    texts = [(f"Number {i}.", f"Half {i // 2}." if i % 5 else "五") for i in range(2 * ROWS + 100)]
    build(tmp_path / "texts.arrow", texts, lambda _: None)
    found = Texts.open(tmp_path / "texts.arrow")
    assert len(found.chunks) > 2
    mask = np.arange(len(texts)) % 3 == 0
    for asked, newest in [("number", False), ("五", True), ('"number 1"', True), ('"number 16390."', False)]:
        [phrase] = Search.of(asked, "all").phrases
        wanted = [i for i, each in enumerate(texts) if i % 3 == 0 and phrase in "|".join(each).casefold()]
        look = found.look(Search.of(asked, "all"), mask, newest=newest, most_read=10**12)
        assert list(look) == wanted[:: -1 if newest else 1], asked
    build(tmp_path / "none.arrow", [], lambda _: None)
    assert not list(Texts.open(tmp_path / "none.arrow").look(Search.of("number", "all"), np.ones(0, np.bool_)))
    assert [found.said(i) for i in (0, ROWS, len(texts) - 1)] == [texts[i] for i in (0, ROWS, len(texts) - 1)]


@given(text=st.text("abÄé (.", max_size=60), phrases=st.lists(st.text("abÄé (.", min_size=1, max_size=4), max_size=3))
@settings(max_examples=100, deadline=None)
def test_a_snippet_is_a_part_of_its_text(text: str, phrases: list[str]) -> None:
    """Put together its pieces are a run of the text, and what is marked is what was looked for."""
    pieces = snippet(text, phrases, 20)
    whole = "".join(piece for piece, _ in pieces)
    assert whole.removeprefix("…").removesuffix("…") in text or whole in text
    marked: Mapping[str, bool] = dict(pieces)
    assert all(
        any(piece.casefold() in {p.casefold(), piece.casefold()} for p in phrases) for piece in marked if marked[piece]
    )


def test_a_data_set_that_is_exchanged_gets_an_index_of_its_own(tmp_path: Path) -> None:
    """The old index answers until the new one is whole, never shows a row of the other data set, and then goes."""
    data = write(tmp_path / "a", [row(i) for i in range(50)])
    older = tmp_path / ".view" / "0123456789abcdef01234567"  # as another version names the same data set
    older.mkdir(parents=True)
    (older / "texts.sqlite").write_bytes(b"SQLite format 3\0")
    shelf = Shelf(data, tmp_path / ".view")
    shelf.refresh()
    shelf.wait()
    first = shelf.index
    assert first is not None
    assert len(first.columns) == 50
    for path in (data.train, data.rejects):
        path.rename(path.with_name(f"{path.name}-old"))
    data.manifest.unlink()
    write(tmp_path / "a", [row(i + 7) for i in range(60)])
    with pytest.raises(DatasetError, match="exchanged"):
        first.row(3)
    shelf.refresh()
    shelf.wait()
    assert shelf.index is not None
    assert shelf.index.row(3)["id"] == row(10).id
    assert [path.name for path in (tmp_path / ".view").iterdir() if path.is_dir()] == [shelf.index.folder.name]
    again = Shelf(data, tmp_path / ".view")
    again.refresh()
    again.wait()
    assert again.index is not None
    assert len(again.index.columns) == 60


def test_an_index_from_a_stranger_is_told_to_be_bad(tmp_path: Path) -> None:
    """A file that is no index of ours is an error with its name, a link is not followed, and nothing crashes."""
    data = write(tmp_path / "a", [row(0)])
    place = tmp_path / ".view" / data.key()
    place.mkdir(parents=True)
    (place / "columns.arrow").write_bytes(b"ARROW1\0\0" + b"\xff" * 64)
    shelf = Shelf(data, tmp_path / ".view")
    shelf.refresh()
    shelf.wait()
    assert "cannot be read" in str(shelf.error)
    for written in (b"", b"SQLite format 3\0", (tmp_path / "a/train/00000.parquet").read_bytes()):
        (place / "texts.arrow").write_bytes(written)
        with pytest.raises(DatasetError, match=r"texts\.arrow cannot be read"):
            Texts.open(place / "texts.arrow")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    shelf = Shelf(data, tmp_path / "link")
    shelf.refresh()
    shelf.wait()
    assert "no link is followed" in str(shelf.error)


@pytest.mark.parametrize(("rows", "told"), [(999, "999"), (1_000, "1,000"), (1_001, "more than 1,000")])
def test_what_is_counted_to_its_end_is_told_as_it_is(tmp_path: Path, rows: int, told: str) -> None:
    """Counting ends at a thousand, and just then there are more."""
    index = indexed(write(tmp_path, [row(i) for i in range(rows)]), tmp_path / ".view")
    assert Lists(index).page(Asked(typed="question"), PAIRS).told == f"1-25 of {told}"
