"""Records as hypothesis draws them, and small ones made by hand, for the whole suite."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from hypothesis import strategies as st
from msgspec.structs import replace

from glan.places import key_of
from glan.records import Discipline, Level, Session, Subject, Syllabus

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("aAbB +#/%é"), min_size=1, max_size=8
).filter(key_of)
"""Names that have a key; also such as are hard on ids."""

WEIGHTS = st.builds(Fraction, st.integers(1, 1_000), st.integers(1, 1_000)) | st.integers(1, 3).map(Fraction)


def a_discipline(name: str, weight: Fraction | int = 1) -> Discipline:
    return Discipline(name=name, key=key_of(name), path=("Field",), title=name, weight=Fraction(weight))


def a_syllabus(concepts: Sequence[Iterable[str]], *, discipline: str = "Physics", subject: str = "Optics") -> Syllabus:
    """Return a syllabus whose sessions have these key concepts."""
    return Syllabus(
        discipline=a_discipline(discipline),
        subject=Subject(name=subject, key=key_of(subject), level=Level.ADVANCED),
        text="The syllabus.",
        sessions=tuple(
            Session(name=f"Session {i}", key=f"session {i}", key_concepts=tuple(names))
            for i, names in enumerate(concepts, start=1)
        ),
    )


def sized_syllabus(*sizes: int, discipline: str = "Physics", subject: str = "Optics") -> Syllabus:
    """Return a syllabus of sessions with so many key concepts; concepts of two sessions may have one name."""
    names = [[f"Concept {k}" for k in range(size)] for size in sizes]
    return a_syllabus(names, discipline=discipline, subject=subject)


def disciplines(min_size: int = 1, max_size: int = 6) -> st.SearchStrategy[tuple[Discipline, ...]]:
    """Return leaves with weights from far apart, each key once."""
    return st.lists(
        st.builds(a_discipline, NAMES, WEIGHTS), min_size=min_size, max_size=max_size, unique_by=lambda leaf: leaf.key
    ).map(tuple)


def syllabi(max_sessions: int = 4, max_concepts: int = 4) -> st.SearchStrategy[Syllabus]:
    """Return small syllabi; a concept's name is unique in its session alone."""
    concepts = st.lists(NAMES, min_size=1, max_size=max_concepts, unique_by=key_of)
    return st.lists(concepts, min_size=1, max_size=max_sessions).map(a_syllabus)


def session(name: str, *concepts: str) -> Session:
    """Return a class session; without key concepts it is its own."""
    return Session(name=name, key=key_of(name), key_concepts=concepts or (name,))


def subject(name: str, *sessions: Session, **settings: object) -> Subject:
    """Return an advanced subject with class sessions."""
    found = Subject(name=name, key=key_of(name), level=Level.ADVANCED, sessions=sessions)
    return replace(found, **settings)


ORBITS = subject("Orbits", session("Two bodies", "Centre of mass", "Kepler's laws"), session("Three: more"))
STARS = subject("Stars", draft=3, subtopics=("Colour, size", "Age"))

_PRICKLY = st.text(st.sampled_from("aB0 '\"\\#:,[]{}-&*!%@`|>?é数~=\u0301"), min_size=1, max_size=12).filter(
    lambda name: any(c.isalnum() for c in name)
)
SUBJECTS = st.lists(
    st.builds(
        lambda name, sessions, level, draft: Subject(
            name=name, key=key_of(name), level=level, draft=draft, sessions=tuple(sessions)
        ),
        _PRICKLY.map(lambda name: " ".join(name.split())),
        st.lists(
            st.builds(
                lambda name, concepts: session(name, *concepts),
                _PRICKLY.map(lambda name: " ".join(name.split())),
                st.lists(_PRICKLY.map(lambda name: " ".join(name.split())), max_size=3, unique_by=key_of),
            ),
            max_size=3,
            unique_by=lambda found: found.key,
        ),
        st.sampled_from(Level),
        st.integers(1, 100),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda found: found.key,
).map(tuple)
"""Subjects with names that look like YAML or Markdown."""
