"""What people send back: JSON of the form and tables are read alike, and what is neither is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from glan.errors import DatasetError
from glan.show.ballots import read_ballot, read_judgements, saved_ballot
from glan.show.forms import Pair, pair_sheet, vote_sheet
from glan.show.sheets import read_sheet
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Ballot, Vote, elements_of, tree_hash

ELEMENTS = elements_of(Taxonomy.parse("taxonomy: [{name: Science, children: [Physics, '=cmd()']}]", "tree"))
VOTES = {"/science": Vote(choice="keep"), "/science/%3Dcmd%28%29": Vote(choice="remove", comment="=no\nreally")}


def filled(data: bytes, cells: dict[tuple[str, str], str]) -> bytes:
    """Fill in a table as a person does: by the id of a line and the name of a column."""
    columns = data.decode("utf-8-sig").splitlines()[0].replace('"', "").split(",")
    rows = read_sheet(data, columns, "form")
    lines = [columns, *([cells.get((row["id"], name), row[name]) for name in columns] for row in rows)]
    return "\r\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines).encode()


def test_a_table_and_the_form_give_the_same_votes(tmp_path: Path) -> None:
    """A table that is filled in and a file that the form saves are one ballot."""
    saved = Ballot(voter="Ann", tree=tree_hash(ELEMENTS), votes=VOTES)
    (tmp_path / "ann.json").write_bytes(saved_ballot(saved))
    cells = {
        ("voter", "vote"): " Ann ",
        ("/science", "vote"): "Keep",
        ("/science/%3Dcmd%28%29", "vote"): "REMOVE",
        ("/science/%3Dcmd%28%29", "comment"): "'=no\nreally",
    }
    (tmp_path / "ann.csv").write_bytes(filled(vote_sheet(ELEMENTS), cells))
    of_form, of_table = read_ballot(tmp_path / "ann.json"), read_ballot(tmp_path / "ann.csv")
    assert of_form.votes == of_table.votes == VOTES
    assert (of_form.voter, of_form.tree) == (of_table.voter, of_table.tree) == ("Ann", tree_hash(ELEMENTS))


def test_a_table_of_pairs_is_read(tmp_path: Path) -> None:
    """Verdicts with reasons and corrected texts; lines without a verdict are left out."""
    pairs = [Pair(id=f"question/a/b/{i}", sha256=str(i), node="A / B", question="-Q", answer="=A") for i in range(3)]
    cells = {
        ("reviewer", "verdict"): "Ben",
        ("question/a/b/0", "verdict"): "fix",
        ("question/a/b/0", "corrected answer"): "'-A, corrected",
        ("question/a/b/2", "verdict"): "drop",
        ("question/a/b/2", "reason"): "wrong",
        ("question/a/b/2", "corrected answer"): "ignored",
    }
    (tmp_path / "ben.csv").write_bytes(filled(pair_sheet(pairs), cells))
    first, second = read_judgements(tmp_path / "ben.csv")
    assert (first.verdict, first.question, first.answer, first.sha256) == ("fix", None, "-A, corrected", "0")
    assert (second.verdict, second.reason, second.answer, second.reviewer) == ("drop", "wrong", None, "Ben")


def ballot(**changes: Any) -> bytes:  # noqa: ANN401 - whatever a file may hold
    return json.dumps({"format": "glan ballot 1", "tree": "", "voter": "Ann", "votes": [], **changes}).encode()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "no ballot on a taxonomy"),
        (b'{"a":' * 100_000, "no ballot on a taxonomy"),
        (ballot(format="glan judgements 1"), "no ballot on a taxonomy"),
        (ballot(votes=[{"id": "/a", "vote": "yes"}]), "no ballot on a taxonomy"),
        (ballot(kind="robot"), "no ballot on a taxonomy"),
        (ballot(voter=" \n"), "does not say whose"),
        (ballot(voter="x" * 101), "at most 100 characters"),
        (b"id,path,vote,comment\n/a,,yes,\n", "none of keep, remove"),
        (b"id,path,vote,comment\n/a,,keep,\n", "does not say whose"),
        (b"\xff\xfe\x00", "no column"),
        (b"<html>", "no column"),
    ],
)
def test_what_is_no_ballot_is_refused(data: bytes, told: str, tmp_path: Path) -> None:
    """Each wrong file gets one sentence that names it."""
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(DatasetError, match=told):
        read_ballot(tmp_path / "x")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(DatasetError, match=r"none\.json cannot be read"):
        read_judgements(tmp_path / "none.json")


def test_control_characters_do_not_get_in(tmp_path: Path) -> None:
    """A name or a comment holds nothing that a terminal would obey."""
    data = ballot(voter="A\x1b[31mnn", votes=[{"id": "/a", "vote": None, "comment": "\x1b]0;x\x07"}])
    (tmp_path / "x.json").write_bytes(data)
    found = read_ballot(tmp_path / "x.json")
    assert "\x1b" not in found.voter
    assert "\x1b" not in found.votes["/a"].comment
    assert found.votes["/a"].choice is None
