"""A decided slot becomes a row, or is kept with the rejects."""

import pytest
from decided_slots import discipline, ended, pair, reply, syllabus
from msgspec.structs import replace

from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA, Reject, Row, reject_of, row_of
from glan.errors import DatasetError
from glan.records import Message, Outcome, Stage

COLUMNS = [
    "id", "messages", "field", "sub_field", "discipline", "subject", "level", "sessions", "key_concepts",
    "strategy", "question_model", "answer_model", "question_tokens", "answer_tokens", "language",
    "finish_reason", "reasoning", "task", "difficulty", "system", "sources", "scores", "checks",
    "pii", "safety", "slot",
]  # fmt: skip


def named(row: Row | Reject) -> dict[str, object]:
    schema = REJECT_SCHEMA if isinstance(row, Reject) else ROW_SCHEMA
    return dict(zip(schema.names, row.values(), strict=True))


def test_columns_are_the_published_ones() -> None:
    """The columns of a data set are a contract, and the rejects have the same and five more."""
    assert ROW_SCHEMA.names == COLUMNS
    assert REJECT_SCHEMA.names == [*COLUMNS, "outcome", "stage", "reason", "detail", "raw"]


def test_row_of_a_pair_says_where_it_comes_from() -> None:
    """Every column of a pair is what its records say, and a feature that is not used is a null."""
    about = syllabus(discipline("Astronomy", "Natural science", "Space", "Sky"))
    decided = pair(7, "What?", reply("That.", "returned", reasoning="Hm.", completion_tokens=31), about=about)
    assert named(row_of(decided, language="en")) == {
        "id": "question/astronomy/orbits/7",
        "messages": (Message(role="user", content="What?"), Message(role="assistant", content="That.")),
        "field": "Natural science",
        "sub_field": "Space",
        "discipline": "Astronomy",
        "subject": "Orbits",
        "level": "advanced",
        "sessions": ("Session 0", "Session 2"),
        "key_concepts": ("Concept 0.0", "Concept 2.1"),
        "strategy": "pair",
        "question_model": "model-2",
        "answer_model": "returned",
        "question_tokens": 10,
        "answer_tokens": 31,
        "language": "en",
        "finish_reason": "stop",
        "reasoning": "Hm.",
        "task": None,
        "difficulty": None,
        "system": None,
        "sources": None,
        "scores": None,
        "checks": None,
        "pii": None,
        "safety": None,
        "slot": 7,
    }


def test_a_system_message_is_the_first_message() -> None:
    """Trainers read the messages alone, so a system message is one of them; the column repeats it."""
    row = row_of(pair(0), language="en", system="Be kind.")
    assert [message.role for message in row.messages] == ["system", "user", "assistant"]
    assert row.messages[0].content == row.system == "Be kind."


def test_the_model_that_was_asked_stands_where_the_server_is_silent() -> None:
    """A returned name goes first; without one the row names the model that was asked."""
    row = row_of(pair(0, None, reply("x", None)), language="en", question_model="asked-q", answer_model="asked-a")
    assert (row.question_model, row.answer_model) == ("model-2", "asked-a")


def test_the_subject_is_that_of_the_question() -> None:
    """A slot that does not repeat its subject has it all the same."""
    assert row_of(replace(pair(0), subject=None), language="en").subject == "Orbits"


@pytest.mark.parametrize(
    ("path", "field", "sub_field"),
    [
        ((), None, None),
        (("Arts",), "Arts", None),
        (("Arts", "Music"), "Arts", "Music"),
        (("Arts", "Music", "Jazz"), "Arts", "Music"),
    ],
    ids=["top level", "field", "sub-field", "deeper"],
)
def test_field_and_sub_field_are_the_first_two_branches(
    path: tuple[str, ...], field: str | None, sub_field: str | None
) -> None:
    """A leaf may stand at any depth; what is not there is a null."""
    leaf = replace(discipline(), path=path)
    row = row_of(pair(0, about=syllabus(leaf)), language="en")
    assert (row.field, row.sub_field) == (field, sub_field)


def test_people_see_titles() -> None:
    """The column has the title of a leaf, and the id has its key."""
    leaf = replace(discipline("Astronomy"), title="The stars")
    row = row_of(pair(0, about=syllabus(leaf)), language="en")
    assert row.discipline == "The stars"
    assert row.id.startswith("question/astronomy/")


@pytest.mark.parametrize("tokens", [-1, 2**80], ids=["negative", "enormous"])
def test_tokens_that_nobody_can_mean_are_unknown(tokens: int) -> None:
    """A server's nonsense does not stop the data set from being written."""
    row = row_of(pair(0, None, reply("x", completion_tokens=tokens)), language="en")
    assert row.answer_tokens is None


def test_what_was_said_of_a_pair_stands_in_its_row() -> None:
    """Scores keep their names and their order, and safety is what the guard model said."""
    decided = replace(pair(0), scores=(("correctness", 8.0), ("clarity", 6.5)), safety="unsafe: S2,S9")
    row = row_of(decided, language="en")
    assert [(score.name, score.value) for score in row.scores or ()] == [("correctness", 8.0), ("clarity", 6.5)]
    assert row.safety == "unsafe: S2,S9"


def test_an_empty_reasoning_is_none() -> None:
    """Some servers send an empty text where there was no thinking."""
    assert row_of(pair(0, None, reply("x", reasoning="")), language="en").reasoning is None


@pytest.mark.parametrize(
    ("stage", "outcome", "subject", "roles"),
    [
        (Stage.SUBJECTS, Outcome.FAILURE, None, []),
        (Stage.SYLLABI, Outcome.FAILURE, "Orbits", []),
        (Stage.QUESTIONS, Outcome.REJECT, "Orbits", []),
        (Stage.ANSWERS, Outcome.FAILURE, "Orbits", ["user"]),
        (Stage.ANSWERS, Outcome.REJECT, "Orbits", ["user", "assistant"]),
    ],
    ids=["subjects", "syllabi", "question", "no answer", "bad answer"],
)
def test_a_reject_is_kept_as_far_as_it_came(
    stage: Stage, outcome: Outcome, subject: str | None, roles: list[str]
) -> None:
    """What was made before the end is kept, with the stage, the reason and the raw reply."""
    found = named(reject_of(ended(3, stage, "empty", outcome), language="en"))
    messages = found["messages"]
    assert isinstance(messages, tuple)
    assert [message.role for message in messages] == roles
    assert (found["subject"], found["slot"], found["language"]) == (subject, 3, "en")
    assert (found["outcome"], found["stage"], found["reason"]) == (outcome.value, stage.value, "empty")
    assert (found["detail"], found["raw"]) == ("What was found.", "The reply as it came.")


def test_a_reject_without_a_question_has_the_id_of_its_slot() -> None:
    """Every slot is accounted for under an id of its own."""
    assert reject_of(ended(3, Stage.SUBJECTS), language="en").row.id == "slot/astronomy/3"


@pytest.mark.parametrize("outcome", [Outcome.REJECT, Outcome.FAILURE, Outcome.OPEN], ids=str)
def test_only_a_pair_makes_a_row(outcome: Outcome) -> None:
    """Nothing that was rejected, failed or left open slips into the data set."""
    with pytest.raises(DatasetError, match="question/astronomy/orbits/0 is no pair"):
        row_of(replace(pair(0), outcome=outcome), language="en")


@pytest.mark.parametrize("outcome", [Outcome.PAIR, Outcome.OPEN], ids=str)
def test_only_a_reject_or_a_failure_is_kept_with_the_rejects(outcome: Outcome) -> None:
    """An open slot is counted in the manifest and is no reject."""
    with pytest.raises(DatasetError, match="neither rejected nor did it fail"):
        reject_of(replace(ended(0, Stage.ANSWERS), outcome=outcome), language="en")


def test_length_counts_the_long_texts() -> None:
    """A writer bounds its memory by it, so a long raw reply counts too."""
    row = row_of(pair(0, "1234", reply("123", reasoning="12")), language="en")
    assert row.length == 9
    reject = reject_of(ended(0, Stage.QUESTIONS), language="en")
    assert reject.length == len("What was found.") + len("The reply as it came.")
