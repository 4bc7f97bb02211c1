"""The benchmarks of a project on disk: what is written is read again, and hostile files get one clear sentence."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmark_rows import mirror, n_items, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.benchmarks.hub import load_from_hub, reading_of, splits_of
from glan.benchmarks.items import Item
from glan.benchmarks.recipes import missing, recipe_of, recipes
from glan.benchmarks.store import Benchmark, Benchmarks, Reading, Split, add, checked_name
from glan.benchmarks.tables import LONGEST_LINE, Row, files_of, rows_of, text_of
from glan.curate.contamination import Contamination
from glan.errors import BenchmarkError, DatasetError, GlanError

READING = Reading(fields=("question", "answer"), source="ours", date="2026-01-01")
ROW = {"question": "How high is a tide?", "answer": "As high as the moon has it."}


def of(folder: Path, *found: Mapping[str, object], name: str = "Ours", reading: Reading = READING) -> Benchmark:
    """Add a benchmark of some rows."""
    split = Split(name="test", rows=[Row(Path("f.jsonl"), i, fields) for i, fields in enumerate(found, 1)])
    return add(folder, name, [split], reading, replace=True)


def told(function: Callable[..., object], *arguments: object) -> str:
    """Return what an error says, which is one sentence and a way out at most."""
    with pytest.raises(GlanError) as caught:
        function(*arguments)
    words = f"{caught.value} {caught.value.hint}"
    assert len(words) < 600
    assert words.isprintable()
    return words


def test_what_is_added_is_read_again(tmp_path: Path) -> None:
    """Question, further texts and place of each item; a text that is empty is none."""
    of(tmp_path, ROW, {"question": "Why?\x00\ud800", "answer": None})
    found = Benchmarks.read(tmp_path)
    assert list(found) == [
        Item(benchmark="Ours", id="test/1", question=ROW["question"], others=(ROW["answer"],)),
        Item(benchmark="Ours", id="test/2", question="Why?\ufffd\ufffd"),
    ]
    (about,) = (each.about for each in found.found)
    assert (about.splits, about.fields, about.source, about.date) == ({"test": 2}, READING.fields, "ours", "2026-01-01")
    assert found.hashes() == {"benchmarks/Ours.jsonl": about.sha256}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@given(
    texts=st.lists(st.text(max_size=30), min_size=1, max_size=5),
    source=st.text(max_size=30),
    licence=st.none() | st.text(max_size=30),
)
@settings(max_examples=50, deadline=None)
def test_whatever_the_texts_are_they_come_back(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], source: str, licence: str | None
) -> None:
    """No text ends a line, a string or a file early."""
    folder = tmp_path_factory.mktemp("benchmarks")
    reading = Reading(fields=("q",), source=source, licence=licence)
    of(folder, *({"q": text} for text in texts), reading=reading)
    found = [item.question for item in Benchmarks.read(folder)]
    assert [text.encode("utf-8", "surrogatepass") for text in found] == [text.encode() for text in found]
    assert len(found) == len(texts)
    assert all(ours == text for ours, text in zip(found, texts, strict=True) if text.isprintable())


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a/b", "", ".", "..", ".x", "a\0b", "a b", "x" * 65, "é"])
def test_a_name_is_never_a_path(tmp_path: Path, name: str) -> None:
    """What could lead elsewhere is refused before anything is written."""
    assert "no name" in told(checked_name, name)
    with pytest.raises(BenchmarkError, match="no name"):
        of(tmp_path / "benchmarks", ROW, name=name)
    assert not list(tmp_path.rglob("*"))


def test_what_stands_is_not_written_over(tmp_path: Path) -> None:
    """A name that is taken is refused, whatever its case, and a row that fails leaves all as it was."""
    of(tmp_path, ROW)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    split = Split(name="test", rows=[Row(Path("f"), 1, ROW)])
    with pytest.raises(BenchmarkError, match="has the benchmark Ours already"):
        add(tmp_path, "OURS", [split], READING)
    with pytest.raises(DatasetError, match="no field 'question'"):
        of(tmp_path, ROW, {"answer": "x"})
    with pytest.raises(BenchmarkError, match="no items"):
        of(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def spoil(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (spoil("Ours.jsonl", lambda data: data + b"{}\n"), "is not the file whose hash is in Ours.toml"),
        (spoil("Ours.toml", lambda _: b"= = ="), "Ours.toml cannot be read"),
        (spoil("Ours.toml", lambda _: b"\xff\xfe"), "Ours.toml cannot be read"),
        (spoil("Ours.toml", lambda data: data + b'path = "/etc/passwd"\n'), "unknown field `path`"),
        (lambda folder: (folder / "Ours.toml").unlink(), "Ours.jsonl stands without Ours.toml"),
        (lambda folder: (folder / "Ours.jsonl").unlink(), "Ours.toml stands without Ours.jsonl"),
        (lambda folder: (folder / "no name.jsonl").write_text(""), "'no name' is no name"),
        (lambda folder: (folder / "x.jsonl").mkdir(), "x.toml stands without x.jsonl"),
    ],
)
def test_files_that_are_not_what_they_were_are_refused(
    tmp_path: Path, harm: Callable[[Path], object], expected: str
) -> None:
    """An edited, broken or missing file is named, with the way to mend it."""
    of(tmp_path, ROW)
    harm(tmp_path)
    words = told(Benchmarks.read, tmp_path)
    assert expected in words
    assert "glan benchmarks" in words or "A name has" in words


def test_a_strangers_file_with_the_right_hash_is_still_read_with_care(tmp_path: Path) -> None:
    """A line that is no item names its place."""
    of(tmp_path, ROW)
    about = Benchmarks.read(tmp_path).found[0].about
    for lines in (b"[]\n", b'{"id": 1}\n', b"\xff\n", b"[" * 100_000 + b"\n"):
        (tmp_path / "Ours.jsonl").write_bytes(lines)
        text = (tmp_path / "Ours.toml").read_text().replace(about.sha256, hashlib.sha256(lines).hexdigest())
        (tmp_path / "Ours.toml").write_text(text)
        about = Benchmarks.read(tmp_path).found[0].about
        assert "Ours.jsonl:1 is no item" in told(list, Benchmarks.read(tmp_path))


HOSTILE: dict[str, tuple[bytes, str]] = {
    "not.jsonl": (b"question: why?\n", "not.jsonl:1 is not JSON"),
    "cut.jsonl": (b'{"question": "a"}\n{"question": "b', "cut.jsonl:2 is not JSON"),
    "list.jsonl": (b'["a"]\n', "list.jsonl:1 is no object with named fields, but a list"),
    "field.jsonl": (b'{"q": "a", "z": 1}\n', "field.jsonl:1 has no field 'question'. Its fields are q, z."),
    "object.jsonl": (b'{"question": {"en": "a"}}\n', "It holds en: name one as question.NAME."),
    "latin.jsonl": (b'{"question": "\xe9"}\n', "latin.jsonl:1 is not JSON"),
    "deep.jsonl": (b"[" * 200_000 + b"\n", "deep.jsonl:1 is not JSON"),
    "empty.jsonl": (b"\n\n", "has no items"),
    "zeros.jsonl": (b"\0" * 10_000, "zeros.jsonl:1 is not JSON"),
    "not.parquet": (b"PAR1, they say", "not.parquet cannot be read as parquet"),
    "not.csv": (b"question\n\xff\n", "not.csv cannot be read as CSV after row 0"),
    "short.csv": (b"q,z\n1,2\n", "short.csv:1 has no field 'question'"),
    "what.xlsx": (b"PK", "what.xlsx cannot be read: its name does not end in .jsonl, .ndjson, .parquet or .csv"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_one_clear_sentence(tmp_path: Path, name: str) -> None:
    """File, row and what is wrong; nothing half-written stays."""
    data, expected = HOSTILE[name]
    file = tmp_path / name
    file.write_bytes(data)
    folder = tmp_path / "benchmarks"

    def added() -> None:
        paths = files_of(file)
        splits = [Split(name="test", rows=rows_of(path)) for path in paths]
        add(folder, "Ours", splits, Reading(fields=("question",), source=name))

    assert expected in told(added)
    assert not folder.exists() or not list(folder.iterdir())


def test_a_huge_line_is_never_read_whole(tmp_path: Path) -> None:
    """What is longer than 64 MB is no row, and is refused in a moment."""
    file = tmp_path / "huge.jsonl"
    with file.open("wb") as out:
        out.seek(LONGEST_LINE * 40)
        out.write(b"\n")
    begun_s = time.monotonic()
    assert "huge.jsonl:1 is longer than 64 MB" in told(list, rows_of(file))
    assert time.monotonic() - begun_s < 20


def test_rows_are_the_same_in_every_kind_of_file(tmp_path: Path) -> None:
    """JSON lines with a mark of their order, parquet, and CSV with line ends inside."""
    found = [{"question": 'Why, "oh\nwhy"?', "answer": "é"}, {"question": "How?", "answer": ""}]
    (tmp_path / "a.jsonl").write_text("\ufeff" + "\r\n".join(json.dumps(row) for row in found), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(found), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text('\ufeffquestion,answer\r\n"Why, ""oh\nwhy""?",é\r\nHow?,\r\n', encoding="utf-8")
    assert [path.name for path in files_of(tmp_path)] == ["a.csv", "a.jsonl", "a.parquet"]
    for path in files_of(tmp_path):
        texts = [{name: text_of(row, name) for name in ("question", "answer")} for row in rows_of(path)]
        assert texts == found, path.name


def test_fields_may_be_inside_others_and_joined() -> None:
    """`a.b` is inside, `a+b` are two texts, a list is a line each, a number is what it says, a null is nothing."""
    row = Row(Path("f"), 1, {"q": "Why?", "c": {"text": ["a", 1], "x.y": None}, "d.e": 2.5})
    assert text_of(row, "q+c.text") == "Why?\na\n1"
    assert text_of(row, "d.e") == "2.5"
    assert "no field 'c.no'" in told(text_of, row, "c.no")
    assert "no field 'q.x'" in told(text_of, row, "q.x")


def test_every_known_benchmark_is_read_by_its_recipe(tmp_path: Path) -> None:
    """From copies of their repositories, with the library that reads the hub, and each item is found afterwards."""
    copies = mirror(tmp_path / "hub")
    folder = tmp_path / "benchmarks"
    for name, recipe in recipes().items():
        added = add(folder, name, splits_of(recipe, load_from_hub(), copies), reading_of(recipe))
        assert added.about.n_items == n_items(recipe), name
        assert set(added.about.splits) == set(recipe.splits), name
    found = Benchmarks.read(folder)
    assert not missing(found.splits())
    known = Contamination(found)
    for item in found:
        (match,) = known.questions([f"Consider this. {item.question.lower()} Thank you."])
        assert match is not None, item
    ids = [(item.benchmark, item.id) for item in found]
    assert len(set(ids)) == len(ids)


def test_known_benchmarks_have_what_a_fetch_needs() -> None:
    """A hub id, splits, a question first, and every name can stand for a file."""
    for name, recipe in recipes().items():
        assert checked_name(name) == name
        assert recipe.hub.count("/") == 1
        assert recipe.splits
        assert recipe.fields
        (row, _) = rows(name, "here")
        assert all(text_of(Row(Path("f"), 1, row), field) for field in recipe.fields)
        assert recipe.licence
        assert set(recipe.files) <= set(recipe.splits)


def test_a_part_of_a_known_benchmark_is_not_all_of_it() -> None:
    """Splits that are not there are named; an unknown name is answered with the nearest."""
    everything = {name: dict.fromkeys(recipe.splits, 1) for name, recipe in recipes().items()}
    assert missing(everything) == ()
    assert missing({**everything, "GSM8K": {"test": 1}}) == ("GSM8K (train)",)
    assert set(missing({})) == set(recipes())
    assert "did you mean GSM8K?" in told(recipe_of, "GSM8")
    assert recipe_of("gsm8k") is recipes()["GSM8K"]


def test_a_fetch_that_fails_names_what_it_wanted(tmp_path: Path) -> None:
    """One sentence with the data set, and the ways without the hub."""
    words = told(
        lambda: add(
            tmp_path / "benchmarks",
            "GSM8K",
            splits_of(recipes()["GSM8K"], load_from_hub(), tmp_path / "nothing"),
            reading_of(recipes()["GSM8K"]),
        )
    )
    assert "openai/gsm8k/main/train cannot be fetched" in words
    assert "--from DIR" in words
    assert not list((tmp_path / "benchmarks").iterdir())


def test_without_the_library_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named as pip takes it."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    words = told(load_from_hub)
    assert "pip install 'glan[benchmarks]'" in words
