"""Who answered, as the servers named themselves: counted, and told where it changed."""

import logging

import pytest

from glan.records import Message, Reply, Request, Sampling, Stage
from glan.teachers.identities import Identities, told_of_changes


def asking(number: int = 0, *, stage: Stage = Stage.ANSWERS, model: str = "any") -> Request:
    return Request(
        id=f"answer/physics/optics/{number}",
        stage=stage,
        messages=(Message(role="user", content="Why?"),),
        sampling=Sampling(model=model, max_tokens=100),
    )


def reply(model: str | None, fingerprint: str | None = None, endpoint: str | None = "one:8000") -> Reply:
    return Reply(text="So.", model=model, system_fingerprint=fingerprint, endpoint=endpoint)


def test_a_change_warns_once_and_names_its_server(caplog: pytest.LogCaptureFixture) -> None:
    """Each new name warns in the moment that it comes, and never again; what is told at the end has the counts."""
    identities = Identities()
    for number, fingerprint in enumerate(["fp_1", "fp_1", "fp_2", "fp_1", "fp_2", "fp_3"]):
        identities.count(asking(number), reply("m", fingerprint))
    assert [record.getMessage() for record in caplog.records] == [
        "one:8000 answers for any as m fp_2 since answer/physics/optics/2, and was m fp_1 before.",
        "one:8000 answers for any as m fp_3 since answer/physics/optics/5, and was m fp_2 before.",
    ]
    (told,) = identities.told()
    assert told.startswith("one:8000 was not the same model all the time for any: ")
    assert told.endswith(": m fp_1 (3 replies), m fp_2 (2 replies), m fp_3 (1 replies).")


@pytest.mark.parametrize(
    "replies",
    [
        [("any", reply("m", "fp_1", "one:8000")), ("any", reply("m", "fp_2", "two:8000"))],
        [("small", reply("s", "fp_1")), ("large", reply("l", "fp_2"))],
        [
            ("any", reply("m", "fp_1")),
            ("any", reply("m", None)),
            ("any", reply(None, None)),
            ("any", reply("m", "fp_1")),
        ],
        [("any", reply("m", "fp_1", None))] * 3,
    ],
    ids=["two servers", "two models", "a server that does not always say it", "one"],
)
def test_what_may_differ_is_no_change(replies: list[tuple[str, Reply]], caplog: pytest.LogCaptureFixture) -> None:
    """Two servers, two models that were asked for, and a name that is left out warn of nothing and are counted."""
    identities = Identities()
    for model, each in replies:
        identities.count(asking(model=model), each)
    assert not caplog.records
    assert not identities.told()
    assert sum(found.replies for found in identities.answered()) == len(replies)


def test_the_counts_are_by_stage() -> None:
    """One entry for each stage, server and name, in the order of the stages."""
    identities = Identities()
    for stage in (Stage.ANSWERS, Stage.SUBJECTS, Stage.ANSWERS):
        identities.count(asking(stage=stage), reply("m", "fp_1"))
    found = [(each.stage, each.endpoint, each.asked, each.model, each.replies) for each in identities.answered()]
    assert found == [
        (Stage.SUBJECTS, "one:8000", "any", "m", 1),
        (Stage.ANSWERS, "one:8000", "any", "m", 2),
    ]


def test_a_server_that_invents_names_fills_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond a hundred names of one server all others are counted as one; none of them has control characters."""
    identities = Identities()
    with caplog.at_level(logging.ERROR):
        for number in range(1_000):
            identities.count(asking(number), reply(f"m\x1b{number}" * 100, f"{number}"))
    answered = identities.answered()
    assert len(answered) == 101
    assert sum(found.replies for found in answered) == 1_000
    assert max(len(found.model or "") for found in answered) == 100
    assert all("\x1b" not in (found.model or "") for found in answered)
    (told,) = told_of_changes(answered)
    assert told.endswith(" and 96 more.")
