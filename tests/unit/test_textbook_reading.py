"""The offline textbook as a reader: drafts, broken prompts, and questions that stand alone."""

import re
from random import Random

import pytest
from textbook_chain import CHAPTERS, NO_CHAPTER, answer, ask, assistant, draws, plan_of, render, special_concepts, user

from glan.errors import ReplyError
from glan.parsing import parse_sessions, parse_subjects
from glan.records import Level, Message, Subject
from glan.teachers.offline.phrases import Phrase
from glan.teachers.offline.teacher import CONFUSED, ONLY_ENGLISH


def test_a_listing_is_read_from_the_text_above() -> None:
    """A changed draft gives a changed listing: nothing is looked up."""
    prompt = render("draft_subjects", discipline="Law")
    draft = "## Roman law (advanced)\n\nHistory.\n\n- Twelve Tables: the oldest\n- **Digest**\n\n## Sea law\n\n- Flags"
    subjects = parse_subjects(ask(prompt, assistant(draft), render("list_subjects"), schema="subjects"))
    assert subjects == (
        Subject(name="Roman law", key="roman law", level=Level.ADVANCED, subtopics=("Twelve Tables", "Digest")),
        Subject(name="Sea law", key="sea law", level=Level.INTRODUCTORY, subtopics=("Flags",)),
    )


@pytest.mark.parametrize(
    "draft",
    [
        "# Kites\n\n## Session 1: Wind\n\n- lift: its cause\n- drag\n\n## Session 2: Line\n\nKey concepts:\n\n* knots",
        "**Session 1: Wind**\n\n1. lift\n2. drag\n\n**Session 2: Line**\n\n### Key concepts\n\n- **knots**: how to tie",
        "Session 1: Wind\n- lift\n- drag\nSession 2: Line\n- knots",
        "1. Wind\n   - lift\n   - drag\n2. Line\n   - knots",
    ],
    ids=["headings", "bold", "plain", "numbered"],
)
def test_class_sessions_are_read_from_headings_of_several_kinds(draft: str) -> None:
    """Sessions written in the usual ways are found with their concepts."""
    prompt = user("Plan kites.")
    sessions = parse_sessions(ask(prompt, assistant(draft), render("list_sessions"), schema="sessions"))
    assert [(session.name, session.key_concepts) for session in sessions] == [
        ("Wind", ("lift", "drag")),
        ("Line", ("knots",)),
    ]


@pytest.mark.parametrize("prompt", ["list_subjects", "list_sessions"])
@pytest.mark.parametrize("above", [None, "", "Only prose, no list at all."], ids=["nothing", "empty", "prose"])
def test_a_listing_of_nothing_is_confused(prompt: str, above: str | None) -> None:
    """Where there is no list above, the reply is one that the parser rejects."""
    said = [] if above is None else [assistant(above)]
    reply = ask(user("Plan."), *said, render(prompt), schema=prompt.removeprefix("list_"))
    assert reply.startswith(CONFUSED)
    with pytest.raises(ReplyError):
        (parse_subjects if prompt == "list_subjects" else parse_sessions)(reply)


def test_the_schema_must_agree_with_the_task() -> None:
    """A schema that does not belong to the task is noticed; without one the JSON comes all the same."""
    draft = assistant("## Wind\n- lift")
    assert ask(user("Plan."), draft, render("list_sessions"), schema="subjects").startswith(CONFUSED)
    assert ask(render("draft_subjects", discipline="Law"), schema="subjects").startswith(CONFUSED)
    assert parse_sessions(ask(user("Plan."), draft, render("list_sessions")))[0].name == "Wind"


REMOVED = [
    ("draft_subjects", "task"), ("draft_subjects", "discipline"), ("draft_subjects", "language"),
    ("draft_syllabus", "task"), ("draft_syllabus", "discipline"), ("draft_syllabus", "subject"),
    ("draft_syllabus", "level"), ("draft_syllabus", "language"),
    ("write_question", "task"), ("write_question", "discipline"), ("write_question", "subject"),
    ("write_question", "level"), ("write_question", "syllabus"), ("write_question", "class_sessions"),
    ("write_question", "key_concepts"), ("write_question", "language"),
    ("list_subjects", "task"), ("list_sessions", "task"), ("mend_reply", "task"), ("mend_reply", "error"),
]  # fmt: skip


def broken(prompt: str) -> tuple[list[Message], str | None]:
    """Return a whole conversation that ends with a prompt, and its schema."""
    if prompt == "write_question":
        return [plan_of("Law", "Contract law").prompt(((0, 0), (1, 1)))], None
    if prompt.startswith("draft"):
        subject = {"subject": "Contract law", "level": "intermediate", "subtopics": ("Offer",)}
        return [render(prompt, discipline="Law", **subject if prompt == "draft_syllabus" else {})], None
    kind = prompt.removeprefix("list_")
    if prompt == "mend_reply":
        return [render("draft_subjects", discipline="Law"), assistant("?"), render(prompt, error="Too short.")], None
    return [user("Plan."), assistant("## Wind (advanced)\n- lift"), render(prompt)], kind


@pytest.mark.parametrize(("prompt", "label"), REMOVED)
@pytest.mark.parametrize("fault", ["removed", "emptied", "renamed", "unclosed"])
def test_a_prompt_without_one_of_its_sections_is_noticed(prompt: str, label: str, fault: str) -> None:
    """A section that is gone, empty, misspelt or cut gets a short sentence of confusion."""
    messages, schema = broken(prompt)
    whole = messages[-1].content
    section = re.search(rf"<{label}>.*?</{label}>", whole, re.DOTALL)
    assert section is not None
    assert not ask(*messages, schema=schema).startswith(CONFUSED)
    mended = {
        "removed": whole.replace(section[0], ""),
        "emptied": whole.replace(section[0], f"<{label}>\n</{label}>"),
        "renamed": whole.replace(f"<{label}>", f"<the_{label}>").replace(f"</{label}>", f"</the_{label}>"),
        "unclosed": whole.replace(f"</{label}>", ""),
    }[fault]
    reply = ask(*messages[:-1], user(mended), schema=schema)
    assert reply.startswith(CONFUSED)
    assert len(reply) < 200
    with pytest.raises(ReplyError):
        parse_sessions(reply)


@pytest.mark.parametrize(
    "changes",
    [
        {"level": "wizard"},
        {"level": "Level.GRADUATE"},
        {"sessions": ["Kite flying"]},
        {"key_concepts": ["offer", "tail drag"]},
        {"key_concepts": []},
        {"sessions": []},
        {"syllabus": "Something else."},
    ],
    ids=["level", "enum", "session", "concept", "no concepts", "no sessions", "syllabus"],
)
def test_a_question_prompt_that_does_not_fit_together_is_noticed(changes: dict[str, object]) -> None:
    """The drawn sessions and concepts must stand in the syllabus, and the level must be one."""
    plan = plan_of("Law", "Contract law")
    assert not ask(plan.prompt(((0, 0), (0, 1)))).startswith(CONFUSED)
    assert ask(plan.prompt(((0, 0), (0, 1)), **changes)).startswith(CONFUSED)


def test_names_are_found_in_a_syllabus_whatever_their_case_and_spaces() -> None:
    """A listing may write a name a little differently from the syllabus."""
    plan = plan_of("Law", "Contract law")
    changed = plan.prompt(((0, 0),), key_concepts=["OFFER"], sessions=["offer  and Acceptance"])
    assert not ask(changed).startswith(CONFUSED)


@pytest.mark.parametrize("messages", [(), (user(""),), (user(" \n"),), (Message(role="system", content="Hello."),)])
def test_nothing_asked_is_noticed(messages: tuple[Message, ...]) -> None:
    """Without a prompt there is nothing to answer."""
    assert ask(*messages).startswith(CONFUSED)


def test_a_mend_prompt_is_answered_by_the_task_before_it() -> None:
    """However often a reply is sent back, and even if it was empty, the task is done again."""
    plan = plan_of("Law", "Contract law")
    prompt = plan.prompt(((0, 0),))
    mend = render("mend_reply", error="The reply is empty.")
    assert ask(prompt, mend) == ask(prompt, assistant("{"), mend) == ask(prompt)
    assert ask(prompt, assistant("{"), mend, assistant("["), mend) == ask(prompt)
    draft = [user("Plan."), assistant("## Wind\n- lift"), render("list_sessions")]
    reply = ask(*draft, assistant("no"), mend, schema="sessions")
    assert parse_sessions(reply)[0].key_concepts == ("lift",)
    assert ask(mend).startswith(CONFUSED)


def test_a_system_message_changes_nothing() -> None:
    """The textbook has one voice."""
    prompt = plan_of("Law", "Contract law").prompt(((0, 0),))
    assert ask(Message(role="system", content="Be brief."), prompt) == ask(prompt)


def test_statements_are_judged_by_what_the_book_says() -> None:
    """True and false sentences, choices and disputes are decided rightly from their words alone."""
    truth = {concept.right: True for concept in special_concepts()}
    truth |= {concept.wrong: False for concept in special_concepts()}
    seen = {"judge": 0, "choose": 0, "spot": 0, "dispute": 0}
    for discipline, name in CHAPTERS:
        plan = plan_of(discipline, name)
        for concepts in draws(plan, 150, Random(5)):
            question = plan.question(concepts)
            found = answer(question)
            for number, line in enumerate(re.findall(r"\n- (.+)", question), start=1):
                assert f"Sentence {number} is {str(truth[line]).lower()}." in found
                seen["judge"] += 1
            options = re.findall(r"\n([A-D])\) (.+)", question)
            for letter, line in options:
                wording = "true" if truth[line] else "false"
                seen["choose" if wording == "true" else "spot"] += f"{letter} is the {wording} statement" in found
            if options and not re.search(r"[A-D]\) .+\n\n.*[A-D]\) ", question, re.DOTALL):
                odd = re.search(r"([A-D]) is the (true|false) statement", found)
                assert odd is not None
                assert [letter for letter, line in options if truth[line] == (odd[2] == "true")] == [odd[1]]
            seen["dispute"] += "is right" in found
    assert min(seen.values()) >= 20


def test_a_dispute_is_decided_for_the_one_who_is_right() -> None:
    """The name, or the place, of the true sentence is given."""
    concept = next(concept for concept in special_concepts() if concept.name == "offer")
    said = 'Nadia, a potter, says: "{0}" Ivo answers: "{1}" Who is right, and what should the other one learn from it?'
    assert answer(said.format(concept.wrong, concept.right)).startswith("Ivo is right")
    assert answer(said.format(concept.right, concept.wrong)).startswith("Nadia is right")
    assert answer(said.format(concept.right, concept.right)) == NO_CHAPTER


def test_a_case_is_decided_with_the_people_in_it() -> None:
    """The names of a case are read from its text and stand in the verdict."""
    concept = next(concept for concept in special_concepts() if concept.name == "offer")
    facts = Phrase.of(concept.case or "").fill({"A": "Zoe", "B": "Max"})
    found = answer(f"{facts}\nHow is the matter to be judged in the light of **offer**? Give reasons.")
    assert "What Zoe privately meant does not matter" in found
    other = facts.replace("4,000 pounds", "4,001 pounds")
    assert "A contract was made" not in answer(f"{other}\nHow is the matter to be judged in the light of **offer**?")


@pytest.mark.parametrize(
    "question",
    [
        "What is love?",
        "**Note** that this is about cooking.",
        'A web page claims: "The moon is made of cheese." Examine the claim.',
        "Compute the greatest common divisor of 0 and 12 by repeated division with remainder.",
        "Only one of these sentences is false. Which is it, and how must it be changed?\nA) Nobody knows this one.",
        "Was ist ein Vertrag?",
        "x" * 50_000,
        "**" * 20_000,
        "\n" * 50_000 + "?",
    ],
    ids=["other", "bold", "claim", "zero", "options", "German", "long", "stars", "lines"],
)
def test_a_question_that_is_not_recognised_gets_an_honest_answer(question: str) -> None:
    """The textbook says that it has no chapter rather than guess."""
    assert answer(question) == NO_CHAPTER


def test_concepts_in_bold_type_are_explained_whatever_is_asked() -> None:
    """A person's own question about a concept of the book is answered from its page."""
    found = answer("Could you tell me about the **pigeonhole principle** and **nonsense**, please?")
    assert "if more than n objects are put into n boxes" in found


@pytest.mark.parametrize("language", ["German", "Klingon", "tlh", "中文"])
def test_other_languages_are_answered_in_english_with_a_notice(language: str) -> None:
    """The first sentence says that only English is known; lists and questions can still be used."""
    draft_prompt = render("draft_subjects", discipline="Law", language=language)
    draft = ask(draft_prompt)
    listing = ask(draft_prompt, assistant(draft), render("list_subjects", language=language), schema="subjects")
    assert [subject.name for subject in parse_subjects(listing)] == ["Contract law", "Jurisprudence"]
    question = ask(plan_of("Law", "Contract law").prompt(((0, 0),), language=language))
    found = ask(render("answer_question", question=question, language=language))
    assert all(text.startswith(ONLY_ENGLISH) for text in (draft, question, found))
    assert NO_CHAPTER not in found


@pytest.mark.parametrize("language", ["English", "en", "British English"])
def test_english_by_any_name_is_known(language: str) -> None:
    """No notice is given where English is asked for."""
    assert not ask(render("draft_subjects", discipline="Law", language=language)).startswith(ONLY_ENGLISH)
