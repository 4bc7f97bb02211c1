"""A project's own rules: how they are read, what they are given, and what their mistakes come to."""

import asyncio

import msgspec
import pytest

from glan.curate.beside import Beside, examining
from glan.curate.examiner import Examiner, Finding
from glan.curate.own import About, OwnRules, RowSoFar
from glan.curate.quality import Text
from glan.errors import CurationError
from glan.settings import Curation

ABOUT = About(
    id="question/physics/motion/0",
    discipline="Physics",
    subject="Motion",
    level="introductory",
    sessions=("Speed",),
    key_concepts=("Mean speed",),
    strategy="single",
    language="en",
)
ROW = RowSoFar(**msgspec.structs.asdict(ABOUT), question="How fast is it?")
GOOD = """
def too_short(record):
    return "too short" if record.answer is not None and len(record.answer) < 5 else None

def about_trains(record):
    print("looked at", record.id)
    return "about  trains" if "train" in record.question and record.discipline == "Physics" else None

question_rules = [about_trains]
answer_rules = (too_short, lambda record: "names a session" if record.sessions[0] in record.answer else None)
"""


def text(said: str, question: str | None = None) -> Text:
    return Text(text=said, question=question, finish_reason="stop", about=ABOUT)


def failing(body: str) -> OwnRules:
    return OwnRules.read(f"def rule(record):\n    {body}\nquestion_rules = [rule]\n")


def test_rules_object_with_their_reasons() -> None:
    """The first rule that objects gives the reason, with its spaces collapsed; of what it may not see there is none."""
    rules = OwnRules.read(GOOD)
    assert rules.counts == (1, 2)
    assert rules.objection(ROW) is None
    assert rules.objection(msgspec.structs.replace(ROW, question="A train.")) == "about trains"
    assert rules.objection(msgspec.structs.replace(ROW, answer="Fast")) == "too short"
    assert rules.objection(msgspec.structs.replace(ROW, answer="Speed is it.")) == "names a session"


def test_ours_come_first_and_copies_last() -> None:
    """A question that our rules refuse never reaches theirs; one that theirs refuse is not copied from."""
    examiner = Examiner(Curation(), own=OwnRules.read(GOOD))
    found = examiner.questions([text(""), text("Is a train fast?"), text("Is a bus fast?"), text("Is a bus fast?")])
    assert found[:3] == [Finding(reason="empty"), Finding(reason="about trains"), None]
    assert found[3] is not None
    assert (found[3].reason, found[3].original) == ("exact duplicate", 0)


def test_a_record_cannot_be_changed() -> None:
    """A rule that tries to change what it is given fails, and with it the run."""
    with pytest.raises(CurationError, match=r"rule .* failed on question/physics/motion/0: AttributeError"):
        failing("record.question = ''").objection(ROW)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("question_rules = [", r"rules\.py cannot be read: SyntaxError: .* \(line 1\)"),
        ("import nothing_of_this_name", r"rules\.py cannot be read: ModuleNotFoundError: .* \(line 1\)"),
        ("x = 1\nraise SystemExit(3)", r"rules\.py cannot be read: SystemExit: 3 \(line 2\)"),
        ("", r"has neither question_rules nor answer_rules"),
        ("question_rules = []", r"has neither"),
        ("question_rules = [1]", r"question_rules in rules\.py is no list of functions"),
        ("answer_rules = 1", r"answer_rules in rules\.py is no list of functions"),
        ("a\x00b", r"rules\.py cannot be read: "),
    ],
)
def test_a_file_that_has_no_rules(source: str, message: str) -> None:
    """What cannot be read as rules is one error, which names the line where there is one."""
    with pytest.raises(CurationError, match=message):
        OwnRules.read(source)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "return 1 / 0",
            r"The rule rule of rules\.py failed on question/physics/motion/0: ZeroDivisionError: .*line 2",
        ),
        ("raise SystemExit", r"failed on question/physics/motion/0: SystemExit \(line 2\)"),
        ("raise ValueError('\\udcff')", r"ValueError: \? \(line 2\)"),
        ("return True", r"returned True on question/physics/motion/0"),
        ("return ''", r"returned '' on"),
        ("return 'x' * 101", r"returned 'xxx"),
        ("return 'a\\x00'", r"returned 'a\\x00' on"),
    ],
)
def test_a_rule_that_fails(body: str, message: str) -> None:
    """Whatever a rule does instead of giving a reason is one error with the rule and the row."""
    with pytest.raises(CurationError, match=message):
        failing(body).objection(ROW)


def test_the_other_process_finds_the_same() -> None:
    """In a process of its own the rules give the same verdicts, and their mistakes are told with the same words.

    What they print or read there disturbs nobody.
    """
    noisy = f"import sys\nsys.stdin.read()\nprint('x' * 100_000)\n{GOOD}\n"
    rules = OwnRules.read(noisy.replace("sys.stdin.read()", "None"))
    texts = [text("Is a train fast?"), text("Is a bus \udcff fast?"), text("")]
    bad = failing("return 1 / 0")

    async def found(own: OwnRules) -> list[Finding | None]:
        async with examining(Curation(beside="always"), pairs=1, own=own) as examiner:
            assert isinstance(examiner, Beside)
            return [*await examiner.questions(texts), *await examiner.answers([text("No", "Is a bus fast?")])]

    here = Examiner(Curation(), own=rules)
    assert asyncio.run(found(OwnRules(noisy, rules.question_rules, rules.answer_rules))) == [
        *here.questions(texts),
        *here.answers([text("No", "Is a bus fast?")]),
    ]
    with pytest.raises(CurationError) as there:
        asyncio.run(found(bad))
    with pytest.raises(CurationError) as same:
        Examiner(Curation(), own=bad).questions(texts)
    assert (str(there.value), there.value.hint) == (str(same.value), same.value.hint)
