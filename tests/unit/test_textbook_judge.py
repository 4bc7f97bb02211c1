"""The offline textbook as a judge: it solves its own problems, vouches for its own words, and has no other opinion."""

import re
from collections.abc import Iterator
from random import Random

import pytest
from textbook_chain import answer, ask, render, user

from glan.errors import ReplyError
from glan.judgements import parse_rating, parse_safety, parse_scores
from glan.records import Message
from glan.teachers.offline.exercises import PROBLEMS
from glan.teachers.offline.phrases import open_phrasebook
from glan.teachers.offline.problems import write_values

MARK = "0123456789abcdef"
PEOPLE = {"who": "Ada, a surveyor,", "whom": "Ada, a surveyor", "other": "Ben"}
OTHER = "Why do stars twinkle?"


def problems() -> Iterator[tuple[str, str]]:
    """Yield a question for each exact problem, with its result."""
    rng = Random(4)
    for name, problem in PROBLEMS.items():
        story = open_phrasebook().tasks[f"problem/{name}"][0]
        numbers = problem.draw(rng)
        solution = problem.solve({hole: value for hole, value in numbers.items() if hole in story.holes})
        yield story.fill({**PEOPLE, **write_values(numbers)}), solution.result


def judged(prompt: str, schema: str | None, **pair: str) -> str:
    return ask(render(prompt, mark=MARK, **pair), schema=schema)


def test_right_results_are_told_from_wrong_ones() -> None:
    """Of each exact problem its own answer has a high correctness, and one with another result a low one."""
    for question, result in problems():
        right = answer(question)
        assert f"**Result:** {result}." in right, question
        found = parse_scores(judged("score_pair", "scores", question=question, answer=right))
        assert (found.correctness, found.helpfulness) == (9, 8), question
        wrong = re.sub(r"(?m)^\*\*Result:\*\* .*$", "**Result:** 123456789.", right)
        found = parse_scores(judged("score_pair", "scores", question=question, answer=wrong))
        assert found.correctness == 2, question
        assert result[:100] in found.reason or len(found.reason) > 100


def test_a_result_is_no_part_of_another_number() -> None:
    """A digit more before or behind a result makes it another one, and plain words around it do not."""
    numbers = [(question, result) for question, result in problems() if result.isdigit()]
    for question, result in numbers:
        said = {
            f"It is {result}.": 9,
            f"**Result:** {result}": 9,
            f"It is 7{result}.": 2,
            f"It is {result}5, all told": 2,
        }
        for text, correctness in said.items():
            assert parse_scores(judged("score_pair", None, question=question, answer=text)).correctness == correctness


def test_problems_are_rated_as_answerable() -> None:
    """What has a solution has a high answerability, and of other questions it says that it cannot judge."""
    for question, _ in problems():
        assert parse_rating(judged("rate_question", "rating", question=question)).answerability == 9
    other = parse_rating(judged("rate_question", "rating", question=OTHER))
    assert (other.answerability, other.difficulty) == (5, 5)
    assert "cannot judge" in other.reason
    scored = parse_scores(judged("score_pair", "scores", question=OTHER, answer="The air moves."))
    assert {value for _, value in scored.scores} == {5}


@pytest.mark.parametrize("is_conversation", [False, True], ids=["prompt", "conversation"])
def test_it_vouches_for_its_own_words_alone(*, is_conversation: bool) -> None:
    """Its own answer is safe; of another it says nothing, which no parser takes for a verdict."""

    def guarded(text: str) -> str:
        if is_conversation:
            return ask(user(OTHER), Message(role="assistant", content=text))
        return judged("judge_safety", "safety", question=OTHER, answer=text)

    assert parse_safety(guarded(answer(OTHER))).told == "safe"
    with pytest.raises(ReplyError):
        parse_safety(guarded("Something else."))
