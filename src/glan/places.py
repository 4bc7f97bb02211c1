"""The ids that name places, and the keys and seeds behind them. Pure.

An id is a place in the tree of the data set, never a counter that depends on scheduling:

    draft/<leaf>/<number>              one draft of the subjects of a discipline, as free text
    listing/<leaf>/<number>            the same draft as a list
    syllabus/<leaf>/<subject>          the syllabus of a subject, as free text
    sessions/<leaf>/<subject>          the same syllabus as class sessions with their key concepts
    question/<leaf>/<subject>/<index>  a question; also the id of its row
    answer/<leaf>/<subject>/<index>    its answer
    embedding/<leaf>/<subject>/<index> what the question means, as a vector
    rating/..., score/..., safety/...  what was said of the question, and of the pair
    test/<leaf>/<subject>/<index>      a question of the test set, from the draws that are reserved for it
    test-answer/..., test-rating/...   the same of it as of any other question
    student/<name>/<text>              the answer of a model that is examined to a question, by a hash of its text
    comparison/<text>/<first>/<second> what a judge makes of two answers, by hashes of all three texts
    grade/<text>/<answer>              what a judge makes of one answer
    proposal/<path>/<number>           one proposal of the parts of a branch, as free text, where a tree is built
    parts/<path>/<number>              the same proposal as a list
    vote/<path>/<number>               votes on what is directly below a node, in groups

`<leaf>` and `<subject>` are percent-encoded keys, and `<path>` has those of a branch and of what is above it.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b, sha256
from urllib.parse import quote

_PLAIN = re.compile("[a-z0-9]+(?: [a-z0-9]+)*")
_LONGEST_PATH = 80


def key_of(name: str) -> str:
    """Return the key of a name: NFKC, case-folded, spaces collapsed, every other character kept.

    NFKC is applied again after case-folding, which can undo it (Unicode, section 3.13, toNFKC_Casefold).
    """
    if name.isascii():
        return " ".join(name.lower().split())
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def place(kind: str, *parts: str | int) -> str:
    """Return the id of a place: `place("question", "c++", "templates", 7)` is `question/c%2B%2B/templates/7`."""
    return "/".join([kind, *[str(part) if isinstance(part, int) else quoted(part) for part in parts]])


def beside(kind: str, id_: str) -> str:
    """Return the id of another kind at the same place: the answer's, say, to a question.

    What is beside a question of a test set is of the test set too.
    """
    if id_.startswith("test"):
        kind = "test" if kind == "question" else f"test-{kind}"
    return kind + id_[id_.index("/") :]


@lru_cache(maxsize=65_536)
def quoted(key: str) -> str:
    """Return a key as it stands in ids."""
    return quote(key, safe="")


def slug(name: str) -> str:
    """Return a name as a part of a file's name: a few plain letters, and what tells two names apart."""
    key = key_of(name)
    plain = re.sub(r"[^a-z0-9]+", "-", key)[:40].strip("-")
    digest = sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return f"{plain}-{digest}" if plain else digest


def folder_of(keys: Sequence[str]) -> str:
    """Return the name of a folder for a node, from the keys on its path: `science--physics` where all are plain."""
    plain = "--".join([key.replace(" ", "-") for key in keys])
    is_plain = all(_PLAIN.fullmatch(key) for key in keys) and len(plain) <= _LONGEST_PATH
    return plain if is_plain else slug("/".join(map(quoted, keys)))


def seed_of(*parts: str | int) -> int:
    """Return a 64-bit seed for (project seed, stage, parent id); each part's length is hashed with it."""
    return seed_of_framed(framed(*parts))


def framed(*parts: str | int) -> bytes:
    """Return texts with their lengths before them: two lists are the same only if all their parts are."""
    texts = [str(part).encode() for part in parts]
    return b"".join([b"%d:%b" % (len(text), text) for text in texts])


def seed_of_framed(data: bytes) -> int:
    """Return the seed for parts that are framed already."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
