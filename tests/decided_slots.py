"""Decided slots for the tests of a data set: small, whole, and different from one another."""

from glan.places import key_of
from glan.records import (
    Decided,
    Discipline,
    Draw,
    Level,
    Outcome,
    Question,
    Reply,
    Session,
    Slot,
    Stage,
    Strategy,
    Subject,
    Syllabus,
    Usage,
    Verdict,
)


def discipline(name: str = "Astronomy", *path: str) -> Discipline:
    """Return a leaf; without a path it stands under Natural science."""
    return Discipline(name=name, key=key_of(name), path=path or ("Natural science",), title=name)


def syllabus(of: Discipline, subject: str = "Orbits", level: Level = Level.ADVANCED) -> Syllabus:
    """Return three class sessions with one, two and three key concepts."""
    sessions = tuple(
        Session(name=f"Session {i}", key=f"session {i}", key_concepts=tuple(f"Concept {i}.{k}" for k in range(i + 1)))
        for i in range(3)
    )
    named = Subject(name=subject, key=key_of(subject), level=level)
    return Syllabus(discipline=of, subject=named, text="A syllabus.", sessions=sessions)


def reply(text: str, model: str | None = "model-2", *, reasoning: str | None = None, **usage: int) -> Reply:
    """Return a reply of 100 prompt tokens, 10 completion tokens and a thousandth of a dollar."""
    counted = Usage(**{"prompt_tokens": 100, "completion_tokens": 10, **usage})
    return Reply(text=text, reasoning=reasoning, finish_reason="stop", usage=counted, model=model, cost_usd=0.001)


def question(ordinal: int, text: str | None = None, *, about: Syllabus | None = None) -> Question:
    """Return a question about one session where the ordinal is even, and about two where it is odd."""
    about = about or syllabus(discipline())
    is_single = ordinal % 2 == 0
    draw = Draw(
        index=ordinal,
        strategy=Strategy.SINGLE if is_single else Strategy.PAIR,
        sessions=(1,) if is_single else (0, 2),
        concepts=((1, 0), (1, 1)) if is_single else ((0, 0), (2, ordinal % 3)),
    )
    return Question.on(
        about,
        draw,
        slot=Slot(discipline=about.discipline, ordinal=ordinal),
        text=f"What is orbit {ordinal}?" if text is None else text,
        reply=reply("as it came"),
    )


def pair(
    ordinal: int, asked: str | None = None, answered: str | Reply | None = None, *, about: Syllabus | None = None
) -> Decided:
    """Return a slot that became a pair."""
    found = question(ordinal, asked, about=about)
    text = f"Orbit {ordinal} is an ellipse." if answered is None else answered
    return Decided(
        slot=found.slot,
        outcome=Outcome.PAIR,
        subject=found.subject,
        question=found,
        answer=text if isinstance(text, Reply) else reply(text),
    )


def ended(ordinal: int, stage: Stage, reason: str = "empty", outcome: Outcome = Outcome.REJECT) -> Decided:
    """Return a slot that ended at a stage, with everything that came before."""
    whole = pair(ordinal)
    stages = list(Stage)
    came = stages.index(stage)
    return Decided(
        slot=whole.slot,
        outcome=outcome,
        subject=whole.subject if came > stages.index(Stage.SUBJECTS) else None,
        question=whole.question if stage is Stage.ANSWERS else None,
        answer=whole.answer if stage is Stage.ANSWERS and outcome is Outcome.REJECT else None,
        verdict=Verdict(stage=stage, reason=reason, detail="What was found.", raw="The reply as it came."),
    )
