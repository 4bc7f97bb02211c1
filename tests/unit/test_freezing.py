"""Subjects and class sessions put into a file as people write it: what was there stays, and what comes is read back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from strategies import ORBITS, STARS, SUBJECTS, a_discipline, session, subject
from trees import changes

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.records import Level, Subject
from glan.taxonomy.freezing import freeze, writable
from glan.taxonomy.quick import read_quickly
from glan.taxonomy.seals import is_sealed_with, is_unchanged, seal_of
from glan.taxonomy.tree import Taxonomy

TREE = """\
taxonomy:
  # Looks up.
  - Astronomy   # hard
  - {name: Physics, weight: 2, notes: 'all, of it'}  # in braces
  - name: Chemistry
    notes: |
      Of one
      country.
    # the end of chemistry

  - name: Arts
    children: [Music, {name: Dance, weight: 3}]
"""
LINES = """\
subjects:
  - name: Orbits
    level: advanced
    sessions:
      - name: Two bodies
        key_concepts: [Centre of mass, Kepler's laws]
      - "Three: more"
  - name: Stars
    level: advanced
    draft: 3
    subtopics: ["Colour, size", Age]
""".splitlines()
FLOW = (
    "subjects: [{name: Orbits, level: advanced, sessions: [{name: Two bodies, key_concepts: [Centre of mass, "
    'Kepler\'s laws]}, "Three: more"]}, {name: Stars, level: advanced, draft: 3, subtopics: ["Colour, size", Age]}]'
)
ADDED = [f"+    {line}" for line in LINES]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Astronomy", ["-  - Astronomy   # hard", "+  - name: Astronomy   # hard", *ADDED]),
        (
            "Physics",
            [
                "-  - {name: Physics, weight: 2, notes: 'all, of it'}  # in braces",
                "+  - name: Physics",
                "+    weight: 2",
                "+    notes: 'all, of it'  # in braces",
                *ADDED,
            ],
        ),
        ("Chemistry", ADDED),
        (
            "Music",
            [
                "-    children: [Music, {name: Dance, weight: 3}]",
                f"+    children: [{{name: Music, {FLOW}}}, {{name: Dance, weight: 3}}]",
            ],
        ),
        (
            "Dance",
            [
                "-    children: [Music, {name: Dance, weight: 3}]",
                f"+    children: [Music, {{name: Dance, weight: 3, {FLOW}}}]",
            ],
        ),
    ],
)
def test_what_is_there_stays(name: str, expected: list[str]) -> None:
    """A name alone, a line in braces, lines, and brackets; comments and all other nodes are as they were."""
    new = freeze(TREE, {key_of(name): (ORBITS, STARS)})
    assert changes(TREE, new) == expected
    found = {leaf.name: leaf for leaf in Taxonomy.parse(new, "x").disciplines}
    assert found.pop(name).subjects == (ORBITS, STARS)
    assert not any(leaf.subjects for leaf in found.values())


GIVEN = """\
taxonomy:
  - name: Astronomy
    subjects:
      - Orbits   # ours
      - {name: Stars, level: advanced, draft: 3, subtopics: ["Colour, size", Age]}
      # the last
      - name: Dust
        syllabus: |
          Week 1: grains.
"""


def test_class_sessions_are_put_behind_a_given_subject() -> None:
    """In each of its forms; what has class sessions stays as it is, and so does a text that a person wrote."""
    sessions = (session("A", "B"),)
    subjects = (
        replace(ORBITS, sessions=sessions, level=Level.INTRODUCTORY, frozen=f"{'a' * 16}-{'0' * 16}"),
        STARS,
        replace(subject("Dust", *sessions), level=Level.INTRODUCTORY, syllabus="Week 1: grains."),
    )
    new = freeze(GIVEN, {"astronomy": subjects})
    assert changes(GIVEN, new) == [
        "-      - Orbits   # ours",
        "+      - name: Orbits   # ours",
        f"+        frozen: {'a' * 16}-{'0' * 16}",
        "+        sessions:",
        "+          - name: A",
        "+            key_concepts: [B]",
        "+        sessions:",
        "+          - name: A",
        "+            key_concepts: [B]",
    ]
    assert freeze(new, {"astronomy": subjects}) == new


LEVEL = {"level": "advanced"}


@pytest.mark.parametrize("form", ["lines", "braces", "json"])
def test_a_seal_from_before_is_exchanged(form: str) -> None:
    """Where somebody took the class sessions out, so that they were written anew."""
    new = replace(subject("Orbits", session("A", "B")), frozen=f"{'b' * 16}-{'2' * 16}")
    old = f"{'a' * 16}-{'1' * 16}"
    text = {
        "lines": f"taxonomy:\n- name: A\n  subjects:\n  - name: Orbits\n    frozen: {old}\n    level: advanced\n",
        "braces": f"taxonomy:\n- name: A\n  subjects:\n  - {{name: Orbits, frozen: {old}, level: advanced}}\n",
        "json": json.dumps({"taxonomy": [{"name": "A", "subjects": [{"name": "Orbits", "frozen": old, **LEVEL}]}]}),
    }[form]
    found = Taxonomy.parse(freeze(text, {"a": (new,)}), "x")
    assert found.disciplines[0].subjects == (new,)


def test_a_json_file_stays_json_and_line_ends_stay() -> None:
    """Names and keys are quoted there; elsewhere a last line without an end gets one."""
    new = freeze('{"taxonomy": [{"name": "A", "weight": 2}, "B"]}', {"a": (STARS,), "b": (STARS,)})
    assert new == (
        '{"taxonomy": [{"name": "A", "weight": 2, "subjects": [{"name": "Stars", "level": "advanced", "draft": 3, '
        '"subtopics": ["Colour, size", "Age"]}]}, {"name": "B", "subjects": [{"name": "Stars", "level": "advanced", '
        '"draft": 3, "subtopics": ["Colour, size", "Age"]}]}]}\n'
    )
    assert freeze("taxonomy:\r\n- A", {"a": (subject("S"),)}) == (
        "taxonomy:\r\n- name: A\r\n  subjects:\r\n    - name: S\r\n      level: advanced\r\n"
    )


@pytest.mark.long
@settings(max_examples=100, deadline=None)
@given(SUBJECTS, st.sampled_from(["Astronomy", "Physics", "Chemistry", "Music", "Dance"]))
def test_whatever_the_names_are_they_are_read_back(subjects: tuple[Subject, ...], name: str) -> None:
    """Also such as look like YAML; and the file stays one that is read line by line."""
    new = freeze(TREE.replace("    notes: |\n      Of one\n      country.\n", ""), {key_of(name): subjects})
    assert {leaf.name: leaf.subjects for leaf in Taxonomy.parse(new, "x").disciplines}[name] == subjects
    assert read_quickly(new) is not None


def test_a_discipline_at_the_lowest_level_can_be_frozen() -> None:
    """Eight levels, then subjects, class sessions and key concepts."""
    text = "taxonomy:\n" + "".join(f"{' ' * 2 * i}- name: N{i}\n{' ' * 2 * i}  children:\n" for i in range(7))
    text += " " * 14 + "- Deep\n"
    new = freeze(text, {"deep": (ORBITS,)})
    assert Taxonomy.parse(new, "x").disciplines[0].subjects == (ORBITS,)
    flow = "taxonomy: " + "".join(f"[{{name: N{i}, children: " for i in range(7)) + "[Deep]" + "}]" * 7 + "\n"
    assert Taxonomy.parse(freeze(flow, {"deep": (ORBITS,)}), "x").disciplines[0].subjects == (ORBITS,)


def test_names_that_no_file_can_hold() -> None:
    """A syllabus with one is left out; a subject with one is refused, with the name shown."""
    hidden = f"Two{chr(0x200B)}bodies"
    (found,) = writable(a_discipline("Physics"), [replace(ORBITS, sessions=(session(hidden),), frozen="x")])
    assert (found.sessions, found.frozen) == ((), "")
    with pytest.raises(TaxonomyError, match=r"'Physics' cannot be frozen: the name 'Two\\u200bbodies'"):
        writable(a_discipline("Physics"), [subject(hidden)])


def test_a_seal_holds_until_anything_is_changed() -> None:
    """The draft is no part of it, since no question sees it; a subject with a text of its own has none."""
    sealed = replace(ORBITS, frozen=seal_of(ORBITS, "The text."))
    assert is_unchanged(sealed)
    assert is_unchanged(replace(sealed, draft=7))
    assert is_sealed_with(sealed, "The text.")
    assert not is_sealed_with(sealed, "The text!")
    for changed in (
        replace(sealed, name="ORBITS"),
        replace(sealed, level=Level.GRADUATE),
        replace(sealed, subtopics=("More",)),
        replace(sealed, sessions=sealed.sessions[:1]),
        replace(sealed, sessions=(session("Two bodies", "Centre of mass"), *sealed.sessions[1:])),
        replace(sealed, sessions=()),
        replace(sealed, syllabus="My own."),
        replace(sealed, frozen=""),
    ):
        assert not is_unchanged(changed)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{name: S, sessions: [A, a]}", "the class session 'a' already stands in this subject, as 'A' in line 4"),
        ("{name: S, sessions: []}", "`sessions:` of 'S' is empty"),
        ("{name: S, sessions: A}", "`sessions:` of 'S' is no list"),
        ("{name: S, sessions: [{key_concepts: [A]}]}", "a class session has no `name:`"),
        (
            "{name: S, sessions: [{name: A, key_concept: [A]}]}",
            "unknown key 'key_concept'; did you mean 'key_concepts'",
        ),
        ("{name: S, sessions: [[A]]}", "the class session is a list; it must be a text"),
        ("{name: S, draft: 0}", "the draft '0' is no number from 1 to 100"),
        ("{name: S, draft: 1e1}", "the draft '1e1' is no number"),
        ("{name: S, frozen: yes}", "'yes' is not what `glan curriculum freeze` writes; remove the line"),
        ("{name: S, syllabus: [A]}", "the syllabus is a list; it must be a text"),
        ('{name: S, syllabus: "A\\u202eB"}', "the syllabus has the invisible character"),
        ("{name: S, syllabus: " + "a" * 50_001 + "}", "the syllabus has 50,001 characters; at most 50,000 are read"),
        (f"{{name: S, sessions: [{', '.join(f'A{i}' for i in range(1_001))}]}}", "has 1,001 items; at most 1,000"),
    ],
)
def test_a_given_syllabus_that_cannot_be_read_is_told_with_its_place(written: str, expected: str) -> None:
    """Whatever is wrong in it."""
    with pytest.raises(TaxonomyError, match=r"x, line 4, column \d+: ") as caught:
        Taxonomy.parse(f"taxonomy:\n- name: A\n  subjects:\n  - {written}\n", "x")
    assert expected in str(caught.value)


@pytest.mark.long
def test_a_file_that_would_be_too_large_is_not_written() -> None:
    """It names the way out: a part of the tree."""
    many = tuple(
        subject(f"Subject {i}", *(session(f"Session {k}", *(f"{'x' * 280} {j}" for j in range(50))) for k in range(9)))
        for i in range(130)
    )
    with pytest.raises(TaxonomyError, match="more than 16,000,000 characters") as caught:
        freeze("taxonomy:\n- A\n", {"a": many})
    assert "glan curriculum freeze NODE" in caught.value.hint
