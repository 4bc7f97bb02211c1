"""What a person does to frozen curricula, by stage and place as the server receives it."""

from pathlib import Path

import pytest
from commandline import CommandLine, ids_of

from glan.records import Subject
from glan.taxonomy.tree import Taxonomy
from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server


def shards_of(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "dataset").rglob("*.parquet"))]


def last_seq(folder: Path) -> int:
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return ledger.last_seq()


def places_since(folder: Path, seq: int) -> list[str]:
    """Return the ids of the requests that the ledger got after an entry."""
    with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
        return [entry.request_id for entry in ledger.entries() if entry.seq > seq]


def place_of(leaf: str, subject: Subject) -> str:
    return f"/{leaf}/{subject.key.replace(' ', '%20')}/"


def edit(path: Path) -> tuple[str, str]:
    """Delete a subject of one discipline, give one of another a key concept more, and return their places."""
    text = path.read_text(encoding="utf-8")
    subjects = {leaf.name: leaf.subjects for leaf in Taxonomy.parse(text, "x").disciplines}
    gone, after = subjects["Astronomy"][:2]
    text = text[: text.index(f"- name: {gone.name}\n")] + text[text.index(f"- name: {after.name}\n") :]
    edited = subjects["History"][0]
    at = text.index(edited.sessions[0].key_concepts[0], text.index(f"- name: {edited.name}\n"))
    path.write_text(f"{text[:at]}What Herodotus saw, {text[at:]}", encoding="utf-8")
    return place_of("astronomy", gone), place_of("history", edited)


@pytest.mark.long
def test_freeze_then_delete_then_edit(project: Path, server: Server, command: CommandLine) -> None:
    """Nothing for the freeze, what takes the slots of a deleted subject, and the questions of an edited one anew."""
    before, shards = ids_of(project), shards_of(project)
    done = command("curriculum", "freeze", "--project", project)
    assert done.code == 0, done.words
    assert command.run(project).code == 0
    assert shards_of(project) == shards
    gone, edited = edit(project / "taxonomy.yaml")
    said = command("taxonomy", "diff", "--json", "--project", project).json["run"]
    assert server.stats().received == 0
    seq = last_seq(project)
    ended = command.run(project, "--reask")
    assert ended.code == 0, ended.words

    came = server.stats().stages
    rows = {place: sum(place in id_ for id_ in before) for place in (gone, edited)}
    assert came["questions"] == came["answers"] == sum(rows.values())
    for stage, new in said["requests"].items():
        again = said["requests_with_reask"].get(stage, {"least": 0, "most": 0})
        assert new["least"] + again["least"] <= came.get(stage, 0) <= new["most"] + again["most"]
    places = places_since(project, seq)
    assert sum(edited in place for place in places) == 2 * rows[edited]
    others = [place for place in places if edited not in place]
    assert all("/astronomy/" in place for place in others)
    assert not {*others} & {*before}
    assert [id_ for id_ in before if id_ not in {*ids_of(project)}] == said["leaving"]
