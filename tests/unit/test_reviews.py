"""What several people say of one pair, what that comes to, and the file that it stands in."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.errors import ProjectError
from glan.reviews import VERDICTS, Review, Reviews, Verdict, hash_of, line_of

ID, QUESTION, ANSWER = "question/a/b/0", "How fast?", "80 km/h"
SHA = hash_of(QUESTION, ANSWER)


def said(
    reviewer: str, verdict: Verdict, *, sha256: str = SHA, question: str | None = None, answer: str | None = None
) -> Review:
    return Review(
        id=ID,
        sha256=sha256,
        verdict=verdict,
        reason=f"{verdict} of {reviewer}",
        question=question,
        answer=answer,
        reviewer=reviewer,
    )


@pytest.mark.parametrize(
    ("verdicts", "comes_to"),
    [
        (["keep"], "keep"),
        (["drop"], "drop"),
        (["drop", "keep"], "tie"),
        (["drop", "drop", "keep"], "drop"),
        (["drop", "fix", "keep"], "tie"),
        (["drop", "drop", "fix", "keep"], "tie"),
        (["fix", "fix", "drop"], "fix"),
    ],
)
def test_more_than_half_decide(verdicts: list[Verdict], comes_to: str) -> None:
    """A verdict of more than half of the reviewers stands; otherwise the pair is kept as a tie."""
    found = Reviews(said(str(i), verdict) for i, verdict in enumerate(verdicts))
    ruling = found.ruling(ID, QUESTION, ANSWER)
    assert ruling is not None
    assert ruling.verdict == comes_to


def test_a_verdict_on_another_text_does_not_count() -> None:
    """It holds for the text that was read: another question, answer or row has no ruling."""
    found = Reviews([said("Ann", "drop")])
    assert found.ruling(ID, QUESTION, ANSWER) is not None
    assert found.ruling(ID, QUESTION, f"{ANSWER}.") is None
    assert found.ruling(ID, f"{QUESTION} ", ANSWER) is None
    assert found.ruling("question/a/b/1", QUESTION, ANSWER) is None
    assert hash_of("ab", "c") != hash_of("a", "bc")


def test_the_last_word_of_a_person_stands() -> None:
    """Who judges a text again replaces what they said; case and spaces of the name do not matter."""
    found = Reviews([said("Ann", "drop"), said("Ben", "keep"), said(" ann", "keep")])
    assert len(found) == 2
    ruling = found.ruling(ID, QUESTION, ANSWER)
    assert ruling is not None
    assert ruling.verdict == "keep"


def test_of_two_corrections_the_last_stands() -> None:
    """The text is that of the last of those who correct it, and all their reasons are kept."""
    found = Reviews([said("Ann", "fix", answer="79"), said("Ben", "fix", question="Speed?"), said("Cem", "keep")])
    ruling = found.ruling(ID, QUESTION, ANSWER)
    assert ruling is not None
    assert (ruling.question, ruling.answer) == ("Speed?", None)
    assert ruling.reasons == ("fix of Ann", "fix of Ben")


def test_a_corrected_text_can_be_judged_again() -> None:
    """A verdict on the corrected text is applied after the correction: kept, corrected once more, or dropped."""
    first = said("Ann", "fix", answer="79")
    corrected = hash_of(QUESTION, "79")
    kept = Reviews([first, said("Ben", "keep", sha256=corrected)]).ruling(ID, QUESTION, ANSWER)
    again = Reviews([first, said("Ben", "fix", sha256=corrected, answer="81")]).ruling(ID, QUESTION, ANSWER)
    dropped = Reviews([first, said("Ben", "drop", sha256=corrected)]).ruling(ID, QUESTION, ANSWER)
    assert kept is not None
    assert again is not None
    assert dropped is not None
    assert (kept.verdict, kept.answer) == ("fix", "79")
    assert (again.verdict, again.answer) == ("fix", "81")
    assert dropped.verdict == "drop"


def test_corrections_in_a_circle_end() -> None:
    """Two corrections that undo each other are applied once each, and no more."""
    there = said("Ann", "fix", answer="79")
    back = said("Ben", "fix", sha256=hash_of(QUESTION, "79"), answer=ANSWER)
    ruling = Reviews([there, back]).ruling(ID, QUESTION, ANSWER)
    assert ruling is not None
    assert (ruling.verdict, ruling.answer) == ("fix", ANSWER)


def test_agreement_is_over_texts_that_two_or_more_judged() -> None:
    """The same table of counts gives the same kappa as anywhere; a text that one person judged is left out."""
    found = Reviews([said("Ann", "keep"), said("Ben", "keep"), said("Ann", "drop", sha256="0" * 64)])
    assert (found.agreement().things, found.agreement().left_out) == (1, 1)
    assert found.agreement().kappa is None


@given(
    st.lists(
        st.builds(
            Review,
            id=st.just(ID),
            sha256=st.just(SHA),
            verdict=st.sampled_from(VERDICTS),
            reviewer=st.text(max_size=3),
            reason=st.text(max_size=5),
        ),
        max_size=6,
    )
)
@settings(max_examples=50, deadline=None)
def test_what_is_written_is_read(reviews: list[Review]) -> None:
    """The file gives the ruling that the verdicts have, whatever texts they hold; nothing breaks a line."""
    lines = [line_of(review) for review in reviews]
    assert all(line.count(b"\n") == 1 for line in lines)
    path = Path(__file__).with_name("never there")
    assert not Reviews.read(path)
    by_hand = Reviews(reviews).ruling(ID, QUESTION, ANSWER)
    assert (by_hand is None) == (not reviews)


def test_a_file_is_read_whole_or_told_by_its_line(tmp_path: Path) -> None:
    """Lines come back as they were; a line that is no verdict is named by its number."""
    path = tmp_path / "reviews.jsonl"
    reviews = [said("Ann", "fix", answer="7\n9\u2028"), said("Ben\x1b[0m", "drop")]
    path.write_bytes(b"".join(map(line_of, reviews)))
    first, second = Reviews.read(path)
    assert first == reviews[0]
    assert "\x1b" not in second.reviewer
    for wrong in (b'{"id": "a"', b"[1]", b'{"id": "a", "verdict": "eat"}', b"[" * 100_000):
        path.write_bytes(line_of(reviews[0]) + wrong)
        with pytest.raises(ProjectError, match="line 2: this is no verdict"):
            Reviews.read(path)


def test_a_lone_surrogate_is_hashed_as_the_data_set_has_it() -> None:
    """A shard holds U+FFFD for it, and a verdict on that row is a verdict on the pair."""
    assert hash_of("\ud800", "a") == hash_of("\ufffd", "a")
