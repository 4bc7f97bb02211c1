"""The vectors of the offline teachers, and the route of the simulated server that serves them."""

import asyncio
import json

import numpy as np
import pytest
from harness import Counting
from loopback import send, settled

from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.embedder import DIMENSIONS, embedded
from glan.teachers.faults import Faulty
from glan.teachers.filler import Filler
from glan.teachers.offline import Textbook
from glan.teachers.simulate import Simulated, parse_faults, running
from glan.vectors import Vector, VectorError, cosines, rounded, square, unpack

PATH = "/v1/embeddings"


def ask(text: str, **extra: object) -> Request:
    return Request(
        id="embedding/a/b/0",
        stage=Stage.EMBEDDINGS,
        messages=(Message(role="user", content=text),),
        sampling=Sampling(model="any", max_tokens=0, extra=extra),
    )


def vector_of(text: str) -> Vector:
    return unpack(embedded(ask(text), "any").text)


def likeness(one: str, other: str) -> float:
    vector = vector_of(other)
    return float(cosines(vector_of(one), vector[None], np.array([square(vector)]))[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Explain the method of images.", "What is the method of images, and why does it matter?"),
        ("Describe tidal locking with an example.", "Could you please explain tidal locking?"),
        ("Discuss contracts.", "What is a contract?"),
    ],
)
def test_two_wordings_are_one(one: str, other: str) -> None:
    """Words of every question, and plurals, say nothing of what it is about."""
    assert likeness(one, other) > 0.99


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Explain the method of images.", "Explain the method of multipoles."),
        ("What is C?", "What is C++?"),
        ("A car drives 5 km in 2 h.", "A car drives 9 km in 7 h."),
        ("Explain mitosis.", "Explain meiosis."),
    ],
)
def test_two_questions_are_two(one: str, other: str) -> None:
    """Another thing or another number is another question."""
    assert likeness(one, other) < 0.9


@pytest.mark.parametrize("text", ["", "?", "Why is it so?", "\ud800", "什么是熵"])
def test_any_text_has_a_vector(text: str) -> None:
    """A text without a word of its own has a direction too."""
    assert vector_of(text).size == DIMENSIONS


def test_both_offline_teachers_answer_alike() -> None:
    """Textbook and filler give the same vector, of the length that is asked for, under their own names."""
    replies = [asyncio.run(teacher.reply(ask("Explain tides.", dimensions=32))) for teacher in (Textbook(), Filler())]
    assert [reply.model for reply in replies] == ["offline-textbook", "filler"]
    assert replies[0].text == replies[1].text
    assert unpack(replies[0].text).size == 32


async def posted(body: object, **settings: object) -> tuple[int, dict[str, object]]:
    async with running(Simulated(**settings), Filler()) as server:  # type: ignore[arg-type]  # of many types
        answer = await send(server, json.dumps(body).encode(), path=PATH)
        await settled(server)
    return answer.status, answer.json


async def test_the_simulated_server_serves_vectors() -> None:
    """One text, alone or in a list, gives a vector of length 1 that points where the teacher's does."""
    for given in ("Explain tides.", ["Explain tides."]):
        status, found = await posted({"model": "any", "input": given, "dimensions": 64})
        assert status == 200
        (data,) = found["data"]  # type: ignore[misc]  # a list of one
        assert np.isclose(np.linalg.norm(data["embedding"]), 1)  # type: ignore[has-type]  # of an object
        exact = unpack(embedded(ask("Explain tides.", dimensions=64), "any").text)
        assert rounded(data["embedding"]).tolist() == exact.tolist()  # type: ignore[has-type]  # likewise
        assert found["usage"] == {"prompt_tokens": 4, "total_tokens": 4}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"input": "a"}, 400),
        ({"model": "m", "input": []}, 400),
        ({"model": "m", "input": ["a", "b"]}, 400),
        ({"model": "m", "input": ""}, 400),
        ({"model": "m", "input": "a", "encoding_format": "base64"}, 400),
        ({"model": "m", "input": "a", "dimensions": 0}, 400),
        ({"model": "other", "input": "a"}, 404),
    ],
)
async def test_what_it_does_not_do_is_turned_down(body: object, status: int) -> None:
    """A body that is not whole, several texts, another format or an unknown model is an error that says so."""
    assert (await posted(body, models=("m",)))[0] == status


async def test_faults_spoil_vectors_too() -> None:
    """A malformed vector is one of zeros, the same ones each time; the other faults of content leave vectors alone."""
    rates = parse_faults(["malformed@embeddings=0.5", "refusal=1", "empty=1"])
    counted = Counting(Filler())
    faulty = Faulty(counted, seed=0, rates=rates)
    replies = [await faulty.reply(ask(f"Question {i}")) for i in range(40)]
    again = [await faulty.reply(ask(f"Question {i}")) for i in range(40)]
    assert replies == again
    assert 5 < sum(is_spoilt(reply) for reply in replies) < 35
    async with running(Simulated(faults={"malformed": 1.0, "429@answers": 1.0}), Filler()) as server:
        answer = await send(server, b'{"model": "m", "input": "a"}', path=PATH)
    assert not any(answer.json["data"][0]["embedding"])


def is_spoilt(reply: Reply) -> bool:
    try:
        unpack(reply.text)
    except VectorError as error:
        return "zeros" in str(error)
    return False
