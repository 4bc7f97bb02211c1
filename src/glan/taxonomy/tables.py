"""A number for each of some nodes, from a file that a spreadsheet or a program has written: CSV or JSON."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence

from glan.errors import TaxonomyError
from glan.places import key_of
from glan.taxonomy.syntax import shown

NODE_COLUMNS = ("node", "discipline", "name")
"""Headings of the column with the nodes; without any of them the first column has them."""


def read_numbers(text: str, source: str, columns: Sequence[str]) -> Mapping[str, str]:
    """Return the value of each node, as it is written.

    A CSV has a column with nodes and one with values, by their headings or in this order; commas, semicolons or tabs
    part them. A JSON file has an object of nodes, or a list of objects with such keys.

    Raises:
        TaxonomyError: a line has not both, or a node stands twice.

    """
    text = text.removeprefix("\ufeff")
    pairs = _of_json(text, source, columns) if text.lstrip().startswith(("{", "[")) else _of_csv(text, source, columns)
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    for at, node, value in pairs:
        if not node.strip() or not value.strip():
            raise TaxonomyError(f"{source}, {at}: a node and its {columns[0]} are wanted, such as `Physics,2`.")
        key = key_of(node)
        if key in places:
            raise TaxonomyError(f"{source}, {at}: {shown(node)} stands there already, in {places[key]}; remove one.")
        places[key] = at
        found[node.strip()] = value.strip()
    if not found:
        raise TaxonomyError(f"{source} names no node; each line has a node and its {columns[0]}, such as `Physics,2`.")
    return found


def _of_csv(text: str, source: str, columns: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    at_node, at_value, is_first = 0, 1, True
    try:
        for row in reader:
            if not any(map(str.strip, row)):
                continue
            keys = [key_of(cell) for cell in row]
            if is_first and any(name in keys for name in (*NODE_COLUMNS, *columns)):
                at_node, at_value = _column(keys, NODE_COLUMNS, 0), _column(keys, columns, 1)
            else:
                node, value = ("".join(row[i : i + 1]) for i in (at_node, at_value))
                yield f"line {reader.line_num}", node, value
            is_first = False
    except csv.Error as error:
        raise TaxonomyError(f"{source}, line {reader.line_num}: this is no CSV: {error}.") from error


def _column(keys: Sequence[str], names: Sequence[str], default: int) -> int:
    return next((keys.index(name) for name in names if name in keys), default)


def _of_json(text: str, source: str, columns: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TaxonomyError(f"{source} is not valid JSON: {error}.") from error
    if isinstance(found, dict):
        yield from ((f"key {shown(node)}", node, _told(value)) for node, value in found.items())
        return
    for i, row in enumerate(found, 1):
        if not isinstance(row, dict):
            raise TaxonomyError(f"{source}, item {i}: this is no object with a node and its {columns[0]}.")
        node, value = (next((row[name] for name in names if name in row), "") for names in (NODE_COLUMNS, columns))
        yield f"item {i}", str(node), _told(value)


def _told(value: object) -> str:
    """Return a number as text; what is none is left as what it is, for the message."""
    return repr(value) if isinstance(value, float) else str(value)
