"""Subjects and key concepts named twice in other words are one, in the order of appearance, and it is told."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness import Counting, Shuffled, manifest, project, published, rows, run, small
from msgspec.structs import replace

from glan.errors import WouldAskAgainError
from glan.generate.merging import distinct
from glan.places import key_of
from glan.records import Reply, Request, Session
from glan.teachers.base import Teacher

SETTINGS = {"pairs": 24, "plan_drafts": 2, "plan_questions_per_visit": 2, "curation_near_names": "merge"}
DRAFTS = (("Graph theory", "Optics", "The optics"), ("Theory of graphs", "Sets", "Graph Theories"))
CONCEPTS = (("Walk", "Tree", "Applications"), ("Trees", "Cycles", "Applications"), ("The tree", "Walks"))


@dataclass
class Naming:
    """A teacher that names things twice."""

    teacher: Teacher = field(default_factory=small)
    model: str = "filler"

    async def reply(self, request: Request) -> Reply:
        reply = await self.teacher.reply(request)
        if request.schema == "subjects":
            named = [{"subject_name": name} for name in DRAFTS[request.sample - 1]]
            return replace(reply, text=json.dumps({"subjects": named}))
        if request.schema == "sessions":
            listed = [{"session_name": f"S{i}", "key_concepts": names} for i, names in enumerate(CONCEPTS)]
            return replace(reply, text=json.dumps({"sessions": listed}))
        return reply


def sessions(concepts: Sequence[Sequence[str]]) -> list[Session]:
    return [Session(name=f"S{i}", key=key_of(f"S{i}"), key_concepts=tuple(names)) for i, names in enumerate(concepts)]


def test_the_first_name_stands() -> None:
    """A later concept is left out, an empty session goes, and a name that says nothing alone belongs to its session."""
    kept, merged = distinct(sessions(CONCEPTS))
    assert [session.key_concepts for session in kept] == [("Walk", "Tree", "Applications"), ("Cycles", "Applications")]
    assert merged == (("Trees", "Tree"), ("The tree", "Tree"), ("Walks", "Walk"))
    assert distinct(kept) == (kept, ())


def test_the_same_name_twice_is_one_too() -> None:
    """Also the very same text, in another session."""
    kept, merged = distinct(sessions([["Walk"], ["Walk", "Path"]]))
    assert [session.key_concepts for session in kept] == [("Walk",), ("Path",)]
    assert merged == (("Walk", "Walk"),)


def drawn(row: dict[str, Any]) -> set[str]:
    return set(row["key_concepts"])


def test_near_names_are_merged_and_told() -> None:
    """Rows know the first names alone; notice, card and manifest count the others, once each, at any concurrency."""
    found = []
    for max_in_flight in (1, 500):
        with project(["Mathematics"], **SETTINGS) as folder:
            result = run(folder, Counting(Shuffled(Naming(), max_in_flight)), max_in_flight=max_in_flight)
            assert result.exit_code == 0
            assert {row["subject"] for row in rows(folder)} == {"Graph theory", "Optics", "Sets"}
            assert set().union(*map(drawn, rows(folder))) <= {"Walk", "Tree", "Cycles", "Applications"}
            told = manifest(folder)
            assert told["near_names"]["subjects"] == 3
            assert told["near_names"]["key_concepts"] == 3 * 3
            assert told["near_names"]["examples"][0] == "'The optics' into 'Optics' (Mathematics)"
            (notice,) = [notice for notice in result.notices if "nearly the same name" in notice]
            assert notice.startswith("3 subjects and 9 key concepts were merged")
            assert any(line.startswith("Near names: 3 subjects and 9 key concepts") for line in told["checked"])
            again = run(folder, Naming(), rebuild=False)
            assert again.is_settled
            assert notice in again.notices
            found.append((published(folder), told["near_names"]))
    assert found[0] == found[1]


def test_a_project_without_the_setting_stays_as_it_is() -> None:
    """By default nothing is merged, and to merge in a project that has replies is asked about before it is paid for."""
    with project(["Mathematics"], **{**SETTINGS, "curation_near_names": "keep"}) as folder:
        run(folder, Naming())
        assert {row["subject"] for row in rows(folder)} > {"Graph theory", "Graph Theories", "Theory of graphs"}
        assert manifest(folder)["near_names"] == {}
        text = (folder / "glan.toml").read_text(encoding="utf-8")
        (folder / "glan.toml").write_text(text.replace('near_names = "keep"', 'near_names = "merge"'), encoding="utf-8")
        with pytest.raises(WouldAskAgainError, match=r"curation\.near_names \(keep -> merge\)"):
            run(folder, Naming())


def test_other_languages_are_left_alone() -> None:
    """What is nearly the same is known of English only."""
    with project(["Mathematics"], **{**SETTINGS, "language": "de", "curation_wrong_language": "keep"}) as folder:
        run(folder, Naming())
        assert manifest(folder)["near_names"] == {}


def test_nothing_is_asked_again_on_a_walk_again() -> None:
    """Merging is a part of the walk: the same replies give the same draws."""
    with project(["Mathematics"], **SETTINGS) as folder:
        run(folder, Naming())
        again = Counting(Naming())
        run(folder, again)
        assert not again.started
