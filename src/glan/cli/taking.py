"""What came back about pairs: what of it is new, what fits the pairs as they are, and what it all comes to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Self

from glan.curate.people import CHECK, ORIGINAL
from glan.project import Project
from glan.raters import wilson
from glan.reviews import VERDICTS, Review, Reviews, Ruling, hash_of, named
from glan.wording import few

_MOST_LISTED = 20
_COLUMNS = ("id", "messages", "checks")

Texts = Mapping[str, "Text"]
"""Of some rows what their texts are, by id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A pair as the data set or the rejects have it."""

    question: str
    answer: str
    original: str | None
    """Hash of what it was before it was corrected, if it was."""
    is_reviewed: bool
    """Whether a run has applied what people said of it."""

    @property
    def sha256(self) -> str:
        return hash_of(self.question, self.answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What some files say, beside what was known."""

    found: Sequence[Review]
    new: Sequence[Review]
    changed: Sequence[Review]
    """The new ones whose reviewers had said something else of the same text."""
    empty: Sequence[Review]
    """To be corrected, without a corrected text: they are not taken."""
    unfit: Sequence[Review]
    """On a text that the pair does not have, or on no pair of this data set."""
    after: Reviews
    """All that is known now."""
    rulings: Mapping[str, Ruling]
    """What it comes to for the pairs that the files are about."""

    @classmethod
    def of(cls, found: Sequence[Review], known: Reviews, texts: Texts) -> Self:
        """Set what was found beside what is known and what the data set has."""
        empty = [review for review in found if review.verdict == "fix" and review.question is review.answer is None]
        new = [review for review in found if review not in empty and known.said(review) != review]
        after = Reviews([*known, *new])
        rulings = {id_: after.ruling(id_, text.question, text.answer, text.original) for id_, text in texts.items()}
        return cls(
            found=found,
            new=new,
            changed=[review for review in new if known.said(review) is not None],
            empty=empty,
            unfit=[review for review in found if not _fits(review, texts.get(review.id))],
            after=after,
            rulings={id_: ruling for id_, ruling in rulings.items() if ruling is not None},
        )

    def lines(self) -> Iterator[str]:
        """Say all of it."""
        for reviewer, counts in self._by_reviewer():
            said = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in VERDICTS)
            yield f"{reviewer}: {counts.total():,} verdicts ({said})."
        yield f"{len(self.new):,} are new" + (
            f", {len(self.changed):,} of them in place of what the same person said before." if self.changed else "."
        )
        yield from _listed("To be fixed, but without a corrected text, so not taken", self.empty)
        yield from _listed("On another text than the data set has, or on no pair of it, so without effect", self.unfit)
        yield from self._told_rulings()
        yield f"Agreement, as Fleiss' kappa: {self.after.agreement().told}."
        if self.new:
            yield "`glan run` applies them: what is dropped is replaced by the next of the plan, and all others stay."

    def as_dict(self) -> dict[str, Any]:
        """Return the same for machines."""
        agreement = self.after.agreement()
        return {
            "reviewers": [{"name": name, **counts} for name, counts in self._by_reviewer()],
            "found": len(self.found),
            "new": len(self.new),
            "changed": len(self.changed),
            "without_text": [review.id for review in self.empty],
            "without_effect": [{"id": review.id, "reviewer": review.reviewer} for review in self.unfit],
            "rulings": {id_: ruling.verdict for id_, ruling in self.rulings.items()},
            "kappa": agreement.kappa,
            "agreement": agreement.told,
        }

    def _by_reviewer(self) -> list[tuple[str, Counter[str]]]:
        found: dict[str, Counter[str]] = {}
        for review in self.found:
            found.setdefault(named(review.reviewer, review.kind), Counter())[review.verdict] += 1
        return sorted(found.items())

    def _told_rulings(self) -> Iterator[str]:
        counts = Counter(ruling.verdict for ruling in self.rulings.values())
        judged, wrong = counts.total(), counts["drop"] + counts["fix"]
        if not judged:
            return
        low, high = wilson(wrong, judged)
        yield (
            f"Together on {judged:,} pairs: {counts['keep']:,} stay, {counts['drop']:,} are dropped, "
            f"{counts['fix']:,} corrected; {wrong / judged:.1%} were wrong (95% interval {low:.1%} to {high:.1%})."
        )
        tied = [id_ for id_, ruling in self.rulings.items() if ruling.verdict == "tie"]
        if tied:
            yield f"The reviewers are divided on {len(tied):,}, which stay as they are: {_some(tied)}"


def texts_of(project: Project, ids: AbstractSet[str]) -> Texts:
    """Return the texts of some pairs: of the data set, of those that people dropped, and of trials."""
    from glan.dataset.shards import rows_with  # noqa: PLC0415 - pyarrow is loaded when it is needed

    found: dict[str, Text] = {}
    tried = [trial / name for trial in project.trials() for name in ("rejects", "dataset/train")]
    for folder in (*tried, project.rejects_path, project.train_path):
        if ids and folder.is_dir() and any(folder.glob("*.parquet")):
            found |= {row["id"]: text for row in rows_with(folder, ids, _COLUMNS) if (text := _text(row)) is not None}
    return found


def reviewed_ids(project: Project) -> frozenset[str]:
    """Return the rows whose text, as it is, somebody has judged."""
    reviews = project.reviews
    texts = texts_of(project, reviews.ids)
    return frozenset(id_ for id_, text in texts.items() if text.is_reviewed or (id_, text.sha256) in reviews.by_text)


def _text(row: Mapping[str, Any]) -> Text | None:
    said = {message["role"]: message["content"] for message in row["messages"] or ()}
    if "user" not in said or "assistant" not in said:
        return None
    checks = {check["name"]: check["verdict"] for check in row["checks"] or ()}
    return Text(
        question=said["user"],
        answer=said["assistant"],
        original=checks.get(ORIGINAL),
        is_reviewed=CHECK in checks,
    )


def _fits(review: Review, text: Text | None) -> bool:
    return text is not None and review.sha256 in {text.sha256, text.original}


def _listed(what: str, reviews: Sequence[Review]) -> Iterator[str]:
    if reviews:
        yield f"{what}: {_some([f'{review.id} ({review.reviewer})' for review in reviews])}"


def _some(names: Iterable[str]) -> str:
    return f"{few(list(names), _MOST_LISTED)}."
