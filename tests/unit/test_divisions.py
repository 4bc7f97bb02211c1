"""The parts of a whole: how a listing of them is read, and what the offline textbook knows of them."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.errors import ReplyError
from glan.generate.decompose import ALL, WORDINGS
from glan.parsing import parse_parts
from glan.prompts import Prompts
from glan.records import Message, Request, Sampling, Stage
from glan.taxonomy.sources import taxonomy_text
from glan.taxonomy.tree import Taxonomy
from glan.teachers.offline import Textbook
from glan.teachers.offline.book import open_book
from glan.teachers.offline.divisions import GENERIC

PROMPTS, TEXTBOOK = Prompts.shipped(), Textbook()
BUILTIN = Taxonomy.parse(taxonomy_text("builtin"), "builtin")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"parts": [{"part_name": "1. Ships"}, {"part_name": "**Ports**"}]}', ("Ships", "Ports")),
        ('Here:\n```json\n{"parts": [{"part_name": "Ships"}]}\n```', ("Ships",)),
        ('["Ships", "Ports", "ships"]', ("Ships", "Ports")),
        ('{"parts": ["Ships", {"part_name": "Ports"}]}', ("Ships", "Ports")),
        ('{"part_name": "Ships"}\n{"part_name": "Ports"}', ("Ships", "Ports")),
        ('{"parts": [{"part_name": "Ships"}, {"part_name": "Ports"},]}', ("Ships", "Ports")),
        ('{"parts": [{"part_name": "Ships"}, {"part_name": "---"}]}', ("Ships",)),
        ('{"parts": []}', ()),
        ('```\n{"parts": []}\n```', ()),
    ],
)
def test_a_listing_of_parts_is_read(text: str, names: tuple[str, ...]) -> None:
    """Strictly where it is as it should be, else leniently; an empty list says that there are none."""
    assert parse_parts(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is one discipline.",
        '{"error": "no"}',
        '{"parts": [{"name": "A"}]}',
        '{"parts": ["..."]}',
        '{"parts": [',
        '{"p',
    ],
)
def test_what_is_no_listing_is_not_taken_for_an_empty_one(text: str) -> None:
    """A reply that says nothing of parts is malformed: it must not make a discipline of a branch."""
    with pytest.raises(ReplyError):
        parse_parts(text)


@given(text=st.one_of(st.text(max_size=200), st.recursive(st.text(max_size=9), st.lists, max_leaves=9).map(json.dumps)))
def test_any_reply_is_a_list_or_an_error(text: str) -> None:
    """No text makes the reader fail in another way."""
    try:
        assert all(name.strip() for name in parse_parts(text))
    except ReplyError as error:
        assert error.text == text  # noqa: PT017 - either of both is right


def parts_of(whole: str, wording: str) -> tuple[str, tuple[str, ...]]:
    """Return what the textbook writes of a whole, and the parts that it lists then."""
    prompt = PROMPTS.render(wording, whole=whole, above=[], notes=[], language="English")

    def ask(*texts: str, schema: str | None = None) -> str:
        messages = tuple(Message(role="assistant" if i % 2 else "user", content=text) for i, text in enumerate(texts))
        request = Request(
            id="", stage=Stage.TAXONOMY, messages=messages, sampling=Sampling(model="m", max_tokens=9), schema=schema
        )
        return asyncio.run(TEXTBOOK.reply(request)).text

    draft = ask(prompt)
    return draft, parse_parts(ask(prompt, draft, PROMPTS.render("list_parts", language="English"), schema="parts"))


@pytest.mark.parametrize("wording", WORDINGS)
def test_the_textbook_divides_as_the_shipped_tree_does(wording: str) -> None:
    """All that people know into its fields, a branch into what is below it; each proposal leaves something out."""
    fields = [node.name for node in BUILTIN.roots]
    _, found = parts_of(ALL, wording)
    assert len(fields) // 2 < len(found) <= len(fields)
    assert found == tuple(name for name in fields if name in found)
    _, below = parts_of(fields[0], wording)
    assert set(below) <= {child.name for child in BUILTIN.roots[0].children}  # type: ignore[union-attr]  # a branch


def test_the_wordings_get_different_proposals() -> None:
    """Otherwise votes would say nothing."""
    assert len({parts_of(ALL, wording)[1] for wording in WORDINGS}) > 1


def test_the_textbook_has_chapters_of_its_own_disciplines_and_no_parts_of_others() -> None:
    """A discipline of the shipped tree that it has no chapter on is one discipline, and it says so."""
    for discipline in open_book().disciplines:
        assert set(parts_of(discipline, WORDINGS[0])[1]) == {c.name for c in open_book().chapters(discipline)}
    draft, found = parts_of("Poetry", WORDINGS[0])
    assert (found, "one discipline" in draft) == ((), True)


def test_the_textbook_says_where_it_knows_nothing() -> None:
    """A plan for a field that it never heard of is generic, and is not divided further."""
    draft, found = parts_of("Falconry", WORDINGS[0])
    assert "so this plan is generic" in draft
    assert set(found) < {f"{part} of Falconry" for part in GENERIC}
    assert parts_of(found[0], WORDINGS[0])[1] == ()
