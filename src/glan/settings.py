"""The sections of `glan.toml`: every setting once, with its default, its range and a line of prose.

The file, the reference page and the recipes are written from these classes and read back into them;
a setting that is not here is an error.
"""

from itertools import pairwise
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from glan.records import Stage


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A section: an unknown setting in it is an error."""


class Plan(Settings, frozen=True):
    questions_per_visit: Annotated[
        int, Meta(ge=1, le=1_000, description="Slots of the first visit to a discipline and to a subject.")
    ] = 4
    drafts: Annotated[
        int, Meta(ge=1, le=100, description="Most drafts of the list of subjects, per discipline (paper: 10).")
    ] = 10
    pair_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of the questions that join two class sessions.")
    ] = 0.5
    law: Annotated[
        Literal["count", "sets"],
        Meta(
            description='"count": first how many key concepts, few more often than many; '
            '"sets": uniform over all sets, as the paper\'s formulas count them.'
        ),
    ] = "count"
    sampling: Annotated[
        Literal["balanced", "random"],
        Meta(description='"balanced": least-used sessions and key concepts first; "random": no preference.'),
    ] = "balanced"
    stop_below: Annotated[
        float,
        Meta(ge=0, le=1, description="The run ends when fewer of the last 200 slots than this became pairs; 0: never."),
    ] = 0.05


class Price(Settings, frozen=True):
    input: Annotated[float, Meta(ge=0, description="US dollars per million tokens of the prompt.")]
    output: Annotated[float, Meta(ge=0, description="US dollars per million tokens of the reply.")]
    cached: Annotated[float | None, Meta(description="The same for prompt tokens served from a cache.")] = None


class TeacherSettings(Settings, frozen=True):
    spec: Annotated[
        str | None,
        Meta(
            description='The teacher: "offline", "openai/MODEL", "ollama/MODEL", "vllm/MODEL@http://host:8000/v1" '
            'or "MODEL@URL".'
        ),
    ] = None
    temperature: Annotated[float | None, Meta(description="Sampling temperature; not sent unless set.")] = None
    top_p: Annotated[float | None, Meta(description="Nucleus sampling; not sent unless set.")] = None
    reasoning: Annotated[
        Literal["off", "low", "medium", "high", "server"],
        Meta(description='How much a model thinks before it writes; "server": nothing is sent, so the server decides.'),
    ] = "server"
    system: Annotated[str | None, Meta(description="A system message before every prompt.")] = None
    extra: Annotated[
        dict[str, object], Meta(description="Further keys of the request's body, merged into it unread.")
    ] = {}
    api_key_env: Annotated[str | None, Meta(description="Name of the environment variable with the key.")] = None
    api_key_header: Annotated[
        str | None, Meta(description="Header that carries the key; the provider's, or a bearer, unless set.")
    ] = None
    headers: Annotated[
        dict[str, str], Meta(description="Further headers of each request; keys go into api_key_env.")
    ] = {}
    base_urls: Annotated[
        tuple[str, ...],
        Meta(
            description="Several servers with the same model, in place of an address in `spec`; requests of one "
            "syllabus prefer one of them."
        ),
    ] = ()
    base_urls_file: Annotated[
        str | None,
        Meta(description="The same as a file, a line for each, read again while a run goes on: servers come and go."),
    ] = None
    api_key_envs: Annotated[
        dict[str, str],
        Meta(description="Names of the variables with the keys of single servers among these, by host."),
    ] = {}
    query: Annotated[dict[str, str], Meta(description="Query of the URL that is asked; keys go into api_key_env.")] = {}
    price: Annotated[Price | None, Meta(description="What the tokens cost, where the price list does not say.")] = None
    gpu_hour_usd: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description="What a server of your own costs in US dollars an hour, all its GPUs together, in place of a "
            "price of tokens: a run costs as long as it goes on."
        ),
    ] = None
    timeout_s: Annotated[float, Meta(gt=0, description="Seconds until a call that got no whole reply is given up.")] = (
        3_600.0
    )


class Teachers(Settings, frozen=True):
    default: TeacherSettings = TeacherSettings()
    curriculum: TeacherSettings = TeacherSettings()
    questions: TeacherSettings = TeacherSettings()
    answers: TeacherSettings = TeacherSettings()
    embeddings: TeacherSettings = TeacherSettings()
    rating: TeacherSettings = TeacherSettings()
    judge: TeacherSettings = TeacherSettings()
    guard: TeacherSettings = TeacherSettings()
    student: TeacherSettings = TeacherSettings()


class MaxTokens(Settings, frozen=True):
    subjects: Annotated[int, Meta(ge=1, description="Room for a list of subjects, in tokens.")] = 4_096
    syllabi: Annotated[int, Meta(ge=1, description="Room for a syllabus.")] = 8_192
    questions: Annotated[int, Meta(ge=1, description="Room for a question.")] = 1_024
    answers: Annotated[int, Meta(ge=1, description="Room for an answer, and twice that if it is cut off.")] = 4_096
    ratings: Annotated[int, Meta(ge=1, description="Room for the rating of a question.")] = 1_024
    scores: Annotated[int, Meta(ge=1, description="Room for what a judge says of a pair.")] = 2_048
    safety: Annotated[int, Meta(ge=1, description="Room for what a guard model says of a pair.")] = 256
    taxonomy: Annotated[int, Meta(ge=1, description="Room for the parts of a branch, when a tree is built.")] = 4_096
    students: Annotated[int, Meta(ge=1, description="Room for an answer of a model that is examined.")] = 4_096
    judgements: Annotated[int, Meta(ge=1, description="Room for what a judge makes of answers.")] = 2_048

    def of(self, stage: Stage) -> int:
        """Return the room for a reply of a stage; an embedding takes none."""
        return getattr(self, stage.value, 0)


class Embeddings(Settings, frozen=True):
    enabled: Annotated[
        bool, Meta(description="Whether copies in meaning are looked for; [teachers.embeddings] names the model.")
    ] = False
    similarity: Annotated[
        float,
        Meta(
            gt=0,
            le=1,
            description="Cosine from which a question is a copy in meaning; what is right depends on the model.",
        ),
    ] = 0.9
    last: Annotated[
        int,
        Meta(ge=1, le=100_000, description="A question is held against the last so many of its subject that passed."),
    ] = 500
    dimensions: Annotated[
        Annotated[int, Meta(ge=1, le=16_384)] | None,
        Meta(description="Length of the vectors, for models that can make them shorter; not sent unless set."),
    ] = None


class Critic(Settings, frozen=True):
    enabled: Annotated[bool, Meta(description="Whether [teachers.judge] scores each pair.")] = False
    at_least: Annotated[
        Annotated[float, Meta(ge=1, le=10)] | None,
        Meta(
            description="A pair is dropped whose least score for correctness, helpfulness and clarity is below this, "
            "from 1 to 10; unset: scores are kept, and no pair is dropped."
        ),
    ] = None


class Agreement(Settings, frozen=True):
    samples: Annotated[
        int,
        Meta(
            ge=1,
            le=64,
            description="Most answers that a question with a final answer gets, which then vote; 1: just one.",
        ),
    ] = 1
    least_share: Annotated[
        float, Meta(ge=0, le=1, description="Share of the votes that the most frequent final answer must have.")
    ] = 0.5

    @property
    def rounds(self) -> tuple[range, ...]:
        """Which answers are asked for at once: the first, then as many as can settle the vote, then the others."""
        ends = (0, 1, self.needed, self.samples)
        return tuple(range(begin, end) for begin, end in pairwise(ends) if begin < end)

    @property
    def needed(self) -> int:
        """How many equal votes settle a vote, whatever else is said."""
        return next(n for n in range(self.samples // 2 + 1, self.samples + 1) if n / self.samples >= self.least_share)


class Safety(Settings, frozen=True):
    enabled: Annotated[
        bool, Meta(description="Whether a guard model looks at each pair; [teachers.guard] names it.")
    ] = False
    asks: Annotated[
        Literal["prompt", "conversation"],
        Meta(
            description='"prompt": any model is asked by prompts/judge_safety; "conversation": the pair itself is '
            "sent, as guard models such as Llama Guard take it."
        ),
    ] = "prompt"
    unsafe: Annotated[
        Literal["keep", "reject"],
        Meta(description='What becomes of an unsafe pair; the column "safety" tells of those that are kept.'),
    ] = "keep"


class Rating(Settings, frozen=True):
    enabled: Annotated[
        bool,
        Meta(description="Whether each question is rated before it is answered, by [teachers.rating]."),
    ] = False
    least_answerable: Annotated[
        float,
        Meta(
            ge=1,
            le=10,
            description="A question is dropped that is rated below this, from 1 to 10, for whether it can be answered "
            "well from its words alone; 1: none is.",
        ),
    ] = 5.0
    least_difficult: Annotated[
        Annotated[float, Meta(ge=1, le=10)] | None,
        Meta(description="A question is dropped as too easy that is rated less difficult than this, from 1 to 10."),
    ] = None
    most_difficult: Annotated[
        Annotated[float, Meta(ge=1, le=10)] | None,
        Meta(description="The same as too hard, that is rated more difficult than this."),
    ] = None

    def __post_init__(self) -> None:
        """Refuse bounds between which no question lies."""
        if (self.least_difficult or 1) > (self.most_difficult or 10):
            raise ValueError("least_difficult is above most_difficult, so no question would be taken")


class Curation(Settings, frozen=True):
    near_duplicates: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Jaccard similarity of word 3-grams from which a question is a copy; 0: only exact copies.",
        ),
    ] = 0.7
    near_names: Annotated[
        Literal["keep", "merge"],
        Meta(
            description="What becomes of a subject or key concept that is named nearly as an earlier one, in English: "
            '"merge" counts the two as one, and tells it. What is drawn follows from that.'
        ),
    ] = "keep"
    max_question_length: Annotated[int, Meta(ge=1, description="Longest question, in characters.")] = 8_000
    wrong_language: Annotated[
        Literal["reject", "keep"],
        Meta(description="What becomes of a text that is surely in another language than the data set's."),
    ] = "reject"
    cut_prompts: Annotated[
        Literal["reject", "keep"],
        Meta(description="What becomes of a reply of which the server cut the prompt, as its count of tokens shows."),
    ] = "reject"
    pii: Annotated[
        Literal["off", "mark", "reject"],
        Meta(
            description="What becomes of texts with personal data: e-mail addresses, telephone, card and identity "
            'numbers and the like; "mark": their kinds stand in the column pii.'
        ),
    ] = "off"
    beside: Annotated[
        Literal["auto", "always", "never"],
        Meta(
            description="Whether texts are examined in a process of its own, with the same verdicts: auto does so from "
            "50,000 pairs on where there is a second core."
        ),
    ] = "auto"
    embeddings: Embeddings = Embeddings()
    critic: Critic = Critic()
    agreement: Agreement = Agreement()
    safety: Safety = Safety()


class Grade(Settings, frozen=True):
    weight: Annotated[float, Meta(ge=0, le=1e9, description="How often, in proportion to the others.")]
    line: Annotated[
        Annotated[str, Meta(max_length=2_000, pattern=r"^[^\r\n]*\S[^\r\n]*$")] | None,
        Meta(description="What the prompt says, in one line; a name that is not known must have it."),
    ] = None


class Form(Grade, frozen=True):
    max_words: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="Most words of the answer.")] = None
    items: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="The answer is a list of exactly so many items.")
    ] = None
    answer: Annotated[Literal["json", "table"] | None, Meta(description="The answer is JSON, or has a table.")] = None
    language: Annotated[str | None, Meta(description="The answer is in this language, an ISO 639-1 code.")] = None


class Questions(Settings, frozen=True):
    forms: Annotated[
        dict[str, Annotated[float, Meta(ge=0, le=1e9)] | Form],
        Meta(description="Forms that questions are asked in, each with its weight; none: free, as in the paper."),
    ] = {}
    difficulty: Annotated[
        dict[str, Annotated[float, Meta(ge=0, le=1e9)] | Grade],
        Meta(description="The same for easy, medium and hard."),
    ] = {}
    rating: Rating = Rating()


class Limits(Settings, frozen=True):
    concurrency: Annotated[
        Literal["adaptive", "fixed"],
        Meta(
            description='"adaptive": as many requests in flight as the servers bear, found out as they answer; '
            '"fixed": always as many as max_in_flight says.'
        ),
    ] = "adaptive"
    max_in_flight: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        Meta(
            description="Most requests in flight at once to each server; if unset 1,024, and 64 where the number is "
            "fixed or no server is asked."
        ),
    ] = None
    rpm: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Most requests a minute to each server; more wait. What a server says of itself holds too."),
    ] = None
    tpm: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Most tokens a minute, of prompts and replies, to and from each server."),
    ] = None
    max_retries: Annotated[
        int, Meta(ge=0, le=100, description="How often a request that may succeed later is sent again.")
    ] = 8
    outage_s: Annotated[
        float,
        Meta(ge=0, description="Seconds for which servers that no longer answer are waited for; then the run stops."),
    ] = 900.0
    look_ahead: Annotated[int, Meta(ge=1, description="Most slots begun and not yet in their turn.")] = 70_000

    @property
    def ceiling(self) -> int:
        """The most in flight where the number adapts."""
        return self.max_in_flight or 1_024

    @property
    def fixed(self) -> int:
        """The number in flight where it does not."""
        return self.max_in_flight or 64


class Batch(Settings, frozen=True):
    minimum: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Fewest requests that are worth a batch; where fewer can be asked they are asked live.",
        ),
    ] = 100
    first: Annotated[
        Literal["live", "batch"],
        Meta(description='How the first request of each kind is asked: "live" shows at once what the model takes.'),
    ] = "live"
    tail: Annotated[
        Literal["live", "batch"],
        Meta(description='What is left below the minimum: "live": asked at once; "batch": in batches, however few.'),
    ] = "live"
    max_requests: Annotated[int, Meta(ge=1, le=50_000, description="Most requests of one batch.")] = 50_000
    max_mb: Annotated[float, Meta(gt=0, le=200, description="Longest file of one batch, in millions of bytes.")] = 200.0
    poll_s: Annotated[float, Meta(gt=0, description="Seconds until a batch that is out is looked at first.")] = 10.0
    max_poll_s: Annotated[
        float, Meta(gt=0, description="Longest pause between two looks; it grows by half while nothing changes.")
    ] = 600.0
    settle_s: Annotated[
        float,
        Meta(ge=0, description="Seconds after which a batch that was handed in is in the provider's list for sure."),
    ] = 30.0
    price_share: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="What a batch costs of the price of a live reply; as the provider says if unset, else 1."),
    ] = None


class Network(Settings, frozen=True):
    allow: Annotated[
        tuple[str, ...] | None,
        Meta(description='The only hosts that are asked, as "api.openai.com" or "localhost:8000"; any unless set.'),
    ] = None
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file with authorities that are trusted beside the machine's, for servers of your own."),
    ] = None
