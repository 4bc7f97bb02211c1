"""What people said of a pair, applied to it: dropped, corrected, or marked as looked at."""

from msgspec.structs import replace

from glan.curate.examiner import Finding
from glan.records import Decided
from glan.reviews import Reviews, Ruling, hash_of

REASON = "reviewed"
"""Of the rejects that people dropped."""
CHECK = "reviewed"
"""Name of the check that says what people made of a pair."""
KEPT, CORRECTED, TIED = "kept", "corrected", "tie, kept"
ORIGINAL = "sha256 before it was corrected"
_LONGEST_DETAIL = 2_000
_MARKS = {"keep": KEPT, "fix": CORRECTED, "tie": TIED}


def ruled(reviews: Reviews, decided: Decided) -> tuple[Decided, Finding | None]:
    """Return a pair as people want it, and what they have against it, if anything.

    A corrected text is not examined again: it is a person's word.
    """
    if not reviews or decided.pair is None:
        return decided, None
    question, answer = (said.text for said in decided.pair)
    ruling = reviews.ruling(decided.id, question, answer)
    if ruling is None:
        return decided, None
    if ruling.verdict == "drop":
        return decided, Finding(reason=REASON, detail="; ".join(ruling.reasons)[:_LONGEST_DETAIL])
    checks = (*decided.checks, (CHECK, _MARKS[ruling.verdict]))
    if ruling.verdict != "fix":
        return replace(decided, checks=checks), None
    return _corrected(replace(decided, checks=(*checks, (ORIGINAL, hash_of(question, answer)))), ruling), None


def _corrected(decided: Decided, ruling: Ruling) -> Decided:
    question, answer = decided.question, decided.answer
    if question is not None and ruling.question is not None:
        question = replace(question, text=ruling.question)
    if answer is not None and ruling.answer is not None:
        answer = replace(answer, text=ruling.answer)
    return replace(decided, question=question, answer=answer)
