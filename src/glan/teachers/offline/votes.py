"""The textbook as a voter on a tree, as far as it can vote honestly: it knows the shipped tree and its own chapters.

It keeps what stands there, removes what is there twice in nearly the same words, and is unsure of everything else.
"""

import re
from collections.abc import Iterator

import msgspec

from glan.names import near_key
from glan.places import key_of
from glan.teachers.offline.book import Book
from glan.teachers.offline.divisions import known_names
from glan.teachers.offline.reader import ConfusedError

_ELEMENT = re.compile(r"^(\d{1,4})\. (.+)$", re.MULTILINE)


def vote(book: Book, elements: str) -> str:
    """Return a vote on each element of a list.

    Raises:
        ConfusedError: there is no list.

    """
    names = [found[2] for found in _ELEMENT.finditer(elements)]
    if not names:
        raise ConfusedError("I cannot see any elements to vote on.")
    return msgspec.json.encode({"votes": [*_votes(book, names)]}).decode()


def _votes(book: Book, names: list[str]) -> Iterator[dict[str, object]]:
    known = {*known_names(), *[key_of(name) for name in book.disciplines]}
    seen: dict[str, int] = {}
    for number, name in enumerate(names, start=1):
        first = seen.setdefault(near_key(name), number)
        if first != number:
            yield {"number": number, "vote": "remove", "comment": f"It is number {first} in nearly the same words."}
        elif key_of(name) in known:
            yield {"number": number, "vote": "keep", "comment": ""}
        else:
            yield {"number": number, "vote": "unsure", "comment": "For trying: the offline textbook does not know it."}
