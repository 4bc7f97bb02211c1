"""A setting that is one of some words names them where it is given another."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from glan.config import Config, settings_of
from glan.errors import ConfigError
from glan.train.recipes import Recipe


def chosen(kind: type[msgspec.Struct], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Give the place of every setting that is one of some words, with the words."""
    told = inspect.type_info(kind)
    assert isinstance(told, inspect.StructType)
    for field in told.fields:
        place = (*above, field.encode_name)
        found = field.type.type if isinstance(field.type, inspect.Metadata) else field.type
        for each in found.types if isinstance(found, inspect.UnionType) else (found,):
            if isinstance(each, inspect.LiteralType):
                yield place, [str(value) for value in each.values]
            elif isinstance(each, inspect.StructType):
                yield from chosen(each.cls, place)


EVERY = [(kind, place, words) for kind in (Config, Recipe) for place, words in chosen(kind)]


@pytest.mark.parametrize(("kind", "place", "words"), EVERY, ids=[".".join(place) for _, place, _ in EVERY])
def test_a_wrong_word_names_the_right_ones(
    kind: type[msgspec.Struct], place: tuple[str, ...], words: list[str]
) -> None:
    """The error tells the setting, the value and every word that does."""
    found: Any = "nonsense"
    for name in reversed(place):
        found = {name: found}
    with pytest.raises(ConfigError) as raised:
        settings_of(kind, found, "here")
    assert str(raised.value) == f"here: {'.'.join(place)}: 'nonsense' is none of {', '.join(words)}."


def test_there_are_such_settings() -> None:
    """Those of a section below another are among them."""
    assert {place for _, place, _ in EVERY} >= {("mode",), ("curation", "pii"), ("precision",)}
