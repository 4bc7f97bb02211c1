"""What statistics come to: plain numbers, which the manifest holds as they are and `tables.py` lays out for people."""

import msgspec

from glan.records import Stage

KEPT = 1 << 14
"""Different runs of words that are counted exactly."""
ALL_READ, ONE_IN = 500, 64
"""So many pairs are read for that, and after them one in so many, chosen by their ids."""


class _Result(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Levels(_Result, frozen=True):
    """Different things at each level, from the fields down."""

    fields: int
    sub_fields: int
    disciplines: int
    subjects: int
    syllabi: int
    sessions: int
    key_concepts: int


class Spread(_Result, frozen=True):
    """How many of one thing each of another has, such as subjects of a discipline; all 0 where there is none."""

    of: str
    each: str
    mean: float
    fewest: int
    most: int


class Coverage(_Result, frozen=True):
    """How far questions cover the key concepts of the syllabi that they were drawn from."""

    key_concepts: int
    drawn: int
    """Those that stand in a question; the others were never drawn."""
    uses: int
    """Key concepts of all questions, each as often as it was drawn."""
    expected: float
    """How many so many uses would be expected to cover if each were drawn at random within its subject."""
    most: int
    """How many so many uses can cover at most."""


class Share(_Result, frozen=True):
    """What became of the slots of one branch."""

    title: str
    field: str | None
    pairs: int
    rejects: int
    failures: int


class Ended(_Result, frozen=True):
    """How many slots ended at a stage for a reason."""

    stage: Stage
    reason: str
    slots: int


class Copies(_Result, frozen=True):
    """Rejects that copy an earlier question, by where that one stands."""

    reason: str
    same_subject: int
    same_discipline: int
    """In another subject of the same discipline."""
    other_discipline: int


class Lengths(_Result, frozen=True):
    """Lengths of some texts; the quantiles are exact to 1%."""

    texts: int
    mean: float
    p10: int
    median: int
    p90: int
    p99: int
    longest: int


class Distinct(_Result, frozen=True):
    """How many runs of n words in a row are different ones."""

    n: int
    runs: int
    distinct: int
    """Exact up to `KEPT`; above that an estimate with a standard error of 0.8%."""

    @property
    def share(self) -> float:
        """Distinct runs by all runs, known as distinct-n: the fewer texts, the greater."""
        return self.distinct / self.runs if self.runs else 0.0


class Variety(_Result, frozen=True):
    """Words of some questions or answers."""

    words: Lengths
    """Of the texts that were read for it."""
    distinct: tuple[Distinct, ...]


class Named(_Result, frozen=True):
    """How many replies of a stage came from a model, as its server named it."""

    stage: Stage
    model: str
    replies: int


class Held(_Result, frozen=True):
    """How many pairs keep to what their question asks of the answer."""

    check: str
    verdict: str
    pairs: int


class Scored(_Result, frozen=True):
    """What those who looked at the pairs said, under one name."""

    name: str
    pairs: int
    mean: float
    lowest: float
    highest: float


class Spent(_Result, frozen=True):
    """Tokens and cost of the replies of one stage, where they are known."""

    stage: Stage
    replies: int
    prompt_tokens: int
    completion_tokens: int
    replies_without_tokens: int
    """Replies whose server did not count."""
    cost_usd: float
    replies_without_price: int


class Summary(_Result, frozen=True):
    """Everything that was counted."""

    slots: int
    pairs: int
    rejects: int
    failures: int
    open: int
    questions: int
    """Slots for which a question was written."""
    there: Levels
    """What there is to draw from: in the tree, in the drafts that slots rest on, in syllabi that were drawn from."""
    drawn: Levels
    """What those questions are about; fields, disciplines and subjects are counted also where none was written."""
    paired: Levels
    """The same of the pairs alone."""
    spreads: tuple[Spread, ...]
    coverage: Coverage
    by_field: tuple[Share, ...]
    by_discipline: tuple[Share, ...]
    strategies: dict[str, int]
    levels: dict[str, int]
    forms: dict[str, int]
    difficulties: dict[str, int]
    """These two only where the project has a mix."""
    finish_reasons: dict[str, int]
    question_models: dict[str, int]
    """Models as the servers named them; these and the five above are counted over the pairs."""
    answer_models: dict[str, int]
    models: tuple[Named, ...]
    """Who gave the replies that pairs and rejects rest on."""
    question_length: Lengths
    """In characters, like that of the answers."""
    answer_length: Lengths
    question_tokens: Lengths
    """Of replies whose server counted them, with thinking where it counts that too."""
    answer_tokens: Lengths
    question_variety: Variety
    answer_variety: Variety
    checks: tuple[Held, ...]
    scores: tuple[Scored, ...]
    unread: dict[str, int]
    """Pairs that stand without what was to be said of them, by stage: the replies could not be read."""
    personal: dict[str, int]
    """Pairs that hold personal data, by its kind."""
    rejected: tuple[Ended, ...]
    failed: tuple[Ended, ...]
    copies: tuple[Copies, ...]
    spent: tuple[Spent, ...]
    languages: dict[str, int] = {}
    """Pairs in each, where the project has several."""

    @property
    def cost_usd(self) -> float:
        """Cost of all replies, where it is known."""
        return round(sum(stage.cost_usd for stage in self.spent), 12)
