"""The records that travel through `glan`: frozen values, each at a place that `places.py` names."""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction

import msgspec

from glan.places import beside, place, quoted


class Level(StrEnum):
    """How far a student of a subject has come."""

    INTRODUCTORY = "introductory"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"
    GRADUATE = "graduate"


class Stage(StrEnum):
    """What a teacher is asked for, in the order of a pair's way. A rejected or failed slot names where its way ended.

    Four stages make a pair; the others look at what was made, where a project wants them.
    """

    SUBJECTS = "subjects"
    SYLLABI = "syllabi"
    QUESTIONS = "questions"
    EMBEDDINGS = "embeddings"
    """What questions mean, as vectors: to find copies in other words."""
    RATINGS = "ratings"
    """How difficult and how answerable a question is, before an answer is paid for."""
    ANSWERS = "answers"
    SCORES = "scores"
    """What a critic makes of a pair."""
    SAFETY = "safety"
    """What a guard model makes of a pair."""
    TAXONOMY = "taxonomy"
    """The parts of a branch, where a tree is built, and votes on a tree: no pair is on its way then."""
    STUDENTS = "students"
    """Answers of models that are examined."""
    JUDGEMENTS = "judgements"
    """What a judge makes of their answers."""


OF_A_PAIR = (Stage.SUBJECTS, Stage.SYLLABI, Stage.QUESTIONS, Stage.ANSWERS)
"""The stages without which there is no pair."""
STAGES: Mapping[str, Stage] = {
    "draft": Stage.SUBJECTS,
    "listing": Stage.SUBJECTS,
    "syllabus": Stage.SYLLABI,
    "sessions": Stage.SYLLABI,
    "question": Stage.QUESTIONS,
    "answer": Stage.ANSWERS,
    "embedding": Stage.EMBEDDINGS,
    "rating": Stage.RATINGS,
    "score": Stage.SCORES,
    "safety": Stage.SAFETY,
    "proposal": Stage.TAXONOMY,
    "parts": Stage.TAXONOMY,
    "vote": Stage.TAXONOMY,
}
"""The stage of a request by the kind of its place, with which its id begins."""


class Strategy(StrEnum):
    """How many class sessions a question is about (paper, section 2.4)."""

    SINGLE = "single"
    PAIR = "pair"


class Outcome(StrEnum):
    """What became of a slot."""

    PAIR = "pair"
    REJECT = "reject"
    FAILURE = "failure"
    OPEN = "open"
    """The run stopped before the slot was decided."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A frozen value. Some twenty are made for each pair, and msgspec makes one ten times as fast as a dataclass."""


class Session(Record, frozen=True, kw_only=True):
    """A class session and its key concepts; keys are unique within a syllabus and within a session."""

    name: str
    key: str
    key_concepts: tuple[str, ...]


class Subject(Record, frozen=True, kw_only=True):
    """A subject of one discipline. The same name in another discipline is another subject (paper, section 2.2)."""

    name: str
    key: str
    level: Level
    subtopics: tuple[str, ...] = ()
    draft: int = 1
    """Of a given subject, the number of the draft that named it first: rounds of fewer drafts walk without it."""
    syllabus: str = ""
    """Of a given subject, the text of its syllabus; empty where it is asked for, or follows from the sessions."""
    sessions: tuple[Session, ...] = ()
    """Of a given subject, its class sessions; empty where they are asked for."""
    frozen: str = ""
    """Of a given subject, the seal of what a teacher wrote of it; see `taxonomy/seals.py`."""


class Discipline(Record, frozen=True, kw_only=True):
    """A leaf of the taxonomy."""

    name: str
    key: str
    path: tuple[str, ...]
    """Titles of the branches above it, from the top: field, then sub-field, and further ones if there are any."""
    title: str
    """What people see; the name unless the file gives a title."""
    weight: Fraction = Fraction(1)
    """Product of the weights on its path, itself included; more than 0."""
    notes: tuple[str, ...] = ()
    """Notes on its path from the top, its own last. They reach the prompts."""
    subjects: tuple[Subject, ...] = ()
    """Subjects that a person gave; where there are some, no drafts are asked for."""
    isced: str | None = None
    """Detailed field of ISCED-F 2013, four digits. For people and tools; it reaches no id, draw or prompt."""
    votes: str | None = None
    """How many of the proposals of a built tree named it, such as `5/6`. For people; it reaches no id or prompt."""

    @property
    def leaf(self) -> str:
        """The percent-encoded key: its part in ids."""
        return quoted(self.key)


class Syllabus(Record, frozen=True, kw_only=True):
    """The syllabus of a subject: the text as the teacher wrote it, which the questions see, and its sessions."""

    discipline: Discipline
    subject: Subject
    text: str
    sessions: tuple[Session, ...]

    @property
    def id(self) -> str:
        return place("syllabus", self.discipline.key, self.subject.key)


class Slot(Record, frozen=True, kw_only=True):
    """A place in the sequence of one discipline."""

    discipline: Discipline
    ordinal: int


class Draw(Record, frozen=True, kw_only=True):
    """What a question is about: positions in a syllabus, and the number of the draw within its subject."""

    index: int
    strategy: Strategy
    sessions: tuple[int, ...]
    """Positions of one or two sessions, ascending."""
    concepts: tuple[tuple[int, int], ...]
    """(session, concept) positions, ascending; one to five of them."""
    is_reserved: bool = False
    """Whether it is of the sets that are kept for test sets."""


def question_id(syllabus: Syllabus, draw: Draw) -> str:
    """Return the id of the question on a draw, which is also that of its row."""
    kind = "test" if draw.is_reserved else "question"
    return place(kind, syllabus.discipline.key, syllabus.subject.key, draw.index)


class Constraint(Record, frozen=True, kw_only=True):
    """What the answer to a question must keep to, as its question says; None is no limit."""

    max_words: int | None = None
    items: int | None = None
    """A list of exactly so many."""
    answer: str | None = None
    """`json` or `table`."""
    language: str | None = None
    """ISO 639-1 code."""


class Task(Record, frozen=True, kw_only=True):
    """How a question was asked for, where the project has a mix of forms or difficulties."""

    form: str | None = None
    difficulty: str | None = None
    constraint: Constraint | None = None


class Question(Record, frozen=True, kw_only=True):
    """A question that a teacher wrote for a draw.

    It holds the names of what it is about and not the syllabus, which is ten times as large as everything else: where
    one reply takes a minute, tens of thousands of later questions wait for their turn.
    """

    id: str
    slot: Slot
    subject: Subject
    draw: Draw
    session_names: tuple[str, ...]
    concept_names: tuple[str, ...]
    places: tuple[int, ...]
    """Of each key concept its place, counted through all sessions of the syllabus."""
    text: str
    reply: "Reply"
    task: Task = Task()
    language: str | None = None
    """The language that it was asked for in, as the settings have it; None where that is the only one."""

    @classmethod
    def on(cls, syllabus: Syllabus, draw: Draw, *, slot: Slot, text: str, reply: "Reply") -> "Question":
        """Return the question on what was drawn from a syllabus."""
        sessions = syllabus.sessions
        before = {i: sum([len(session.key_concepts) for session in sessions[:i]]) for i in draw.sessions}
        return cls(
            id=question_id(syllabus, draw),
            slot=slot,
            subject=syllabus.subject,
            draw=draw,
            session_names=tuple([sessions[i].name for i in draw.sessions]),
            concept_names=tuple([sessions[i].key_concepts[k] for i, k in draw.concepts]),
            places=tuple([before[i] + k for i, k in draw.concepts]),
            text=text,
            reply=reply,
        )

    @property
    def answer_id(self) -> str:
        """The id of its answer's place."""
        return beside("answer", self.id)


class Verdict(Record, frozen=True, kw_only=True):
    """Why a slot gave no pair: the stage where its way ended, the reason, and what the teacher said."""

    stage: Stage
    reason: str
    """A short fixed name, such as `near duplicate`: statistics count it."""
    detail: str = ""
    """What was found, such as the id of the other question."""
    raw: str = ""
    """The reply as it came, if there was one."""


class Decided(Record, frozen=True, kw_only=True):
    """A slot whose fate is known, as far as it came."""

    slot: Slot
    outcome: Outcome
    subject: Subject | None = None
    question: Question | None = None
    answer: "Reply | None" = None
    sample: int = 0
    """The number of the answer, where a question has several."""
    verdict: Verdict | None = None
    checks: tuple[tuple[str, str], ...] = ()
    """What the answer must keep to, each with whether it does."""
    scores: tuple[tuple[str, float], ...] = ()
    """What those said who looked at it, each with a name."""
    personal: tuple[str, ...] | None = None
    """Kinds of personal data that it holds; None where nobody looked."""
    safety: str | None = None
    """What a guard model said of it: `safe`, or `unsafe` with the categories."""
    looked: tuple[tuple[Stage, "Reply"], ...] = ()
    """The replies that it rests on beside question and answer, without their texts, in the order of its way."""
    unread: tuple[Stage, ...] = ()
    """Those whose replies could not be read, where nothing hung on them."""
    language: str | None = None
    """The language of the slot, as the settings have it; None before its question was asked for."""

    @property
    def id(self) -> str:
        """The question's id, or the slot's place where no question was drawn."""
        if self.question is not None:
            return self.question.id
        return place("slot", self.slot.discipline.key, self.slot.ordinal)

    @property
    def pair(self) -> "tuple[Question, Reply] | None":
        """The question and the answer, where there are both."""
        return (self.question, self.answer) if self.question is not None and self.answer is not None else None

    def resting_on(self, stage: Stage, reply: "Reply | None") -> "Decided":
        """Return the same, resting on one reply more; None is none."""
        more = [(stage, reply.bare)] if reply is not None else []
        return msgspec.structs.replace(self, looked=(*self.looked, *more))


class Message(Record, frozen=True, kw_only=True):
    """One turn of a conversation with a teacher."""

    role: str
    content: str


class Sampling(Record, frozen=True, kw_only=True):
    """How a teacher is asked: shared by all requests of a stage."""

    model: str
    """The model's name, without provider and host."""
    max_tokens: int
    """Room for the reply; not a part of the fingerprint."""
    temperature: float | None = None
    top_p: float | None = None
    reasoning: str | None = None
    """How much to think: `off`, `low`, `medium` or `high`; None leaves it to the server."""
    extra: Mapping[str, object] = {}
    """Merged into the body unread."""


class Request(Record, frozen=True, kw_only=True):
    """A question to a teacher."""

    id: str
    stage: Stage
    messages: tuple[Message, ...]
    sampling: Sampling
    schema: str | None = None
    """Name of a schema in `parsing.SCHEMAS`, where the reply is to be JSON."""
    sample: int = 0
    attempt: int = 0
    rank: int = 0
    """Place of the asking slot in this run; lower is asked first. Not a part of the fingerprint."""


class Usage(Record, frozen=True, kw_only=True):
    """Tokens as the server counted them; None where it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class TimedOut(Record, frozen=True, kw_only=True):
    """Tries of a request that were given up when their time was over: each may have been served and billed."""

    tries: int = 0
    tokens: int = 0
    """The most that they can have taken, prompts and replies."""
    cost_usd: float | None = 0.0
    """The most that they can have cost; None where the price is unknown."""


class Reply(Record, frozen=True, kw_only=True):
    """What a teacher said."""

    text: str
    reasoning: str | None = None
    """Thinking that came apart from the text."""
    finish_reason: str | None = None
    """`stop`, `length`, `content_filter` or whatever else the server said."""
    usage: Usage = Usage()
    model: str | None = None
    """The model's name as the server returned it."""
    system_fingerprint: str | None = None
    rung: str | None = None
    """Rung of the ladder for structured output that was used."""
    endpoint: str | None = None
    """Name of the endpoint, never its key."""
    latency_s: float | None = None
    cost_usd: float | None = None
    """Price of this call; None where the price is unknown."""
    is_kept: bool = False
    """It answers another request for the same place, and a person has said that it stands."""
    timed_out: TimedOut = TimedOut()
    """What was tried before it, and may have been paid for too."""
    before: tuple["Reply", ...] = ()
    """The replies that it was asked for in place of, cut off or malformed, without their texts; the first first."""

    @property
    def bare(self) -> "Reply":
        """The same without its texts: what statistics count."""
        return msgspec.structs.replace(self, text="", reasoning=None)

    def after(self, earlier: "Reply") -> "Reply":
        """Return the same, asked for in place of an earlier one."""
        alone = msgspec.structs.replace(earlier.bare, before=())
        return msgspec.structs.replace(self, before=(*earlier.before, alone, *self.before))
