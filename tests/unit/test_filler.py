"""The filler: the right form for every prompt, pure, unlike each other where they must be."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.parsing import MAX_ITEMS, parse_sessions, parse_subjects
from glan.prompts import Prompts
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.filler import Asked, Filler, asked_of, tokens_of

PROMPTS = Prompts.shipped()
SAMPLING = Sampling(model="any", max_tokens=4_096)


def _request(*turns: str, schema: str | None = None) -> Request:
    """Return a request with turns of the user and the teacher, one after the other."""
    roles = ("user", "assistant")
    messages = tuple(Message(role=roles[i % 2], content=turn) for i, turn in enumerate(turns))
    return Request(id="", stage=Stage.ANSWERS, messages=messages, sampling=SAMPLING, schema=schema)


def _ask(request: Request, filler: Filler | None = None) -> Reply:
    return asyncio.run((filler or Filler()).reply(request))


def _draft_subjects(discipline: str, language: str = "English", notes: Sequence[str] = ()) -> str:
    return PROMPTS.render("draft_subjects", discipline=discipline, notes=notes, language=language)


def _draft_syllabus(subject: str, language: str = "English", notes: Sequence[str] = ()) -> str:
    return PROMPTS.render(
        "draft_syllabus",
        discipline="Astronomy",
        subject=subject,
        level="advanced",
        subtopics=["Orbits"],
        notes=notes,
        language=language,
    )


def _write_question(concept: str, subject: str = "Orbits", language: str = "English") -> str:
    return PROMPTS.render(
        "write_question",
        form="",
        difficulty="",
        constraint="",
        discipline="Astronomy",
        subject=subject,
        level="advanced",
        syllabus="A long syllabus. " * 50,
        sessions=["Two bodies"],
        key_concepts=[concept],
        several=False,
        notes=["Mind the <error> bars."],
        language=language,
    )


def _conversation(asked: Asked, language: str = "English") -> tuple[str, ...]:
    match asked:
        case Asked.DRAFT_SUBJECTS:
            return (_draft_subjects("Astronomy", language, ["Be brief."]),)
        case Asked.DRAFT_SYLLABUS:
            return (_draft_syllabus("Orbits", language, ["Be brief."]),)
        case Asked.LIST_SUBJECTS | Asked.LIST_SESSIONS | Asked.LIST_PARTS:
            return (*_conversation(_DRAFTS[asked], language), "d", PROMPTS.render(asked, language=language))
        case Asked.WRITE_QUESTION:
            return (_write_question("Mass", language=language),)
        case Asked.DIVIDE | Asked.VOTE_ON_PARTS:
            return (PROMPTS.render(asked, language=language, **_OF_TREES[asked]),)
        case _:
            pair = {"question": "What is a key concept, or an <error>?", "answer": "One that <task> has."}
            is_pair = asked is Asked.GUARD_CONVERSATION
            if asked is Asked.COMPARE_ANSWERS:
                pair = {**pair, "first": "One.", "second": "Two."}
            return tuple(pair.values()) if is_pair else (PROMPTS.render(asked, mark="0", language=language, **pair),)


_OF_TREES: Mapping[Asked, Mapping[str, object]] = {
    Asked.DIVIDE: {"whole": "Sky", "above": ["<error>"], "notes": ["Be brief."]},
    Asked.VOTE_ON_PARTS: {
        "above": ["Sky"],
        "notes": ["<error>"],
        "elements": [{"title": "Mind the <error>", "about": "a discipline"}],
        "mark": "0",
    },
}
_DRAFTS = {
    Asked.LIST_SUBJECTS: Asked.DRAFT_SUBJECTS,
    Asked.LIST_SESSIONS: Asked.DRAFT_SYLLABUS,
    Asked.LIST_PARTS: Asked.DIVIDE,
}


def _trigrams(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def _jaccard(one: str, other: str) -> float:
    first, second = _trigrams(one), _trigrams(other)
    return len(first & second) / len(first | second)


@pytest.mark.parametrize("language", ["English", "Japanese"])
@pytest.mark.parametrize("asked", list(Asked))
def test_every_prompt_is_recognised(asked: Asked, language: str) -> None:
    """Each shipped prompt is known without a schema, in any language."""
    assert asked_of(_request(*_conversation(asked, language)).messages) is asked


@pytest.mark.parametrize("asked", list(Asked))
def test_a_mend_answers_the_task_before_it(asked: Asked) -> None:
    """Two mends in a row still ask for what was asked first, and a listing parses again."""
    mend = PROMPTS.render("mend_reply", error="It is no JSON.", language="English")
    turns = (*_conversation(asked), "bad", mend, "worse", mend)
    assert asked_of(_request(*turns).messages) is asked
    if asked is Asked.LIST_SESSIONS:
        once = parse_sessions(_ask(_request(*_conversation(asked))).text)
        assert parse_sessions(_ask(_request(*turns)).text) == once


@pytest.mark.parametrize(
    ("schema", "asked"), [("subjects", Asked.LIST_SUBJECTS), ("sessions", Asked.LIST_SESSIONS)], ids=str
)
def test_the_schema_goes_before_the_prompt(schema: str, asked: Asked) -> None:
    """A request with a schema is a listing whatever its prompt says."""
    assert asked_of(_request("List them, please.", schema=schema).messages, schema) is asked


def test_an_unknown_schema_leaves_it_to_the_prompt() -> None:
    """A schema of somebody else does not make a listing."""
    assert asked_of(_request("Why?").messages, "haiku") is Asked.ANSWER_QUESTION


@pytest.mark.parametrize(
    ("asked", "stage", "schema"),
    [
        (Asked.DRAFT_SUBJECTS, Stage.SUBJECTS, None),
        (Asked.LIST_SUBJECTS, Stage.SUBJECTS, "subjects"),
        (Asked.DRAFT_SYLLABUS, Stage.SYLLABI, None),
        (Asked.LIST_SESSIONS, Stage.SYLLABI, "sessions"),
        (Asked.WRITE_QUESTION, Stage.QUESTIONS, None),
        (Asked.ANSWER_QUESTION, Stage.ANSWERS, None),
        (Asked.RATE_QUESTION, Stage.RATINGS, "rating"),
        (Asked.SCORE_PAIR, Stage.SCORES, "scores"),
        (Asked.JUDGE_SAFETY, Stage.SAFETY, "safety"),
        (Asked.GUARD_CONVERSATION, Stage.SAFETY, None),
        (Asked.DIVIDE, Stage.TAXONOMY, None),
        (Asked.LIST_PARTS, Stage.TAXONOMY, "parts"),
        (Asked.COMPARE_ANSWERS, Stage.JUDGEMENTS, "comparison"),
        (Asked.GRADE_ANSWER, Stage.JUDGEMENTS, "grade"),
    ],
    ids=str,
)
def test_what_is_asked_has_a_stage_and_a_schema(asked: Asked, stage: Stage, schema: str | None) -> None:
    """Every prompt belongs to a stage, and the listings have a schema."""
    assert (asked.stage, asked.schema) == (stage, schema)


def test_subjects_are_many_and_belong_to_the_discipline() -> None:
    """Two disciplines share no subject, one discipline names each subject once and always the same."""
    ask_list = PROMPTS.render("list_subjects", language="English")
    found = {}
    for discipline in ("Astronomy", "Botany", "C", "C++", "C#"):
        request = _request(_draft_subjects(discipline), "A draft.", ask_list)
        found[discipline] = [subject.key for subject in parse_subjects(_ask(request).text)]
        again = _request(_draft_subjects(discipline), "Another draft.", ask_list, schema="subjects")
        assert [subject.key for subject in parse_subjects(_ask(again).text)] == found[discipline]
    keys = [key for keys in found.values() for key in keys]
    assert len(keys) == len(set(keys)) == 5 * 40


def test_a_listing_has_as_many_as_the_setting_says() -> None:
    """The numbers of subjects and sessions are settings, up to the most that a listing may have."""
    request = _request("Astronomy", schema="subjects")
    assert len(parse_subjects(_ask(request, Filler(subjects=MAX_ITEMS)).text)) == MAX_ITEMS
    sessions = parse_sessions(_ask(replace(request, schema="sessions"), Filler(sessions=7)).text)
    assert [len(session.key_concepts) for session in sessions] == [5] * 7


def test_subjects_have_every_level() -> None:
    """A listing goes from the first courses to the last, and its subjects have subtopics."""
    subjects = parse_subjects(_ask(_request("Astronomy", schema="subjects")).text)
    assert len({subject.level for subject in subjects}) == 4
    assert {len(subject.subtopics) for subject in subjects} == {5}


def test_sessions_belong_to_the_subject() -> None:
    """Two subjects share no session and no key concept."""
    ask_list = PROMPTS.render("list_sessions", language="English")
    names: list[str] = []
    for subject in ("Orbits", "Comets"):
        sessions = parse_sessions(_ask(_request(_draft_syllabus(subject), "A draft.", ask_list)).text)
        assert len(sessions) == 20
        names += [name for session in sessions for name in (session.key, *session.key_concepts)]
    assert len(names) == len(set(names)) == 2 * 20 * 6


def test_a_listing_without_tags_takes_the_first_message_for_its_topic() -> None:
    """A prompt that a person rewrote without tags still gives other subjects to other disciplines."""
    one, other = (
        parse_subjects(_ask(_request(f"List the subjects of {name}.", "Well.", "As JSON.", schema="subjects")).text)
        for name in ("Astronomy", "Botany")
    )
    assert not {subject.key for subject in one} & {subject.key for subject in other}


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        (Asked.DRAFT_SUBJECTS, 4_000),
        (Asked.DRAFT_SYLLABUS, 4_000),
        (Asked.WRITE_QUESTION, 400),
        (Asked.ANSWER_QUESTION, 1_500),
    ],
    ids=str,
)
def test_a_text_is_about_as_long_as_the_setting_says(asked: Asked, size: int) -> None:
    """A text is within a tenth of its size."""
    assert len(_ask(_request(*_conversation(asked))).text) == pytest.approx(size, rel=0.1)


def test_a_long_answer_is_long() -> None:
    """An answer of a million characters is no special case."""
    assert len(_ask(_request("Why?"), Filler(size=1_000_000)).text) == pytest.approx(1_000_000, rel=0.01)


def test_a_reply_says_how_it_was_made() -> None:
    """Usage counts about four characters a token; the reply ended by itself and names its model."""
    request = _request("Why is the sky dark at night?")
    reply = _ask(request)
    assert reply.usage.prompt_tokens == 8
    assert reply.usage.completion_tokens == tokens_of(reply.text) == pytest.approx(375, rel=0.1)
    assert (reply.finish_reason, reply.model) == ("stop", "filler")


def test_replies_are_the_same_on_every_machine() -> None:
    """The words of one reply, written down: data sets made from the filler can be compared between versions."""
    text = _ask(_request("Why?"), Filler(size=60)).text
    assert text == "A jarfilt ninbilt and the garvora of a deldora delkilt are vinjora."


@settings(max_examples=60, deadline=None)
@given(
    turns=st.lists(st.text(st.characters(), max_size=30), max_size=4),
    schema=st.sampled_from([None, "subjects", "sessions", "votes"]),
    place=st.text(max_size=5),
    number=st.integers(0, 9),
)
def test_the_filler_is_a_pure_function(turns: list[str], schema: str | None, place: str, number: int) -> None:
    """Neither id, sample, attempt, rank, stage nor room changes a reply, whatever the messages hold."""
    request = _request(*turns, schema=schema)
    other = replace(
        request,
        id=place,
        sample=number,
        attempt=number,
        rank=number,
        stage=Stage.QUESTIONS,
        sampling=replace(SAMPLING, max_tokens=number + 1, temperature=0.5),
    )
    assert _ask(request) == _ask(other)


def test_seed_messages_and_model_change_a_reply() -> None:
    """Whatever the reply is a function of makes another one."""
    request = _request("Why?")
    texts = {
        _ask(request).text,
        _ask(request, Filler(seed=1)).text,
        _ask(_request("Why not?")).text,
        _ask(_request("Why?", "Because.", "Why?")).text,
        _ask(replace(request, sampling=replace(SAMPLING, model="other"))).text,
    }
    assert len(texts) == 5


def test_the_borders_between_messages_count() -> None:
    """The same characters in other turns are another conversation."""
    assert _ask(_request("ab", "c", "d")).text != _ask(_request("a", "bc", "d")).text


def test_lone_surrogates_are_answered() -> None:
    """A broken character in a message is a character like others."""
    assert _ask(_request("\ud800")).text != _ask(_request("\udfff")).text


def test_different_questions_share_next_to_nothing() -> None:
    """Among a hundred questions no two share a fifth of their word 3-grams, and hardly any share one in twenty."""
    texts = [_ask(_request(_write_question(f"Concept {i}"))).text for i in range(100)]
    shares = [_jaccard(texts[i], texts[k]) for i in range(100) for k in range(i)]
    assert max(shares) < 0.2
    assert sum(shares) / len(shares) < 0.01
    assert all(text.endswith("?") for text in texts)


def test_near_copies_share_most() -> None:
    """Near copies of one subject are at least 0.8 alike, seldom equal, and unlike those of another subject."""
    filler = Filler(near_copies=1.0)
    texts = [_ask(_request(_write_question(f"Concept {i}")), filler).text for i in range(40)]
    assert min(_jaccard(texts[i], texts[k]) for i in range(40) for k in range(i)) >= 0.8
    assert len(set(texts)) > 35
    assert _jaccard(texts[0], _ask(_request(_write_question("Concept 0", "Comets")), filler).text) < 0.2


def test_short_near_copies_share_most() -> None:
    """Near copies are alike also where a question is two sentences long."""
    filler = Filler(near_copies=1.0, question_size=140)
    texts = [_ask(_request(_write_question(f"Concept {i}")), filler).text for i in range(20)]
    assert min(_jaccard(texts[i], texts[k]) for i in range(20) for k in range(i)) >= 0.8


def test_the_share_of_near_copies_is_a_setting() -> None:
    """With a share of 0.3, about three questions in ten are like another one; answers never are."""
    filler = Filler(near_copies=0.3)
    copy = _ask(_request(_write_question("Concept")), Filler(near_copies=1.0)).text
    texts = [_ask(_request(_write_question(f"Concept {i}")), filler).text for i in range(300)]
    assert 60 <= sum(_jaccard(text, copy) >= 0.8 for text in texts) <= 120
    assert _ask(_request("Why?"), filler) == _ask(_request("Why?"))
