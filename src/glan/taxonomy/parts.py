"""The parts of a YAML text: texts, lists and mappings that know where they stand."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

MAX_LENGTH = 16_000_000
"""Longest text in characters; 100,000 disciplines with a note each have about 10,000,000."""
MAX_PARTS = 1_000_000
"""Most texts, lists and mappings in a file."""
MAX_NESTING = 24
"""Most lists and mappings inside each other: two for each of eight levels, and the subjects with their sessions."""
NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Span(NamedTuple):
    """Where a part stands: from `start` up to `end` in characters; line and column of its start count from 1."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One text, as it is meant: unquoted, unescaped, unfolded."""

    value: str
    is_null: bool
    """Nothing at all, or an unquoted `null` or `~`."""
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """A list."""

    items: tuple["Part", ...]
    is_flow: bool
    """Written in brackets rather than line by line."""
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys and their values, in order."""

    values: dict[str, "Part"]
    keys: dict[str, Scalar]
    span: Span


Part: TypeAlias = Scalar | Sequence | Mapping
