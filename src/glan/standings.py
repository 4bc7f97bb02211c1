"""What examinations come to as tables: beside the paper's, and beside each other. It knows results and no model."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgspec

from glan.dataset.markdown import list_of, table_of, text_of
from glan.dataset.tables import Table
from glan.disk import replace
from glan.evaluate.paired import RESAMPLES, Difference, difference, unlike
from glan.evaluate.paper import PaperTable, paper_tables, reported
from glan.evaluate.results import Number, Results, Taken, read_items, read_results
from glan.evaluate.scaling import Point, picture_of
from glan.evaluate.scaling import table_of as csv_of
from glan.evaluate.suite import suite
from glan.records import Record
from glan.wording import counted

PAGE: Final = "README.md"
_BASE, _PAPER = "Mistral 7B", "GLAN 7B"
SEED: Final = 0


def overview(results: Results) -> Table:
    """Return every number beside what the paper reports of its base and of its student."""
    rows = []
    for name, taken in results.tasks.items():
        for number_name, number in taken.numbers.items():
            paper = [reported(model, name, number_name) for model in (_BASE, _PAPER)]
            rows.append(
                (
                    _label(taken, number_name),
                    str(taken.shots),
                    _share_of(taken),
                    percent(number),
                    _interval(number),
                    *("-" if each is None else f"{each:.1f}" for each in paper),
                )
            )
    return Table(("Benchmark", "Shots", "Items", "Score", "95% interval", _BASE, _PAPER), tuple(rows))


def _label(taken: Taken, number: str) -> str:
    return taken.title if number == "score" else f"{taken.title} {number.replace('_', ' ')}"


def _share_of(taken: Taken) -> str:
    return f"{taken.answered:,}" if taken.answered == taken.there else f"{taken.answered:,} of {taken.there:,}"


def percent(number: Number) -> str:
    """Return a number in percent with its standard error."""
    return f"{100 * number.value:.1f} ± {100 * number.se:.1f}"


def _interval(number: Number) -> str:
    return f"{100 * number.low:.1f} to {100 * number.high:.1f}"


def remarks(results: Results) -> Iterator[str]:
    """Say what a reader of the numbers must know: what is missing, cut or limited."""
    taken = results.tasks.values()
    for words, told in (
        ("Not all items, but some that are spread evenly (--limit)", _limited),
        ("No answer that the rules read, so wrong", lambda each: _count(each.unread, each.answered)),
        ("No room for the end of the reply", lambda each: _count(each.cut, each.answered)),
        ("Prompts that are longer than the model takes, and lost their beginning", _prompts_cut),
    ):
        if found := [f"{each.title} {said}" for each in taken if (said := told(each))]:
            yield f"{words}: {', '.join(found)}."
    for each in taken:
        for reason, count in each.failed.items():
            yield f"{each.title}: {counted(count, 'item')} without a reply, in no number: {reason}"
    yield from _missing(results)


def _limited(taken: Taken) -> str:
    return _count(taken.asked, taken.there) if taken.asked < taken.there else ""


def _prompts_cut(taken: Taken) -> str:
    return _count(taken.prompts_cut, taken.asked)


def _count(some: int, of: int) -> str:
    return f"{some:,} of {of:,}" if some else ""


def _missing(results: Results) -> Iterator[str]:
    for name, why in results.left_out.items():
        if name not in results.tasks:
            yield f"{suite()[name].title} is missing: {why}."
    known = {*results.tasks, *results.left_out}
    if missing := [benchmark.title for name, benchmark in suite().items() if name not in known]:
        yield f"Not taken: {', '.join(missing)}."


def page(results: Results) -> str:
    """Return README.md: the numbers, what to know of them, and the paper's tables with this model in them."""
    tuned = f", tuned on {results.pairs:,} pairs" if results.pairs is not None else ""
    template = "with its chat template" if results.chat else "without a chat template"
    libraries = {"glan": results.glan_version, **results.libraries}
    made = ", ".join(f"{name} {number}" for name, number in libraries.items())
    parts = [
        f"# {text_of(results.name)} on the paper's benchmarks",
        f"{text_of(results.model)}{tuned}, {results.way}, asked {template}, by {made}.",
        table_of(overview(results)),
        _MEANING,
    ]
    if found := list(remarks(results)):
        parts += ["## To know", list_of(found)]
    parts += _beside_the_paper([results], [results.name])
    for name, taken in results.tasks.items():
        if taken.groups and name != "mmlu":
            rows = tuple(
                (group, f"{each.items:,}", percent(each), _interval(each)) for group, each in taken.groups.items()
            )
            parts += [
                f"## {text_of(taken.title)} by task",
                table_of(Table(("Task", "Items", "Score", "95% interval"), rows)),
            ]
    return "\n\n".join(parts) + "\n"


_MEANING: Final = (
    "The score is in percent, with its standard error over the items; the two columns at the right are the paper's, "
    "whose protocol for its base is not stated."
)


def _beside_the_paper(every: Sequence[Results], names: Sequence[str]) -> Iterator[str]:
    """Give the tables of the paper for which there are numbers, with these models above the others."""
    for table in paper_tables():
        if any(name in results.tasks for results in every for _, name, _ in table.columns):
            rows = [(own, *_cells(table, results)) for own, results in zip(names, every, strict=True)]
            rows += [(model, *(f"{value:.1f}" for value in values)) for model, values in table.rows.items()]
            yield f"## {table.title}"
            yield table_of(Table(("Model", *(title for title, _, _ in table.columns)), tuple(rows)))


def _cells(table: PaperTable, results: Results) -> Iterator[str]:
    for _, name, number in table.columns:
        found = results.tasks[name].number(number) if name in results.tasks else None
        yield "-" if found is None else percent(found)


class Compared(Record, frozen=True, kw_only=True):
    """One number of several models on the same items."""

    benchmark: str
    title: str
    number: str
    values: tuple[Number | None, ...]
    """Of each model; None where it has none."""
    differences: tuple[Difference | None, ...]
    """Of each but the first, less the first; None where they cannot be compared."""
    why_not: tuple[str | None, ...]


def compared(folders: Sequence[Path]) -> tuple[list[Results], list[Compared]]:
    """Return the results of several folders, and every number of them beside each other.

    Raises:
        ProjectError: a folder has no results.

    """
    every = [read_results(folder) for folder in folders]
    return every, [row for name in suite() for row in _rows(name, folders, every)]


def _rows(name: str, folders: Sequence[Path], every: Sequence[Results]) -> Iterator[Compared]:
    """Yield every number of a benchmark."""
    takens = [results.tasks.get(name) for results in every]
    there = [taken for taken in takens if taken is not None]
    if not there:
        return
    pairs = zip(folders, takens, strict=True)
    items = [[] if taken is None else read_items(folder, name) for folder, taken in pairs]
    reasons = [_why_not(takens[0], taken) for taken in takens[1:]]
    for number in there[0].numbers:
        yield Compared(
            benchmark=name,
            title=_label(there[0], number),
            number=number,
            values=tuple(None if taken is None else taken.number(number) for taken in takens),
            differences=tuple(
                None if why is not None else difference(items[0], other, number, seed=SEED)
                for why, other in zip(reasons, items[1:], strict=True)
            ),
            why_not=tuple(reasons),
        )


def _why_not(first: Taken | None, other: Taken | None) -> str | None:
    if first is None or other is None:
        return "one of them has not been taken"
    return unlike(first, other)


def names_of(every: Sequence[Results], folders: Sequence[Path]) -> list[str]:
    """Return a name for each of several results: its own, or its folder's where two have the same."""
    own = [results.name for results in every]
    return own if len(set(own)) == len(own) else [folder.resolve().name for folder in folders]


def comparison(names: Sequence[str], rows: Sequence[Compared]) -> Table:
    """Return numbers beside each other, and how much more each has than the first."""
    head = ["Benchmark", names[0]]
    for name in names[1:]:
        head += [name, "more", "95% interval"]
    cells = []
    for row in rows:
        line = [row.title, _value(row.values[0])]
        for value, found in zip(row.values[1:], row.differences, strict=True):
            line += [_value(value), *_told(found)]
        cells.append(tuple(line))
    return Table(tuple(head), tuple(cells))


def _value(number: Number | None) -> str:
    return "-" if number is None else percent(number)


def _told(found: Difference | None) -> tuple[str, str]:
    if found is None:
        return "-", "-"
    return f"{100 * found.value:+.1f}", f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"


def not_compared(names: Sequence[str], rows: Sequence[Compared]) -> Iterator[str]:
    """Say what is not compared, each benchmark once, and why."""
    told = set()
    for row, (i, name) in product(rows, enumerate(names[1:])):
        why = row.why_not[i]
        if why is not None and (row.benchmark, i) not in told:
            told.add((row.benchmark, i))
            yield f"{suite()[row.benchmark].title}: {names[0]} and {name} are not compared: {why}."


HOW_COMPARED: Final = (
    f"The difference is in percentage points over the items that both have; its interval is a paired bootstrap over "
    f"these ({RESAMPLES:,} resamples, seed {SEED})."
)


def comparison_page(every: Sequence[Results], names: Sequence[str], rows: Sequence[Compared]) -> str:
    """Return README.md of several models: the paper's tables with all of them, and how they differ from the first."""
    parts = [f"# {', '.join(map(text_of, names))}", *_beside_the_paper(every, names)]
    parts += ["## Beside each other", table_of(comparison(names, rows)), HOW_COMPARED]
    told = [f"{name}: {line}" for name, results in zip(names, every, strict=True) for line in remarks(results)]
    if found := [*not_compared(names, rows), *told]:
        parts += ["## To know", list_of(found)]
    return "\n\n".join(parts) + "\n"


def write_curve(path: Path, every: Sequence[Results]) -> list[str]:
    """Draw the numbers over the pairs into an SVG with a CSV beside it; return the names that are in neither.

    Nothing is written where no results say how many pairs there were.

    Raises:
        ProjectError: a file cannot be written.

    """
    tuned = [
        (results, results.pairs)
        for results in every
        if results.pairs is not None and results.pairs > 0 and any(each.first for each in results.tasks.values())
    ]
    points = [
        Point(benchmark.title, pairs, number, results.name)
        for name, benchmark in suite().items()
        for results, pairs in tuned
        if (taken := results.tasks.get(name)) is not None and (number := taken.first) is not None
    ]
    if points:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, picture_of(points).encode())
        replace(path.with_suffix(".csv"), csv_of(points).encode("utf-8", "replace"))
    return [results.name for results in every if not any(results is each for each, _ in tuned)]


def as_dict(rows: Sequence[Compared]) -> list[Mapping[str, Any]]:
    """Return a comparison for machines."""
    found: list[Mapping[str, Any]] = msgspec.to_builtins(rows)
    return found
