"""A finished project in which nothing has changed is left as it is; whatever has changed, the run walks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import harness
import pytest

import glan
from glan.errors import GlanError
from glan.progress import Progress
from glan.project import Project
from glan.settled import count_again

LEAVES = ["Astronomy", "Law"]


@pytest.fixture
def finished() -> Iterator[Path]:
    with harness.project(LEAVES, pairs=12, plan_drafts=2) as folder:
        harness.run(folder, harness.small())
        yield folder


def again(folder: Path, **options: object) -> tuple[bool, int]:
    """Run as a user does; say whether a data set was written, and how many calls were made."""
    result = harness.run(folder, harness.small(), **{"rebuild": False, **options})
    assert result.exit_code == 0
    assert result.pairs == len(harness.rows(folder))
    assert result.is_standing
    assert not result.notices
    return not result.is_settled, result.asked


def test_nothing_is_done_where_nothing_has_changed(finished: Path) -> None:
    """No call, no byte of the data set, no new run in the ledger; and the run tells of as many slots as the first."""
    files = {path: path.stat().st_mtime_ns for path in (finished / "dataset").rglob("*")}
    manifest = (finished / "manifest.json").read_bytes()
    ledger = harness.committed(finished)
    assert again(finished) == (False, 0)
    assert again(finished, pairs=12) == (False, 0)
    assert {path: path.stat().st_mtime_ns for path in (finished / "dataset").rglob("*")} == files
    assert (finished / "manifest.json").read_bytes() == manifest
    assert harness.committed(finished) == ledger


def test_on_request_it_is_walked_all_the_same(finished: Path) -> None:
    """`--rebuild` makes the same bytes without a call."""
    before = harness.published(finished)
    assert again(finished, rebuild=True) == (True, 0)
    assert harness.published(finished) == before
    assert again(finished) == (False, 0)


def error_of(folder: Path) -> GlanError | None:
    try:
        again(folder)
    except GlanError as error:
        return error
    return None


def write(path: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / path).write_text((folder / path).read_text() + text)


def flip(path: str) -> Callable[[Path], object]:
    """Change a bit in the middle of a shard."""

    def change(folder: Path) -> None:
        (file,) = (folder / path).glob("*.parquet")
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)

    return change


def remove(path: str) -> Callable[[Path], object]:
    return lambda folder: next((folder / path).glob("*")).unlink()


@pytest.mark.parametrize(
    "change",
    [
        write("glan.toml", "\n# a comment\n"),
        write("taxonomy.yaml", "\n# a comment\n"),
        write("dataset/README.md", "mine"),
        lambda folder: (folder / "dataset" / "mine.txt").write_bytes(b"x"),
        lambda folder: (folder / "dataset" / "README.md").unlink(),
        lambda folder: (folder / "manifest.json").unlink(),
    ],
    ids=["settings", "taxonomy", "the card", "a file more", "a file less", "the manifest"],
)
def test_whatever_has_changed_is_made_good(finished: Path, change: Callable[[Path], object]) -> None:
    """The run walks, asks nobody, and leaves the data set as it was made; then it is settled again."""
    before = harness.published(finished)
    change(finished)
    assert again(finished) == (True, 0)
    assert harness.published(finished) == before
    assert again(finished) == (False, 0)


@pytest.mark.parametrize("path", ["dataset/train", "rejects"])
@pytest.mark.parametrize("harm", [flip, remove])
def test_damage_is_noticed(finished: Path, harm: Callable[[str], Callable[[Path], object]], path: str) -> None:
    """A shard that is broken or gone is made again; where it cannot be read at all, the error tells the way to that."""
    before = harness.published(finished)
    harm(path)(finished)
    error = error_of(finished)
    if error is not None:
        assert str(finished / "manifest.json") in error.hint
        (finished / "manifest.json").unlink()
        assert again(finished) == (True, 0)
    assert harness.published(finished) == before


def test_another_number_of_pairs_is_another_data_set(finished: Path) -> None:
    """Growth walks, and what it makes is settled at its own N."""
    written, asked = again(finished, pairs=14)
    assert written
    assert asked
    assert again(finished) == (False, 0)


def test_replies_that_came_since_are_looked_at(finished: Path) -> None:
    """After a preview of other pairs the ledger has grown, so the run walks."""
    harness.run(finished, harness.small(), pairs=30, is_preview=True)
    assert again(finished) == (True, 0)


def test_another_version_walks(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version may judge and write in another way."""
    monkeypatch.setattr(glan, "__version__", "99.0")
    assert again(finished) == (True, 0)


def test_settings_that_were_edited_during_a_run_are_no_part_of_it() -> None:
    """What the run began with is what its data set rests on."""
    with harness.project(LEAVES, pairs=12, plan_drafts=2) as folder:
        settings = (folder / "glan.toml").read_text()
        harness.run(
            folder, harness.small(), watch=lambda *_: (folder / "glan.toml").write_text(f"{settings}# edited\n")
        )
        assert again(folder) == (True, 0)


def test_a_data_set_with_too_few_rows_is_not_finished() -> None:
    """Where all sets were drawn before N was reached, the next run looks again."""
    with harness.project(["Astronomy"], pairs=3_000, plan_drafts=1, plan_stop_below=0) as folder:
        teacher = harness.small(subjects=1, sessions=1)
        assert harness.run(folder, teacher).exit_code == 3
        assert not harness.run(folder, teacher, rebuild=False).is_settled


def test_what_is_counted_again_is_what_was_counted(finished: Path) -> None:
    """Pairs, rejects, failures and reasons as in the manifest."""
    manifest = Project.open(finished).manifest()
    assert manifest is not None
    progress = Progress(wanted=12)
    count_again(manifest, progress)
    assert progress.pairs == 12
    assert sum(progress.reasons.values()) == manifest.slots["rejects"] + manifest.slots["failures"]
