"""What the report's charts and tables hold, as numbers and words; the page and its script draw them."""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any, Final

from glan.dataset import tables
from glan.dataset.tables import Table
from glan.records import Level, Stage, Strategy
from glan.report.counting import Bins
from glan.report.gathering import Findings
from glan.report.tree import as_data
from glan.teachers.ledger import StageTotals
from glan.wording import counted, ranged

_MOST_BARS: Final = 12
_STAGES: Final[Mapping[str, str]] = {
    Stage.SUBJECTS: "Subjects",
    Stage.SYLLABI: "Syllabi",
    Stage.QUESTIONS: "Questions",
    Stage.EMBEDDINGS: "Embeddings",
    Stage.RATINGS: "Ratings",
    Stage.ANSWERS: "Answers",
    Stage.SCORES: "Scores",
    Stage.SAFETY: "Safety",
}


def charts_of(found: Findings) -> dict[str, Any]:
    """Return what the script draws; names of models and people are text, and stay so."""
    return {
        "tree": as_data(found.tree),
        "scores": [each.name for each in found.summary.scores],
        "coverage": _coverage(found),
        "questions": _bins(found.counts.questions),
        "answers": _bins(found.counts.answers),
        "mix": mix(found),
        "reasons": _reasons(found),
        "spent": _spent(found),
    }


def tiles(found: Findings) -> list[tuple[str, str, str]]:
    """Return the headline numbers: what, how many, and a word on it."""
    summary, coverage = found.summary, found.summary.coverage
    spent = [each for _, each in _asked(found)]
    tokens = sum(each.prompt_tokens + each.completion_tokens for each in spent)
    share = f"{coverage.drawn / coverage.key_concepts:.0%}" if coverage.key_concepts else "none"
    lost = f"{counted(summary.rejects, 'reject')}, {counted(summary.failures, 'failure')}"
    return [
        ("Pairs", f"{summary.pairs:,}", f"of {found.manifest.pairs_wanted:,} wanted"),
        ("Disciplines", f"{summary.paired.disciplines:,}", f"of {summary.there.disciplines:,} in the tree"),
        ("Subjects", f"{summary.paired.subjects:,}", f"with {counted(summary.paired.sessions, 'class session')}"),
        ("Key concepts covered", share, f"{coverage.drawn:,} of {coverage.key_concepts:,}"),
        ("Slots without a pair", f"{summary.rejects + summary.failures:,}", lost),
        ("Tokens", short(tokens), f"in {sum(each.replies for each in spent):,} replies"),
        ("Cost", *_cost(spent, found.manifest.server_usd, summary.pairs)),
    ]


def _cost(spent: Sequence[StageTotals], server_usd: float, pairs: int) -> tuple[str, str]:
    """Return what replies and servers cost, and what that makes for a pair, or what is not known of it."""
    usd, unknown = fsum(each.cost_usd for each in spent) + server_usd, sum(each.unknown_costs for each in spent)
    if unknown and unknown == sum(each.replies for each in spent) and not server_usd:
        return "not known", "no price is known"
    each = f"${1_000 * usd / pairs:,.2f} for a thousand pairs" if pairs else "no pair yet"
    return f"${usd:,.2f}", f"{each}, and {unknown:,} replies without a price" if unknown else each


def short(number: int) -> str:
    """Return a large number in a few characters, such as 158M."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size * 10:
            return f"{number / size:,.0f}{letter}"
        if number >= size:
            return f"{number / size:,.1f}{letter}"
    return str(number)


def _coverage(found: Findings) -> dict[str, Any]:
    curve, total = found.counts.curve, found.summary.coverage.key_concepts
    return {
        "rows": list(curve.rows),
        "drawn": list(curve.drawn),
        "most": [min(uses, total) for uses in curve.uses],
        "total": total,
    }


def coverage_table(found: Findings) -> Table:
    """Return the curve of coverage at ten numbers of pairs."""
    curve, total = found.counts.curve, found.summary.coverage.key_concepts
    last = len(curve.rows) - 1
    places = sorted({*range(0, last, max(last // 10, 1)), last})
    rows = [
        (f"{curve.rows[i]:,}", f"{curve.uses[i]:,}", f"{curve.drawn[i]:,}", f"{curve.drawn[i] / max(total, 1):.1%}")
        for i in places
    ]
    head = ("First pairs", "Key concepts drawn", "Different ones", "Of all there are")
    return Table(head, tuple(rows), names=0)


def _bins(bins: Bins) -> dict[str, Any]:
    return {"edges": list(bins.edges), "texts": list(bins.texts)}


def bins_table(name: str, bins: Bins) -> Table:
    """Return a histogram as a table."""
    spans = zip(bins.edges, bins.edges[1:], strict=False)
    rows = [(ranged(f"{a:,}", f"{b:,}"), f"{n:,}") for (a, b), n in zip(spans, bins.texts, strict=True)]
    return Table((f"{name}, characters", "Pairs"), tuple(rows))


def mix(found: Findings) -> list[dict[str, Any]]:
    """Return kinds of pairs, each with its values and their numbers."""
    summary = found.summary
    sessions = {
        "one session": summary.strategies.get(Strategy.SINGLE, 0),
        "two sessions": summary.strategies.get(Strategy.PAIR, 0),
    }
    kinds = (
        ("Sessions drawn", sessions),
        ("Level", {level.value: summary.levels.get(level.value, 0) for level in Level}),
        ("Language", _largest(summary.languages)),
        ("Form", _largest(summary.forms)),
        ("Difficulty", _largest(summary.difficulties)),
    )
    return [{"kind": kind, "parts": list(counts.items())} for kind, counts in kinds if sum(counts.values())]


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rest = sum(n for _, n in listed[_MOST_BARS:])
    return {**dict(listed[:_MOST_BARS]), **({"(others)": rest} if rest else {})}


def _reasons(found: Findings) -> list[dict[str, Any]]:
    ended = [("reject", each) for each in found.summary.rejected] + [("failure", each) for each in found.summary.failed]
    ended.sort(key=lambda item: -item[1].slots)
    return [
        {"name": f"{each.reason} ({each.stage.value})", "slots": each.slots, "outcome": outcome}
        for outcome, each in ended[:_MOST_BARS]
    ]


def _spent(found: Findings) -> list[dict[str, Any]]:
    return [
        {
            "stage": _STAGES.get(stage, stage),
            "prompt": each.prompt_tokens,
            "reply": each.completion_tokens,
            "usd": each.cost_usd,
            "hours": each.latency_s / 3_600,
        }
        for stage, each in _asked(found)
    ]


def _asked(found: Findings) -> list[tuple[str, StageTotals]]:
    return [(stage, each) for stage, each in found.told.spent.items() if each.replies or each.failures]


def spent_table(found: Findings) -> Table:
    """Return what the ledger has paid for over all runs, and how long it took, by stage."""
    rows = [(_STAGES.get(stage, stage), *_spent_cells(each)) for stage, each in _asked(found)]
    head = (
        *("Stage", "Replies", "Failures", "Prompt tokens", "of these cached", "Reply tokens", "of these thinking"),
        *("US dollars", "Seconds each", "Hours in all"),
    )
    return Table(head, tuple(rows))


def _spent_cells(each: StageTotals) -> Iterable[str]:
    counts = (each.replies, each.failures, each.prompt_tokens, each.cached_tokens, each.completion_tokens)
    yield from (f"{count:,}" for count in (*counts, each.reasoning_tokens))
    cost = "not known" if each.unknown_costs == each.replies else f"{each.cost_usd:,.4f}"
    yield f"{cost} and more" if 0 < each.unknown_costs < each.replies else cost
    yield f"{each.latency_s / max(each.replies, 1):,.2f}"
    yield f"{each.latency_s / 3_600:,.2f}"


def benchmarks_table(found: Findings) -> Table:
    """Return what the pairs were held against."""
    rows = [(each.name, each.licence or "not stated", f"{each.matches:,}") for each in found.told.benchmarks]
    return Table(("Benchmark", "Licence", "Matches rejected"), tuple(rows), names=2)


def reviews_table(found: Findings) -> Table:
    """Return what people made of the pairs, by discipline; empty where they judged none."""
    rows = [
        (each.title, *(f"{n:,}" for n in (each.judged, each.kept, each.dropped, each.corrected, each.tied)))
        for each in found.told.reviews.by_discipline
    ]
    return Table(("Discipline", "Judged", "Kept", "Dropped", "Corrected", "Tied"), tuple(rows))


def models_table(found: Findings) -> Table:
    """Return which models gave the replies."""
    rows = [
        (_STAGES.get(each.stage, each.stage), each.asked, each.model or "", each.endpoint or "", f"{each.replies:,}")
        for each in found.manifest.answered
    ]
    return Table(("Stage", "Model asked for", "As the server named it", "Server", "Replies"), tuple(rows), names=4)


def statistics_tables(found: Findings) -> Sequence[Table | str]:
    """Return the card's tables that no chart of ours shows."""
    summary = found.summary
    parts: list[Table | str] = []
    if summary.question_variety.words.texts:
        parts += [tables.variety(summary), tables.read(summary)]
    if summary.checks:
        parts.append(tables.checks(summary))
    if summary.personal:
        parts.append(Table(("Personal data", "Pairs"), tuple((name, f"{n:,}") for name, n in summary.personal.items())))
    return parts
