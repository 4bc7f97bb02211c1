"""What people decided about pairs: `reviews.jsonl` of a project, one verdict a line, and what they come to.

    {"id": "question/astronomy/orbits/0", "sha256": "5f2c...", "verdict": "fix", "reason": "wrong unit",
     "answer": "It is 80 km/h.", "reviewer": "Anna", "kind": "person"}

A verdict is on a text, not on a place: it counts where id and hash of question and answer are those of the pair.
A corrected text has a hash of its own, so that it can be judged again.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from glan.errors import ProjectError, file_error
from glan.parsing import clean
from glan.places import framed, key_of
from glan.raters import Agreement, fleiss
from glan.records import Record

NAME = "reviews.jsonl"
Verdict: TypeAlias = Literal["keep", "drop", "fix"]
VERDICTS: tuple[Verdict, ...] = ("keep", "drop", "fix")
Kind: TypeAlias = Literal["person", "model"]
MAX_NAME_LENGTH = 100
"""Longest name of a person, in characters."""
_LONGEST = 256_000_000
"""Bytes of a file that is read."""
_SURROGATES = re.compile("[\ud800-\udfff]")


class Review(Record, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One person's verdict on one pair."""

    id: str
    """Of the row."""
    sha256: str
    """Of question and answer, as `hash_of` gives it."""
    verdict: Verdict
    reason: str = ""
    question: str | None = None
    """The corrected question; None where it stays."""
    answer: str | None = None
    reviewer: str
    kind: Kind = "person"

    @property
    def text(self) -> tuple[str, str]:
        """What it is a verdict on."""
        return self.id, self.sha256


class Ruling(Record, frozen=True, kw_only=True):
    """What the verdicts on one text come to."""

    verdict: Literal["keep", "drop", "fix", "tie"]
    """What more than half of the reviewers say; a tie keeps the pair."""
    reasons: tuple[str, ...] = ()
    """Of those who said so, each once."""
    question: str | None = None
    """The corrected question; None where it stays."""
    answer: str | None = None


class Reviews:
    """The verdicts of a project. Of several by one person on one text the last stands."""

    def __init__(self, reviews: Iterable[Review] = (), sha256: str | None = None) -> None:
        self.sha256 = sha256
        """Of the file; None where there is none."""
        self._standing: dict[tuple[str, str, str], Review] = {}
        for review in reviews:
            key = (*review.text, key_of(review.reviewer))
            self._standing.pop(key, None)  # the last one stands last
            self._standing[key] = review

    @classmethod
    def read(cls, path: Path) -> "Reviews":
        """Return the verdicts in a file; none where there is no file.

        Raises:
            ProjectError: it cannot be read, or a line is no verdict; the message has its number.

        """
        try:
            with path.open("rb") as file:
                data = file.read(_LONGEST + 1)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise file_error(ProjectError, path, "read", error) from error
        if len(data) > _LONGEST:
            raise ProjectError(f"{path} has more than {_LONGEST:,} bytes; that is more than is read.")
        return cls(_read(data, str(path)), hashlib.sha256(data).hexdigest())

    def of_leaves(self, leaves: AbstractSet[str]) -> "Reviews":
        """Return the verdicts on the pairs of some leaves."""
        return Reviews(
            [review for review in self if review.id.partition("/")[2].partition("/")[0] in leaves], self.sha256
        )

    def hashes(self) -> Mapping[str, str]:
        """Return the hash of the file by its name, where there is one."""
        return {} if self.sha256 is None else {NAME: self.sha256}

    def __iter__(self) -> Iterator[Review]:
        return iter(self._standing.values())

    def __len__(self) -> int:
        return len(self._standing)

    def said(self, review: Review) -> Review | None:
        """Return what the same person has said of the same text."""
        return self._standing.get((*review.text, key_of(review.reviewer)))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The rows that anybody judged, in whatever text."""
        return frozenset(review.id for review in self)

    @cached_property
    def by_text(self) -> Mapping[tuple[str, str], list[Review]]:
        """The verdicts by what they are on."""
        found: dict[tuple[str, str], list[Review]] = {}
        for review in self:
            found.setdefault(review.text, []).append(review)
        return found

    def ruling(self, id_: str, question: str, answer: str, original: str | None = None) -> Ruling | None:
        """Return what the verdicts on a pair come to; None where nobody has judged this text.

        A corrected text may have been judged too: its verdicts come after those on the first. Where the texts are
        corrected ones, `original` is the hash of what they were before.
        """
        if id_ not in self.ids:
            return None
        ruling: Ruling | None = None
        seen: set[str] = set()
        sha256 = original or hash_of(question, answer)
        while sha256 not in seen and (id_, sha256) in self.by_text:
            seen.add(sha256)
            found = _ruled(self.by_text[id_, sha256])
            if ruling is not None and found.verdict != "drop":
                found = _after(ruling, found)
            ruling = found
            if ruling.verdict != "fix":
                break
            question = question if ruling.question is None else ruling.question
            answer = answer if ruling.answer is None else ruling.answer
            sha256 = hash_of(question, answer)
        return ruling

    def agreement(self) -> Agreement:
        """Return how far the reviewers agree, over the texts that two or more have judged."""
        counts = [Counter(review.verdict for review in each) for each in self.by_text.values()]
        return fleiss([[count[verdict] for verdict in VERDICTS] for count in counts])

    @property
    def has_people(self) -> bool:
        """Whether a person is among the reviewers."""
        return any(review.kind == "person" for review in self)

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Their names, models marked as such, in order."""
        by_key = {key_of(review.reviewer): named(review.reviewer, review.kind) for review in self}
        return tuple(sorted(by_key.values()))


NO_REVIEWS = Reviews()


def hash_of(question: str, answer: str) -> str:
    """Return the SHA-256 of a pair's texts as a data set has them, where a lone surrogate is U+FFFD."""
    texts = [_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text) for text in (question, answer)]
    return hashlib.sha256(framed(*texts)).hexdigest()


def named(name: str, kind: Kind) -> str:
    """Return who judged, as people see it."""
    return f"{name} (a model)" if kind == "model" else name


def line_of(review: Review) -> bytes:
    """Return the line of a verdict in the file."""
    return msgspec.json.encode(review) + b"\n"


def _read(data: bytes, source: str) -> Iterator[Review]:
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield _checked(_DECODER.decode(line))
        except (msgspec.DecodeError, RecursionError) as error:
            raise ProjectError(
                f"{source}, line {number}: this is no verdict: {error}.",
                hint=f"Mend or remove the line; `glan review read FILES` writes {NAME}.",
            ) from error


_DECODER = msgspec.json.Decoder(Review)


def _checked(review: Review) -> Review:
    """Return a verdict with texts that can be stored and shown."""
    return msgspec.structs.replace(
        review,
        reason=clean(review.reason),
        question=None if review.question is None else clean(review.question),
        answer=None if review.answer is None else clean(review.answer),
        reviewer=clean(review.reviewer),
    )


def _ruled(reviews: list[Review]) -> Ruling:
    """Return what more than half of the reviewers say of one text; of several corrections the last."""
    verdict, count = Counter(review.verdict for review in reviews).most_common(1)[0]
    if 2 * count <= len(reviews):
        return Ruling(verdict="tie")
    agreed = [review for review in reviews if review.verdict == verdict]
    reasons = tuple(dict.fromkeys(review.reason for review in agreed if review.reason))
    if verdict != "fix":
        return Ruling(verdict=verdict, reasons=reasons)
    return Ruling(verdict=verdict, reasons=reasons, question=agreed[-1].question, answer=agreed[-1].answer)


def _after(first: Ruling, second: Ruling) -> Ruling:
    """Return a correction with what was said of the corrected text, which a verdict of keep or a tie leaves."""
    return Ruling(
        verdict="fix",
        reasons=first.reasons + second.reasons,
        question=first.question if second.question is None else second.question,
        answer=first.answer if second.answer is None else second.answer,
    )
