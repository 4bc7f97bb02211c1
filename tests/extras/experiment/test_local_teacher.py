"""A model in a folder as a teacher: what it is asked, many at once, and what it cannot answer."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from extras.train.tiny import write_base
from transformers import AutoTokenizer

from glan.errors import ConfigError, RequestError, UnusableError
from glan.evaluate.local_teacher import LocalTeacher
from glan.records import Message, Reply, Request, Sampling, Stage

TEXTS = [f"What is a {word}? It is a thing that people call {word}." for word in ("star", "planet", "moon", "comet")]
QUESTIONS = ["What is a star?", "What is a moon, and what is a comet? Say it at some length.", "Why?"]
POSITIONS = 128
TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<me>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of random weights, without a chat template."""
    return write_base(tmp_path_factory.mktemp("local") / "base", TEXTS, width=32, positions=POSITIONS)


def request_of(question: str, *, max_tokens: int = 8) -> Request:
    return Request(
        id=f"student/m/{question[:20]}",
        stage=Stage.STUDENTS,
        messages=(Message(role="user", content=question),),
        sampling=Sampling(model="m", max_tokens=max_tokens),
    )


def replies(folder: Path, requests: Sequence[Request]) -> list[Reply | BaseException]:
    """Ask all of them at once."""

    async def ask() -> list[Reply | BaseException]:
        teacher = LocalTeacher(folder)
        return await asyncio.gather(*map(teacher.reply, requests), return_exceptions=True)

    return asyncio.run(ask())


def test_beside_others_a_question_has_the_answer_that_it_has_alone(folder: Path) -> None:
    """Shorter ones are padded at their beginning, and see nothing of it."""
    together = replies(folder, [request_of(question) for question in QUESTIONS])
    alone = [replies(folder, [request_of(question)])[0] for question in QUESTIONS]
    assert together == alone
    assert all(isinstance(each, Reply) and each.usage.completion_tokens == 8 for each in together)
    assert {each.finish_reason for each in together if isinstance(each, Reply)} == {"length"}


def test_a_question_is_written_as_the_chat_template_says(folder: Path, tmp_path: Path) -> None:
    """And where there is none, the words alone are given."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    [plain] = replies(folder, [request_of("Why?")])
    assert isinstance(plain, Reply)
    assert plain.usage.prompt_tokens == len(tokenizer("<s>Why?\n\n", add_special_tokens=False)["input_ids"])
    chatting = write_base(tmp_path / "chatting", TEXTS, width=32, positions=POSITIONS)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(chatting)
    [chat] = replies(chatting, [request_of("Why?")])
    assert isinstance(chat, Reply)
    assert chat.usage.prompt_tokens == len(tokenizer("<user>Why?<me>", add_special_tokens=False)["input_ids"])


def test_what_is_too_long_harms_no_other_question(folder: Path) -> None:
    """It is refused with the numbers, and the others are answered as far as there is room."""
    long, short = replies(folder, [request_of("moon " * 500), request_of("Why?", max_tokens=8)])
    assert isinstance(long, RequestError)
    assert f"the model takes {POSITIONS}" in str(long)
    assert isinstance(short, Reply)
    beside = replies(folder, [request_of("moon " * 90, max_tokens=100), request_of("Why?", max_tokens=100)])
    assert [each.usage.completion_tokens for each in beside if isinstance(each, Reply)][1] == 100
    [roomy] = replies(folder, [request_of("Why?", max_tokens=10_000)])
    assert isinstance(roomy, Reply)
    assert (roomy.usage.prompt_tokens or 0) + (roomy.usage.completion_tokens or 0) <= POSITIONS


def test_after_questions_that_were_given_up_others_are_answered(folder: Path) -> None:
    """A pass that nobody waits for ends, and the next one begins."""

    async def ask() -> Reply:
        teacher = LocalTeacher(folder)
        given_up = [asyncio.create_task(teacher.reply(request_of(question, max_tokens=100))) for question in QUESTIONS]
        await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        assert {type(each) for each in await asyncio.gather(*given_up, return_exceptions=True)} == {
            asyncio.CancelledError
        }
        return await teacher.reply(request_of("Why?"))

    assert asyncio.run(ask()).usage.completion_tokens == 8


def test_a_template_that_refuses_harms_no_other_question(folder: Path, tmp_path: Path) -> None:
    """What the template of a model says of it is told as the reason."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    strict = write_base(tmp_path / "strict", TEXTS, width=32, positions=POSITIONS)
    tokenizer.chat_template = "{% if 'moon' in messages[0]['content'] %}{{ raise_exception('no moons') }}{% endif %}x"
    tokenizer.save_pretrained(strict)
    first, refused = replies(strict, [request_of("Why?"), request_of("What is a moon?")])
    assert isinstance(first, Reply)
    assert isinstance(refused, RequestError)
    assert "no moons" in str(refused)


class Cramped(LocalTeacher):
    """Has memory for so many answers at once."""

    most = 1

    def _answers(self, batch: Any) -> Any:  # noqa: ANN401
        if len(batch) > self.most:
            raise torch.OutOfMemoryError
        return super()._answers(batch)


def test_where_memory_is_short_fewer_are_answered_at_once(folder: Path) -> None:
    """All are answered all the same; where there is none for a single one, everybody who waits is told."""

    async def ask(most: int) -> list[Reply | BaseException]:
        teacher = Cramped(folder)
        teacher.most = most
        return await asyncio.gather(*(teacher.reply(request_of(each)) for each in QUESTIONS), return_exceptions=True)

    assert all(isinstance(each, Reply) for each in asyncio.run(ask(1)))
    assert all(isinstance(each, UnusableError) for each in asyncio.run(ask(0)))


def test_what_nobody_foresaw_is_raised_where_it_was_asked(folder: Path) -> None:
    """A fault of a library ends in an error, and in no wait without an end."""

    class Broken(LocalTeacher):
        def _answers(self, batch: Any) -> Any:  # noqa: ANN401
            raise ZeroDivisionError(len(batch))

    async def ask() -> list[Reply | BaseException]:
        teacher = Broken(folder)
        return await asyncio.gather(*(teacher.reply(request_of(each)) for each in QUESTIONS), return_exceptions=True)

    assert all(isinstance(each, ZeroDivisionError) for each in asyncio.run(ask()))


def test_a_folder_whose_weights_are_missing_is_told_to_everybody_who_waits(tmp_path: Path) -> None:
    """The error names it, and nobody waits for ever."""
    (tmp_path / "config.json").write_text("{}")
    found = replies(tmp_path, [request_of(question) for question in QUESTIONS])
    assert all(isinstance(each, ConfigError) and str(tmp_path) in str(each) for each in found)
