"""Polls: which answers are asked for, which of them vote, and which one the row holds."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from decided_slots import question
from msgspec.structs import replace

from glan.config import Config
from glan.curate.examiner import Finding
from glan.errors import ConfigError, ReplyError, RequestError, StoppedError
from glan.generate.asking import Asking, asking_of
from glan.polls import Poll, Polls, Result
from glan.prompts import Prompts
from glan.records import Constraint, Decided, Outcome, Question, Reply, Request, Sampling, Stage, Task, Usage
from glan.settings import Agreement, Curation, Teachers, TeacherSettings
from glan.teachers.offline import Textbook

ASKED = question(0, "How many orbits are there?")
REFUSED = "refused"
FAILS = "fails"
"""What a test writes for an answer that the rules refuse, and for one that never comes."""


class Scripted:
    """Answers each sample as it is told, and notes what it was asked."""

    def __init__(self, answers: Sequence[str]) -> None:
        self.answers = answers
        self.asked: list[list[int]] = []

    async def reply(self, request: Request) -> Reply:
        self.asked[-1].append(request.sample)
        text = self.answers[request.sample]
        if text == FAILS:
            raise RequestError("The server turns this request down.")
        if text == "stops":
            raise StoppedError("The run stops.")
        return Reply(
            text=text, finish_reason="stop", usage=Usage(prompt_tokens=1, completion_tokens=10 + request.sample)
        )


def asking(teacher: Scripted) -> Asking:
    sampling = dict.fromkeys(Stage, Sampling(model="m", max_tokens=100))
    return Asking(teacher=teacher, prompts=Prompts.shipped(), language="English", sampling=sampling, system={})


async def polled(
    answers: Sequence[str], *, least_share: float = 0.5, asked: Question = ASKED
) -> tuple[Result, list[list[int]]]:
    """Ask round after round until the poll is over; return what it came to, and what each round asked for."""
    teacher = Scripted([text if text in {REFUSED, FAILS, "stops"} else f"Answer: {text}" for text in answers])
    polls = Polls(agreement=Agreement(samples=len(answers), least_share=least_share), language="en")
    found: Poll | Result = Poll(
        decided=Decided(slot=asked.slot, outcome=Outcome.OPEN, question=asked), question=asked, rank=0
    )
    while isinstance(found, Poll):
        teacher.asked.append([])
        found = await polls.ask(asking(teacher), found)
        findings = [Finding(reason="refusal") if reply.text == REFUSED else None for reply in found.replies]
        found = polls.after(found, iter(findings))
    return found, teacher.asked


def scores(result: Result) -> Mapping[str, float]:
    return dict(result.decided.scores)


@pytest.mark.parametrize(
    ("answers", "row", "share", "votes", "rounds"),
    [
        (["7", "7", "8"], "7", 1.0, 2, [[0], [1]]),
        (["8", "7", "7"], "7", 2 / 3, 3, [[0], [1], [2]]),
        (["7", "7", "7", "8", "9"], "7", 1.0, 3, [[0], [1, 2]]),
        (["8", "7", "7", "9", "7"], "7", 3 / 5, 5, [[0], [1, 2], [3, 4]]),
        (["7", "it depends", "7"], "7", 1.0, 2, [[0], [1], [2]]),
        ([REFUSED, "7", "7"], "7", 1.0, 2, [[0], [1], [2]]),
        ([FAILS, "7", "7"], "7", 1.0, 2, [[0], [1], [2]]),
        (["8", REFUSED, "7", "7", FAILS], "7", 2 / 3, 3, [[0], [1, 2], [3, 4]]),
        (["7", "7.0"], "7", 1.0, 2, [[0], [1]]),
        (["9", "8", "7", "7"], "7", 1 / 2, 4, [[0], [1, 2], [3]]),
    ],
)
async def test_the_first_answer_of_the_majority_is_taken(
    answers: Sequence[str], row: str, share: float, votes: int, rounds: list[list[int]]
) -> None:
    """The row holds the first answer of the majority, and how great that is; no more is asked than is needed."""
    result, asked = await polled(answers)
    assert result.finding is None
    assert result.decided.outcome is Outcome.PAIR
    assert result.decided.answer is not None
    assert result.decided.answer.text == f"Answer: {row}"
    assert scores(result) == {"agreement": share, "votes": votes}
    assert asked == rounds


@pytest.mark.parametrize(
    ("answers", "least_share", "detail"),
    [
        (["7", "8"], 0.5, "7 (answer 1), 8 (answer 2)"),
        (["7", "8", "9"], 0.5, "7 (answer 1), 8 (answer 2), 9 (answer 3)"),
        (["7", "8", "7", "8", REFUSED], 0.5, "7 (answers 1, 3), 8 (answers 2, 4)"),
        (["7", "7", "8", "9", "10"], 0.5, "7 (answers 1, 2), 8 (answer 3), 9 (answer 4), 10 (answer 5)"),
        (["7", "7", "8"], 1.0, "7 (answers 1, 2), 8 (answer 3)"),
    ],
    ids=["a tie", "three of one", "a tie without the refused", "a lone majority", "less than all"],
)
async def test_without_a_majority_the_slot_is_rejected(answers: Sequence[str], least_share: float, detail: str) -> None:
    """A tie, or too small a share, is no agreement; the reject says who voted for what."""
    result, _ = await polled(answers, least_share=least_share)
    assert result.finding == Finding(reason="no agreement", detail=detail)


@pytest.mark.parametrize(
    ("answers", "row", "votes", "rounds"),
    [
        (["it depends", "7", "7"], "it depends", 0, [[0]]),
        ([REFUSED, "it depends", "7"], "it depends", 0, [[0], [1]]),
        (["7", FAILS, REFUSED], "7", 1, [[0], [1], [2]]),
        ([FAILS, FAILS, "7"], "7", 1, [[0], [1], [2]]),
    ],
)
async def test_where_nothing_is_voted_on_the_first_that_stands_is_taken(
    answers: Sequence[str], row: str, votes: int, rounds: list[list[int]]
) -> None:
    """Without a final answer, or with one voice, there is no share; a question of the first kind costs one call."""
    result, asked = await polled(answers)
    assert result.finding is None
    assert result.decided.answer is not None
    assert result.decided.answer.text == f"Answer: {row}"
    assert scores(result) == {"votes": votes}
    assert asked == rounds


async def test_where_no_answer_stands_the_first_one_says_why() -> None:
    """All are asked for; a slot whose first answer failed is a failure, one whose first was refused a reject."""
    failed, asked = await polled([FAILS, REFUSED, FAILS])
    assert isinstance(failed.error, RequestError)
    assert asked == [[0], [1], [2]]
    refused, _ = await polled([REFUSED, FAILS, REFUSED])
    assert refused.finding == Finding(reason="refusal")


async def test_every_reply_that_a_row_rests_on_is_counted() -> None:
    """The replies beside the answer are with the slot, without their texts, in the order of their samples."""
    result, _ = await polled(["8", "7", REFUSED, FAILS, "7"])
    stages, replies = zip(*result.decided.looked, strict=True)
    assert set(stages) == {Stage.ANSWERS}
    assert [(reply.text, reply.usage.completion_tokens) for reply in replies] == [("", 10), ("", 12), ("", 14)]


async def test_one_answer_alone_is_no_poll() -> None:
    """With one answer to a question nothing is voted on and nothing scored."""
    result, asked = await polled(["7"])
    assert (result.decided.scores, result.decided.looked, asked) == ((), (), [[0]])


async def test_a_run_that_stops_leaves_the_slot_open() -> None:
    """An error that is not of one answer alone is raised, once all of the round have ended."""
    with pytest.raises(StoppedError):
        await polled(["7", "stops", "7", "7", "7"])


async def test_an_answer_that_misses_its_constraint_has_no_vote() -> None:
    """What a question asks of its answer is held against each; the checks are those of the answer that is taken."""
    asked = replace(ASKED, task=Task(form="brief", constraint=Constraint(max_words=3)))
    result, _ = await polled(["8 since so many were counted", "7", "7"], asked=asked)
    assert result.decided.answer is not None
    assert result.decided.answer.text == "Answer: 7"
    assert result.decided.checks == (("at most 3 words", "met"),)
    assert scores(result) == {"agreement": 1.0, "votes": 2}


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"temperature": 0.0}, "temperature = 0"), ({"top_p": 0.0}, "top_p = 0"), ({"extra": {"seed": 7}}, "a seed")],
)
def test_equal_answers_are_not_paid_for(settings: Mapping[str, object], named: str) -> None:
    """Several answers of a teacher that gives the same one each time are an error before anything is asked."""
    teachers = Teachers(answers=TeacherSettings(**settings))  # type: ignore[arg-type]  # settings of many types
    models = dict.fromkeys(Stage, "m")
    several = Config(teachers=teachers, curation=Curation(agreement=Agreement(samples=3)))
    with pytest.raises(ConfigError, match=named):
        asking_of(several, Prompts.shipped(), Textbook(), models)
    asking_of(Config(teachers=teachers), Prompts.shipped(), Textbook(), models)


def test_a_poll_is_cut_off_with_its_calls() -> None:
    """Who is cancelled cancels the calls of the round."""

    class Hanging:
        def __init__(self) -> None:
            self.cancelled = 0

        async def reply(self, request: Request) -> Reply:
            if request.sample == 0:
                return Reply(text="Answer: 7", finish_reason="stop")
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            raise ReplyError("never", text="")

    async def cancelled() -> int:
        teacher = Hanging()
        polls = Polls(agreement=Agreement(samples=5), language="en")
        ask = replace(asking(Scripted([])), teacher=teacher)
        poll = await polls.ask(
            ask, Poll(decided=Decided(slot=ASKED.slot, outcome=Outcome.OPEN), question=ASKED, rank=0)
        )
        found = polls.after(poll, iter([None]))
        assert isinstance(found, Poll)
        task = asyncio.create_task(polls.ask(ask, found))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return teacher.cancelled

    assert asyncio.run(cancelled()) == 2
