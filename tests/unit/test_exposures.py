"""Table 3 as a page: every model that was looked at, beside the paper's."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from glan.evaluate.leakage import Exposure, Interval, delta_of, delta_percent_of
from glan.evaluate.paper import paper_losses
from glan.exposures import Looked, looked_in, page


def looked(model: str, *, form: str = "plain", benchmark: str = "GSM8K", **changes: Any) -> Looked:  # noqa: ANN401
    exposure = Exposure(
        benchmark=benchmark,
        test=2.0,
        train=1.5,
        n_test=30,
        n_train=30,
        interval=Interval(0.4, 0.6),
        confidence=0.99,
        **changes,
    )
    return Looked(model=model, base="b", of="answer", form=form, seed=0, benchmarks=(exposure,))


def rows_of(text: str) -> dict[str, list[str]]:
    """Return the cells behind the benchmark's name by the name of the quantity."""
    lines = [line for line in text.splitlines() if line.startswith("| GSM8K")]
    return {cells[2]: cells[3:-1] for line in lines for cells in [[cell.strip() for cell in line.split("|")]]}


def test_every_model_stands_beside_the_columns_of_the_paper() -> None:
    """Losses, Delta and Delta % of ours, then the paper's as they are printed; the verdict rests on the excess."""
    guilty = looked("guilty", base_delta=0.1, excess=0.4, excess_interval=Interval(0.3, 0.5))
    found = rows_of(page([guilty, looked("alone")]))
    assert found["L test"] == ["2.000", "2.000", "1.38", "1.14", "1.26", "1.14", "2.17"]
    assert found["Delta"][:3] == ["0.500", "0.500", "0"]
    assert found["Delta %"][:4] == ["25.00", "25.00", "0", "11.4"]
    assert found["interval of the excess"][:2] == ["+0.300 to +0.500", "-"]
    assert found["verdict"][:2] == ["exposed", "no verdict"]


def test_what_was_measured_in_another_way_stands_in_another_table() -> None:
    """Losses of the same items in a chat template are others; and no column of the paper stands where it has none."""
    text = page([looked("x"), looked("y", form="chat", benchmark="Ours")])
    first, second = text.split("## Loss of the answer, items as ")[1:]
    assert "| x |" in first
    assert "| y |" not in first
    assert "| y |" in second
    assert "paper:" in first
    assert "paper:" not in second


def test_names_are_data(tmp_path: Path) -> None:
    """A model can be called what it likes: it ends no table; what is no result of ours is passed over."""
    named = looked("](http://x) | <b>")
    (tmp_path / "a.json").write_bytes(msgspec.json.encode(named))
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "c.json").write_text("not JSON")
    [found] = looked_in(tmp_path)
    assert found == named
    assert "<b>" not in page([found])


@pytest.mark.parametrize("name", ["ARC-C", "ARC-E", "GSM8K", "MATH"])
def test_the_papers_own_numbers_follow_from_each_other(name: str) -> None:
    """What is stored of table 3 is what its losses give, but for the last digit, which it rounds or cuts."""
    table = paper_losses()
    printed = table.benchmarks[name]
    assert len(table.models) == 5
    for i in range(5):
        test, train = (float(printed[key][i]) for key in ("test", "train"))
        assert float(printed["delta"][i]) == pytest.approx(delta_of(test, train), abs=1e-9)
        assert float(printed["delta_percent"][i]) == pytest.approx(delta_percent_of(test, train), abs=0.011)
