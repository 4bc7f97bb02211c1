"""Personal data in a text: what can be told by its form and its check digits, and no more.

    Write to anna.schmidt@web.de or call +49 170 5551234.    e-mail, phone
    Write to someone@example.com or call 555-0134.           nothing: both are documented as placeholders

Names and postal addresses have no form, and are not found. A number counts only where a check digit, the form in which
such numbers are grouped, or a word before it says what it is: mathematics and code are full of others.
It returns kinds and never what was found. Pure.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from glan.curate.identity_numbers import is_bank_account, is_card, is_national_id
from glan.curate.placeholders import is_placeholder_host, is_placeholder_phone, is_public_address

REASON: Final = "personal data"

_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_HEX: Final = bytes.maketrans(b"123456789abcdefABCDEF", b"0" * 21)
_SEPARATORS: Final = b" -.()/"
_LEAST_DIGITS: Final = 7
"""Digits in a row, but for separators, without which there is no number of a person."""

_MAIL: Final = re.compile(
    r"(?<![\w.+%@/-])(?:mailto:)?(?P<local>[\w.+%-]{1,64})@(?P<host>[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,8})"
    r"(?![\w([@])",
    re.ASCII | re.IGNORECASE,
)
_TOP: Final = frozenset(
    """
    com org net edu gov mil int info biz name pro io ai app dev me co tv eu uk de fr es it nl be at ch se no dk fi
    is ie pt pl cz sk hu ro bg gr tr ru ua by lt lv ee si hr rs ba mk al md ge am az kz us ca mx br ar cl pe ve ec uy
    py bo cr cu do gt hn ni pa sv au nz jp cn hk tw kr in pk bd lk np id my sg th vn ph il ae sa qa kw om jo lb iq ir
    eg ma dz tn ly ng gh ke tz ug za zw zm et online site store tech cloud email xyz club blog agency company
    """.split()  # noqa: SIM905 - a page of words is read, a page of quotes is not
)
"""Ends of hosts. `x@w.shape` and `q@k.T` are products of matrices."""

_PHONE: Final = re.compile(
    r"(?<![\w.+-])(?:"
    r"\+(?P<country>1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9]\d\d)"
    r"(?P<rest>(?:[ .-]?\(?\d{1,5}\)?){2,6})"
    r"|(?:1[ .-])?(?P<area>\([2-9]\d\d\) ?|[2-9]\d\d[-.])(?P<exchange>[2-9]\d\d)[-.](?P<line>\d{4})"
    r")(?![\w-]|[.,]\d)",
    re.ASCII,
)
_BARE_PHONE: Final = re.compile(r"(?<![\w.,+-])\(?\d(?:[ ./-]?\(?\d\)?){6,14}(?![\w-]|[.,]\d)", re.ASCII)
_BEFORE_PHONE: Final = re.compile(
    r"(?:\b(?:tele?phone|phone|mobile|cell|fax|whatsapp|tel|t\xe9l\xe9phone|t\xe9l|telefon|handy|tel\xe9fono|telefono"
    r"|telefone|celular|m\xf3vil)(?: (?:no|number|nummer))?|\u7535\u8bdd|\u624b\u673a|\u96fb\u8a71)"
    r"[.:\uff1a]{0,2} {0,2}(?:is |at )?$",
    re.IGNORECASE,
)
_GROUPED_CARD: Final = re.compile(
    r"(?<![\w.,-])(?<![A-Z]{2}\d\d )(?:\d{4}(?P<gap>[ -])\d{4}(?P=gap)\d{4}(?P=gap)\d{4}|\d{4}[ -]\d{6}[ -]\d{5})"
    r"(?![\w-]|[.,]\d)",
    re.ASCII,
)
"""The middle of an IBAN is none."""
_BARE_CARD: Final = re.compile(r"(?<![\w.,-])\d{14,16}(?![\w-]|[.,]\d)", re.ASCII)
_BEFORE_CARD: Final = re.compile(
    r"(?:\bcards?\b|\bvisa\b|mastercard|\bamex\b|\bkarten?\w*|\bcarte\b|\btarjeta\b|\bcart\xe3o\b|\bcarta\b)\D*$",
    re.IGNORECASE,
)
_NEAR: Final = 40
"""Characters before a number in which a word may say what it is."""
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_NATIONAL: Final = re.compile(
    r"(?<![\w.,/+-])(?:\d{3}-\d{2}-\d{4}|\d{3}\.\d{3}\.\d{3}-\d{2}|[1-6]\d{5}(?:19|20)\d{9}[\dXx]"
    r"|[12] ?\d\d ?(?:0[1-9]|1[0-2]) ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d|(?<=\bDNI |\bNIF )\d{8}-?[A-Z])(?![\w-]|[.,/]\d)",
    re.ASCII,
)
_IPV4: Final = re.compile(r"(?<![\w.\-/])(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?![\w-]|\.\d)", re.ASCII)
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?P<address>[23][0-9a-f]{3}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4})(?![\w:.])", re.ASCII | re.IGNORECASE
)
_BEFORE_VERSION: Final = re.compile(
    r"(?:\bversion|\bversions|\brelease|\bsection|\bchapter|\bclause|\bv|\xa7|\bfigure|\btable|\bbuild)\s*$",
    re.IGNORECASE,
)


def kinds_in(text: str) -> Iterator[str]:
    """Give the kinds of personal data that a text holds, each once; most texts have none, at a few microseconds."""
    if "@" in text and _has_mail(text):
        yield "e-mail"
    raw = text.encode("ascii", "replace")
    zeros = raw.translate(_ZEROS)
    if zeros.count(b"0") >= _LEAST_DIGITS and _may_hold_number(zeros):
        yield from (kind for kind, is_there in _NUMBERS if is_there(text))
    if (zeros.count(b"0.0") > 1 and _may_hold_ipv4(zeros) and _has_address(text, _IPV4)) or (
        raw.count(b":") > 1 and b"0000:" in raw.translate(_HEX) and _has_address(text, _IPV6)
    ):
        yield "ip address"


def _may_hold_number(zeros: bytes) -> bool:
    """Say whether enough digits stand in a row, but for what separates the groups of a number."""
    return b"0" * _LEAST_DIGITS in zeros.replace(b" - ", b"x").replace(b". ", b"x").translate(None, _SEPARATORS)


def _may_hold_ipv4(zeros: bytes) -> bool:
    """Say whether there are four short numbers with dots between them."""
    return b"0.0.0.0" in zeros.replace(b"000", b"0").replace(b"00", b"0")


def _has_mail(text: str) -> bool:
    return any(_is_mail(text, found) for found in _MAIL.finditer(text))


def _is_mail(text: str, found: re.Match[str]) -> bool:
    host = found["host"].lower().strip("-")
    labels = host.split(".")
    if labels[-1] not in _TOP or len(labels[-2]) < 2 or is_placeholder_host(host):
        return False
    before = text[max(0, found.start() - 100) : found.start()].rpartition(" ")[2]
    # In an address such as postgres://user:secret@host it is no mailbox, and neither in git@github.com:owner/name.
    return "://" not in before and found["local"].lower() != "git"


def _has_phone(text: str) -> bool:
    return any(map(_is_phone, _PHONE.finditer(text))) or any(
        not is_placeholder_phone(_digits(found[0])) and len(set(_digits(found[0]))) > 2
        for found in _BARE_PHONE.finditer(text)
        if _is_after(_BEFORE_PHONE, text, found)
    )


def _is_phone(found: re.Match[str]) -> bool:
    if found["country"] is None:
        digits = f"1{_digits(found[0])[-10:]}"
    else:
        digits = found["country"] + _digits(found["rest"])
        # A decimal has one dot; a number without a gap must be long, since +1234567 is one of mathematics.
        if found["rest"].count(".") == 1 or (found["rest"].isdigit() and len(digits) < 11):
            return False
    if digits.startswith("1") and not re.fullmatch(r"1[2-9]\d\d[2-9]\d{6}", digits):
        return False
    return 9 <= len(digits) <= 15 and len(set(digits)) > 3 and not is_placeholder_phone(digits)


def _has_card(text: str) -> bool:
    return any(is_card(_digits(found[0])) for found in _GROUPED_CARD.finditer(text)) or any(
        is_card(found[0]) and _is_after(_BEFORE_CARD, text, found) for found in _BARE_CARD.finditer(text)
    )


def _has_bank_account(text: str) -> bool:
    return any(is_bank_account(found[0].replace(" ", "")) for found in _IBAN.finditer(text))


def _has_national_id(text: str) -> bool:
    return any(is_national_id(found[0]) for found in _NATIONAL.finditer(text))


def _has_address(text: str, pattern: re.Pattern[str]) -> bool:
    return any(
        is_public_address(found["address"]) and not _is_after(_BEFORE_VERSION, text, found)
        for found in pattern.finditer(text)
    )


def _is_after(word: re.Pattern[str], text: str, found: re.Match[str]) -> bool:
    """Say whether a word stands before what was found."""
    return word.search(text[max(0, found.start() - _NEAR) : found.start()]) is not None


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


_NUMBERS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("phone", _has_phone),
    ("card", _has_card),
    ("bank account", _has_bank_account),
    ("national id", _has_national_id),
)
