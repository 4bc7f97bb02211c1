"""Faults of the content: the same at every order, at the rate asked for, of the kind that they say."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.errors import ConfigError, ReplyError
from glan.generate.decompose import WORDINGS
from glan.parsing import parse_parts, parse_sessions, parse_subjects
from glan.prompts import Prompts
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.base import Teacher
from glan.teachers.faults import CONTENT_FAULTS, TRANSPORT_FAULTS, Faulty, Odds, check_rates, parse_faults, shortened
from glan.teachers.filler import Filler, tokens_of
from glan.teachers.mistakes import misjudged, with_mistake

PROMPTS = Prompts.shipped()
READERS = {"subjects": parse_subjects, "sessions": parse_sessions, "parts": parse_parts}


def _request(text: str, schema: str | None = None) -> Request:
    return Request(
        id="",
        stage=Stage.ANSWERS,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(model="any", max_tokens=4_096),
        schema=schema,
    )


def _ask_all(
    requests: Sequence[Request], rates: Mapping[str, float], seed: int = 0, *, teacher: Teacher | None = None
) -> list[Reply]:
    async def together() -> list[Reply]:
        faulty = Faulty(teacher or Filler(), seed=seed, rates=rates)
        return await asyncio.gather(*map(faulty.reply, requests))

    return asyncio.run(together())


def _ask(request: Request, rates: Mapping[str, float]) -> Reply:
    return _ask_all([request], rates)[0]


def _plain(request: Request) -> Reply:
    return asyncio.run(Filler().reply(request))


def _questions(count: int) -> list[Request]:
    return [_request(f"Question {i}?") for i in range(count)]


def _spoiled(requests: Sequence[Request], rates: Mapping[str, float]) -> set[int]:
    """Return the places of the requests whose replies are not as they would be."""
    pairs = zip(_ask_all(requests, rates), _ask_all(requests, {}), strict=True)
    return {i for i, (reply, whole) in enumerate(pairs) if reply != whole}


def _write_question(number: int) -> str:
    return PROMPTS.render(
        "write_question",
        form="",
        difficulty="",
        constraint="",
        discipline="Astronomy",
        subject="Orbits",
        level="advanced",
        syllabus="A syllabus.",
        sessions=["Two bodies"],
        key_concepts=[f"Concept {number}"],
        several=False,
        notes=[],
        language="English",
    )


@pytest.mark.parametrize("name", [*CONTENT_FAULTS, *TRANSPORT_FAULTS])
def test_every_fault_has_a_line_of_prose(name: str) -> None:
    """The tables say of each fault in one sentence what it is."""
    prose = {**CONTENT_FAULTS, **TRANSPORT_FAULTS}[name]
    assert prose.endswith(".")
    assert prose[0].isupper()
    assert "\n" not in prose


@settings(max_examples=30, deadline=None)
@given(order=st.randoms(use_true_random=False), seed=st.integers(0, 3))
def test_content_faults_are_the_same_in_every_order(order: random.Random, seed: int) -> None:
    """Asked in any order and all at once, each request meets the fault that it meets alone."""
    rates = {"cut-off": 0.3, "refusal": 0.2, "empty": 0.2, "cut-prompt": 0.2, "wrong-language": 0.2}
    requests = _questions(12)
    alone = [_ask_all([request], rates, seed)[0] for request in requests]
    places = sorted(range(12), key=lambda _: order.random())
    together = _ask_all([requests[i] for i in places], rates, seed)
    assert [together[places.index(i)] for i in range(12)] == alone


@pytest.mark.parametrize("fault", ["refusal", "empty", "cut-off", "wrong-language", "cut-prompt"])
def test_faults_come_at_their_rate(fault: str) -> None:
    """With a rate of 0.2, about a fifth of the replies are spoiled."""
    assert 150 <= len(_spoiled(_questions(1_000), {fault: 0.2})) <= 250


def test_the_seed_and_the_model_change_who_is_hit() -> None:
    """Another seed or another model spoils other replies."""
    requests = _questions(64)
    others = [replace(request, sampling=replace(request.sampling, model="other")) for request in requests]
    rates = {"empty": 0.5}
    hits = {
        tuple(not reply.text for reply in _ask_all(asked, rates, seed))
        for asked, seed in ((requests, 0), (requests, 1), (others, 0))
    }
    assert len(hits) == 3


def test_ids_and_attempts_do_not_change_who_is_hit() -> None:
    """Asked again in the same words, a reply is spoiled again; asked in other words, it has luck of its own."""
    requests = _questions(64)
    rates = {"empty": 0.5}
    same = [replace(request, id="a", attempt=1, rank=3) for request in requests]
    turn = Message(role="user", content=PROMPTS.render("mend_reply", error="It is empty.", language="English"))
    mends = [replace(request, messages=(*request.messages, turn)) for request in requests]
    first, again, mended = ([not reply.text for reply in _ask_all(asked, rates)] for asked in (requests, same, mends))
    assert again == first
    assert 5 < sum(one and not other for one, other in zip(first, mended, strict=True)) < 32


def test_the_luck_of_one_fault_does_not_depend_on_another() -> None:
    """Who is refused stays refused when another fault is added, and a greater rate spoils more, never others."""
    requests = _questions(100)
    few = _spoiled(requests, {"refusal": 0.2})
    both = _ask_all(requests, {"refusal": 0.2, "empty": 0.5})
    hit = _spoiled(requests, {"refusal": 0.2, "empty": 0.5})
    assert {i for i in hit if both[i].text} == few < _spoiled(requests, {"refusal": 0.5})


@pytest.mark.parametrize("schema", list(READERS))
def test_no_reader_takes_a_malformed_listing(schema: str) -> None:
    """Every way of spoiling a listing is an error of the reader, and all of them come."""
    texts = set()
    for reply in _ask_all([_request(f"List {i}.", schema) for i in range(60)], {"malformed": 1.0}):
        with pytest.raises(ReplyError):
            READERS[schema](reply.text)
        texts.add(reply.text[:3])
    assert len(texts) == 4


def test_a_listing_without_a_schema_is_malformed_too() -> None:
    """A listing that is asked for in plain text meets the faults of listings."""
    reply = _ask(_request(PROMPTS.render("list_sessions", language="English")), {"malformed": 1.0})
    with pytest.raises(ReplyError):
        parse_sessions(reply.text)


@pytest.mark.parametrize(
    ("fault", "schema"),
    [("malformed", None), ("wrong-language", "subjects")],
    ids=["texts are never malformed", "listings keep their language"],
)
def test_a_fault_spares_what_it_is_not_for(fault: str, schema: str | None) -> None:
    """A fault that says so leaves a reply, which then meets the next fault."""
    request = _request("Astronomy", schema)
    assert _ask(request, {fault: 1.0}) == _plain(request)
    assert _ask(request, {fault: 1.0, "empty": 1.0}).text == ""


def test_a_cut_off_reply_ends_in_its_middle() -> None:
    """Half of the text, half of the tokens, and the finish reason that says so."""
    request = _request("Why?")
    whole, half = _plain(request), _ask(request, {"cut-off": 1.0})
    assert half.text == whole.text[: len(whole.text) // 2]
    assert half.finish_reason == "length"
    assert half.usage == replace(whole.usage, completion_tokens=tokens_of(half.text))


def test_refusals_come_in_several_languages() -> None:
    """Refusals differ, are short, and cost what they are long."""
    replies = _ask_all(_questions(100), {"refusal": 1.0})
    assert len({reply.text for reply in replies}) >= 8
    assert sum(reply.text.isascii() for reply in replies) < 100
    assert all(reply.usage.completion_tokens == tokens_of(reply.text) < 30 for reply in replies)
    assert {reply.finish_reason for reply in replies} == {"stop"}


def test_an_empty_reply_has_no_tokens() -> None:
    """An empty reply ends as if nothing were wrong."""
    reply = _ask(_request("Why?"), {"empty": 1.0})
    assert (reply.text, reply.finish_reason, reply.usage.completion_tokens) == ("", "stop", 0)


@pytest.mark.parametrize("language", ["English", "German", "Spanish", "Russian", "Chinese", "Arabic"])
@pytest.mark.parametrize("name", ["answer_question", "draft_subjects"])
def test_the_wrong_language_is_never_the_one_asked_for(language: str, name: str) -> None:
    """Five other languages come, and never the language that the prompt names."""
    prompts = [
        PROMPTS.render(name, language=language, question=f"Why {i}?", discipline=f"D{i}", notes=[]) for i in range(80)
    ]
    replies = _ask_all([_request(prompt) for prompt in prompts], {"wrong-language": 1.0})
    firsts = {reply.text[:3] for reply in replies}
    starts = {
        "English": "The",
        "German": "Der",
        "Spanish": "El ",
        "Russian": "Рек",
        "Chinese": "这条河",
        "Arabic": "ينب",
    }
    assert {other for other, start in starts.items() if start in firsts} == set(starts) - {language}


def test_a_language_that_we_do_not_speak_gets_another() -> None:
    """What is asked for in Finnish comes in a language of ours."""
    texts = [PROMPTS.render("answer_question", language="Finnish", question=f"Miksi {i}?") for i in range(40)]
    assert len(_spoiled([_request(text) for text in texts], {"wrong-language": 1.0})) == 40


def test_a_cut_prompt_is_answered_as_the_teacher_saw_it() -> None:
    """The server sees the second half of the last message, and its usage says so."""
    text = "What is a star? " * 40
    reply = _ask(_request(text), {"cut-prompt": 1.0})
    assert reply == _plain(_request(text[len(text) // 2 :]))
    assert reply.usage.prompt_tokens == len(text) // 8


@pytest.mark.parametrize("stage", list(Stage))
def test_a_fault_can_be_kept_to_a_stage(stage: Stage) -> None:
    """The stage is seen from the messages, whatever the request says, and goes before the rate for all."""
    asked = {
        Stage.SUBJECTS: _request(PROMPTS.render("draft_subjects", discipline="A", notes=[], language="English")),
        Stage.SYLLABI: _request("Astronomy", "sessions"),
        Stage.QUESTIONS: _request(_write_question(1)),
        Stage.ANSWERS: _request("Why?"),
        Stage.TAXONOMY: _request(PROMPTS.render(WORDINGS[1], whole="A", above=[], notes=[], language="English")),
    }
    for other, request in asked.items():
        assert (_ask(request, {f"empty@{stage.value}": 1.0}).text == "") is (other is stage)
        assert (_ask(request, {"empty": 1.0, f"empty@{stage.value}": 0.0}).text == "") is (other is not stage)


def test_odds_draw_the_first_fault_that_is_not_spared() -> None:
    """Faults are looked at in the order of their table."""
    odds = Odds({"a": 1.0, "b": 1.0, "c@answers": 0.0}, ["c", "b", "a"])
    assert odds.drawn(Stage.ANSWERS, bytes(64)) == "b"
    assert odds.drawn(Stage.ANSWERS, bytes(64), spared=("b",)) == "a"
    assert odds.drawn(Stage.ANSWERS, bytes(64), spared=("a", "b")) is None


def test_a_shortened_reply_has_room_for_a_whole_number_of_characters() -> None:
    """A reply cut to nothing is empty and says that it was cut."""
    assert shortened(Reply(text="abc"), 0).text == ""
    assert shortened(Reply(text="abc"), 2).finish_reason == "length"


@pytest.mark.parametrize(
    ("texts", "rates"),
    [
        ([], {}),
        (["429=0.05", "refusal@answers=1"], {"429": 0.05, "refusal@answers": 1.0}),
        (["cut-off=.5", "cut-off=0"], {"cut-off": 0.0}),
        ([" stall =1e-3"], {"stall": 0.001}),
    ],
    ids=["none", "two", "the last holds", "spaces"],
)
def test_faults_are_read_from_texts(texts: list[str], rates: dict[str, float]) -> None:
    """A fault is a name and a rate, with a stage if wanted."""
    assert parse_faults(texts) == rates


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("refusal", "NAME=RATE"),
        ("refusal=often", "NAME=RATE"),
        ("", "NAME=RATE"),
        ("refusl=0.1", "refusal, empty"),
        ("=0.1", "Unknown fault ''"),
        ("refusal@answer=0.1", "stages: subjects, syllabi, questions"),
        ("refusal@=0.1", "Unknown stage ''"),
        ("429=1.5", "between 0 and 1"),
        ("429=-0.1", "between 0 and 1"),
        ("429=nan", "between 0 and 1"),
    ],
)
def test_a_wrong_fault_is_told_with_what_there_is(text: str, words: str) -> None:
    """The error names what is wrong and what would be right."""
    with pytest.raises(ConfigError, match=words):
        parse_faults([text])


def test_a_teacher_takes_no_faults_of_the_transport() -> None:
    """A wrapper cannot break a connection, and says so rather than ignore it."""
    with pytest.raises(ConfigError, match="Unknown fault '429'; faults: malformed"):
        Faulty(Filler(), seed=0, rates={"429": 0.5})


def test_rates_of_known_faults_pass() -> None:
    """The ends of the range are rates."""
    check_rates({"a": 0, "a@answers": 1}, ["a"])


def test_mistakes_have_luck_of_their_own_in_each_answer() -> None:
    """Several answers to one question err independently with a mistake, and all alike with a misconception."""
    asked = [_request(f"Question {i}?") for i in range(400)]
    for fault, both in (("mistake", 0.09), ("misconception", 0.3)):
        rates = {fault: 0.3}
        wrong = [
            {i for i, reply in enumerate(_ask_all(requests, rates, teacher=Solver())) if reply.text != Solver.text}
            for requests in ([replace(request, sample=sample) for request in asked] for sample in (0, 1, 2))
        ]
        assert all(abs(len(found) / 400 - 0.3) < 0.07 for found in wrong)
        assert abs(len(wrong[1] & wrong[2]) / 400 - both) < 0.05
        assert (wrong[0] == wrong[1]) == (fault == "misconception")


class Solver:
    """Gives every question the same right answer."""

    text = "- 40 + 2 = 42\n\n**Result:** x = 42."

    async def reply(self, request: Request) -> Reply:
        return Reply(text=self.text, finish_reason="stop", model=request.sampling.model)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("**Result:** x = 42.", {"**Result:** x = 43.", "**Result:** x = 24.", "**Result:** x = 420."}),
        ("**Result:** Monday.", {"**Result:** Friday."}),
        ("B is the true statement; the others are false.", {"A is the true statement; the others are false."}),
        ("**Result:** 0.5.", {"**Result:** 0.6.", "**Result:** -0.5."}),
    ],
)
def test_a_mistake_changes_the_result_alone(right: str, wrong: set[str]) -> None:
    """Whatever the luck, the result is another one, as a slip makes it; without a result nothing is changed."""
    found = {with_mistake(right, luck) for luck in range(256)}
    assert right not in found
    assert wrong <= found
    assert with_mistake("A river rises in the hills.", 7) == "A river rises in the hills."


@pytest.mark.parametrize(
    ("text", "lenient", "harsh"),
    [
        ('{"reason": "Wrong.", "correctness": 2, "helpfulness": 3, "clarity": 5}', (9, 9, 5), (2, 3, 5)),
        ('{"reason": "Right.", "correctness": 9, "helpfulness": 8, "clarity": 5}', (9, 8, 5), (2, 2, 5)),
        ('{"reason": "Who knows?", "correctness": 5, "helpfulness": 5, "clarity": 5}', (5, 5, 5), (5, 5, 5)),
    ],
)
def test_a_judge_errs_to_one_side(text: str, lenient: tuple[int, ...], harsh: tuple[int, ...]) -> None:
    """A lenient judge passes what is bad, a harsh one fails what is good; a judgement of neither is left."""
    for is_lenient, expected in ((True, lenient), (False, harsh)):
        found = json.loads(misjudged(text, is_lenient=is_lenient))
        assert tuple(value for value in found.values() if isinstance(value, int)) == expected
    assert misjudged("I cannot say.", is_lenient=True) == "I cannot say."
