"""Near names: English names that differ only in how they are written. Pure, and cautious.

    Graph theory              Graph Theories, The graph theory, Theory of graphs
    Introduction to algebra   Algebra: an introduction, Introductory algebra
    Supply and demand         Demand & supply
    Bayes' theorem            Bayes Theorem
    Neural networks           Neural Network (NN)

A near copy that is missed costs a few questions that are alike. Two things that are taken for one cost everything that
would have been asked of the second, so what may be another thing is: another number, another word, words in another
order, an adjective, and plurals that mean something else, such as goods, futures and securities.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from glan.places import key_of

_PLAIN = re.compile(r"[A-Za-z]+(?: [A-Za-z]+)*")
"""Most names; where such a one has none of the words below either, only plurals are folded."""
_TOKEN = re.compile(r"[,:;/&]|[^\s,:;/&()\[\]\"“”„«»]+")
_DASH = re.compile(r"\s+[-\u2010-\u2015]+\s+|\u2014")
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})[-\u2010-\u2013](?=[^\W\d_]{2})")
_SHORT_FORM = re.compile(r"(.*\S)\s*\(\s*(\w{2,10})\s*\)\s*")
_IN_BRACKETS = re.compile(r"\(\s*\w{2,10}\s*\)", re.ASCII)
_JOINED_BY = "and of the to theory theories introduction introductions introductory intro intros versus vs"
_JOINING = tuple(f" {word} ".encode() for word in _JOINED_BY.split())
_SIGNS_OUT = b',:;/&.!?"[]()-_'
_SPACES = bytes.maketrans(_SIGNS_OUT, b" " * len(_SIGNS_OUT))
_NOT_TELLING = b"aeiouysxcnr '"
"""What near names may have more or less of: the letters of plurals and articles."""
_LONGEST = 300
"""Longer names are near to none but themselves."""

_PREPOSITIONS = frozenset({"as", "at", "by", "for", "from", "in", "of", "on", "to", "with"})
_INTRODUCTIONS = frozenset({"introduction", "intro"})
_SPECIAL = frozenset({"a", "an", "and", "the", "versus", "vs", "theory", "introductory", *_INTRODUCTIONS})
_SIGNS = frozenset({",", ":", ";", "/"})
_SAME = {"&": "and", ";": ":", "vs": "versus", "vs.": "versus"}

_OTHER_THINGS = """
affairs arms arts axes bases clothes commons communications customs damages ellipses forces futures glasses goods
honours humanities leaves letters lives manners means minutes morals news operations powers premises quarters remains
rights savings securities series species spectacles spirits times utilities values windows works
"""
_PLURALS_OF_THEIR_OWN = frozenset(_OTHER_THINGS.split())
"""Plurals that are another thing than their singular, or of which there are two singulars."""
_SINGULARS = {
    "analyses": "analysis", "children": "child", "crises": "crisis", "criteria": "criterion",
    "diagnoses": "diagnosis", "hypotheses": "hypothesis", "indices": "index", "matrices": "matrix",
    "parentheses": "parenthesis", "phenomena": "phenomenon", "syntheses": "synthesis",
    "theses": "thesis", "vertices": "vertex",
}  # fmt: skip

_GENERIC_WORDS = """
advantage and application approach basic benefit case challenge comparison component concept consideration context
current definition development direction disadvantage example exercise feature foundation function future general
historical history importance issue key limitation main method model of overview perspective practical practice
principle problem process property review role solution strategy structure study summary technique term terminology
the theory tool topic trend type use
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())


def near_key(name: str) -> str:
    """Return a text that is the same for names that are near; it is not to be shown."""
    if len(name) > _LONGEST:
        return key_of(name)
    if _PLAIN.fullmatch(name):
        words = name.split()
        if _SPECIAL.isdisjoint(map(str.lower, words)):
            return " ".join(map(_folded, words))
    return _near_key(unicodedata.normalize("NFKC", name))


def suspects(names: Sequence[str]) -> set[str]:
    """Return the names that may be near to another of them, in a fifth of the time that their near keys take.

    Near names have the same letters but for those of plurals and of joining words, in some order.
    """
    joined = "\n".join(["", *names, ""]).replace("\n", " \n ").lower()
    if not joined.isascii():
        return set(names)
    if "(" in joined:
        joined = _IN_BRACKETS.sub(" ", joined)
    bare = joined.encode().translate(_SPACES).replace(b" ", b"  ")  # so that no two words share a space
    for word in _JOINING:
        bare = bare.replace(word, b"  ")
    letters = bare.translate(None, _NOT_TELLING).split(b"\n")[1:-1]
    if len(letters) != len(names):  # a name with a line break in it
        return set(names)
    sums = list(map(sum, letters))
    counts = Counter(sums)  # to add letters up is quicker than to sort them, and most sums come once
    first: dict[bytes, str] = {}
    found: set[str] = set()
    for name, bag, total in zip(names, letters, sums, strict=True):
        if counts[total] == 1:
            continue
        key = bytes(sorted(bag))
        if key in first:
            found |= {first[key], name}
        else:
            first[key] = name
    return found


def says_something(key: str) -> bool:
    """Say whether a near key names a thing by itself; `applications` and `key concepts` say of what only together."""
    return not _GENERIC.issuperset(key.split())


def _near_key(name: str) -> str:
    text = _without_short_form(_DASH.sub(" : ", name.replace("\u2019", "'")))
    tokens = _without_articles([_SAME.get(token.casefold(), token) for token in _TOKEN.findall(text)])
    tokens = [part for token in tokens for part in _HYPHEN.sub(" ", token).split()]
    words = [word for token in tokens if (word := _folded(token.rstrip(".!?")))]
    words = _without_last_comma(words)
    if len(words) > 1:
        words = _turned(words)
    return " ".join(words) or key_of(name)


def _without_short_form(text: str) -> str:
    """Leave out the initials of a name that stand behind it in brackets."""
    found = _SHORT_FORM.fullmatch(text)
    if found is None:
        return text
    words = [word for word in re.split(r"[\s-]+", found[1].casefold()) if word not in {"and", "of", "the"}]
    initials = "".join([word[0] for word in words if word])
    return found[1] if found[2].casefold().removesuffix("s") == initials else text


def _without_articles(tokens: Sequence[str]) -> list[str]:
    """Leave out articles before a word; an `A` behind a noun is a name, as in group A streptococcus."""
    kept: list[str] = []
    for i, token in enumerate(tokens):
        word, before = token.casefold(), kept[-1].casefold() if kept else ":"
        is_before_word = i + 1 < len(tokens) and len(tokens[i + 1]) > 1 and tokens[i + 1].casefold() != "and"
        is_article = word == "the" or (word in {"a", "an"} and (before in {":", ","} or before in _PREPOSITIONS))
        if not (is_article and is_before_word):
            kept.append(token)
    return kept


@lru_cache(maxsize=65_536)
def _folded(word: str) -> str:
    """Return a word in lower case, without possessive and plural. Capitals are initials: AIDS is no plural of aid."""
    low = word.casefold()
    if len(low) <= 3 or (word.isupper() and word.isalpha()):
        return low
    if low.endswith(("'s", "s'")):
        low = low[:-2] if low.endswith("'s") else low[:-1]
    if low in _SINGULARS:
        return _SINGULARS[low]
    if low in _PLURALS_OF_THEIR_OWN or not low.isalpha() or low.endswith(("ss", "us", "is", "ics")):
        return low
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    if low.endswith(("sses", "shes", "ches", "xes", "zes")):
        return low[:-2]
    return low[:-1] if low.endswith("s") and len(low) > 3 else low


def _without_last_comma(words: list[str]) -> list[str]:
    """Leave out the comma before the last `and` of a list, and whatever sign stands at the end."""
    found = [word for i, word in enumerate(words) if word != "," or words[i + 1 : i + 2] != ["and"]]
    while found and found[-1] in _SIGNS:
        found.pop()
    return found


def _turned(words: list[str]) -> list[str]:
    """Return the words in the one order in which near names are compared."""
    words = _introduced(words)
    if words[:2] == ["theory", "of"] and _PREPOSITIONS.isdisjoint(words[2:]) and _is_one(words[2:]):
        return [*words[2:], "theory"]
    if words.count(",") == 1 and words[0] != "," and "and" not in words and _PREPOSITIONS.isdisjoint(words):
        comma = words.index(",")
        return [*words[comma + 1 :], *words[:comma]]
    if "and" in words and _PREPOSITIONS.isdisjoint(words) and not _SIGNS.intersection(words) - {","}:
        parts = " ".join(words).replace(" , ", " and ").split(" and ")
        return " and ".join(sorted(parts)).split()
    return words


def _is_one(words: Sequence[str]) -> bool:
    return bool(words) and "and" not in words and _SIGNS.isdisjoint(words)


def _introduced(words: list[str]) -> list[str]:
    """Write `introductory X`, `introduction to X` and `X: an introduction` in one way."""
    if words[0] == "introductory":
        return ["introduction", "to", *words[1:]]
    if words[0] in _INTRODUCTIONS and words[1] == "to":
        return ["introduction", *words[1:]]
    for end in (["introduction"], ["introduction", "to"]):
        if len(words) > len(end) + 1 and words[-len(end) :] == end and words[-len(end) - 1] in {":", ","}:
            return ["introduction", "to", *words[: -len(end) - 1]]
    return words
