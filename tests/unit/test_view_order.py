"""What the viewer's pages list: in an order that a person expects, with links that lead where their words say."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi import get
from harness import project, rows, run, small
from looking import Page, page, viewer_of
from starlette.applications import Starlette

from glan.view.app import app_of

STAGES = ("subjects", "syllabi", "questions", "answers")
TREE = [{"name": "Science", "children": [{"name": "Nature", "children": ["Zoology", "Botany"]}, "Algebra"]}, "Law"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A project of 60 pairs with a field, a sub-field, a discipline without both, and several subjects."""
    with project(TREE, pairs=60) as made:
        run(made, small(subjects=4))
        yield made


@pytest.fixture(scope="module")
def app(folder: Path) -> Starlette:
    """The viewer of it."""
    return app_of(viewer_of(folder))


def test_subjects_stand_by_their_pairs(app: Starlette, folder: Path) -> None:
    """The subjects of a discipline with the most pairs come first, and equals by the alphabet."""
    pairs = Counter(each["subject"] for each in rows(folder) if each["discipline"] == "Law")
    assert len(pairs) > 2
    shown = re.findall(r'subject=[^"]*"><bdi>(.*?)</bdi>', get(app, "/discipline?leaf=law").text)
    assert shown == sorted(pairs, key=lambda title: (-pairs[title], title.casefold()))


def test_choices_stand_by_their_rows(app: Starlette, folder: Path) -> None:
    """The most frequent texts of a column come first in its list of choices, and equals by the alphabet."""
    count = Counter(each["discipline"] for each in rows(folder))
    assert len(set(count.values())) < len(count)
    shown = re.findall(r'<option value="=[^"]*">(Zoology|Botany|Algebra|Law) ', get(app, "/pairs").text)
    assert shown == sorted(count, key=lambda name: (-count[name], name.casefold()))


def test_one_thing_is_told_as_one() -> None:
    """A project of one pair has one subject, one row and one pair, and says so in sentences that are whole."""
    with project(["Law"], pairs=1) as made:
        run(made, small())
        app = app_of(viewer_of(made))
        assert re.search(
            r"Complete\. Made \d{4}-\d\d-\d\d \d\d:\d\d UTC by glan .*\. Every longer .* the first 1 row\.",
            page(app, "/").text,
        )
        leaf = page(app, "/discipline?leaf=law")
        assert re.search(r"\b1 subject\b", leaf.text)
        assert "1 pair, 0 rejects, 0 failures" in page(app, links_of(leaf, "/subject")[0]).text
        assert "0 verdicts" in page(app, "/reviews").text


def test_a_price_that_nobody_knows_is_no_zero(app: Starlette) -> None:
    """Replies of a model without a price are not told to have cost nothing."""
    text = page(app, "/").text
    assert text.count("price unknown") == len(STAGES)
    assert "$0" not in text


def links_of(found: Page, start: str) -> list[str]:
    return [link for link in found.links if link.startswith(start)]


def test_each_crumb_leads_to_what_it_names(app: Starlette, folder: Path) -> None:
    """Field and sub-field of a pair lead to the pairs of just that field, and of just that sub-field."""
    known: list[dict[str, Any]] = rows(folder)
    pair = next(each for each in known if each["sub_field"])
    of_field, of_sub_field = links_of(page(app, f"/pair?id={pair['id'].replace('%', '%25')}"), "/pairs?field")
    for link, name in ((of_field, "field"), (of_sub_field, "sub_field")):
        n = sum(each[name] == pair[name] for each in known)
        assert n < len(known)
        assert f"of {n}" in page(app, link).text
