"""The command that looks whether a model has seen the training split of a benchmark."""

import random
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final, Literal, TypedDict, Unpack

import click
import msgspec

from glan.benchmarks.items import Item
from glan.benchmarks.store import Benchmark
from glan.benchmarks.tables import files_of, rows_of, text_of
from glan.cli.columns import say_table
from glan.cli.screen import json_option, project_option, say, say_json
from glan.dataset.tables import Table
from glan.disk import replace
from glan.errors import BenchmarkError, MissingPackageError
from glan.evaluate.folders import model_in
from glan.evaluate.leakage import EXPOSED, UNKNOWN, Exposure, ItemLoss, by_benchmark, exposure_of
from glan.evaluate.texts import Loss, Part, Text, drawn, following, split_of
from glan.evaluate.texts import text_of as text_of_item
from glan.exposures import PAGE, Looked, looked_in, page
from glan.project import Project

_EVERY_S: Final = 10.0
_MOST_NAMED: Final = 5
_KEPT: Final = "kept"
"""Folder of the losses of every batch, as they came."""
_HEAD: Final = ("Benchmark", "L test", "L train", "Delta", "Delta %", "interval", "base", "excess", "interval", "")


class _Given(TypedDict):
    """The options of `glan leakage` as click gives them."""

    folder: Path
    base: str | None
    names: tuple[str, ...]
    files: tuple[Path | None, Path | None]
    fields: tuple[str, ...]
    splits: tuple[str, str]
    part: Part
    form: Literal["plain", "chat"]
    limit: int | None
    confidence: float
    seed: int
    tokens_at_once: int
    out: Path | None
    as_json: bool


@click.command("leakage")
@click.argument("model")
@project_option
@click.option("--base", help="The model that MODEL was tuned from: what it shows too is no evidence.")
@click.option("--benchmark", "names", multiple=True, help="A benchmark of the project; all with both splits if none.")
@click.option("--test", type=click.Path(path_type=Path, exists=True), help="Items of a test split, instead: a file.")
@click.option("--train", type=click.Path(path_type=Path, exists=True), help="Items of the training split: a file.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    help="Of such files the question's field, then the answer's.  [question, answer]",
)
@click.option(
    "--splits",
    nargs=2,
    default=("test", "train"),
    show_default=True,
    metavar="TEST TRAIN",
    help="Names of the two splits in the project's benchmarks.",
)
@click.option(
    "--of",
    "part",
    type=click.Choice(["answer", "item"]),
    default="answer",
    show_default=True,
    help="Take the loss of the answer, after its question, or of both.",
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["plain", "chat"]),
    default="plain",
    show_default=True,
    help="Items as plain text, or as the chat template of MODEL writes them, for its base too.",
)
@click.option("--limit", type=click.IntRange(1), help="Most items of a split, drawn at random; all if not given.")
@click.option(
    "--confidence", type=click.FloatRange(0.5, 0.9999), default=0.99, show_default=True, help="Of the intervals."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the items and the bootstrap.")
@click.option("--tokens-at-once", type=click.IntRange(1), default=8_192, show_default=True, help="Tokens of one pass.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the losses of every item; `leakage` in the project's if not given.",
)
@json_option
def leakage_command(model: str, test: Path | None, train: Path | None, **given: Unpack[_Given]) -> None:
    """Say whether MODEL, a folder or a name on the hub, has seen the training split of a benchmark.

    It takes the loss of every item of the test and the training split, of MODEL and of its base. What was interrupted
    goes on where it was: type the same command again. Needs the extra `eval`.
    """
    if (test is None) != (train is None):
        raise click.UsageError("--test and --train are given together.")
    library = _library()
    model = _found(model)
    given["base"] = given["base"] and _found(given["base"])
    given["files"] = (test, train)
    items = list(_items(given))
    out = given["out"] or given["folder"] / "leakage"
    losses = _losses(library, model, items, out / _KEPT, given)
    base = losses.get(given["base"] or "")
    of_base = by_benchmark(base) if base is not None else {}
    splits = given["splits"]
    found = [
        exposure_of(each, of_base.get(name), splits=splits, confidence=given["confidence"], seed=given["seed"])
        for name, each in by_benchmark(losses[model]).items()
    ]
    _keep(out, model, losses, found, given)
    if given["as_json"]:
        say_json(
            {"model": model, "base": given["base"], "of": given["part"], "benchmarks": [e.as_dict() for e in found]}
        )
    else:
        _say(found, out)


def _found(model: str) -> str:
    """Return the folder of a student where that above it is given; any other model as it is."""
    return str(model_in(Path(model)) or model)


def _library() -> ModuleType:
    """Return the one module that imports torch."""
    try:
        from glan.evaluate import losses  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            f"To take losses, the packages torch and transformers are needed: {error}.",
            hint="pip install 'glan[eval]'",
        ) from error
    return losses


def _items(given: _Given) -> Iterator[Item]:
    """Yield the items of both splits of every benchmark."""
    rng = random.Random(given["seed"])
    test, train = given["files"]
    if test is not None and train is not None:
        name = given["names"][0] if given["names"] else "benchmark"
        fields = given["fields"] or ("question", "answer")
        rows = zip(given["splits"], (test, train), strict=True)
        from_files = [item for split, path in rows for item in _from_file(name, split, path, fields)]
        yield from drawn(from_files, given["splits"], given["limit"], rng)
        return
    for benchmark in _chosen(Project.open(given["folder"]), given):
        yield from drawn(benchmark.items(), given["splits"], given["limit"], rng)


def _chosen(project: Project, given: _Given) -> list[Benchmark]:
    there = {benchmark.name.casefold(): benchmark for benchmark in project.benchmarks.found}
    unknown = [name for name in given["names"] if name.casefold() not in there]
    if unknown:
        raise BenchmarkError(
            f"The project has no benchmark {unknown[0]!r}.",
            hint=f"It has {', '.join(project.benchmarks.names) or 'none'}; `glan benchmarks fetch` gets more.",
        )
    chosen = [there[name.casefold()] for name in given["names"]] or list(there.values())
    both = [each for each in chosen if all(each.about.splits.get(split) for split in given["splits"])]
    lacking = [each for each in chosen if each not in both]
    if not both or (given["names"] and lacking):
        wanted = " and ".join(given["splits"])
        told = [f"{each.name} has {' and '.join(each.about.splits) or 'none'}" for each in lacking[:_MOST_NAMED]]
        raise BenchmarkError(
            f"Both splits, {wanted}, are needed; {', '.join(told) or 'the project has no benchmark'}.",
            hint="Name them as they are there, --splits TEST TRAIN; fetch them with `glan benchmarks fetch`; or give "
            "--test and --train, two files.",
        )
    return both


def _from_file(name: str, split: str, path: Path, fields: Sequence[str]) -> Iterator[Item]:
    for file in files_of(path):
        for row in rows_of(file):
            question, *others = (text_of(row, field) for field in fields)
            yield Item(benchmark=name, id=f"{split}/{row.number}", question=question, others=tuple(others))


def _losses(
    library: ModuleType, model: str, items: Sequence[Item], kept: Path, given: _Given
) -> dict[str, list[ItemLoss]]:
    """Return the losses of the model and of its base on the same texts, by their names."""
    found: dict[str, list[ItemLoss]] = {}
    texts: list[Text] = []
    for name in filter(None, (model, given["base"])):
        opened = library.Model(name, tokens_at_once=given["tokens_at_once"])
        if not texts and given["form"] == "chat":
            texts = [opened.as_chat(item.question, following(item), given["part"]) for item in items]
        elif not texts:
            texts = [text_of_item(item, given["part"]) for item in items]
        tell = (lambda _: None) if given["as_json"] else _Rarely(name, len(texts))
        found[name] = list(_left(items, opened.losses(texts, kept, tell)))
    return found


def _left(items: Sequence[Item], losses: Sequence[Loss | None]) -> Iterator[ItemLoss]:
    """Yield the losses of the items of which something is left."""
    for item, loss in zip(items, losses, strict=True):
        if loss is not None:
            place = {"benchmark": item.benchmark, "split": split_of(item), "id": item.id}
            yield ItemLoss(**place, loss=loss.loss, tokens=loss.tokens)


class _Rarely:
    """Prints how far it is, not more often than a log wants it."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most, self._told_s = name, most, time.monotonic()

    def __call__(self, done: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= _EVERY_S:
            self._told_s = now_s
            click.echo(f"{self._name}: {done:,} of {self._most:,} items", err=True)


def _keep(out: Path, model: str, losses: dict[str, list[ItemLoss]], found: Sequence[Exposure], given: _Given) -> None:
    """Write the losses of every item, and what they come to, beside each other."""
    out.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.") or "model"
    base = {(each.benchmark, each.id): each for each in losses.get(given["base"] or "", [])}
    encode = msgspec.json.Encoder().encode
    lines = []
    for each in losses[model]:
        other = base.get((each.benchmark, each.id))
        lines.append(encode({**msgspec.to_builtins(each), "base_loss": other.loss if other is not None else None}))
    replace(out / f"{name}.jsonl", b"\n".join([*lines, b""]))
    looked = Looked(
        model=model,
        base=given["base"],
        of=given["part"],
        form=given["form"],
        seed=given["seed"],
        benchmarks=tuple(found),
    )
    told = {**msgspec.to_builtins(looked), "benchmarks": [each.as_dict() for each in found]}
    replace(out / f"{name}.json", msgspec.json.format(msgspec.json.encode(told)))
    replace(out / PAGE, page(looked_in(out)).encode("utf-8", "replace"))


def _say(found: Sequence[Exposure], out: Path) -> None:
    say_table(Table(_HEAD, tuple(map(_row, found))))
    for each in found:
        say(_told(each))
    say(f"The losses of every item are in {out}; its {PAGE} sets all models that were looked at beside the paper's.")


def _row(each: Exposure) -> tuple[str, ...]:
    numbers = [f"{number:.3f}" for number in (each.test, each.train)]
    numbers += [f"{each.delta:+.3f}", f"{each.delta_percent:+.2f}", _interval(each.interval)]
    numbers += [f"{number:+.3f}" if number is not None else "-" for number in (each.base_delta, each.excess)]
    return (each.benchmark, *numbers, _interval(each.excess_interval), each.verdict)


def _interval(found: tuple[float, float] | None) -> str:
    return "-" if found is None else f"{found[0]:+.3f} to {found[1]:+.3f}"


def _told(each: Exposure) -> str:
    """Say in a sentence what a verdict rests on."""
    items = f"{each.n_test:,} test and {each.n_train:,} training items"
    if each.verdict == EXPOSED:
        return (
            f"{each.benchmark}: tuning lowered the loss on the training split by more than on the test split "
            f"({items}): the model has probably seen it, or texts much like it."
        )
    if each.verdict == UNKNOWN:
        why = "its base is not named (--base)" if each.excess is None else "there are too few items"
        return f"{each.benchmark}: no verdict, since {why}; two splits are never alike ({items})."
    return (
        f"{each.benchmark}: no sign that tuning saw the training split ({items}); a leak of the test split would not "
        "show."
    )
