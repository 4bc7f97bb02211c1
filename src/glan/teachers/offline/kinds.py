"""Kinds of tasks: what each needs of the book, how many concepts it takes, and how often a level asks for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from glan.records import Level
from glan.teachers.offline.book import Page

MOST_CONCEPTS = 5
FEWEST_OPTIONS = 3
"""A choice among fewer statements is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of task."""

    sizes: range
    """How many concepts it takes."""
    weights: tuple[int, int, int, int]
    """How often it is chosen at each level, from introductory to graduate."""
    needs: str = ""
    """What the book must say of each concept."""
    is_choice: bool = False
    """Whether statements on further concepts may be added, so that there are enough to choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How the questions of a level are put."""

    closed: float
    """Share of questions with a remark after the task."""
    combined: float
    """Share of questions with several parts, where several concepts were drawn."""


KINDS: Mapping[str, Kind] = {
    "problem": Kind(sizes=range(1, 2), weights=(9, 9, 8, 8), needs="problem"),
    "case": Kind(sizes=range(1, 2), weights=(3, 6, 7, 7), needs="case"),
    "explain": Kind(sizes=range(1, 2), weights=(5, 2, 1, 1)),
    "example": Kind(sizes=range(1, 2), weights=(5, 2, 1, 1)),
    "mistake": Kind(sizes=range(1, 2), weights=(4, 2, 1, 1), needs="wrong"),
    "lesson": Kind(sizes=range(1, 2), weights=(1, 2, 1, 1)),
    "dispute": Kind(sizes=range(1, 2), weights=(1, 2, 3, 3), needs="wrong"),
    "design": Kind(sizes=range(1, 2), weights=(1, 2, 4, 5), needs="wrong"),
    "critique": Kind(sizes=range(1, 2), weights=(1, 2, 5, 6), needs="wrong"),
    "use": Kind(sizes=range(1, 3), weights=(2, 1, 1, 1)),
    "choose": Kind(sizes=range(1, 5), weights=(2, 1, 1, 1), needs="wrong", is_choice=True),
    "spot": Kind(sizes=range(1, 5), weights=(1, 1, 1, 1), needs="wrong", is_choice=True),
    "compare": Kind(sizes=range(2, 3), weights=(2, 4, 6, 6)),
    "judge": Kind(sizes=range(2, 5), weights=(2, 2, 2, 2), needs="wrong"),
    "plan": Kind(sizes=range(2, 6), weights=(1, 2, 3, 3), needs="wrong"),
    "note": Kind(sizes=range(2, 6), weights=(3, 2, 2, 2)),
    "glossary": Kind(sizes=range(3, 6), weights=(3, 2, 1, 1)),
}

STYLES: Mapping[Level, Style] = {
    Level.INTRODUCTORY: Style(closed=0.6, combined=0.3),
    Level.INTERMEDIATE: Style(closed=0.7, combined=0.5),
    Level.ADVANCED: Style(closed=1, combined=0.8),
    Level.GRADUATE: Style(closed=1, combined=0.8),
}


def fitting(pages: Sequence[Page], beside: int, level: Level) -> Iterator[tuple[str, int]]:
    """Yield the kinds that can be asked about some concepts with their weights.

    Args:
        pages: of the concepts.
        beside: number of concepts of the same class session that may serve as further statements.
        level: of the subject.

    """
    place = list(Level).index(level)
    for name, kind in KINDS.items():
        if (
            len(pages) in kind.sizes
            and (not kind.needs or all(getattr(page.concept, kind.needs) for page in pages))
            and (not kind.is_choice or len(pages) + beside >= FEWEST_OPTIONS)
        ):
            yield name, kind.weights[place]
