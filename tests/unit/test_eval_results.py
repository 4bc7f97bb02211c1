"""Numbers with their errors, pairs of results, and the tables and pictures of them."""

import csv
import io
import math
import random
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from glan.cli.evaluating import eval_command
from glan.errors import ProjectError
from glan.evaluate.paired import difference, unlike
from glan.evaluate.results import (
    Item,
    Number,
    Results,
    Taken,
    groups_of,
    number_over,
    numbers_of,
    read_items,
    read_results,
    write_items,
    write_results,
)
from glan.evaluate.scaling import Point, picture_of, table_of
from glan.evaluate.scoring import Part
from glan.standings import compared, overview, page, remarks, write_curve


def parts(right: int, of: int) -> list[Part]:
    return [Part(right=float(i < right)) for i in range(of)]


def items(scores: list[float], number: str = "score", group: str = "") -> list[Item]:
    return [
        Item(id=str(i), group=group, prompt_sha256="", replies=("x",), parts={number: Part(right=score)})
        for i, score in enumerate(scores)
    ]


def taken(found: list[Item], **changed: Any) -> Taken:  # noqa: ANN401 - fields have many types
    fields: dict[str, Any] = {
        "title": "GSM8K",
        "shots": 0,
        "max_tokens": 1024,
        "temperature": 0.0,
        "samples": 1,
        "limit": None,
        "there": len(found),
        "asked": len(found),
        "answered": len(found),
        "unread": 0,
        "cut": 0,
        "prompts_cut": 0,
        "data": "d" * 64,
        "prompts": "p" * 64,
        "numbers": numbers_of(found),
        "groups": groups_of(found, {}),
    }
    return Taken(**{**fields, **changed})


def results(folder: Path, scores: list[float], **changed: Any) -> Path:  # noqa: ANN401
    """Write the results of a model in one benchmark."""
    found = items(scores)
    write_items(folder, "gsm8k", found)
    fields: dict[str, Any] = {"name": folder.name, "pairs": None, "taken": {}, **changed}
    write_results(
        folder,
        Results(
            glan_version="1",
            libraries={},
            name=fields["name"],
            model="m",
            way="local",
            identity="i",
            chat=True,
            pairs=fields["pairs"],
            tasks={"gsm8k": taken(found, **fields["taken"])},
        ),
    )
    return folder


def test_a_share_has_the_error_of_its_items() -> None:
    """30 of 100: the standard error by hand, and Wilson's interval for 99 independent items."""
    found = number_over(parts(30, 100))
    assert found.value == 0.3
    assert found.se == pytest.approx(math.sqrt(0.3 * 0.7 / 99))
    z, n = 1.959964, 99
    middle, half = (0.3 + z * z / 2 / n), z * math.sqrt(0.21 / n + z * z / 4 / n / n)
    assert found.low == pytest.approx((middle - half) / (1 + z * z / n))
    assert found.high == pytest.approx((middle + half) / (1 + z * z / n))


def test_none_and_all_right_have_an_interval_too() -> None:
    """0 of 50 is not certain, and the interval of 50 of 50 mirrors it."""
    none, every = number_over(parts(0, 50)), number_over(parts(50, 50))
    assert (none.low, none.high) == pytest.approx((0.0, 0.0713), abs=1e-4)
    assert (every.low, every.high) == pytest.approx((1 - none.high, 1.0))


def test_parts_of_one_item_are_not_independent() -> None:
    """Ten prompts with three instructions each, all kept or none: the error is that of ten items, not of thirty."""
    together = [Part(right=3.0 * (i < 5), of=3.0) for i in range(10)]
    assert number_over(together).se == pytest.approx(number_over(parts(5, 10)).se)
    assert number_over(together).value == 0.5


def test_a_ratio_of_unequal_items_is_linearised() -> None:
    """3 of 4 and 0 of 1: the ratio is 3/5, and its error follows from what each item adds to it."""
    found = number_over([Part(right=3.0, of=4.0), Part(right=0.0, of=1.0)])
    residuals = [(3 - 0.6 * 4) / 2.5, (0 - 0.6 * 1) / 2.5]
    assert found.value == 0.6
    assert found.se == pytest.approx(math.sqrt(sum(r * r for r in residuals) / 1 / 2))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), min_size=1, max_size=60))
def test_an_interval_holds_its_value(counts: list[tuple[int, int]]) -> None:
    """Whatever the scores are, the value lies within an interval that lies within 0 and 1."""
    found = number_over([Part(right=float(min(right, of)), of=float(of)) for right, of in counts])
    assert 0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1


def test_items_without_a_score_are_in_no_number() -> None:
    """A failed item is counted apart; a group is the mean of its own items."""
    failed = Item(id="x", group="a", prompt_sha256="", replies=(None,), failed="no server")
    found = [*items([1, 0], group="a"), failed, *items([1], group="b")]
    assert numbers_of(found)["score"].items == 3
    assert {name: number.value for name, number in groups_of(found, {}).items()} == {"a": 0.5, "b": 1.0}
    assert {name: number.items for name, number in groups_of(found, {"a": "all", "b": "all"}).items()} == {"all": 3}


def test_items_come_back_as_they_were(tmp_path: Path) -> None:
    """What is written is read; the same items give the same bytes; a damaged file is told."""
    found = items([1, 0, 1])
    write_items(tmp_path, "gsm8k", found)
    before = (tmp_path / "items" / "gsm8k.jsonl.gz").read_bytes()
    assert read_items(tmp_path, "gsm8k") == found
    write_items(tmp_path, "gsm8k", found)
    assert (tmp_path / "items" / "gsm8k.jsonl.gz").read_bytes() == before
    (tmp_path / "items" / "gsm8k.jsonl.gz").write_bytes(before[:-9])
    with pytest.raises(ProjectError, match="cannot be read"):
        read_items(tmp_path, "gsm8k")
    with pytest.raises(ProjectError, match="has no results of `glan eval`"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(ProjectError, match="cannot be read") as told:
        read_results(tmp_path)
    assert "Without results.json in it" in told.value.hint


def test_a_difference_of_pairs_is_narrower_than_of_strangers() -> None:
    """Two models that fail at the same items differ surely in the few where they do not."""
    first = items([float(i % 2) for i in range(200)])
    second = items([1.0 if i < 20 else float(i % 2) for i in range(200)])
    found = difference(first, second, "score", seed=0)
    assert found is not None
    assert found.items == 200
    assert found.value == pytest.approx(0.05)
    assert 0 < found.low < found.value < found.high < 0.1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_a_difference_turns_round_with_its_models(scores: list[tuple[bool, bool]]) -> None:
    """B less A is A less B with the sign changed, the interval too; a model and itself do not differ."""
    a, b = items([float(x) for x, _ in scores]), items([float(y) for _, y in scores])
    there, back = difference(a, b, "score", seed=0), difference(b, a, "score", seed=0)
    same = difference(a, a, "score", seed=0)
    assert there is not None
    assert back is not None
    assert same is not None
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_the_interval_covers_what_is_true() -> None:
    """Of 200 pairs of models that do not differ, the interval of nearly all holds 0."""
    rng = random.Random(5)
    covered = 0
    for seed in range(200):
        a = items([float(rng.random() < 0.6) for _ in range(80)])
        b = items([float(rng.random() < 0.6) for _ in range(80)])
        found = difference(a, b, "score", seed=seed)
        covered += found is not None and found.low <= 0 <= found.high
    assert 180 <= covered <= 200


def test_only_what_both_have_is_compared() -> None:
    """Items that one of them has no score of are left out; without any there is no difference."""
    a, b = items([1, 1, 0]), items([0, 1])
    found = difference(a, b, "score", seed=0)
    assert found is not None
    assert (found.value, found.items) == (-0.5, 2)
    assert difference(a, b, "pass@1", seed=0) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"data": "e" * 64}, "its items or their prompts are not the same"),
        ({"limit": 5}, "one has the limit none, the other 5"),
        ({"shots": 3}, "0 shots and 3"),
        ({"prompts": "q" * 64}, "other items of it were asked"),
        ({"max_tokens": 9}, "room for 1024 tokens and 9"),
        ({"samples": 10}, "1 samples and 10"),
        ({}, None),
    ],
)
def test_what_was_measured_differently_is_not_compared(changed: dict[str, Any], words: str | None) -> None:
    """Other data, shots, prompts, limits, samples or room: the reason is told."""
    found = unlike(taken(items([1])), taken(items([1]), **changed))
    assert found is None if words is None else words in str(found)


def test_models_stand_beside_each_other(tmp_path: Path) -> None:
    """The command prints both scores, the difference with its interval, and why something is not compared."""
    base = results(tmp_path / "base", [0.0] * 50 + [1.0] * 50)
    student = results(tmp_path / "student", [0.0] * 20 + [1.0] * 80)
    other = results(tmp_path / "other", [1.0] * 100, taken={"limit": 100})
    found = CliRunner().invoke(eval_command, ["--compare", str(base), str(student), str(other)])
    assert found.exit_code == 0
    assert "50.0 ± 5.0" in found.output
    assert "+30.0  +21.0 to +39.0" in found.output
    assert "GSM8K: base and other are not compared: one has the limit none, the other 100." in found.output


def test_all_models_stand_in_the_tables_of_the_paper(tmp_path: Path) -> None:
    """With a folder for it, a page has every model above the paper's, how they differ, and what to know of each."""
    base = results(tmp_path / "base", [0.0, 1.0], name="base")
    student = results(tmp_path / "student", [1.0, 1.0], name="a|b", taken={"unread": 1})
    given = ["--compare", str(base), str(student), "--out", str(tmp_path / "tables")]
    found = CliRunner().invoke(eval_command, given)
    assert found.exit_code == 0
    assert f"{tmp_path}/tables/README.md" in found.output
    text = (tmp_path / "tables/README.md").read_text()
    first = text[text.index("## Table 1") :].splitlines()
    assert first[4].startswith("| base | - | - | 50.0 ± 50.0 |")
    assert first[5].startswith(r"| a\|b | - | - | 100.0 ± 0.0 |")
    assert "| GLAN 7B | 48.8 |" in text
    assert "+50.0" in text
    assert "No answer that the rules read" in text


def test_a_curve_is_drawn_over_the_pairs(tmp_path: Path) -> None:
    """The picture and its table have a point for each student; a model that was not tuned is named and left out."""
    folders = [results(tmp_path / f"{n}", [0.0, 1.0, 1.0], pairs=n, name=f"s{n}") for n in (50_000, 200_000)]
    folders.append(results(tmp_path / "base", [0.0, 1.0, 0.0]))
    path = tmp_path / "curve.svg"
    found = CliRunner().invoke(eval_command, ["--compare", *map(str, folders), "--curve", str(path)])
    assert found.exit_code == 0
    assert "base is not in it" in found.output
    rows = list(csv.DictReader(io.StringIO(path.with_suffix(".csv").read_text())))
    assert [(row["benchmark"], row["pairs"], row["model"]) for row in rows] == [
        ("GSM8K", "50000", "s50000"),
        ("GSM8K", "200000", "s200000"),
    ]
    circles = ET.parse(path).getroot().findall("{http://www.w3.org/2000/svg}circle")  # noqa: S314 - our own picture
    assert len(circles) == 2
    assert float(circles[0].attrib["cx"]) < float(circles[1].attrib["cx"])


def test_without_pairs_there_is_no_curve(tmp_path: Path) -> None:
    """Where no results say how many pairs there were, nothing is written, and that is told."""
    folder = results(tmp_path / "base", [1.0])
    assert write_curve(tmp_path / "curve.svg", [read_results(folder)]) == ["base"]
    assert not (tmp_path / "curve.svg").exists()
    found = CliRunner().invoke(eval_command, ["--compare", str(folder), "--curve", str(tmp_path / "curve.svg")])
    assert "there is no curve" in str(found.exception)


def test_equal_steps_of_a_curve_are_equal_factors() -> None:
    """50K, 500K and 5M are as far from each other."""
    number = Number(value=0.5, se=0.1, low=0.3, high=0.7, items=9)
    points = [Point("MATH", pairs, number, "m") for pairs in (50_000, 500_000, 5_000_000)]
    root = ET.fromstring(picture_of(points))  # noqa: S314 - our own picture
    x = [float(each.attrib["cx"]) for each in root.findall("{http://www.w3.org/2000/svg}circle")]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert {"50K", "500K", "5M"} <= {each.text for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert len(list(csv.reader(io.StringIO(table_of(points))))) == 4


def test_a_page_stands_beside_the_papers(tmp_path: Path) -> None:
    """The page has this model above the paper's in table 1, and says what is missing, limited, cut and unread."""
    folder = results(tmp_path / "m", [1.0, 0.0], taken={"limit": 2, "there": 10, "unread": 1, "cut": 1}, name="a|b")
    found = read_results(folder)
    text = page(found)
    table = text[text.index("## Table 1") :].splitlines()
    assert table[4].startswith(r"| a\|b | - | - | 50.0 ± 50.0 | - |")
    assert "| GLAN 7B | 48.8 | 57.6 | 80.8 | 32.7 | 60.7 | 90.7 | 81.1 | 62.9 |" in table
    assert "## Table 4" not in text
    assert list(remarks(found)) == [
        "Not all items, but some that are spread evenly (--limit): GSM8K 2 of 10.",
        "No answer that the rules read, so wrong: GSM8K 1 of 2.",
        "No room for the end of the reply: GSM8K 1 of 2.",
        "Not taken: ARC-E, ARC-C, MMLU, MATH, BBH, HumanEval, MBPP, IFEval.",
    ]
    assert overview(found).rows[0][-2:] == ("43.4", "80.8")


def test_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Where two results have the same name, the folders name them."""
    one = results(tmp_path / "one", [1.0], name="model")
    two = results(tmp_path / "two", [1.0], name="model")
    found = CliRunner().invoke(eval_command, ["--compare", str(one), str(two), "--json"])
    assert '"one"' in found.output
    assert compared([one, two])[1][0].differences[0] is not None
