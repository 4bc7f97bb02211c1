"""Generated curricula as given ones: the subjects of disciplines, with their class sessions, put into a file's text.

What is there stays as it is: a discipline without subjects gets the list, a given subject without class sessions gets
those. The result is read again and has to say what was to be frozen.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Sequence as Some
from typing import TypeAlias

from msgspec.structs import replace

from glan.errors import TaxonomyError
from glan.parsing import MAX_NAME_LENGTH
from glan.places import key_of
from glan.records import Discipline, Session, Subject
from glan.taxonomy.lines import Edit, applied, column_of, line_end, newline_of
from glan.taxonomy.nodes import roots_of
from glan.taxonomy.parts import Mapping as Table
from glan.taxonomy.parts import Part, Scalar, Sequence
from glan.taxonomy.pieces import SOURCE, item_lines, unsafe
from glan.taxonomy.syntax import compose
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.values import checked_name
from glan.taxonomy.writing import scalar

Written: TypeAlias = "int | str | Some[Written] | Mapping[str, Written]"
"""A value as it is to stand in the file."""


def freeze(text: str, curricula: Mapping[str, tuple[Subject, ...]]) -> str:
    """Return the text with the subjects of some disciplines, by their key.

    Raises:
        TaxonomyError: the file is written in a way that cannot be edited safely, or would be more than is read.

    """
    whole = _ended(text)
    roots = roots_of(compose(whole, SOURCE), SOURCE)
    edits = [edit for item in _leaves(roots) for edit in _frozen(whole, item, curricula)]
    return _changed(whole, edits, curricula) if edits else text


def with_subjects(text: str, curricula: Mapping[str, tuple[Subject, ...]]) -> str:
    """Return the text with the given subjects of some disciplines exchanged, by their key; what is equal stays.

    Raises:
        TaxonomyError: the file is written in a way that cannot be edited safely.

    """
    whole = _ended(text)
    known = {leaf.key: leaf.subjects for leaf in Taxonomy.parse(whole, SOURCE).disciplines}
    edits = [
        _exchange(whole, leaf, known[leaf.key], curricula[leaf.key])
        for leaf in _leaves(roots_of(compose(whole, SOURCE), SOURCE))
        if leaf.key in curricula and known[leaf.key] != curricula[leaf.key]
    ]
    return _changed(whole, edits, curricula) if edits else text


def _ended(text: str) -> str:
    """Return a text of which the last line has an end."""
    return text if text.endswith("\n") else text + newline_of(text)


def _changed(text: str, edits: Iterable[Edit], curricula: Mapping[str, tuple[Subject, ...]]) -> str:
    """Return the text with the edits made, if it then says what is meant."""
    new = applied(text, edits)
    expected = (_with(leaf, curricula) for leaf in Taxonomy.parse(text, SOURCE).disciplines)
    if _read_again(new).disciplines != tuple(expected):
        raise unsafe()
    return new


def writable(discipline: Discipline, subjects: Iterable[Subject]) -> tuple[Subject, ...]:
    """Return subjects without the class sessions that have a name which no file can hold: those stay in the ledger.

    Raises:
        TaxonomyError: a subject itself has such a name.

    """
    found: list[Subject] = []
    for subject in subjects:
        for name in (subject.name, *subject.subtopics):
            _check(name, f"{discipline.name!r} cannot be frozen")
        found.append(subject if _is_writable(subject.sessions) else replace(subject, sessions=(), frozen=""))
    return tuple(found)


def subject_as_written(subject: Subject) -> dict[str, Written]:
    """Return a subject as its keys and values stand in a file."""
    found: dict[str, Written] = {"name": subject.name, "level": subject.level.value}
    if subject.draft > 1:
        found["draft"] = subject.draft
    if subject.subtopics:
        found["subtopics"] = list(subject.subtopics)
    return {**found, **_syllabus_as_written(subject)}


def _syllabus_as_written(subject: Subject) -> dict[str, Written]:
    found: dict[str, Written] = {}
    if subject.frozen:
        found["frozen"] = subject.frozen
    if subject.syllabus:
        found["syllabus"] = subject.syllabus
    if subject.sessions:
        found["sessions"] = [_session_as_written(session) for session in subject.sessions]
    return found


def _session_as_written(session: Session) -> Written:
    if session.key_concepts == (session.name,):
        return session.name
    return {"name": session.name, "key_concepts": list(session.key_concepts)}


def _check(name: str, at: str) -> None:
    checked_name(name, "name", at, most=MAX_NAME_LENGTH)


def _is_writable(sessions: Iterable[Session]) -> bool:
    try:
        for session in sessions:
            for name in (session.name, *session.key_concepts):
                _check(name, "")
    except TaxonomyError:
        return False
    return True


def _read_again(text: str) -> Taxonomy:
    try:
        return Taxonomy.parse(text, SOURCE)
    except TaxonomyError as error:
        raise TaxonomyError(
            f"With what was to be frozen, {SOURCE} could not be read, so nothing was changed: {error}",
            hint="Freeze a part of the tree: `glan curriculum freeze NODE`.",
        ) from error


def _with(leaf: Discipline, curricula: Mapping[str, tuple[Subject, ...]]) -> Discipline:
    return replace(leaf, subjects=curricula.get(leaf.key, leaf.subjects))


class _Item:
    """An item of a list, and whether that list is in brackets."""

    def __init__(self, part: Part, *, in_brackets: bool) -> None:
        self.part = part
        self.in_brackets = in_brackets

    @property
    def key(self) -> str:
        name = self.part.values.get("name") if isinstance(self.part, Table) else self.part
        return key_of(name.value) if isinstance(name, Scalar) else ""

    def below(self, key: str) -> "list[_Item]":
        """Return the items of a list that stands under a key."""
        found = self.part.values.get(key) if isinstance(self.part, Table) else None
        return _items(found, in_brackets=self.in_brackets) if isinstance(found, Sequence) else []


def _items(items: Sequence, *, in_brackets: bool) -> list[_Item]:
    return [_Item(item, in_brackets=in_brackets or items.is_flow) for item in items.items]


def _leaves(roots: Sequence) -> Iterator[_Item]:
    left = _items(roots, in_brackets=False)
    while left:
        item = left.pop()
        children = item.below("children")
        if children:
            left += children
        else:
            yield item


def _frozen(text: str, leaf: _Item, curricula: Mapping[str, tuple[Subject, ...]]) -> Iterator[Edit]:
    subjects = curricula.get(leaf.key, ())
    given = {item.key: item for item in leaf.below("subjects")}
    if not given and subjects:
        yield from _with_keys(text, leaf, {"subjects": [subject_as_written(subject) for subject in subjects]})
    for subject in subjects if given else ():
        item = given[subject.key]
        if subject.sessions and not item.below("sessions"):
            yield from _with_keys(text, item, _syllabus_as_written(replace(subject, syllabus="")))


def _exchange(text: str, leaf: _Item, old: Some[Subject], new: Some[Subject]) -> Edit:
    """Exchange the items of a list of subjects for others; one that is equal keeps its lines, with its comments."""
    items = leaf.part.values["subjects"] if isinstance(leaf.part, Table) else None
    if not isinstance(items, Sequence):
        raise unsafe()
    parts = dict(zip(old, items.items, strict=True))
    if leaf.in_brackets or items.is_flow:
        quoted = text.startswith(('"', '{"'), items.items[0].span.start)
        written = [
            text[slice(*parts[subject].span[:2])]
            if subject in parts
            else _flow(subject_as_written(subject), quoted=quoted)
            for subject in new
        ]
        return Edit(*items.span[:2], f"[{', '.join(written)}]")
    margin, newline = " " * column_of(text, items.span.start), newline_of(text)
    lines = [
        text[slice(*item_lines(text, items, parts[subject]))]
        if subject in parts
        else "".join(f"{margin}{line[2:]}{newline}" for line in _item_lines(subject_as_written(subject)))
        for subject in new
    ]
    start, end = item_lines(text, items, items.items[0])[0], item_lines(text, items, items.items[-1])[1]
    return Edit(start, end, "".join(lines))


# --- Keys and values put behind those that an item has, or in their place. ---


def _with_keys(text: str, item: _Item, added: Mapping[str, Written]) -> Iterator[Edit]:
    start, end = item.part.span.start, item.part.span.end
    there = item.part.values if isinstance(item.part, Table) else {}
    is_braced = text.startswith("{", start)
    if item.in_brackets or (is_braced and "\n" in text[start:end]):
        yield from _in_braces(text, item.part, added)
        return
    margin, newline = " " * column_of(text, start), newline_of(text)
    if is_braced:
        kept = [f"{key}: {text[slice(*value.span[:2])]}" for key, value in there.items() if key not in added]
        yield Edit(start, end, f"{newline}{margin}".join(kept))
        there = {}
    elif not there:
        yield Edit(start, end, f"name: {_flow(_name(item.part), quoted=False)}")
    yield from _exchanged(text, there, added)
    behind = line_end(text, end)
    lines = _lines({key: value for key, value in added.items() if key not in there})
    yield Edit(behind, behind, "".join(f"{margin}{line}{newline}" for line in lines))


def _in_braces(text: str, part: Part, added: Mapping[str, Written]) -> Iterator[Edit]:
    start, end = part.span.start, part.span.end
    quoted = text.startswith(('"', '{"'), start)
    if isinstance(part, Table):
        yield from _exchanged(text, part.values, added)
        fresh = {key: value for key, value in added.items() if key not in part.values}
        yield Edit(end - 1, end - 1, f", {_flow(fresh, quoted=quoted)[1:-1]}")
    else:
        yield Edit(start, end, _flow({"name": _name(part), **added}, quoted=quoted))


def _exchanged(text: str, there: Mapping[str, Part], added: Mapping[str, Written]) -> Iterator[Edit]:
    """Exchange the values of the keys that are there already."""
    for key in there.keys() & added.keys():
        start, end = there[key].span.start, there[key].span.end
        yield Edit(start, end, _flow(added[key], quoted=text.startswith('"', start)))


def _name(part: Part) -> str:
    """Return the name that an item without settings is."""
    return " ".join(part.value.split()) if isinstance(part, Scalar) else ""


def _lines(value: Mapping[str, Written]) -> Iterator[str]:
    """Give the lines of keys and values."""
    for key, found in value.items():
        if not isinstance(found, (int, str, Mapping)) and any(isinstance(item, Mapping) for item in found):
            yield f"{key}:"
            for item in found:
                yield from _item_lines(item)
        elif isinstance(found, str) and "\n" in found:
            yield from (f"{key}: |", *(f"  {line}" for line in found.split("\n")))
        else:
            yield f"{key}: {_flow(found, quoted=False)}"


def _item_lines(item: Written) -> Iterator[str]:
    lines = _lines(item) if isinstance(item, Mapping) else [_flow(item, quoted=False)]
    for number, line in enumerate(lines):
        yield f"{'    ' if number else '  - '}{line}"


def _flow(value: Written, *, quoted: bool) -> str:
    """Return a value in one line."""
    if isinstance(value, (int, str)):
        return str(value) if isinstance(value, int) else scalar("", value, quoted=quoted)
    if isinstance(value, Mapping):
        inside = [f"{_flow(key, quoted=quoted)}: {_flow(found, quoted=quoted)}" for key, found in value.items()]
        return f"{{{', '.join(inside)}}}"
    return f"[{', '.join(_flow(item, quoted=quoted) for item in value)}]"
