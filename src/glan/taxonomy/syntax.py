"""From YAML text to a small tree of texts that knows where each part stands. What the parts mean is not known here.

It reads the events of the YAML parser, not built data: lines and columns stay known, a weight keeps its decimal text,
a name such as `no` stays a name, and nothing is ever constructed. Anchors, aliases and tags are refused, and nesting,
size and number of parts have limits, so a file from a stranger costs bounded time and memory.
"""

from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from glan.errors import TaxonomyError
from glan.taxonomy.parts import MAX_LENGTH, MAX_NESTING, MAX_PARTS, NULLS, Mapping, Part, Scalar, Sequence, Span
from glan.taxonomy.quick import read_quickly

_MAX_TAG_LENGTH = 10_000
"""What follows an exclamation mark without a space costs the parser quadratic time."""


def compose(text: str, source: str) -> Part:
    """Return the one document of a YAML text; an empty text is a null.

    Raises:
        TaxonomyError: the text is no YAML, or beyond what a taxonomy needs.

    """
    if len(text) > MAX_LENGTH:
        raise TaxonomyError(f"{source} has more than {MAX_LENGTH:,} characters; a taxonomy of that size is not read.")
    if any(len(word) > _MAX_TAG_LENGTH and "!" in word for word in text.split()):
        raise TaxonomyError(
            f"{source} has an exclamation mark in more than {_MAX_TAG_LENGTH:,} characters without a space; break them."
        )
    found = read_quickly(text)
    if found is not None:
        return found
    return compose_slowly(text, source)


def compose_slowly(text: str, source: str) -> Part:
    """Return the same by the events of the parser, whatever the form of the text."""
    try:
        return _Composer(text, source).document()
    except ReaderError as error:
        raise _unreadable(text, source, error.position) from error
    except MarkedYAMLError as error:
        raise TaxonomyError(f"{_place_of(error, source)}: this is not valid YAML: {_told(error)}.") from error
    except (YAMLError, ValueError, OverflowError) as error:
        # Escapes beyond Unicode, such as "\UFFFFFFFF", reach us as plain errors of Python.
        raise TaxonomyError(f"{source} is not valid YAML: {error}.") from error


class _Composer:
    """One pass over the events of a text."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        self._parts = 0

    def document(self) -> Part:
        documents: list[Part] = []
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if documents:
                    raise self._refused(event, "a second document begins here; a taxonomy is one document.")
                documents.append(self._part(next(self._events), 0))
        return documents[0] if documents else Scalar(value="", is_null=True, span=Span(0, 0, 1, 1))

    def _part(self, event: Event, depth: int) -> Part:
        self._check(event, depth)
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, depth + 1)
        return self._mapping(event, depth + 1)

    def _check(self, event: Event, depth: int) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise self._refused(event, f"the file has more than {MAX_PARTS:,} parts; that is more than is read.")
        if depth > MAX_NESTING:
            raise self._refused(event, "the tree is nested too deep; a taxonomy has at most 8 levels.")
        anchor = event.anchor if isinstance(event, NodeEvent) else None
        if isinstance(event, AliasEvent) or anchor is not None:
            raise self._refused(
                event, f"anchors and aliases are not read; write what {shown(str(anchor))} stands for in its place."
            )
        tag: str | None = getattr(event, "tag", None)
        if tag is not None:
            raise self._refused(event, f"the tag {shown(tag)} is not read; write the plain text, in quotes.")

    def _scalar(self, event: ScalarEvent) -> Scalar:
        is_plain = event.style is None
        end: int = event.end_mark.index
        if event.style in ("|", ">"):
            # A block of text ends for the parser where the next part begins; for people, with its last word.
            while end > event.start_mark.index and self._text[end - 1].isspace():
                end -= 1
        value: str = event.value
        return Scalar(value=value, is_null=is_plain and value in NULLS, span=_span(event, end))

    def _sequence(self, start: SequenceStartEvent, depth: int) -> Sequence:
        items: list[Part] = []
        for event in self._events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._part(event, depth))
        is_flow = bool(start.flow_style)
        end = event.end_mark.index if is_flow or not items else items[-1].span.end
        return Sequence(items=tuple(items), is_flow=is_flow, span=_span(start, end))

    def _mapping(self, start: Event, depth: int) -> Mapping:
        keys: dict[str, Scalar] = {}
        values: dict[str, Part] = {}
        for event in self._events:
            if isinstance(event, MappingEndEvent):
                break
            key = self._part(event, depth)
            if not isinstance(key, Scalar):
                raise self._refused(event, "a key is a word here, not a list or a mapping.")
            if key.value in keys:
                raise self._refused(
                    event, f"the key {shown(key.value)} stands twice; first in line {keys[key.value].span.line}."
                )
            keys[key.value] = key
            values[key.value] = self._part(next(self._events), depth)
        is_flow = isinstance(start, MappingStartEvent) and bool(start.flow_style)
        last = next(reversed(values.values()), None)
        end = event.end_mark.index if is_flow or last is None else last.span.end
        return Mapping(values=values, keys=keys, span=_span(start, end))

    def _refused(self, event: Event, message: str) -> TaxonomyError:
        return TaxonomyError(f"{place_of(self._source, _span(event, 0))}: {message}")


def place_of(source: str, span: Span) -> str:
    """Return a place as people read it."""
    return f"{source}, line {span.line}, column {span.column}"


def shown(text: str) -> str:
    """Return a text as it stands in a message: in quotes, of bounded length, with what is invisible escaped."""
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _span(event: Event, end: int) -> Span:
    mark = event.start_mark
    return Span(mark.index, end, mark.line + 1, mark.column + 1)


def _place_of(error: MarkedYAMLError, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{source}, line {mark.line + 1}, column {mark.column + 1}" if mark is not None else source


def _told(error: MarkedYAMLError) -> str:
    context = f"{error.context}, " if error.context else ""
    return f"{context}{error.problem}"[:300]


def _unreadable(text: str, source: str, position: int) -> TaxonomyError:
    before = text[:position]
    column = position - before.rfind("\n")
    return TaxonomyError(
        f"{source}, line {before.count(chr(10)) + 1}, column {column}: "
        f"the character {text[position]!a} cannot stand in YAML; remove it."
    )
