"""A push against a hub on this machine, through the hub's own library: what goes up, what does not, and in one step."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import harness
import pytest
from harness import Counting, project, small
from hub import READER, STRANGER, TOKEN, Hub, running_hub

from glan.errors import DatasetError, GlanError, HubError, ProjectError
from glan.project import Project
from glan.push.account import Account
from glan.push.hub import opened
from glan.push.pushing import Push, Wanted, prepared
from glan.push.repositories import Commit
from glan.settings import Network
from glan.teachers.keys import Secret

LEAVES = ["Physics", "Law", "History"]
SHARD_ROWS = 10
PAIRS = 25
SHARDS = ("train/00000.parquet", "train/00001.parquet", "train/00002.parquet")
SETTINGS = {"dataset_shard_rows": SHARD_ROWS, "dataset_license": "apache-2.0"}
REPO = "jane/data"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A project with a data set of three files of rows."""
    with project(LEAVES, pairs=PAIRS, **SETTINGS) as folder:
        assert harness.run(folder, Counting(small())).exit_code == 0
        yield folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(made, tmp_path / "data"))


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub without repositories."""
    with running_hub() as found:
        yield found


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """A push, and its commit where there was one."""

    push: Push
    commit: Commit | None

    @property
    def asked(self) -> list[str]:
        return [remark.text for remark in self.push.remarks if remark.asks]


def account(hub: Hub, token: str = TOKEN) -> Account:
    return Account(base_url=hub.base_url, host=hub.base_url.removeprefix("http://"), token=Secret(token))


def push(
    folder: Path, hub: Hub, wanted: Wanted | None = None, *, token: str = TOKEN, network: Network | None = None
) -> Pushed:
    """Push whatever is said about it."""
    who = account(hub, token)
    with (
        opened(who, network or Network()) as one,
        prepared(Project.open(folder), one, who, wanted or Wanted(name=REPO)) as found,
    ):
        return Pushed(push=found, commit=None if found.is_done else found(lambda _: None))


def there(hub: Hub) -> dict[str, bytes]:
    """Return the files of the repository."""
    return {name: file.data for name, file in hub.repositories[REPO].files.items() if name != ".gitattributes"}


def here(folder: Path) -> dict[str, bytes]:
    """Return the files of a data set, as a repository has them."""
    files = (path for path in (folder / "dataset").rglob("*") if path.is_file())
    return {str(path.relative_to(folder / "dataset")): path.read_bytes() for path in files}


def test_a_data_set_goes_up_as_it_is_in_one_commit_and_private(folder: Path, hub: Hub) -> None:
    """The repository holds the card and the files of rows, byte for byte, nothing else, and only its owner sees it."""
    found = push(folder, hub)
    assert there(hub) == here(folder)
    assert {*there(hub)} == {"README.md", *SHARDS}
    assert hub.repositories[REPO].private
    assert [commit.title for commit in hub.repositories[REPO].commits] == [
        "initial commit",
        f"Data set made with glan: {PAIRS} pairs",
    ]
    assert found.commit is not None
    assert found.commit.id == hub.repositories[REPO].branches["main"]
    assert not (folder / ".push").exists()


def test_the_same_data_set_again_sends_nothing(folder: Path, hub: Hub) -> None:
    """A second push asks what is there, finds all of it, and changes nothing."""
    push(folder, hub)
    hub.asked.clear()
    again = push(folder, hub)
    assert again.push.is_done
    assert again.push.same == len(SHARDS) + 1
    assert all(line.startswith("GET ") for line in hub.asked)
    assert len(hub.repositories[REPO].commits) == 2


def test_a_longer_data_set_sends_only_what_is_new(folder: Path, hub: Hub) -> None:
    """Full files stay as they are there; the last one, those after it, and the card go up."""
    push(folder, hub)
    hub.puts.clear()
    harness.run(folder, Counting(small()), pairs=45)
    grown = push(folder, hub)
    assert {*grown.push.files} == {"README.md", *(f"train/0000{i}.parquet" for i in (2, 3, 4))}
    assert len(hub.puts) == 3
    assert there(hub) == here(folder)


def test_a_shortened_data_set_takes_the_files_after_it_away(folder: Path, hub: Hub) -> None:
    """Files that the data set no longer has go in the commit that brings the new ones."""
    push(folder, hub)
    (folder / "manifest.json").unlink()  # else a person would have to agree to fewer rows
    harness.run(folder, Counting(small()), pairs=8)
    short = push(folder, hub)
    assert [*short.push.removed] == [*SHARDS[1:]]
    assert not short.asked
    assert there(hub) == here(folder)
    assert len(hub.repositories[REPO].commits) == 3


def test_what_others_put_there_is_never_removed_and_replaced_only_after_a_yes(folder: Path, hub: Hub) -> None:
    """A file of a person is named before it is written over; one that a push does not touch stays, rows or not."""
    hub.put(REPO, {"README.md": b"mine", "notes.txt": b"n", "train/00000.parquet": b"old", "train/more.parquet": b"m"})
    found = push(folder, hub)
    assert any("README.md, train/00000.parquet" in text for text in found.asked)
    assert any("train/more.parquet" in text for text in found.asked)
    assert there(hub) == {**here(folder), "notes.txt": b"n", "train/more.parquet": b"m"}


def test_files_of_rows_that_a_person_put_there_are_not_taken_away_unasked(folder: Path, hub: Hub) -> None:
    """A file that is called like one of ours and is not is in the question before it goes."""
    push(folder, hub)
    hub.put(REPO, {"train/00007.parquet": b"theirs"})
    found = push(folder, hub)
    assert any("train/00007.parquet" in text for text in found.asked)


@pytest.mark.parametrize("fault", [400, "cut"])
def test_a_push_that_breaks_off_shows_nothing_and_the_next_sends_what_is_missing(
    folder: Path, hub: Hub, fault: int | Literal["cut"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one file does not arrive there is no commit; those that did arrive are not sent again."""
    monkeypatch.setattr("time.sleep", lambda _: None)  # the library waits between its tries
    hub.fault = lambda number: fault if number >= 3 else None
    with pytest.raises(HubError, match=r"does not take train/0000\d\.parquet|breaks off") as caught:
        push(folder, hub)
    assert "signature" not in str(caught.value)
    assert there(hub) == {}
    assert len(hub.puts) == 2
    hub.fault = lambda _: None
    push(folder, hub)
    assert there(hub) == here(folder)
    assert len(hub.puts) == len({*hub.puts}) == 3


def test_a_server_error_that_passes_is_waited_out(folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage that fails once, as storages do, costs no push."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.fault = lambda number: 500 if number == 3 else None
    push(folder, hub)
    assert there(hub) == here(folder)


def test_a_commit_of_which_the_answer_is_lost_is_found_again(folder: Path, hub: Hub) -> None:
    """Where the hub has all of it though its answer broke off, the push is done, and there is no second commit."""
    hub.loses_answer = True
    found = push(folder, hub)
    assert found.commit is not None
    assert found.commit.id == hub.repositories[REPO].branches["main"]
    assert there(hub) == here(folder)


def test_a_branch_that_moved_meanwhile_is_not_written_over(folder: Path, hub: Hub) -> None:
    """A commit of somebody else between our look and our commit is a clear error, and theirs stands."""
    hub.put(REPO, {"notes.txt": b"1"})
    who = account(hub)
    with opened(who, Network()) as one, prepared(Project.open(folder), one, who, Wanted(name=REPO)) as found:
        hub.put(REPO, {"notes.txt": b"2"})
        with pytest.raises(HubError, match="412"):
            found(lambda _: None)
    assert there(hub) == {"notes.txt": b"2"}


def test_a_run_that_exchanges_the_data_set_meanwhile_changes_nothing_of_a_push(folder: Path, hub: Hub) -> None:
    """What goes up is the data set of one manifest, also where another has taken its place before the first byte."""
    before, who = here(folder), account(hub)
    with opened(who, Network()) as one, prepared(Project.open(folder), one, who, Wanted(name=REPO)) as found:
        harness.run(folder, Counting(small()), pairs=45)
        found(lambda _: None)
    assert there(hub) == before != here(folder)
    push(folder, hub)
    assert there(hub) == here(folder)


def test_half_of_an_exchange_is_never_pushed(folder: Path, hub: Hub) -> None:
    """Where the files are of one run and the manifest is still of the one before, nothing goes up."""
    old = (folder / "manifest.json").read_bytes()
    harness.run(folder, Counting(small()), pairs=45)
    (folder / "manifest.json").write_bytes(old)
    with pytest.raises(DatasetError, match=r"train/00002\.parquet is not the file"):
        push(folder, hub)
    assert not hub.repositories


def test_two_pushes_of_a_project_do_not_mix(folder: Path, hub: Hub) -> None:
    """While one goes on, another says so and does nothing."""
    who = account(hub)
    with (
        opened(who, Network()) as one,
        prepared(Project.open(folder), one, who, Wanted(name=REPO)) as found,
        pytest.raises(ProjectError, match="Another push"),
    ):
        push(folder, hub)
    assert found.files
    push(folder, hub)


def test_a_file_of_rows_that_was_changed_by_hand_does_not_go_up(folder: Path, hub: Hub) -> None:
    """Rows that are not what the run wrote are an error, and the hub is not changed."""
    path = folder / "dataset" / SHARDS[1]
    shutil.copyfile(folder / "dataset" / SHARDS[0], path)
    with pytest.raises(DatasetError, match=r"train/00001\.parquet is not the file"):
        push(folder, hub)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(ProjectError, match="not followed"):
        push(folder, hub)
    shutil.move(folder / "dataset" / "train", folder / "elsewhere")
    (folder / "dataset" / "train").symlink_to(folder / "elsewhere")
    with pytest.raises(ProjectError, match="not followed"):
        push(folder, hub)
    assert not hub.repositories


def test_a_card_that_was_edited_goes_up_as_it_is_and_is_told(folder: Path, hub: Hub) -> None:
    """A person may add to the card; a push says that it is not the run's."""
    card = folder / "dataset" / "README.md"
    card.write_text(card.read_text() + "\nThanks to all.\n")
    found = push(folder, hub)
    assert there(hub)["README.md"].endswith(b"Thanks to all.\n")
    assert any("edited" in remark.text for remark in found.push.remarks)


def test_a_pull_request_leaves_the_branch_as_it_is(folder: Path, hub: Hub) -> None:
    """The change is proposed, and its address given."""
    hub.put(REPO, {"notes.txt": b"1"})
    found = push(folder, hub, Wanted(name=REPO, as_pull_request=True))
    assert found.commit is not None
    assert found.commit.pull_request == f"{hub.base_url}/datasets/{REPO}/discussions/1"
    assert there(hub) == {"notes.txt": b"1"}


def test_a_branch_must_be_there(folder: Path, hub: Hub) -> None:
    """A push to a branch goes there; to one that is not there it is an error that names it."""
    hub.put(REPO, {"notes.txt": b"1"})
    hub.repositories[REPO].branches["v2"] = hub.repositories[REPO].branches["main"]
    push(folder, hub, Wanted(name=REPO, revision="v2"))
    assert there(hub) == {"notes.txt": b"1"}
    found = hub.repositories[REPO].at("v2")
    assert found is not None
    assert {*SHARDS} <= {*found.files}
    with pytest.raises(HubError, match="no branch 'v3'"):
        push(folder, hub, Wanted(name=REPO, revision="v3"))
    with pytest.raises(HubError, match="not there yet"):
        push(folder, hub, Wanted(name="jane/new", revision="v3"))


def test_a_manifest_goes_along_only_when_it_is_asked_for(folder: Path, hub: Hub) -> None:
    """With it goes what was spent; a later push without it takes the old one away."""
    push(folder, hub, Wanted(name=REPO, manifest=True))
    found = json.loads(there(hub)["manifest.json"])
    assert found["files"] == json.loads((folder / "manifest.json").read_bytes())["files"]
    assert not push(folder, hub).asked
    assert there(hub) == here(folder)


@pytest.mark.parametrize(
    ("token", "name", "expected"),
    [
        (READER, REPO, "may read and not write"),
        ("hf_nobodysToken0123456789", REPO, "401"),
        (TOKEN, "bob/data", "403"),
        (STRANGER, "jane/data", "403"),
    ],
    ids=["of a reader", "unknown", "no such namespace", "of another"],
)
def test_a_token_that_may_not_write_there_is_told(folder: Path, hub: Hub, token: str, name: str, expected: str) -> None:
    """The error says what the hub answers and what to do, and no token."""
    with pytest.raises(HubError, match=expected) as caught:
        push(folder, hub, Wanted(name=name), token=token)
    assert "token" in caught.value.hint
    assert token not in f"{caught.value} {caught.value.hint}"
    assert not hub.repositories


def test_a_public_repository_is_asked_about(folder: Path, hub: Hub) -> None:
    """A new public one, one that is public already, and what is missing in it; a private one stays private."""
    found = push(folder, hub, Wanted(name=REPO, public=True))
    assert not hub.repositories[REPO].private
    assert [text.split(":")[0] for text in found.asked][:1] == ["The repository is made public"]
    assert any("no benchmark" in text for text in found.asked)
    assert any("is public" in text for text in push(folder, hub).asked)
    hub.repositories[REPO].private = True
    assert any("stays so" in remark.text for remark in push(folder, hub, Wanted(name=REPO, public=True)).push.remarks)
    assert hub.repositories[REPO].private


def test_what_a_data_set_lacks_is_told(folder: Path, hub: Hub) -> None:
    """One without a licence, held against nothing, not complete, and made by the offline teacher says all of it."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest |= {
        "complete": False,
        "pairs_wanted": 40,
        "ended": "the budget",
        "models": {"answers": "offline-textbook"},
    }
    path.write_text(json.dumps(manifest))
    card = folder / "dataset" / "README.md"
    card.write_text(card.read_text().replace('license: "apache-2.0"\n', ""))
    found = push(folder, hub).push.remarks
    told = {remark.text: remark.asks for remark in found}
    assert told["The data set is not complete: 25 rows of 40 (the budget)."]
    assert [asks for text, asks in told.items() if "offline teacher" in text] == [True]
    assert [asks for text, asks in told.items() if "licence" in text] == [False]
    assert [asks for text, asks in told.items() if "benchmark" in text] == [False]


def test_a_card_that_the_hub_does_not_want_stops_before_anything_is_sent(folder: Path, hub: Hub) -> None:
    """The hub checks the card first, and its words are passed on."""
    card = folder / "dataset" / "README.md"
    card.write_text(card.read_text().replace("apache-2.0", "none of these"))
    with pytest.raises(HubError, match="must be one of") as caught:
        push(folder, hub)
    assert "license" in caught.value.hint
    assert not hub.puts


def test_nothing_goes_to_a_host_that_is_not_allowed(folder: Path, hub: Hub) -> None:
    """A storage at a host that `[network] allow` does not name gets no byte, and the error names it."""
    hub.storage_url = hub.base_url.replace("127.0.0.1", "localhost")
    network = Network(allow=(hub.base_url.removeprefix("http://"),))
    with pytest.raises(HubError, match=r"localhost:\d+, which is not in allow"):
        push(folder, hub, network=network)
    assert not any("storage" in line for line in hub.asked)
    push(folder, hub, network=Network(allow=("127.0.0.1", "localhost")))
    assert there(hub) == here(folder)


def test_the_token_goes_to_the_hub_alone(folder: Path, hub: Hub) -> None:
    """The storage gets no token, and nothing asks for anything but the hub."""
    push(folder, hub)
    assert all(line.endswith(" signed") != line.startswith("PUT ") for line in hub.asked)
    assert TOKEN.encode() not in b"".join(hub.bodies)


def test_a_hub_that_is_not_there_is_told(folder: Path) -> None:
    """The error names the host, and comes at once."""
    hub = Hub(base_url="http://127.0.0.1:9")
    with pytest.raises(HubError, match=r"The hub 127\.0\.0\.1:9 is not reached"):
        push(folder, hub)


def test_a_project_without_a_data_set_is_told(tmp_path: Path, hub: Hub) -> None:
    """There is nothing to push, and the error says how to make it."""
    folder = Project.create(tmp_path / "data", taxonomy="paper", disciplines=["Physics"]).folder
    with pytest.raises(GlanError, match="no data set yet"):
        push(folder, hub)
