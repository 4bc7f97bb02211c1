"""The parts of a whole, as a teacher would write them down: those of the shipped tree, and the chapters of the book.

What neither has gets a generic plan, which says so: the textbook is for trying, and knows no field beyond its own.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from random import Random
from typing import Any

import msgspec
from ruamel.yaml import YAML

from glan.parsing import clean
from glan.places import key_of
from glan.teachers.offline.book import Book
from glan.teachers.offline.reader import ConfusedError

_ALL = "human knowledge"
"""How the name of a whole begins that is everything."""
GENERIC = ("Foundations", "History", "Methods", "Tools", "Practice", "Ethics")
_OF_GENERIC = re.compile(rf"(?:{'|'.join(GENERIC)}) of ")
_LEFT_OUT = 1 / 6
"""Share of the parts that a proposal leaves out, as a model would: not every one names the same."""
_FEWEST = 2
_HEADING = re.compile(r"#{2,6}\s+(?:\d{1,3}[.)]\s+)?(.{1,400})")
_ONE = "is one discipline"


def draft_parts(book: Book, whole: str, rng: Random) -> str:
    """Return the parts of a whole with a sentence on each, or that it has none."""
    known = _known_parts(book, whole)
    if known is None:
        return f"{whole} {_ONE}: the offline textbook knows no parts of it."
    names, source = known
    kept = [name for name in names if rng.random() >= _LEFT_OUT]
    lines = [f"# Parts of {whole}", "", source]
    for number, name in enumerate(kept if len(kept) >= _FEWEST else names, start=1):
        lines += ["", f"## {number}. {name}", "", f"What is known, taught and done under the name of {name}."]
    return "\n".join(lines)


def list_parts(draft: str) -> str:
    """Return the parts of a draft as JSON."""
    names = [found[1].strip("*#: ") for line in clean(draft).split("\n") if (found := _HEADING.fullmatch(line.strip()))]
    if not names and _ONE not in draft:
        raise ConfusedError("I cannot see any parts in the text above.")
    return msgspec.json.encode({"parts": [{"part_name": name} for name in names]}).decode()


def _known_parts(book: Book, whole: str) -> tuple[Sequence[str], str] | None:
    """Return the parts of a whole, and where they come from; None where it is not divided any further."""
    key = key_of(whole)
    part, tree = book.part(whole), _tree()
    if part is not None:
        return [chapter.name for chapter in part.subjects], "These are the chapters of the offline textbook."
    if key.startswith(_ALL):
        return tree[""], "This is how the tree that comes with glan divides it."
    if key in tree:
        return (tree[key], "This is how the tree that comes with glan divides it.") if tree[key] else None
    if _OF_GENERIC.match(whole) is not None:
        return None
    names = [f"{name} of {whole}" for name in GENERIC]
    return names, f"The offline textbook knows nothing of {whole}, so this plan is generic."


def known_names() -> Mapping[str, object]:
    """Return the keys of all nodes of the shipped tree."""
    return _tree()


@cache
def _tree() -> Mapping[str, Sequence[str]]:
    """Return the names below each node of the shipped tree by its key; nothing stands for the top."""
    text = (resources.files("glan.taxonomy") / "knowledge.yaml").read_text(encoding="utf-8")
    found: dict[str, Sequence[str]] = {}
    _note("", YAML(typ="safe").load(text)["taxonomy"], found)
    return found


def _note(key: str, nodes: Sequence[Any], found: dict[str, Sequence[str]]) -> None:
    named = [{"name": node} if isinstance(node, str) else node for node in nodes]
    found.setdefault(key, [node["name"] for node in named])
    for node in named:
        _note(key_of(node["name"]), node.get("children", ()), found)
