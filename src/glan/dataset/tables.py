"""Statistics as tables that a person reads, on the card and on a terminal. Pure; it knows not how a cell is drawn.

A cell is plain text, which may be anything that a model or a person wrote.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from glan.dataset.summary import ALL_READ, KEPT, ONE_IN, Coverage, Ended, Lengths, Spent, Spread, Summary
from glan.records import Level, Strategy
from glan.wording import counted

_LEVELS = (
    ("fields", "Fields", "field"),
    ("sub_fields", "Sub-fields", "sub-field"),
    ("disciplines", "Disciplines", "discipline"),
    ("subjects", "Subjects", "subject"),
    ("syllabi", "Syllabi", "syllabus"),
    ("sessions", "Class sessions", "class session"),
    ("key_concepts", "Key concepts", "key concept"),
)
"""Of each level its counts, what people call it, and one of it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells below a head; all columns but the first `names` and the last `notes` hold numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    notes: int = 0

    def is_number(self, column: int) -> bool:
        """Say whether a column holds numbers."""
        return self.names <= column < len(self.head) - self.notes


def contents(found: Summary) -> Iterator[Table | str]:
    """Give tables of what is in a data set, and sentences on the table before."""
    yield quantities(found)
    yield covered(found.coverage)
    if found.by_field:
        yield fields(found)
    yield kinds(found)
    yield lengths(found)
    if found.question_variety.words.texts:
        yield variety(found)
        yield read(found)
    if found.scores:
        yield scores(found)
    if found.checks:
        yield checks(found)
    if found.personal:
        yield Table(("Personal data", "Pairs"), _counted(found.personal))


def rejected(found: Summary) -> Iterator[Table]:
    """Give the tables of what is not in it."""
    if found.rejected or found.failed:
        yield ended(found)
    if found.copies:
        yield copies(found)


def quantities(found: Summary) -> Table:
    """Return the quantities of every level in one table."""
    all_levels = found.there, found.drawn, found.paired
    rows = [
        (name, *(f"{getattr(levels, level):,}" for levels in all_levels), _each(found.spreads, one))
        for level, name, one in _LEVELS
    ]
    rows.append(("Questions", "", f"{found.questions:,}", f"{found.pairs:,}", ""))
    return Table(("Level", "There are", "Drawn", "In pairs", "Each has on average"), tuple(rows), notes=1)


def covered(found: Coverage) -> str:
    """Say how far questions cover the key concepts of their syllabi; nothing where there is none."""
    if not found.key_concepts:
        return ""
    never = found.key_concepts - found.drawn
    return (
        f"Questions draw on {found.drawn:,} of the {found.key_concepts:,} key concepts of their syllabi "
        f"({_share(found.drawn, found.key_concepts)}), {found.uses / found.key_concepts:.2f} times each on average; "
        f"{never:,} were never drawn. As many draws, each at random within its subject, would be expected to cover "
        f"{found.expected:,.1f}, and no draws could cover more than {found.most:,}."
    )


def read(found: Summary) -> str:
    """Say in which pairs words were counted, and how exactly."""
    n = found.question_variety.words.texts
    which = f": the first {ALL_READ:,}, and one in {ONE_IN} of those after, chosen by their ids"
    some = which if n < found.pairs else ""
    most = max(each.distinct for texts in (found.question_variety, found.answer_variety) for each in texts.distinct)
    about = f" Numbers of different ones above {KEPT:,} are estimates with a standard error of 0.8%."
    return (
        f"Words were counted in {n:,} of {found.pairs:,} pairs{some}. The share of different ones falls as "
        f"texts grow more, so it compares data sets of one size only.{about if most > KEPT else ''}"
    )


def fields(found: Summary) -> Table:
    """Return what became of the slots of each field, the largest first."""
    shares = sorted(found.by_field, key=lambda share: (-share.pairs, share.title))
    rows = [(share.title, f"{share.pairs:,}", f"{share.rejects + share.failures:,}") for share in shares]
    return Table(("Field", "Pairs", "Slots without a pair"), tuple(rows))


def kinds(found: Summary) -> Table:
    """Return what kinds of pairs there are, and how many of each."""
    sessions = {"one": found.strategies.get(Strategy.SINGLE, 0), "two": found.strategies.get(Strategy.PAIR, 0)}
    levels = {level.value: found.levels.get(level.value, 0) for level in Level}
    kinds_of = (
        ("Class sessions of the question", sessions.items()),
        ("Level of the subject", levels.items()),
        ("Language", _by_count(found.languages)),
        ("Form of the question", _by_count(found.forms)),
        ("Difficulty asked for", _by_count(found.difficulties)),
        ("End of the answer", _by_count(found.finish_reasons)),
    )
    rows = [
        (kind, name, f"{pairs:,}", _share(pairs, found.pairs)) for kind, counts in kinds_of for name, pairs in counts
    ]
    return Table(("Kind", "Value", "Pairs", "Share"), tuple(rows), names=2)


def lengths(found: Summary) -> Table:
    """Return the lengths of questions and answers, in characters, words and tokens, as far as they are known."""
    listed = (
        ("Question, characters", found.question_length),
        ("Question, words", found.question_variety.words),
        ("Question, tokens of the reply", found.question_tokens),
        ("Answer, characters", found.answer_length),
        ("Answer, words", found.answer_variety.words),
        ("Answer, tokens of the reply", found.answer_tokens),
    )
    rows = [(name, *_quantiles(each)) for name, each in listed if each.texts]
    return Table(("Length", "Texts", "Mean", "10%", "Median", "90%", "99%", "Longest"), tuple(rows))


def variety(found: Summary) -> Table:
    """Return how many different words and runs of words there are."""
    rows = [
        (name, str(each.n), f"{each.runs:,}", f"{each.distinct:,}", f"{each.share:.3f}")
        for name, texts in (("Questions", found.question_variety), ("Answers", found.answer_variety))
        for each in texts.distinct
    ]
    return Table(("Variety", "Words in a row", "All", "Different", "Share (distinct-n)"), tuple(rows))


def scores(found: Summary) -> Table:
    """Return what those who looked at the pairs said."""
    rows = [
        (each.name, f"{each.pairs:,}", f"{each.mean:.2f}", f"{each.lowest:g}", f"{each.highest:g}")
        for each in found.scores
    ]
    return Table(("Score", "Pairs", "Mean", "Lowest", "Highest"), tuple(rows))


def checks(found: Summary) -> Table:
    """Return how many answers keep to what their questions ask of them."""
    rows = [(each.check, each.verdict, f"{each.pairs:,}") for each in found.checks]
    return Table(("What answers must keep to", "Verdict", "Pairs"), tuple(rows), names=2)


def ended(found: Summary) -> Table:
    """Return why slots gave no pair."""
    rows = [*_reasons("rejected", found.rejected), *_reasons("failed", found.failed)]
    return Table(("Fate", "Stage", "Reason", "Slots"), tuple(rows), names=3)


def copies(found: Summary) -> Table:
    """Return where the originals of copies stand."""
    rows = [
        (each.reason, f"{each.same_subject:,}", f"{each.same_discipline:,}", f"{each.other_discipline:,}")
        for each in found.copies
    ]
    head = ("Copy of a question", "In the same subject", "In another of the discipline", "In another discipline")
    return Table(head, tuple(rows))


def spent(found: Summary) -> Table:
    """Return tokens and cost of each stage, and of all together."""
    stages = [each for each in found.spent if each.replies]
    rows = [*(_spent(each.stage.value, [each]) for each in stages), _spent("all", stages)]
    return Table(("Stage", "Replies", "Prompt tokens", "Reply tokens", "US dollars"), tuple(rows))


def _spent(name: str, stages: Sequence[Spent]) -> tuple[str, ...]:
    """Return the row of some stages together; a sum of which nothing is known is no 0."""
    replies = sum(each.replies for each in stages)
    known = [
        (sum(each.prompt_tokens for each in stages), sum(each.replies_without_tokens for each in stages), ",d"),
        (sum(each.completion_tokens for each in stages), sum(each.replies_without_tokens for each in stages), ",d"),
        (fsum(each.cost_usd for each in stages), sum(each.replies_without_price for each in stages), ",.4f"),
    ]
    cells = ["not known" if unknown == replies > 0 else format(number, form) for number, unknown, form in known]
    return (name, f"{replies:,}", *cells)


def _each(spreads: Iterable[Spread], one: str) -> str:
    return ", ".join(_spread(spread) for spread in spreads if spread.each == one and spread.most)


def _spread(found: Spread) -> str:
    if found.fewest == found.most:
        return counted(found.most, found.of)
    return f"{found.mean:,.1f} {found.of}s ({found.fewest:,} to {found.most:,})"


def _quantiles(found: Lengths) -> tuple[str, ...]:
    numbers = found.p10, found.median, found.p90, found.p99, found.longest
    return (f"{found.texts:,}", f"{found.mean:,.0f}", *(f"{number:,}" for number in numbers))


def _reasons(how: str, reasons: Iterable[Ended]) -> list[tuple[str, ...]]:
    return [(how, each.stage.value, each.reason, f"{each.slots:,}") for each in reasons]


def _by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _counted(counts: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    return tuple((name, f"{count:,}") for name, count in _by_count(counts))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0.0%"
