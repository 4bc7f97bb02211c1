"""Kinds of tasks of the offline textbook: reviews, designs and plans, and how often each level asks for what."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace
from textbook_chain import CHAPTERS, answer, draws, kinds_of, plan_of, special_concepts

from glan.records import Level
from glan.teachers.offline.book import Concept, open_book
from glan.teachers.offline.kinds import KINDS, STYLES
from glan.teachers.offline.phrases import marked, open_phrasebook

REVIEW = (
    'Act as the reviewer of this passage about **{0}**: "{1}" Acknowledge what is sound, refute what is false, '
    "and name the gap that remains."
)
DESIGN = (
    "{0} and {1} test pupils every Friday. This week it is the turn of **{2}**. Contribute {3}, its solution, "
    "and a remark on the error that they should expect."
)
PLAN = (
    "In which order should {0} be learned, and how? Give a plan in steps, with examples, likely misunderstandings "
    "and a task for the end."
)


def concept_of(name: str) -> Concept:
    page = open_book().page(name)
    assert page is not None
    return page.concept


def drafts(concept: Concept) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield texts with an error on a concept, each with what it lacks."""
    wrong = concept.wrong
    yield f"{concept.definition} {wrong}", (concept.rest, concept.example)
    yield f"{concept.text} {wrong}", (concept.example,)
    yield f"{concept.example} {wrong}", (concept.definition,)
    yield f"{concept.definition} {wrong} {concept.example}", (concept.rest,)


def test_a_review_finds_the_planted_error_and_what_is_missing() -> None:
    """The false sentence is quoted and replaced by the true one, and what the text left out is added."""
    for concept in special_concepts():
        for draft, lacking in drafts(concept):
            found = answer(REVIEW.format(concept.name, draft))
            assert f'"{concept.wrong}" {concept.right}' in found
            assert "is correct" in found
            assert all(text in found for text in lacking), concept.name
            assert found.count(concept.definition) == (concept.definition in lacking)
            assert (concept.rest not in lacking) or f"**{concept.name}**" in found.partition(concept.rest)[0]


@pytest.mark.parametrize(
    "draft",
    [
        "{definition} {right}",
        "{definition} {wrong} Nobody knows this sentence.",
        "{wrong}",
        "Nobody knows this sentence.",
    ],
    ids=["no error", "more", "only an error", "unknown"],
)
def test_a_text_that_is_not_in_the_book_is_not_reviewed(draft: str) -> None:
    """A sentence that the book does not have is neither praised nor refuted; the concept is told as usual."""
    concept = concept_of("offer")
    text = draft.format(definition=concept.definition, right=concept.right, wrong=concept.wrong)
    found = answer(REVIEW.format(concept.name, text))
    assert found.startswith("**Offer.**")
    assert "is correct" not in found


@pytest.mark.parametrize("task", open_phrasebook().words.exercises)
def test_a_designed_exercise_comes_with_its_solution(task: str) -> None:
    """The exercise has invented people or drawn numbers, and asked alone it is solved in the same way."""
    for concept in special_concepts():
        found = answer(DESIGN.format("Nadia, a potter,", "Ivo", concept.name, task))
        set_, _, rest = found.partition("\n\n**Model solution.**")
        solution, _, remarks = rest.partition("\n\n**What to look for.**")
        if concept.problem:
            result = solution.rpartition("- Result: ")[2]
            assert f"**Result:** {result}" in answer(set_.removeprefix("**Task.** "))
        else:
            facts = set_.removeprefix("**Task.** ").partition(" How is this to be judged")[0]
            alone = answer(f"{facts}\nHow is the matter to be judged in the light of **{concept.name}**? Give reasons.")
            assert alone.startswith(solution.strip())
        assert f'"{concept.wrong}" {concept.right}' in remarks
        assert "**Why it tests the concept.**" in remarks


@pytest.mark.parametrize("task", open_phrasebook().words.quizzes)
def test_a_designed_quiz_has_one_true_sentence_and_its_key(task: str) -> None:
    """Of three sentences the one that the key names is true, and both others are corrected or opposed."""
    truth = {each.right: True for each in special_concepts()} | {each.wrong: False for each in special_concepts()}
    for concept in special_concepts():
        found = answer(DESIGN.format("Nadia, a potter,", "Ivo", concept.name, task))
        options = dict(re.findall(r"^([ABC])\) (.+)$", found, re.MULTILINE))
        key = re.search(r"\*\*Key\.\*\* ([ABC]) is true, and ([ABC]), which contradicts it, is false\.", found)
        assert key is not None
        assert options[key[1]] == concept.right
        assert options[key[2]] == concept.wrong
        assert [truth[text] for text in options.values()].count(True) == 1


def test_a_plan_keeps_the_order_of_the_book_and_has_everything_that_was_asked_for() -> None:
    """However the concepts are named, each step has its example and its misunderstanding, and a check comes last."""
    for discipline, name in CHAPTERS:
        plan, rng = plan_of(discipline, name), Random(name)
        for concepts in draws(plan, 30, rng):
            names = [plan.sessions[i].key_concepts[k] for i, k in concepts]
            if len(names) > 1:
                asked = rng.sample(names, len(names))
                found = answer(PLAN.format(marked(asked)))
                assert re.findall(r"^- Step \d, \*\*(.+?)\*\*\.", found, re.MULTILINE) == names
                for concept in map(concept_of, names):
                    assert concept.definition in found
                    assert f"Example: {concept.example}" in found
                    assert f'"{concept.wrong}" {concept.right}' in found
                (ending,) = (text for text in open_phrasebook().words.leads.ending if text in found)
                check = found.partition(ending)[2]
                assert "**Task.**" in check
                assert "**Model solution.**" in check


@pytest.mark.parametrize(
    "question",
    [
        DESIGN.format("Nadia, a potter,", "Ivo", "subject matter", "an exercise"),
        DESIGN.format("Nadia, a potter,", "Ivo", "subject matter", "a quiz question"),
        DESIGN.format("Nadia, a potter,", "Ivo", "offer", "a cathedral"),
        PLAN.format("**subject matter** and **offer**"),
    ],
    ids=["exercise", "quiz", "another task", "plan"],
)
def test_what_the_book_has_no_material_for_is_not_designed(question: str) -> None:
    """Generic pages have no cases, numbers or errors, and no task is designed that is none."""
    found = answer(question)
    assert "**Task.**" not in found
    assert "Step 1" not in found


@cache
def asked_at(level: Level) -> list[str]:
    """Return the same draws from two chapters, asked about as if they were of a level."""
    found = []
    for discipline, name in (("Law", "Jurisprudence"), ("Mathematics", "Precalculus")):
        plan = plan_of(discipline, name)
        changed = dataclasses.replace(plan, subject=replace(plan.subject, level=level))
        found += [changed.question(concepts) for concepts in draws(plan, 200, Random(4))]
    return found


@pytest.mark.parametrize("level", list(Level))
def test_questions_close_with_a_remark_of_their_level(level: Level) -> None:
    """At the two higher levels every question does, at the lower ones most do."""
    closed = sum(question.endswith(open_phrasebook().words.closings[level]) for question in asked_at(level))
    share = closed / len(asked_at(level))
    assert abs(share - STYLES[level].closed) < 0.1
    assert (share == 1) == (level in (Level.ADVANCED, Level.GRADUATE))


def test_the_mix_of_kinds_differs_by_level() -> None:
    """Beginners explain, find examples and choose; graduates criticise, design, decide disputes and compare."""
    plain = ("explain", "example", "mistake", "choose")
    demanding = ("critique", "design", "dispute", "compare", "case")
    shares = {}
    for level in Level:
        kinds = Counter(kind for question in asked_at(level) for kind in kinds_of(question))
        shares[level] = [sum(kinds[kind] for kind in group) / kinds.total() for group in (plain, demanding)]
    assert shares[Level.INTRODUCTORY][0] > 2.5 * shares[Level.GRADUATE][0]
    assert shares[Level.GRADUATE][1] > 2.5 * shares[Level.INTRODUCTORY][1]
    ordered = [shares[level][1] - shares[level][0] for level in Level]
    assert ordered[0] < ordered[1] < min(ordered[2:])
    assert ordered[3] > ordered[2] - 0.1


def test_higher_levels_put_more_parts_into_a_question() -> None:
    """Where several concepts are drawn, a graduate's question has several parts more often than a beginner's."""
    parts = {level: sum(len(kinds_of(question)) > 1 for question in asked_at(level)) for level in Level}
    assert parts[Level.GRADUATE] > 1.8 * parts[Level.INTRODUCTORY]


def test_every_number_of_concepts_has_a_kind_at_every_level() -> None:
    """One to five concepts can be asked about without any need, also those of generic pages."""
    for size in range(1, 6):
        free = [kind for kind in KINDS.values() if size in kind.sizes and not kind.needs]
        assert all(any(kind.weights[i] for kind in free) for i in range(len(Level)))


def test_disputes_are_settled_in_varied_words() -> None:
    """Disputes do not all begin with the same sentence."""
    offer = concept_of("offer")
    people = open_phrasebook().words.names
    disputes = {
        answer(
            f'{who} says: "{offer.right}" Ivo answers: "{offer.wrong}" '
            "Who is right, and what should the other one learn from it?"
        )
        .partition("\n")[0]
        .replace(who, "")
        for who in people
        if who != "Ivo"
    }
    assert len(disputes) == 3


def test_nobody_who_asks_appears_in_an_invented_task() -> None:
    """The people of a task that an answer invents are not those of its question."""
    pairs = [("Nadia", "Jonas"), ("Ivo", "Rosa"), ("Mei", "Olga")]
    for concept in special_concepts():
        for first, second in pairs:
            found = answer(DESIGN.format(first, second, concept.name, "an exercise"))
            assert not re.search(rf"\b({first}|{second})\b", found), concept.name


def test_the_stock_sentences_of_answers_vary() -> None:
    """No answer to a comparison or a review always closes or opens with the same sentence."""
    concepts = [concept for concept in special_concepts() if concept.wrong]
    borders = Counter(
        answer(f"Compare the terms **{first.name}** and **{second.name}**: say what each of them covers "
               "and how the two are to be kept apart.").split("\n\n")[-1].split('"')[0]
        for first, second in pairwise(concepts)
    )  # fmt: skip
    openings = Counter(
        answer(REVIEW.format(concept.name, f"{concept.definition} {concept.wrong}")).split("\n\n")[0]
        for concept in concepts
    )
    for counts in (borders, openings):
        assert counts.most_common(1)[0][1] < counts.total() / 2
