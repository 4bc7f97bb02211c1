"""Benchmarks from the Hugging Face hub, by their recipes: the one place that fetches, when a person says so."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from glan.benchmarks.recipes import Recipe
from glan.benchmarks.store import Reading, Split
from glan.benchmarks.tables import Row
from glan.errors import BenchmarkError, MissingPackageError

Load = Callable[..., Iterable[Mapping[str, Any]]]
"""`datasets.load_dataset`, or what stands for it."""
_RAW: Final = "https://raw.githubusercontent.com"


def reading_of(recipe: Recipe) -> Reading:
    """Return how the rows of a recipe are read."""
    source = f"{recipe.hub} ({', '.join(recipe.configs)})" if recipe.configs else recipe.hub
    return Reading(fields=recipe.fields, source=source, id=recipe.id, licence=recipe.licence)


def splits_of(recipe: Recipe, load: Load, mirror: Path | None = None) -> Iterator[Split]:
    """Yield the splits of every configuration; the rows come as they are read.

    With a mirror, a folder that holds copies of the hub's repositories as `OWNER/NAME`, nothing is fetched.
    """
    for config in recipe.configs or (None,):
        part = config if config is not None and len(recipe.configs) > 1 else ""
        for split in recipe.splits:
            yield Split(name=split, part=part, rows=_rows(recipe, load, _Wanted(config, split, mirror)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One split of one configuration."""

    config: str | None
    split: str
    mirror: Path | None

    def loaded(self, recipe: Recipe, load: Load) -> Iterable[Mapping[str, Any]]:
        if recipe.files:
            place = f"{_RAW}/{recipe.hub}/main" if self.mirror is None else str(self.mirror / recipe.hub)
            files = {self.split: f"{place}/{recipe.files[self.split]}"}
            return load("json", data_files=files, split=self.split, streaming=True)
        place = recipe.hub if self.mirror is None else str(self.mirror / recipe.hub)
        named = {"name": self.config} if self.config is not None else {}
        return load(place, split=self.split, streaming=True, **named)


def _rows(recipe: Recipe, load: Load, wanted: _Wanted) -> Iterator[Row]:
    place = Path("/".join(filter(None, [recipe.hub, wanted.config, wanted.split])))
    try:
        for number, fields in enumerate(wanted.loaded(recipe, load), 1):
            yield Row(place, number, fields)
    except (OSError, ValueError) as error:
        words = " ".join(str(error).split())[:300].rstrip(".")
        raise BenchmarkError(
            f"{place} cannot be fetched: {words}.",
            hint="Get its files in another way: `glan benchmarks fetch --from DIR` reads copies of repositories, "
            "and `glan benchmarks add` reads any file.",
        ) from error


def load_from_hub() -> Load:
    """Return the library's own reader.

    Raises:
        MissingPackageError: it is not installed.

    """
    try:
        import datasets  # noqa: PLC0415 - an extra, and slow to load
    except ImportError as error:
        raise MissingPackageError(
            "To fetch benchmarks the package `datasets` is needed, and it is not installed.",
            hint="pip install 'glan[benchmarks]'",
        ) from error

    def load(*where: str, **wanted: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - as the library takes them
        try:
            yield from datasets.load_dataset(*where, **wanted)
        except datasets.exceptions.DatasetsError as error:
            raise ValueError(str(error)) from error

    return load
