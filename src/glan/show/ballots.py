"""What comes back from people: a form that saved JSON, or a table. Data from outside, held to its form and cleaned."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from glan.errors import DatasetError, file_error
from glan.parsing import clean
from glan.records import Record
from glan.reviews import MAX_NAME_LENGTH, VERDICTS, Kind, Review, Verdict
from glan.show.sheets import read_sheet, visible
from glan.taxonomy.votes import CHOICES, Ballot, Choice, Vote

T = TypeVar("T")

BALLOT: Literal["glan ballot 1"] = "glan ballot 1"
JUDGEMENTS: Literal["glan judgements 1"] = "glan judgements 1"
"""What a file says it is, in its `format`."""
BALLOT_COLUMNS = ("id", "path", "vote", "comment")
PAIR_COLUMNS = ("id", "sha256", "verdict", "reason", "corrected question", "corrected answer")
VOTER, TREE, REVIEWER = "voter", "tree", "reviewer"
"""Ids of the lines of a table that are no element and no pair."""
_LONGEST = 64_000_000
"""Bytes of a file that is read."""
_LONGEST_COMMENT = 10_000


class SavedVote(Record, frozen=True, kw_only=True):
    id: str
    vote: Choice | None = None
    comment: str = ""


class SavedBallot(Record, frozen=True, kw_only=True):
    """The file that the form of votes saves."""

    format: Literal["glan ballot 1"]
    tree: str
    voter: str
    kind: Kind = "person"
    votes: tuple[SavedVote, ...]


class SavedJudgement(Record, frozen=True, kw_only=True):
    id: str
    sha256: str
    verdict: Verdict
    reason: str = ""
    question: str | None = None
    answer: str | None = None


class SavedJudgements(Record, frozen=True, kw_only=True):
    """The file that the form of pairs saves."""

    format: Literal["glan judgements 1"]
    reviewer: str
    kind: Kind = "person"
    judgements: tuple[SavedJudgement, ...]


def read_ballot(path: Path) -> Ballot:
    """Return the votes in a file.

    Raises:
        DatasetError: it cannot be read, is no ballot, or does not say whose it is.

    """
    data = _bytes_of(path)
    if _is_json(data):
        return _ballot(_decoded(data, SavedBallot, path), path)
    return _ballot_of_sheet(read_sheet(data, BALLOT_COLUMNS, str(path)), path)


def read_judgements(path: Path) -> list[Review]:
    """Return the verdicts on pairs in a file; those who gave none are left out.

    Raises:
        DatasetError: as above.

    """
    data = _bytes_of(path)
    if _is_json(data):
        saved = _decoded(data, SavedJudgements, path)
    else:
        saved = _judgements_of_sheet(read_sheet(data, PAIR_COLUMNS, str(path)), path)
    name = checked_name(saved.reviewer, str(path))
    return [
        Review(
            id=clean(each.id),
            sha256=clean(each.sha256),
            verdict=each.verdict,
            reason=_comment(each.reason),
            question=_correction(each.verdict, each.question),
            answer=_correction(each.verdict, each.answer),
            reviewer=name,
            kind=saved.kind,
        )
        for each in saved.judgements
    ]


def saved_ballot(ballot: Ballot) -> bytes:
    """Return the file of a ballot, as the form saves it."""
    votes = tuple(SavedVote(id=id_, vote=vote.choice, comment=vote.comment) for id_, vote in ballot.votes.items())
    saved = SavedBallot(format=BALLOT, tree=ballot.tree, voter=ballot.voter, kind=ballot.kind, votes=votes)
    return msgspec.json.format(msgspec.json.encode(saved), indent=1) + b"\n"


def checked_name(name: str, source: str) -> str:
    """Return the name of a person.

    Raises:
        DatasetError: there is none, or it is too long.

    """
    name = " ".join(visible(name).split())
    if not name:
        raise DatasetError(
            f"{source} does not say whose it is.",
            hint="Write the name in the form and save it again; in a table it stands beside `voter` or `reviewer`.",
        )
    if len(name) > MAX_NAME_LENGTH:
        raise DatasetError(
            f"{source}: a name has at most {MAX_NAME_LENGTH} characters, and this one has {len(name):,}."
        )
    return name


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise file_error(DatasetError, path, "read", error) from error
    if len(data) > _LONGEST:
        raise DatasetError(f"{path} has more than {_LONGEST:,} bytes; that is more than is read.")
    return data


def _is_json(data: bytes) -> bool:
    return data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def _decoded(data: bytes, kind: type[T], path: Path) -> T:
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"), type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        what = "ballot on a taxonomy" if kind is SavedBallot else "form of judged pairs"
        raise DatasetError(
            f"{path} is no {what}: {str(error).rstrip('.')}.",
            hint="`glan taxonomy vote` reads votes on a tree, and `glan review read` what was said of pairs.",
        ) from error


def _ballot(saved: SavedBallot, path: Path) -> Ballot:
    found = {each.id: Vote(choice=each.vote, comment=_comment(each.comment)) for each in saved.votes}
    return Ballot(
        voter=checked_name(saved.voter, str(path)),
        tree=saved.tree,
        votes={clean(id_): vote for id_, vote in found.items() if vote != Vote()},
        kind=saved.kind,
        source=str(path),
    )


def _ballot_of_sheet(rows: Sequence[dict[str, str]], path: Path) -> Ballot:
    votes = tuple(
        SavedVote(id=row["id"], vote=_one_of(CHOICES, row["vote"], row["id"], path), comment=row["comment"])
        for row in rows
        if row["id"] not in {VOTER, TREE}
    )
    voter, tree = _beside(rows, VOTER, "vote"), _beside(rows, TREE, "vote")
    return _ballot(SavedBallot(format=BALLOT, tree=tree, voter=voter, votes=votes), path)


def _judgements_of_sheet(rows: Sequence[dict[str, str]], path: Path) -> SavedJudgements:
    found = tuple(
        SavedJudgement(
            id=row["id"],
            sha256=row["sha256"],
            verdict=verdict,
            reason=row["reason"],
            question=row["corrected question"] or None,
            answer=row["corrected answer"] or None,
        )
        for row in rows
        if row["id"] != REVIEWER and (verdict := _one_of(VERDICTS, row["verdict"], row["id"], path)) is not None
    )
    return SavedJudgements(format=JUDGEMENTS, reviewer=_beside(rows, REVIEWER, "verdict"), judgements=found)


def _beside(rows: Iterable[dict[str, str]], id_: str, column: str) -> str:
    return next((row[column] for row in rows if row["id"] == id_), "")


def _one_of(known: Sequence[T], said: str, id_: str, path: Path) -> T | None:
    word = said.strip().lower()
    if not word:
        return None
    if word not in known:
        raise DatasetError(
            f"{path}: {said[:80]!r} beside {id_} is none of {', '.join(map(str, known))}.",
            hint="Leave the cell empty where you have nothing to say.",
        )
    return known[known.index(word)]


def _comment(text: str) -> str:
    return clean(text).strip()[:_LONGEST_COMMENT]


def _correction(verdict: Verdict, text: str | None) -> str | None:
    """Return a corrected text; None where there is none, or where it is not asked for."""
    return clean(text) if verdict == "fix" and text is not None and text.strip() else None
