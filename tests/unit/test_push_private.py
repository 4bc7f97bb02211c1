"""What is private about a project is blotted out of texts, found in rows, and never reaches the hub."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import harness
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import Counting, Planting, project, small
from hub import TOKEN, Hub, running_hub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glan.errors import HubError
from glan.project import Project
from glan.push.account import Account
from glan.push.hub import opened
from glan.push.private import Private
from glan.push.pushing import Push, Wanted, prepared
from glan.settings import Network
from glan.teachers.keys import Secret

HOST = "gpu-7.corp.internal"
KEY = "sk-test-4711-0815-abcdef"
NOTE = "Only for the pilot with Acme, see ticket 4711"
SECRETS = (HOST, KEY, NOTE, "ticket 4711", TOKEN)


def private(**known: Iterable[str]) -> Private:
    hosts, paths, keys = (frozenset(known.get(name, ())) for name in ("hosts", "paths", "keys"))
    notes = [*known.get("notes", ())]
    return Private(hosts=hosts, paths=paths, notes={"Physics": notes} if notes else {}, keys=keys)


@pytest.mark.parametrize(
    "text",
    [
        f"asked at http://{HOST}:8000/v1",
        f"| Questions | m at {HOST} |",
        f"{HOST.upper()}:8000 refused",
        f"http&#58;//{HOST}",
        f'{{"endpoint": "{HOST}:8000"}}',
    ],
)
def test_a_host_is_blotted_out_however_it_is_written(text: str) -> None:
    """As an address, with a port, in capitals, and as a card or JSON escapes it."""
    found, times = private(hosts=[f"{HOST}:8000"]).hide(text)
    assert HOST not in found.lower()
    assert times == {"host": 1}


def test_ordinary_words_stay() -> None:
    """A host that is called like a word is blotted out as an address only, and a machine's own with its port only."""
    known = private(hosts=["data:8000", "localhost:8000", "ollama", "[fd00::7]:8000"])
    text = "A data set of ollama, made on localhost"
    assert known.hide(text) == (text, {})
    assert known.hide("http://data/ data:8000 localhost:8000 http://ollama/v1 [fd00::7]")[1] == {"host": 5}


def test_notes_paths_and_keys_are_blotted_out_as_a_card_and_json_write_them() -> None:
    """Marks of Markdown, entities, quotes and line breaks between the words hide nothing."""
    note = 'Ask "Jane" at C*O & team\nbefore use'
    known = private(notes=[note], paths=["/home/jane_d/data"], keys=[KEY])
    shown = r"Ask \"Jane\" at C\*O &amp; team before use, /home/jane\_d/data/x.gguf, " + json.dumps(note) + KEY
    found, times = known.hide(shown)
    assert found == '[note], [path], "[note]"[key]'
    assert times == {"note": 2, "path": 1, "key": 1}


@given(text=st.text(max_size=100))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_text_without_anything_private_stays(text: str) -> None:
    """Nothing is blotted out that is not one of the known things."""
    known = private(keys=["k" * 101], hosts=["h-1.example"], notes=["n" * 101], paths=["p" * 101])
    clean = text.replace("h-1", "")
    assert known.hide(clean) == (clean, {})


def test_what_stands_in_rows_is_found_by_file_column_and_kind(tmp_path: Path) -> None:
    """Texts inside lists and structs are looked at, and a model that is called by a path is one of this machine."""
    rows = {
        "id": ["a", "b"],
        "messages": [
            [{"role": "user", "content": f"Is {HOST} up?"}],
            [{"role": "user", "content": f"Say {KEY} {KEY}"}],
        ],
        "discipline": ["Law", "Physics"],
        "reasoning": [NOTE, "Only for the  pilot with Acme,\nsee ticket 4711"],
        "answer_model": ["/models/mine.gguf", "gpt"],
        "slot": [1, 2],
    }
    pq.write_table(pa.table(rows), tmp_path / "f.parquet")
    known = private(hosts=[HOST], notes=[NOTE], keys=[KEY])
    found = [*known.found_in(tmp_path / "f.parquet", "train/00000.parquet")]
    assert [(one.column, one.kind, one.text, one.times) for one in found] == [
        ("answer_model", "path", "/models/mine.gguf", 1),
        ("messages", "host", HOST, 1),
        ("messages", "key", "", 1),
        ("reasoning", "note", "Only for the  pilot with Acme,\nsee ticket 4711", 1),
    ]


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub without repositories."""
    with running_hub() as found:
        yield found


def test_nothing_private_reaches_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host, notes, a key, a path and the token, planted wherever a project has a place for them, are in no byte."""
    monkeypatch.setenv("HOME", str(tmp_path / "homes" / "jane"))
    leaves = [{"name": "Physics", "notes": NOTE}, "Law"]
    with project(leaves, pairs=20, dataset_name=f"Of {HOST}", teacher_spec=f"m@http://{HOST}:8000/v1") as folder:
        (folder / ".env").write_text(f"OPENAI_API_KEY={KEY}\nHF_TOKEN={TOKEN}\n")
        harness.run(folder, Counting(small()))
        path = folder / "manifest.json"
        manifest = json.loads(path.read_bytes())
        manifest["ended"] = f"{HOST} refused {KEY}; {NOTE}; {folder.resolve()}/x; {tmp_path}/homes/jane/.cache"
        path.write_text(json.dumps(manifest))
        card = (folder / "dataset" / "README.md").read_text()
        assert HOST in card
        found = push(folder, hub)
    sent = b"".join(hub.bodies) + b"".join(file.data for file in hub.repositories["jane/data"].files.values())
    sent += repr([pq.read_table(pa.BufferReader(data)).to_pylist() for data in hub.objects.values()]).encode()
    for secret in (*SECRETS, str(folder), "homes/jane"):
        assert secret.encode() not in sent, secret
    assert found.hidden["host"] >= 2
    assert not [remark for remark in found.remarks if "column" in remark.text]
    assert json.loads(hub.repositories["jane/data"].files["manifest.json"].data)["ended"].startswith("[host] refused")


def push(folder: Path, hub: Hub) -> Push:
    who = Account(base_url=hub.base_url, host=hub.base_url.removeprefix("http://"), token=Secret(TOKEN))
    wanted = Wanted(name="jane/data", manifest=True)
    with opened(who, Network()) as one, prepared(Project.open(folder), one, who, wanted) as found:
        found(lambda _: None)
        return found


@pytest.mark.parametrize(
    ("planted", "told"),
    [(HOST, f"holds the host of a server in the column messages, 10 times: '{HOST}'"), (NOTE, "the notes of a node")],
    ids=["host", "notes"],
)
def test_what_is_private_in_rows_is_asked_about(hub: Hub, planted: str, told: str) -> None:
    """Rows stay as they were paid for; what was found in them is named, and a person has to agree."""
    with project([{"name": "Physics", "notes": NOTE}], pairs=10, teacher_spec=f"m@http://{HOST}:8000/v1") as folder:
        harness.run(folder, Planting(planted))
        assert [remark.asks for remark in push(folder, hub).remarks if told in remark.text] == [True]


def test_a_key_in_a_row_is_never_pushed(hub: Hub) -> None:
    """Whatever is agreed to: the push ends before anything is sent, and the error does not show it."""
    with project(["Physics"], pairs=10) as folder:
        (folder / ".env").write_text(f"SOME_SERVICE_TOKEN={KEY}\n")
        harness.run(folder, Planting(KEY))
        with pytest.raises(HubError, match="holds a key, in the column messages of 10 rows") as caught:
            push(folder, hub)
        assert KEY not in f"{caught.value} {caught.value.hint}"
    assert not hub.repositories
