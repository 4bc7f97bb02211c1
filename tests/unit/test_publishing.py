"""A data set at a place: whole for every reader at every moment, sent once, and never over somebody else's."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import harness
import pytest
from harness import Counting, Planting, configure, project, small
from stores import Breaking, DiedError, broken, seen

from glan.errors import GlanError, HubError, StorageError
from glan.project import Project
from glan.push.publishing import Publication, held
from glan.storage.files import Folder
from glan.storage.stores import Store

LEAVES = ["Physics", "Law", "History"]
SETTINGS = {"dataset_shard_rows": 10, "dataset_license": "apache-2.0"}
KEY = "wJalrXUtnFEMI-K7MDENG-bPxRfiCY"
SHARDS = ("train/00000.parquet", "train/00001.parquet", "train/00002.parquet")


@pytest.fixture(scope="module")
def sizes() -> Iterator[dict[int, Path]]:
    """A project with 25 pairs in three files of rows, and the same with 35 and with 12."""
    with project(LEAVES, pairs=25, **SETTINGS) as folder:
        found: dict[int, Path] = {}
        for pairs in (12, 25, 35):
            configure(folder, pairs=pairs, **SETTINGS)
            assert harness.run(folder, Counting(small())).pairs == pairs
            found[pairs] = Path(shutil.copytree(folder, folder.with_name(f"data-{pairs}")))
        yield found


@pytest.fixture
def made(sizes: dict[int, Path]) -> Path:
    return sizes[25]


@pytest.fixture
def longer(sizes: dict[int, Path]) -> Path:
    return sizes[35]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "place"


def publish(folder: Path, store: Store, *, keep: int = 2) -> Publication:
    with held(Project.open(folder)) as prepared:
        found = asyncio.run(prepared.to(store, keep=keep))
        assert asyncio.run(found.tidy() if found.is_done else found(lambda _: None)) == []
        return found


def here(folder: Path) -> dict[str, bytes]:
    files = (path for path in (folder / "dataset").rglob("*") if path.is_file())
    return {str(path.relative_to(folder / "dataset")): path.read_bytes() for path in files}


def versions(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.is_dir())


def test_a_reader_finds_the_data_set_byte_for_byte(made: Path, place: Path) -> None:
    """The manifest names the card and every file of rows, and nothing else of the project is there."""
    found = publish(made, Folder(place))
    assert seen(place) == here(made)
    assert {*here(made)} == {"README.md", *SHARDS}
    manifest = json.loads((place / "manifest.json").read_bytes())
    assert (manifest["rows"], manifest["complete"], manifest["kept"]) == (25, True, [found.new.version])
    assert (place / found.new.version / "manifest.json").read_bytes() == (place / "manifest.json").read_bytes()
    assert sum(path.is_file() for path in place.rglob("*")) == len(here(made)) + 2
    assert not (made / ".push").exists()


def test_the_same_data_set_again_sends_nothing(made: Path, place: Path) -> None:
    """A second publication finds all of it, and puts nothing."""
    publish(made, Folder(place))
    again = Breaking(Folder(place))
    assert publish(made, again).is_done
    assert {*again.calls} == {"read", "sizes", "folders"}


def test_what_a_longer_data_set_leaves_as_it_is_is_not_sent_again(made: Path, longer: Path, place: Path) -> None:
    """Full files of rows are copied inside the place; the last one, the new ones and the card are sent."""
    publish(made, Folder(place))
    store = Breaking(Folder(place))
    found = publish(longer, store)
    assert sorted(found.copied) == [*SHARDS[:2]]
    assert sorted(name.partition("/")[2] for name in store.sent) == [
        "README.md",
        "manifest.json",
        "train/00002.parquet",
        "train/00003.parquet",
    ]
    assert seen(place) == here(longer)


def test_versions_are_kept_as_many_as_wanted(sizes: dict[int, Path], place: Path) -> None:
    """The version before stays for whoever still reads it; those before it go, also the files of a shorter data set."""
    names = [publish(sizes[pairs], Folder(place)).new.version for pairs in (35, 25, 12)]
    assert versions(place) == names[1:]
    assert seen(place) == here(sizes[12])
    (place / "mine").mkdir()
    (place / "mine" / "notes.txt").write_text("stays", encoding="utf-8")
    publish(sizes[25], Folder(place), keep=1)
    assert [name for name in versions(place) if name != "mine"] == [
        json.loads((place / "manifest.json").read_bytes())["version"]
    ]
    assert (place / "mine" / "notes.txt").exists()


@pytest.mark.parametrize("is_done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [DiedError, StorageError], ids=["killed", "failed"])
def test_a_break_at_any_call_leaves_a_whole_data_set_and_the_next_one_mends_it(
    sizes: dict[int, Path], tmp_path: Path, error: type[BaseException], *, is_done: bool
) -> None:
    """Broken at each call in turn, readers see the old data set or the new one, and a second try publishes the new."""
    old, new = here(sizes[25]), here(sizes[35])
    for at in count():
        place = tmp_path / str(at)
        publish(sizes[25], Folder(place))
        publish(sizes[12], Folder(place))
        publish(sizes[25], Folder(place))
        store = broken(place, at, is_done=is_done, error=error)
        try:
            publish(sizes[35], store)
        except (DiedError, GlanError, AssertionError):
            assert seen(place) in (old, new)
        if len(store.calls) <= at:
            break
        publish(sizes[35], Folder(place))
        assert seen(place) == new
        assert len(versions(place)) == 2
    assert at > 10


def test_what_was_sent_before_a_break_is_not_sent_again(made: Path, place: Path) -> None:
    """After a break in the middle, the next try sends what is missing."""
    store = broken(place, 4, is_done=False)
    with pytest.raises(StorageError):
        publish(made, store)
    arrived = {name for name in store.sent if not name.endswith("manifest.json")}
    assert arrived
    again = Breaking(Folder(place))
    publish(made, again)
    assert not arrived & {*again.sent}
    assert seen(place) == here(made)


def test_a_reader_sees_a_whole_data_set_at_every_call_of_a_publication(sizes: dict[int, Path], place: Path) -> None:
    """Before each call the manifest and its files are those of one data set, the old one until the exchange."""
    publish(sizes[25], Folder(place))
    found: list[dict[str, bytes] | None] = []

    async def look(_: str) -> None:
        found.append(await asyncio.to_thread(seen, place))

    publish(sizes[35], Breaking(Folder(place), before_each=look))
    assert found[0] == here(sizes[25])
    assert all(each in (here(sizes[25]), here(sizes[35])) for each in found)


def test_of_two_that_publish_at_once_one_wins_and_the_other_is_told(sizes: dict[int, Path], place: Path) -> None:
    """Whoever exchanges the manifest second is refused, what the first put stays whole, and a retry comes through."""
    publish(sizes[12], Folder(place))

    async def race() -> list[object]:
        with held(Project.open(sizes[25])) as one, held(Project.open(sizes[35])) as other:
            both = [await prepared.to(Folder(place), keep=2) for prepared in (one, other)]
            return await asyncio.gather(*[found(lambda _: None) for found in both], return_exceptions=True)

    ended = asyncio.run(race())
    (lost,) = [each for each in ended if isinstance(each, BaseException)]
    assert isinstance(lost, StorageError)
    assert "Somebody else published" in str(lost)
    winner, loser = (25, 35) if ended.index(lost) == 1 else (35, 25)
    assert seen(place) == here(sizes[winner])
    publish(sizes[loser], Folder(place))
    assert seen(place) == here(sizes[loser])


def test_two_that_publish_the_same_data_set_at_once_are_both_done(made: Path, tmp_path: Path, place: Path) -> None:
    """The manifest that stands is that of both, so neither is refused."""
    other = Path(shutil.copytree(made, tmp_path / "other"))

    async def race() -> None:
        with held(Project.open(made)) as one, held(Project.open(other)) as two:
            both = [await prepared.to(Folder(place), keep=2) for prepared in (one, two)]
            await asyncio.gather(*[found(lambda _: None) for found in both])

    asyncio.run(race())
    assert seen(place) == here(made)


def test_a_publication_that_begins_while_another_tidies_up_loses_nothing(sizes: dict[int, Path], place: Path) -> None:
    """What is begun after an exchange has a number that the exchange does not reach, so it is not tidied away."""
    publish(sizes[35], Folder(place))
    publish(sizes[25], Folder(place))

    class Slow(Folder):
        """Lets another publication begin, and send everything, before it tidies up."""

        begun: Publication | None = None

        async def folders(self) -> list[str]:
            with held(Project.open(sizes[35])) as prepared:
                self.begun = await prepared.to(Folder(place), keep=2)
                await self.begun._send(lambda _: None)  # noqa: SLF001 - the middle of a publication
            return [*await super().folders()]

    store = Slow(place)
    publish(sizes[12], store)
    assert store.begun is not None
    names = [*store.begun.new.files]
    assert all((place / store.begun.new.version / name).exists() for name in names)
    publish(sizes[35], Folder(place))
    assert seen(place) == here(sizes[35])


def test_files_that_somebody_took_away_are_put_back(made: Path, place: Path) -> None:
    """A file that the manifest names and that is gone is sent again, into the same version."""
    first = publish(made, Folder(place))
    (place / first.new.version / SHARDS[1]).unlink()
    again = publish(made, Folder(place))
    assert again.new.version == first.new.version
    assert again.sent == [SHARDS[1]]
    assert seen(place) == here(made)


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        (b"{}", "did not write"),
        (b"\xff", "did not write"),
        (b'{"Records": []}', "did not write"),
        (b"[" * 100_000, "did not write"),
        ("newer", "another form"),
        ("outside", "another form"),
    ],
    ids=["empty", "no UTF-8", "of another program", "deep", "newer", "outside"],
)
def test_a_manifest_that_is_not_ours_is_not_written_over(
    made: Path, place: Path, manifest: bytes | str, told: str
) -> None:
    """What stands in its place is told, and nothing is put or removed."""
    if isinstance(manifest, str):
        publish(made, Folder(place))
        found = json.loads((place / "manifest.json").read_bytes())
        found |= {"format": 2} if manifest == "newer" else {"version": "../../elsewhere"}
        manifest = json.dumps(found).encode()
    place.mkdir(exist_ok=True)
    (place / "manifest.json").write_bytes(manifest)
    store = Breaking(Folder(place))
    with pytest.raises(StorageError, match=told):
        publish(made, store)
    assert store.calls == ["read"]


def test_a_key_in_a_row_ends_a_publication(place: Path) -> None:
    """Nothing is sent where a row holds a key of the project's .env."""
    with project(LEAVES, pairs=5) as folder:
        (folder / ".env").write_text(f"AWS_SECRET_ACCESS_KEY={KEY}\n", encoding="utf-8")
        assert harness.run(folder, Planting(KEY)).pairs == 5
        store = Breaking(Folder(place))
        with pytest.raises(HubError, match="holds a key") as caught:
            publish(folder, store)
        assert not store.sent
        assert KEY not in f"{caught.value}{caught.value.hint}"
