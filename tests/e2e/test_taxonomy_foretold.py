"""What `glan taxonomy diff` says before a run is what the server then counts and the data set then shows."""

from typing import Any

import pytest
from commandline import CommandLine, ids_of

from glan.teachers.simulate import Server

PAIRS = 30
CURRICULUM = ("subjects", "syllabi")


EDITS: dict[str, tuple[tuple[str, ...], ...]] = {
    "added, moved, renamed and weighed": (
        ("add", "Botany", "Mycology", "--under", "/Living nature/Growing things", "--weight", "3"),
        ("move", "Physics", "--under", "/Living nature"),
        ("rename", "History", "Prehistory", "--yes"),
        ("set", "Astronomy", "--weight", "2"),
    ),
    "noted": (("set", "Natural science", "--notes", "For amateurs."),),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", EDITS)
def test_the_next_run_is_foretold(kind: str, server: Server, command: CommandLine) -> None:
    """Requests by stage and rows that leave, for edits that a person makes without a line of YAML."""
    folder = command.init("project", pairs=PAIRS)
    assert command.run(folder).code == 0
    before, paid = ids_of(folder), dict(server.stats().stages)
    for edit in EDITS[kind]:
        done = command("taxonomy", *edit, "--project", folder)
        assert done.code == 0, done.words
    said: dict[str, Any] = command("taxonomy", "diff", "--json", "--project", folder).json["run"]
    assert server.stats().stages == paid
    assert said["stops"] == (kind == "noted")
    ended = command.run(folder, *(["--reask"] if said["stops"] else []))
    assert ended.code == 0, ended.words
    came = {stage: n - paid.get(stage, 0) for stage, n in server.stats().stages.items()}
    for stage, new in said["requests"].items():
        again = said["requests_with_reask"].get(stage, {"least": 0, "most": 0})
        least, most = (new[bound] + again[bound] for bound in ("least", "most"))
        assert least <= came.get(stage, 0) <= most, (stage, came, said)
        assert stage in CURRICULUM or least == most
    after = set(ids_of(folder))
    assert len(after) == said["pairs"]
    gone = [id_ for id_ in before if id_ not in after]
    assert gone == said["leaving"] if not said["stops"] else {*said["leaving"]} <= {*gone} <= {*before}
    assert {*said["leaving"], *said["rewritten_with_reask"]} >= {*gone}
