"""What a run holds in memory of a data set that stands: a few bytes a row, whatever its rows say."""

import tracemalloc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from glan.growth import Ordinals
from glan.outputs import turned

ROWS = 20_000


@given(st.lists(st.integers(0, 2**63 - 1)), st.integers(-2, 2**63))
def test_ordinals_are_a_set(ordinals: list[int], other: int) -> None:
    """In any order and with any of them twice, they are the set of them, in ascending order."""
    found = Ordinals(ordinals)
    assert list(found) == sorted({*ordinals})
    assert len(found) == len({*ordinals})
    assert all(ordinal in found for ordinal in ordinals)
    assert (other in found) == (other in ordinals)
    objects: Collection[object] = found
    assert "0" not in objects


def test_an_ordinal_takes_eight_bytes() -> None:
    """Those of 100,000 slots take 800,000 bytes and little more, where a set of Python would take ten times that."""
    with traced() as held:
        found = Ordinals(range(100_000))
        assert len(found) == 100_000
        assert held()[0] < 1_000_000


def test_rows_that_turned_are_named_in_order(tmp_path: Path) -> None:
    """Those that stood and are rejects now, with what they copy; what is a reject and never stood is not."""
    rejects = {
        "q/7": ("near duplicate", "q/1 (0.90)"),
        "q/3": ("refusal", "I cannot"),
        "q/99": ("near duplicate", "q/2 (0.95)"),
    }
    write(tmp_path / "train", {f"q/{i}": ("", "") for i in range(10)})
    write(tmp_path / "rejects", rejects)
    assert [*turned(tmp_path / "train", tmp_path / "rejects")] == [
        "q/3 (refusal)",
        "q/7 (near duplicate of q/1 (0.90))",
    ]
    assert [*turned(tmp_path / "nowhere", tmp_path / "rejects")] == []


def test_rejects_are_not_held(tmp_path: Path) -> None:
    """To find what turned, no more than 60 bytes are held for each reject, of which the details alone have 1,000."""
    write(tmp_path / "train", {f"question/law/torts/{i}": ("", "") for i in range(100)})
    write(tmp_path / "rejects", {f"question/law/contracts/{i}": ("refusal", "x" * 1_000) for i in range(ROWS)})
    assert [*turned(tmp_path / "train", tmp_path / "rejects")] == []
    with traced() as held:
        assert [*turned(tmp_path / "train", tmp_path / "rejects")] == []
        assert held()[1] < 60 * ROWS


@contextmanager
def traced() -> Iterator[Callable[[], tuple[int, int]]]:
    """Give what tells how many bytes Python holds now, and held at most, since the block began."""
    tracemalloc.start()
    try:
        yield tracemalloc.get_traced_memory
    finally:
        tracemalloc.stop()


def write(folder: Path, rows: Mapping[str, Sequence[str]]) -> None:
    """Write a shard with ids, reasons and details."""
    folder.mkdir()
    reasons, details = zip(*rows.values(), strict=True)
    table = pa.table({"id": [*rows], "reason": [*reasons], "detail": [*details]})
    pq.write_table(table, folder / "00000.parquet", row_group_size=1_000)
