"""The offline textbook: the whole chain of prompts from a discipline to an answer, and what kind of teacher it is."""

import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from textbook_chain import (
    CHAPTERS,
    GENERIC,
    NO_CHAPTER,
    TEXTBOOK,
    Plan,
    answer,
    ask,
    assistant,
    draws,
    plan_of,
    render,
    request,
    subjects_of,
    user,
)

from glan.records import Level, Reply, Sampling, Session, Stage, Subject
from glan.teachers.offline import Textbook
from glan.teachers.offline.book import open_book
from glan.teachers.offline.phrases import marks
from glan.teachers.offline.teacher import CONFUSED


@pytest.mark.parametrize(("discipline", "name"), CHAPTERS)
def test_the_whole_chain_of_a_chapter_parses(discipline: str, name: str) -> None:
    """Draft, listing, syllabus, sessions, questions for single and pair draws and answers fit together."""
    plan = plan_of(discipline, name)
    assert plan.subject.level is open_book().chapter(discipline, name).level  # type: ignore[union-attr]  # it is there
    assert len(plan.subject.subtopics) == 5
    assert [len(session.key_concepts) for session in plan.sessions] == [5] * 5
    for concepts in draws(plan, 60, Random(name)):
        question = plan.question(concepts)
        assert not question.startswith(CONFUSED)
        found = answer(question)
        assert 400 <= len(found) <= 6_000
        assert NO_CHAPTER not in found
        assert "generic" not in found
        assert not re.search(r"[{}]|None", question + found)
        assert question not in found


@pytest.mark.parametrize(("discipline", "name"), CHAPTERS)
def test_questions_are_about_the_drawn_concepts(discipline: str, name: str) -> None:
    """What a question names in bold type was drawn, and every part of it can be traced to a drawn concept."""
    plan = plan_of(discipline, name)
    for concepts in draws(plan, 40, Random(1)):
        drawn = {plan.sessions[i].key_concepts[k] for i, k in concepts}
        assert set(marks(plan.question(concepts))) <= drawn


def test_a_choice_has_several_statements_that_nothing_else_in_the_question_gives_away() -> None:
    """There are three or four statements to choose from, and none stands anywhere else in the question."""
    plan = plan_of("Astronomy", "The Solar System")
    seen = 0
    for concepts in (*draws(plan, 200, Random(9)), *((*((i, k) for k in range(5)),) for i in range(5))):
        question = plan.question(concepts)
        for options in re.findall(r"(?:\n[A-D]\) [^\n]+)+", question):
            lines = re.findall(r"[A-D]\) ([^\n]+)", options)
            assert 3 <= len(lines) <= 4
            assert all(question.count(line) == 1 for line in lines)
            seen += 1
    assert seen >= 30


def test_questions_do_not_speak_of_the_course() -> None:
    """A question stands alone: it mentions no syllabus, no session and no course."""
    for discipline, name in CHAPTERS:
        plan = plan_of(discipline, name)
        for concepts in draws(plan, 40, Random(2)):
            assert not re.search(r"\b(syllab|session|course|key concept)", plan.question(concepts), re.IGNORECASE)


@pytest.mark.parametrize("discipline", ["Tobacco industry", "Radiology", "Religious Studies", "C++ & <b>Design</b>"])
def test_other_disciplines_get_a_generic_curriculum(discipline: str) -> None:
    """A discipline without a chapter gets six subjects with its name in them, and parsable syllabi."""
    subjects = subjects_of(discipline)
    assert len(subjects) == 6
    assert all(discipline in subject.name for subject in subjects)
    plan = plan_of(discipline, subjects[1].name)
    assert [len(session.key_concepts) for session in plan.sessions] == [5] * 5


@pytest.mark.parametrize(("discipline", "topic"), [("Radiology", "Radiology"), ("Food industry", "the Food industry")])
def test_generic_answers_say_so(discipline: str, topic: str) -> None:
    """A generic answer begins with the sentence that it is one and names the topic."""
    for subject in subjects_of(discipline):
        plan = plan_of(discipline, subject.name)
        for concepts in draws(plan, 12, Random(3)):
            question = plan.question(concepts)
            found = answer(question)
            assert topic in question
            assert found.startswith(GENERIC.format(topic=topic))
            assert 400 <= len(found) <= 2_000
            assert "{" not in found


def test_a_subject_that_the_book_lacks_is_planned_generically() -> None:
    """A person's own subject gets class sessions chosen by its name, at its level, and says that it is generic."""
    knots, graphs = (plan_of("Mathematics", name, Level.GRADUATE) for name in ("Knot theory", "Graph drawing"))
    assert "no chapter on Knot theory" in knots.text
    assert "graduate level" in knots.text
    assert knots.sessions != graphs.sessions
    found = answer(knots.question(((0, 0), (1, 2))))
    assert found.startswith(GENERIC.format(topic="Knot theory"))


def test_concepts_that_the_book_lacks_are_asked_about_and_answered_generically() -> None:
    """A syllabus of somebody else's is good for questions too; the answers say that they are generic."""
    sessions = (Session(name="Wind", key="wind", key_concepts=("tail drag", "line weave", "bridle angle")),)
    subject = Subject(name="Kites", key="kites", level=Level.ADVANCED)
    plan = Plan("Toys", subject, "Wind: tail drag, line weave and bridle angle.", sessions)
    question = plan.question(((0, 0), (0, 1), (0, 2)))
    assert set(marks(question)) == {"tail drag", "line weave", "bridle angle"}
    found = answer(question)
    assert found.startswith(GENERIC.format(topic="Kites"))
    assert 400 <= len(found) <= 2_000


async def test_a_reply_has_the_model_the_usage_and_a_regular_end() -> None:
    """Usage is about four characters a token, and the model's name says what it is."""
    reply = await TEXTBOOK.reply(request(user("x" * 402)))
    assert (reply.model, reply.finish_reason) == ("offline-textbook", "stop")
    assert reply.usage.prompt_tokens == 101
    assert reply.usage.completion_tokens == (len(reply.text) + 3) // 4


async def test_a_reply_depends_on_messages_and_schema_alone() -> None:
    """Id, stage, sample, attempt, rank and sampling do not show; another textbook says the same."""
    asked = request(plan_of("Law", "Contract law").prompt(((0, 0), (1, 1))))
    changed = replace(
        asked,
        id="answer/other/1",
        stage=Stage.ANSWERS,
        sampling=Sampling(model="other", max_tokens=1, temperature=2.0),
        sample=7,
        attempt=3,
        rank=9,
    )
    replies: list[Reply] = [await Textbook().reply(changed), await TEXTBOOK.reply(asked), await TEXTBOOK.reply(changed)]
    assert replies[0] == replies[1] == replies[2]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.sampled_from(["sessions", "subjects", None]))
def test_any_text_gets_a_reply(text: str, schema: str | None) -> None:
    """Whatever is asked, something is said and nothing is raised."""
    assert ask(user(text), schema=schema)
    assert ask(user(text), assistant(text), render("list_subjects"), schema="subjects")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_prompt_with_a_piece_cut_out_gets_a_reply(data: st.DataObject) -> None:
    """A prompt that lost any piece on its way is answered or noticed, never a crash."""
    whole = plan_of("Law", "Contract law").prompt(((0, 0), (1, 1), (1, 2))).content
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    assert ask(user(whole[:start] + whole[end:]))


@pytest.mark.parametrize(
    "name", ["{topic} {A} {0}", "%s \\1", "\ud800 half", 'a "b" **c**', "</subject><task>", "x" * 250]
)
def test_hostile_names_pass_through_the_chain(name: str) -> None:
    """Names with braces, quotes, tags or half a character are words like any others."""
    subjects = subjects_of(name)
    plan = plan_of(name, subjects[0].name)
    question = plan.question(((0, 0), (0, 1)))
    assert len(answer(question)) > 100


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def near_copies(questions: list[str], similarity: float = 0.7) -> int:
    """Count the questions that are near copies of an earlier one, by word 3-grams."""
    postings: dict[tuple[str, ...], list[int]] = {}
    sizes: list[int] = []
    count = 0
    for question in questions:
        found = shingles(question)
        common: dict[int, int] = {}
        for shingle in found:
            for other in postings.setdefault(shingle, []):
                common[other] = common.get(other, 0) + 1
            postings[shingle].append(len(sizes))
        count += any(n / (len(found) + sizes[other] - n) >= similarity for other, n in common.items())
        sizes.append(len(found))
    return count


def test_near_copies_are_counted() -> None:
    """The measure finds a copy and passes over what differs."""
    assert near_copies(["one two three four five six", "one two three four five six seven"]) == 1
    assert near_copies(["one two three four five six", "six five four three two one"]) == 0


@pytest.mark.parametrize(("discipline", "name"), CHAPTERS)
def test_questions_of_a_chapter_are_distinct(discipline: str, name: str) -> None:
    """Of 300 questions on one subject no more than six are near copies."""
    plan = plan_of(discipline, name)
    assert near_copies([plan.question(concepts) for concepts in draws(plan, 300, Random(8))]) <= 6


def test_generic_questions_are_distinct_within_and_across_disciplines() -> None:
    """Thirty questions on each of twenty disciplines have hardly a near copy among them."""
    questions = []
    for discipline in [f"Craft number {number}" for number in range(20)]:
        for subject in subjects_of(discipline):
            plan = plan_of(discipline, subject.name)
            questions += [plan.question(concepts) for concepts in draws(plan, 5, Random(discipline))]
    assert len(questions) == 600
    assert near_copies(questions) <= 12
