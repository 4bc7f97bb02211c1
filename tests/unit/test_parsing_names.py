"""Names of a listing: what is done for all of them at once is what is done for each."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.parsing import parse_sessions
from glan.records import Session

PLAIN = st.text("abXY '-", max_size=8)
ODD = "1. Één"
"""No plain name: a listing that holds it is read name by name."""


def listing(sessions: list[tuple[str, list[str]]]) -> str:
    found = [{"session_name": name, "key_concepts": concepts} for name, concepts in sessions]
    return msgspec.json.encode({"sessions": found}).decode()


@given(st.lists(st.tuples(PLAIN, st.lists(PLAIN, max_size=4)), max_size=4))
def test_names_read_at_once_are_those_read_one_by_one(sessions: list[tuple[str, list[str]]]) -> None:
    """A session with an odd name behind the others changes nothing in those before it."""
    last = Session(name="Één", key="één", key_concepts=("Één",))
    always = ("Last of all", ["So it is"])  # at least one name that can be read
    at_once = parse_sessions(listing([*sessions, always]))
    one_by_one = parse_sessions(listing([*sessions, always, (ODD, [ODD])]))
    assert one_by_one == (*at_once, last)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *[(text, "C#") for text in ("C#", "`C#`", "**C#**", "## C#", "## C# ##", "3. C#")],
        *[
            (text, "Optics")
            for text in ("Optics ##", "## Optics ##", "**Optics** #", "*Optics*", "# Optics", "Optics #*")
        ],
    ],
)
def test_only_the_marks_around_a_name_go(text: str, name: str) -> None:
    """C and C# are two names: a sharp at the end closes a heading only where a space stands before it."""
    (session,) = parse_sessions(listing([("C", ["C", text])]))
    assert session.key_concepts == ("C", name)
