"""How much of what the offline textbook is asked becomes pairs, decided by the pipeline itself."""

import runpy
from collections import Counter
from pathlib import Path

import pytest
from textbook_chain import kinds_of

from glan.records import Decided, Outcome
from glan.teachers.offline.book import open_book
from glan.teachers.offline.kinds import KINDS

SLOTS = 2_000
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "textbook.py"


@pytest.fixture(scope="module", name="slots")
def decided() -> list[Decided]:
    """The first slots over the textbook's disciplines under the default rules."""
    found: list[Decided] = runpy.run_path(str(SCRIPT))["decided"](SLOTS)
    return found


def test_most_slots_become_pairs(slots: list[Decided]) -> None:
    """Of 2,000 slots at least 99 in 100 become pairs, in every discipline at least 90."""
    assert len(slots) == SLOTS
    every = Counter(slot.slot.discipline.name for slot in slots)
    pairs = Counter(slot.slot.discipline.name for slot in slots if slot.outcome is Outcome.PAIR)
    assert set(every) == set(open_book().disciplines)
    assert pairs.total() >= 0.99 * SLOTS
    assert all(pairs[name] >= 0.9 * every[name] for name in every)


def test_two_hundred_pairs_have_every_discipline(slots: list[Decided]) -> None:
    """The first 200 slots are spread over all disciplines of the textbook."""
    found = Counter(slot.slot.discipline.name for slot in slots[:200])
    assert set(found) == set(open_book().disciplines)
    assert min(found.values()) >= 15


def test_every_discipline_is_asked_in_every_form(slots: list[Decided]) -> None:
    """Each kind of task occurs in each discipline that has what the kind needs."""
    asked = {
        (slot.slot.discipline.name, kind)
        for slot in slots
        if slot.question is not None
        for kind in kinds_of(slot.question.text)
    }
    for part in open_book().parts.values():
        concepts = [
            concept for chapter in part.subjects for section in chapter.sessions for concept in section.concepts
        ]
        for name, kind in KINDS.items():
            has_what_it_needs = not kind.needs or any(getattr(concept, kind.needs) for concept in concepts)
            assert ((part.discipline, name) in asked) == has_what_it_needs, (part.discipline, name)
