"""Table 3 as a page: the losses of every model that was looked at, beside those of the paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from glan.dataset.markdown import table_of, text_of
from glan.dataset.tables import Table
from glan.evaluate.folders import model_name_of
from glan.evaluate.leakage import Exposure, Interval
from glan.evaluate.paper import paper_losses
from glan.records import Record

PAGE: Final = "README.md"
_MOST_ROWS: Final = 500


class Looked(Record, frozen=True, kw_only=True, rename={"form": "as"}):
    """What `glan leakage` found of one model."""

    model: str
    base: str | None
    of: str
    """What the losses are taken of."""
    form: str
    """How the items were written."""
    seed: int
    benchmarks: tuple[Exposure, ...]


def looked_in(folder: Path) -> list[Looked]:
    """Return what was found of each model in a folder, by its name; other files are passed over."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Looked))
        except (OSError, msgspec.DecodeError):
            continue
    return found


def page(every: Sequence[Looked]) -> str:
    """Return README.md: a table for each way of taking the losses."""
    parts = ["# Exposure to training splits", _MEANING]
    for of, form in dict.fromkeys((each.of, each.form) for each in every):
        alike = [each for each in every if (each.of, each.form) == (of, form)]
        parts += [f"## Loss of the {of}, items as {form}", table_of(_table(alike), most=_MOST_ROWS)]
        bases = dict.fromkeys(_shown(each.base) for each in alike if each.base is not None)
        parts.append(f"The base: {', '.join(map(text_of, bases))}." if bases else "No base was named: no verdict.")
    return "\n\n".join(parts) + "\n"


_MEANING = (
    "L is the mean loss of an item in nats, Delta = L test - L train, Delta % = 100 x Delta / L test; excess is Delta "
    "less that of the base, and the verdict rests on it alone (docs/leakage.md). The columns of the paper are its "
    "table 3. It does not say what its losses are taken of, so only Delta and Delta % are to be held against them."
)


def _table(alike: Sequence[Looked]) -> Table:
    paper = paper_losses()
    names = dict.fromkeys(each.benchmark for model in alike for each in model.benchmarks)
    others = paper.models if any(name in paper.benchmarks for name in names) else ()
    rows = []
    for name in names:
        found = [next((each for each in model.benchmarks if each.benchmark == name), None) for model in alike]
        printed = paper.benchmarks.get(name, {})
        for title, key in _ROWS.items():
            ours = ["-" if each is None else _cell(each, key) for each in found]
            theirs = printed.get(key, ("-",) * len(others))
            rows.append((name, title, *ours, *(theirs if others else ())))
    models = [text_of(_shown(model.model)) for model in alike]
    return Table(("Benchmark", "", *models, *(f"paper: {model}" for model in others)), tuple(rows), names=2)


_ROWS: Final = {
    "L test": "test",
    "L train": "train",
    "Delta": "delta",
    "Delta %": "delta_percent",
    "excess": "excess",
    "interval of the excess": "excess_interval",
    "verdict": "verdict",
}


def _cell(each: Exposure, key: str) -> str:
    value = getattr(each, key)
    if value is None:
        return "-"
    if isinstance(value, Interval):
        return f"{value.low:+.3f} to {value.high:+.3f}"
    return value if isinstance(value, str) else f"{value:.2f}" if key == "delta_percent" else f"{value:.3f}"


def _shown(name: str | None) -> str:
    """Return what people call a model: of one in a folder not where that is."""
    path = Path(name or "")
    return model_name_of(path) if path.exists() else name or ""
