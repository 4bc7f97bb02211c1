"""Personal data is found by what proves it, and neither mathematics nor code nor a documented example is any."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from decided_slots import question, reply
from hypothesis import given, settings
from hypothesis import strategies as st
from textbook_chain import CHAPTERS, answer, draws, plan_of
from verdicts import reject_answer, reject_question

from glan.config import Config, parse_config
from glan.curate.personal import REASON, kinds_in

FOUND = [
    ("Write to anna.schmidt@web.de today.", "e-mail"),
    ("mailto:j.o.e+news@mail.firma.co.uk", "e-mail"),
    ("<Maria_Lopez99@correo.com.mx>", "e-mail"),
    ("Call +49 170 8123467 tonight.", "phone"),
    ("Call +442071838750.", "phone"),
    ("Her number is (415) 283-9407.", "phone"),
    ("It is 415-283-9407, or 1-212-736-5000.", "phone"),
    ("Tel.: 030/901820", "phone"),
    ("My phone number is 98234 56107.", "phone"),
    ("\u624b\u673a\uff1a13812345670", "phone"),
    ("Card 4539 1488 0343 6475 was charged.", "card"),
    ("my visa is 4716059297034517", "card"),
    ("3714 496353 98434", None),
    ("Pay to DE75 5121 0800 1245 1261 99.", "bank account"),
    ("IBAN: NL20INGB0001234567", "bank account"),
    ("His SSN is 536-22-8726.", "national id"),
    ("CPF 529.982.247-25", "national id"),
    ("身份证 11010519491231002X", "national id"),
    ("DNI 54362315K", "national id"),
    ("1 85 05 78 006 084 91", "national id"),
    ("It came from 172.217.16.142 at noon.", "ip address"),
    ("2a02:810d:8abf:f0c8::1a2b", "ip address"),
]
"""Texts, each with the kind that it holds; a number whose check digit is wrong holds none."""

CLEAN = [
    "Write to someone@example.com, me@mail.example.org, root@localhost or you@firm.test.",
    "Call 555-0134, (212) 555-0199, +1 415 555 2671 or 1-800-555-0100.",
    "Call +44 20 7946 0958, 07700 900123, +49 30 23125 456 or +33 1 99 00 12 34.",
    "123-456-7890 and (123) 456-7890 are no numbers of anybody.",
    "Test with 4111 1111 1111 1111, 4242-4242-4242-4242, 5555 5555 5555 4444 or 3782 822463 10005.",
    "Try IBAN GB82 WEST 1234 5698 7654 32 or DE89 3704 0044 0532 0130 00.",
    "SSN 078-05-1120, 123-45-6789, 000-12-3456, 666-12-3456, 987-65-4320.",
    "CPF 111.111.111-11, 123.456.789-09, DNI 12345678Z",
    "127.0.0.1, 10.1.20.30, 192.168.100.200, 203.0.113.77, 198.51.100.14, 8.8.8.8, 255.255.255.0",
    "::1, fe80::1ff:fe23:4567:890a, 2001:db8::8a2e:370:7334, std::vector<int>::iterator",
    "See section 12.34.56.78 and version 10.15.20.117.",
    "@dataclass def f(x): return q@k.transpose(-1, -2) @ v.T",
    "y = X@w.to(device) and z = A@B.T and h@self.weights",
    "git clone git@github.com:owner/name.git; npm i lodash@4.17.21; postgres://me:secret@db.firm.com/x",
    "3.14159265358979323846, 6.02214076e23, 1,000,000,000, 299 792 458 m/s, 2^64 = 18446744073709551616",
    "20! = 2432902008176640000; 1/7 = 0.142857142857; sqrt(2) = 1.41421356237",
    "C(52, 5) = 2598960; 4 * 4 * 4 = 64; 2 4 8 16 32 64 128 256 512 1024 2048",
    "The series 1-2-3-4-5-6-7-8-9 and the dates 2024-01-15, 1999-12-31T23:59:59Z.",
    "ISBN 978-3-16-148410-0, DOI 10.1000/182.5678.1234, arXiv 2402.13064",
    "hash = 0x4532015112830366; id: 4532015112830366; SELECT 4916338506082832",
    "f(x) = +1234567890 x^2 + 10 000 000 000; x +49",
    "Phone it in 2007; the telephone of 1876; a mobile of 12 parts.",
]


@pytest.mark.parametrize(("text", "kind"), FOUND)
def test_what_is_proved_is_found(text: str, kind: str | None) -> None:
    """Each kind is found in the forms in which people write it."""
    assert list(kinds_in(text)) == ([kind] if kind is not None else [])


@pytest.mark.parametrize("text", CLEAN)
def test_examples_mathematics_and_code_are_no_personal_data(text: str) -> None:
    """Placeholders that are documented belong to nobody, and other numbers prove nothing."""
    assert list(kinds_in(text)) == []


@given(st.text(max_size=60), st.sampled_from(FOUND), st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_what_stands_around_it_hides_nothing(before: str, found: tuple[str, str | None], after: str) -> None:
    """A paragraph before and one after change nothing for what is found, and any text is read without an error."""
    text, kind = found
    if kind is not None:
        assert kind in list(kinds_in(f"{before}\n\n{text}\n\n{after}"))


@given(st.from_regex(r"(?a:[0-9+*/=^(), .x-]{0,80})", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_a_formula_is_no_account_and_no_mailbox(formula: str) -> None:
    """Without a letter but x there is no e-mail and no account."""
    assert not {"e-mail", "bank account"} & set(kinds_in(formula))


def test_the_textbook_holds_none() -> None:
    """No question or answer of the offline textbook, mathematics among them, is taken for personal data."""
    plans = [plan_of(*chapter) for chapter in CHAPTERS]
    questions = [plan.question(concepts) for plan in plans for concepts in draws(plan, 20, Random(1))]
    texts = [*questions, *map(answer, questions), *(plan.text for plan in plans)]
    assert len(texts) > 600
    assert [text for text in texts if [*kinds_in(text)]] == []


def source_code() -> Iterator[Path]:
    for folder in ("teachers", "taxonomy", "dataset", "generate", "cli"):
        yield from (Path(__file__).parents[2] / "src" / "glan" / folder).glob("*.py")


def test_code_holds_none() -> None:
    """No module of this program is taken for personal data."""
    paths = [*source_code()]
    assert len(paths) > 50
    assert [path.name for path in paths if [*kinds_in(path.read_text(encoding="utf-8"))]] == []


def config(pii: str) -> Config:
    return parse_config(f'[curation]\npii = "{pii}"', source="here")


def test_it_is_a_reject_only_where_the_project_says_so() -> None:
    """A question or an answer with personal data is a reject under `reject`, and passes under `mark` and `off`."""
    text = "How would you reply to the letter of anna.schmidt@web.de about orbits, and in which tone?"
    for setting, reason in (("off", None), ("mark", None), ("reject", REASON)):
        assert reject_question(question(0, text), config(setting)) == reason
        assert reject_answer(question(0), reply(f"It says: {text}"), config(setting)) == reason


def test_a_long_text_takes_no_more_than_its_length() -> None:
    """Neither digits nor dots nor signs without end make a pattern try for ever."""
    for piece in ("1", "1.", "1-", "+1 ", "a@", "a.b@", "AB12 ", "0:", "(", "card ", "phone 1 "):
        assert not {"card", "bank account"} & set(kinds_in(piece * 20_000))
