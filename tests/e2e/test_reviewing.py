"""People vote on the tree and judge pairs, from the form that is sent out to the data set that comes of it."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from commandline import PAIRS, CommandLine, bytes_of, check_whole, ids_of, manifest_of

from glan.teachers.simulate import Server


def data_of(page: Path) -> dict[str, Any]:
    """Return what stands in a form."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def ballot(path: Path, form: dict[str, Any], votes: dict[str, str]) -> Path:
    """Write what the form saves."""
    saved = [{"id": id_, "vote": vote, "comment": f"{vote} it"} for id_, vote in votes.items()]
    path.write_text(json.dumps({"format": form["format"], "tree": form["tree"], "voter": path.stem, "votes": saved}))
    return path


def ballots(command: CommandLine, project: Path) -> list[Path]:
    """Let three people vote: two on the form, and one, who keeps History alone, in a table with semicolons."""
    command("review", "sample", "--taxonomy", "--project", project, "--out", "form.html")
    command("review", "sample", "--taxonomy", "--project", project, "--format", "csv", "--out", "cem.csv")
    form, table = data_of(command.home / "form.html"), command.home / "cem.csv"
    ids = {element["title"]: element["id"] for element in form["elements"]}
    said = {"voter": "Cem", ids["History"]: "keep"}
    rows = [*csv.reader(io.StringIO(table.read_text(encoding="utf-8-sig")))]
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows([*row[:2], said.get(row[0], row[2]), *row[3:]] for row in rows)
    return [
        ballot(command.home / "Ann", form, {ids["History"]: "remove", ids["Physics"]: "remove"}),
        ballot(command.home / "Ben", form, {ids["History"]: "remove", ids["Physics"]: "keep"}),
        table,
    ]


def test_votes_are_shown_before_anything_is_changed(command: CommandLine, project: Path) -> None:
    """Ties, what is removed with votes and comments, agreement and the diff; without a yes nothing is changed."""
    before = (project / "taxonomy.yaml").read_bytes()
    votes = ["taxonomy", "vote", "--votes", *ballots(command, project), "--project", project]
    shown = command(*votes, "--dry-run")
    assert shown.code == 0
    assert "3 ballots: Ann, Ben, Cem." in shown.out
    assert "Agreement, as Fleiss' kappa: -0.736 (over 2 with 2 to 3 judgements each; 3 with fewer" in shown.out
    assert re.search(r"Ties, which stay:\n.*Physics  \(1 remove, 1 keep\)", shown.out)
    assert re.search(r"Removed:\n.*History  \(2 remove, 1 keep\)\n    Ann: remove it", shown.out)
    assert re.search(r"(?m)^-.*History", shown.out)
    refused = command(*votes)
    assert refused.code == 1
    assert "--yes does it" in refused.err
    assert (project / "taxonomy.yaml").read_bytes() == before
    assert not (project / "ballots").exists()


def test_what_is_voted_out_leaves_the_data_set(command: CommandLine, project: Path) -> None:
    """The rows that leave are told before, the ballots are kept, and the next run makes N again without them."""
    gone = [id_ for id_ in ids_of(project) if id_.startswith("question/history/")]
    done = command("taxonomy", "vote", "--votes", *ballots(command, project), "--project", project, "--yes")
    assert f"{len(gone)} rows leave with the next run" in done.out
    assert len([*(project / "ballots").iterdir()]) == 3
    assert command.run(project).code == 0
    check_whole(project, PAIRS)
    assert not set(gone) & set(ids_of(project))


def test_judged_pairs_are_applied_and_refilled(command: CommandLine, project: Path, server: Server) -> None:
    """What is dropped is refilled, and only for that the server is asked; what was read once is not new again."""
    command("review", "sample", "--n", 20, "--by", "field", "--project", project, "--out", "form.html")
    form = data_of(command.home / "form.html")
    pairs = form["pairs"]
    assert len(pairs) == 20
    verdicts = ["drop", "fix", *["keep"] * 18]
    saved = [
        {"id": pair["id"], "sha256": pair["sha256"], "verdict": verdict, "reason": "so", "answer": "Better."}
        for pair, verdict in zip(pairs, verdicts, strict=True)
    ]
    path = command.home / "ann.json"
    path.write_text(json.dumps({"format": form["format"], "reviewer": "Ann", "judgements": saved}))
    read = command("review", "read", path, "--project", project)
    assert "Together on 20 pairs: 18 stay, 1 are dropped, 1 corrected; 10.0% were wrong" in read.out
    assert "0 are new" in command("review", "read", path, "--project", project).out

    before = ids_of(project)
    ran = command.run(project)
    assert ran.code == 0
    assert "(reviewed)" in ran.words
    check_whole(project, PAIRS)
    after = ids_of(project)
    assert after[: PAIRS - 1] == [id_ for id_ in before if id_ != pairs[0]["id"]]
    assert 0 < server.stats().paid < 10
    assert manifest_of(project)["reviews"]["judged"] == 20

    standing = bytes_of(project / "dataset")
    command("review", "sample", "--n", 31, "--project", project, "--out", "next.html")
    known = {pair["id"] for pair in pairs}
    assert not known & {pair["id"] for pair in data_of(command.home / "next.html")["pairs"]}
    assert command.run(project).code == 0
    assert bytes_of(project / "dataset") == standing
