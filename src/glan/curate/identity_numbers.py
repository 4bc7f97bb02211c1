"""Numbers that a check digit proves: payment cards, bank accounts, national identity numbers. Pure.

Numbers that are documented as examples prove nothing, and are told apart here too.
"""

import re
from datetime import date
from typing import Final

_CARD: Final = re.compile(
    r"4\d{15}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14}",
    re.ASCII,
)
"""Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay."""
_TEST_CARDS: Final = frozenset(
    """
    4012888888881881 4242424242424242 4111111111111111 4000056655665556 4532015112830366 4539578763621486
    4916338506082832 4539148803436467 4485275742308327 4716108999716531 4556737586899855 4929710426637678
    5105105105105100 5200828282828210 5555555555554444 5454545454545454 5425233430109903 5431111111111111
    2223003122003222 2222420000001113 2223000048410010 2223016768739313 378282246310005 371449635398431
    378734493671000 374245455400126 6011000990139424 6011111111111117 6011000400000000 30569309025904 38520000023237
    36227206271667 3056930009020004 3530111333300000 3566002020360505 3566000020000410 6200000000000005
    6205500000000000004
    """.split()  # noqa: SIM905 - a page of numbers is read, a page of quotes is not
)
"""That payment services and tutorials give for trying."""

_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
"""Characters of an account's number by country, from the registry of ISO 13616."""
_EXAMPLE_ACCOUNTS: Final = frozenset(
    """
    GB82WEST12345698765432 GB29NWBK60161331926819 GB33BUKB20201555555555 GB94BARC10201530093459
    DE89370400440532013000 DE91100000000123456789 DE02120300000000202051 FR1420041010050500013M02606
    FR7630006000011234567890189 FR7630001007941234567890185 ES9121000418450200051332 ES7921000813610123456789
    IT60X0542811101000000123456 NL91ABNA0417164300 NL02ABNA0123456789 CH9300762011623852957 CH5604835012345678009
    BE68539007547034 BE71096123456769 AT611904300234573201 AT483200000012345864 PT50000201231234567890154
    IE29AIBK93115212345678 IE64IRCE92050112345678 PL61109010140000071219812874 SE4550000000058398257466
    NO9386011117947 DK5000400440116243 FI2112345600000785 LU280019400644750000 GR1601101250000000012300695
    TR330006100519786457841326 CZ6508000000192000145399 HU42117730161111101800000000
    """.split()  # noqa: SIM905 - likewise
)
"""Of the registry itself and of tutorials."""

_EXAMPLE_SSNS: Final = frozenset({"078051120", "219099999", "457555462", "123456789"})
"""Numbers of the United States that were printed in advertisements, and the one of every form."""
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_CHINESE_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def is_card(digits: str) -> bool:
    """Say whether digits are the number of a payment card: length and beginning of an issuer, and Luhn's sum."""
    if not _CARD.fullmatch(digits) or digits in _TEST_CARDS or digits.startswith("400000"):
        return False
    return len(set(digits)) > 4 and _luhn(digits) % 10 == 0


def is_bank_account(iban: str) -> bool:
    """Say whether a text without spaces is an IBAN: the length of its country, and 1 modulo 97."""
    if _IBAN_LENGTHS.get(iban[:2]) != len(iban) or iban in _EXAMPLE_ACCOUNTS:
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def is_national_id(found: str) -> bool:
    """Say whether a text is a number of a person in the United States, Brazil, China, France or Spain."""
    digits = "".join(filter(str.isalnum, found)).upper()
    if found[3:4] == "-":
        return _is_ssn(digits)
    if found[3:4] == ".":
        return _is_cpf(digits)
    if len(digits) == 18:
        return _is_chinese(digits)
    return _is_french(digits) if len(digits) == 15 else _is_spanish(digits)


def _luhn(digits: str) -> int:
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return sum(map(int, digits[-1::-2])) + sum(number - 9 if number > 9 else number for number in doubled)


def _is_ssn(digits: str) -> bool:
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in {"000", "666"} or area[0] == "9" or group == "00" or serial == "0000":
        return False
    return digits not in _EXAMPLE_SSNS and len(set(digits)) > 2


def _is_cpf(digits: str) -> bool:
    if len(set(digits)) < 3 or digits.startswith("123456789"):
        return False
    return all(_cpf_digit(digits[:n]) == int(digits[n]) for n in (9, 10))


def _cpf_digit(digits: str) -> int:
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True))
    return total * 10 % 11 % 10


def _is_chinese(digits: str) -> bool:
    try:
        date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _CHINESE_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[17]


def _is_french(digits: str) -> bool:
    """Check the number of a person in France; in Corsica the department is 2A or 2B."""
    number = digits[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and digits[13:].isdigit() and 97 - int(number) % 97 == int(digits[13:])


def _is_spanish(digits: str) -> bool:
    number = digits[:8]
    if len(digits) != 9 or not number.isdigit() or number == "12345678" or len(set(number)) < 3:
        return False
    return _DNI_LETTERS[int(number) % 23] == digits[8]
