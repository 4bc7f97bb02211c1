"""The values of a taxonomy's settings: names, notes, weights and codes, checked; errors say what is wrong and where."""

import difflib
import re
import unicodedata
from fractions import Fraction

from glan.errors import TaxonomyError
from glan.taxonomy.parts import Mapping, Part, Scalar, Sequence
from glan.taxonomy.syntax import place_of, shown

MAX_NAME_LENGTH = 200
"""Longest name or title, in characters."""
MAX_WEIGHT = 1_000_000
"""Greatest weight of one node; the least is its inverse."""

_DECIMAL = re.compile(r"(?=\.?[0-9])[0-9]{0,18}\.?[0-9]{0,18}(?:[eE][-+]?[0-9]{1,2})?", re.ASCII)
_RATIO = re.compile(r"[0-9]{1,18} ?/ ?[0-9]{1,18}", re.ASCII)
_ISCED = re.compile(r"[0-9]{4}", re.ASCII)
_JOINERS = frozenset("\u200c\u200d")
"""Persian and the scripts of India need them inside words."""


def checked_name(text: str, what: str, at: str, *, most: int = MAX_NAME_LENGTH) -> str:
    """Return a name with its spaces collapsed; `what` and `at` are for the error.

    Raises:
        TaxonomyError: it is empty, too long, or has characters that nobody can see.

    """
    text = text.strip(" \t\n")
    unseen = _unseen(text)
    if unseen:
        raise TaxonomyError(
            f"{at}: the {what} {shown(text)} has the invisible character {unseen!a}; remove it or write a space."
        )
    name = " ".join(text.split())
    if not (name[:1].isalnum() or any(unicodedata.category(character)[0] in "LN" for character in name)):
        reason = f"{shown(name)} has no letter and no digit" if name else "is empty"
        raise TaxonomyError(f"{at}: the {what} {reason}; give it a name that people can read.")
    if len(name) > most:
        raise TaxonomyError(
            f"{at}: the {what} {shown(name)} has {len(name):,} characters; at most {most} are read. "
            "What explains it belongs under `notes:`."
        )
    return name


def checked_notes(text: str, at: str) -> str:
    """Return notes without blank ends.

    Raises:
        TaxonomyError: they have characters that nobody can see; a prompt would carry them on unseen.

    """
    return checked_text(text, "notes have", at)


def checked_text(text: str, what: str, at: str) -> str:
    """Return a text of several lines without blank ends; `what` is for the error, with its verb.

    Raises:
        TaxonomyError: it has characters that nobody can see.

    """
    text = text.strip()
    unseen = _unseen(text.replace("\n", " ").replace("\t", " "))
    if unseen:
        raise TaxonomyError(f"{at}: the {what} the invisible character {unseen!a}; remove it.")
    return text


def checked_isced(code: str, at: str) -> str:
    """Return a code of ISCED-F.

    Raises:
        TaxonomyError: it is not four digits.

    """
    if not _ISCED.fullmatch(code):
        raise TaxonomyError(f'{at}: the ISCED-F code {shown(code)} is not four digits; write it as "0541".')
    return code


def parse_weight(text: str, at: str) -> Fraction:
    """Return a weight, exactly as it is written: `2`, `0.1` (one tenth), `1e-3` or `3/7`.

    Raises:
        TaxonomyError: it is no number, not more than 0, or beyond the limits.

    """
    text = text.strip()
    number = text.removeprefix("-").removeprefix("+")
    if not _DECIMAL.fullmatch(number) and not _RATIO.fullmatch(number):
        raise TaxonomyError(f"{at}: the weight {shown(text)} is not a number; write it as 2, 0.5 or 3/7.")
    try:
        weight = Fraction(number.replace(" ", ""))
    except ZeroDivisionError as error:
        raise TaxonomyError(f"{at}: the weight {shown(text)} divides by 0.") from error
    if text.startswith("-") or weight == 0:
        raise TaxonomyError(
            f"{at}: the weight {shown(text)} is not more than 0; remove the node if nothing is wanted from it."
        )
    if not Fraction(1, MAX_WEIGHT) <= weight <= MAX_WEIGHT:
        raise TaxonomyError(
            f"{at}: the weight {shown(text)} is out of range; weights are between 1/{MAX_WEIGHT:,} and {MAX_WEIGHT:,}."
        )
    return weight


def _unseen(text: str) -> str:
    """Return the first control, format or surrogate character, or an empty text."""
    if text.isascii() and text.isprintable():
        return ""
    categories = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return next((c for c in text if unicodedata.category(c) in categories and c not in _JOINERS), "")


def name_of(part: Mapping, what: str, source: str, *, most: int = MAX_NAME_LENGTH) -> str:
    """Return the name or title that a mapping has."""
    value = part.values[what]
    return checked_name(scalar_of(value, what, source), what, place_of(source, value.span), most=most)


def scalar_of(value: Part, what: str, source: str) -> str:
    """Return the text that a value is.

    Raises:
        TaxonomyError: it is a list or a mapping.

    """
    if not isinstance(value, Scalar):
        kind = "list" if isinstance(value, Sequence) else "mapping"
        raise TaxonomyError(f"{place_of(source, value.span)}: the {what} is a {kind}; it must be a text.")
    return text_of(value)


def list_of(part: Mapping, what: str, name: str, source: str) -> Sequence:
    """Return the list that a mapping has under a key; `name` is for the error.

    Raises:
        TaxonomyError: it is empty, or no list.

    """
    value = part.values[what]
    if isinstance(value, Sequence) and value.items:
        return value
    is_empty = isinstance(value, Sequence) or (isinstance(value, Scalar) and value.is_null)
    raise TaxonomyError(
        f"{place_of(source, part.keys[what].span)}: `{what}:` of {name!r} "
        + ("is empty" if is_empty else "is no list")
        + "; list something under it, or remove the key."
    )


def refuse_unknown(part: Mapping, known: tuple[str, ...], source: str) -> None:
    """Refuse a key that is not known.

    Raises:
        TaxonomyError: there is one; it names what may have been meant.

    """
    for name, key in part.keys.items():
        if name in known:
            continue
        near = difflib.get_close_matches(name[:MAX_NAME_LENGTH], known, n=1)
        way_out = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}."
        raise TaxonomyError(f"{place_of(source, key.span)}: unknown key {shown(name)}; {way_out}")


def text_of(part: Scalar) -> str:
    """Return what a scalar says; nothing, or `null`, is an empty text."""
    return "" if part.is_null else part.value
