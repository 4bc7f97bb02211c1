"""The sections of `glan.toml` on a data set: its files, its card, its place; `settings.py` has the others."""

from typing import Annotated

from msgspec import Meta

from glan.settings import Settings


class Dataset(Settings, frozen=True):
    name: Annotated[str | None, Meta(description="Name of the data set on its card; the folder's if unset.")] = None
    license: Annotated[str | None, Meta(description='Licence of the data set, such as "cc-by-4.0"; never guessed.')] = (
        None
    )
    authors: Annotated[tuple[str, ...], Meta(description="Who made the data set, for its card.")] = ()
    citation: Annotated[str | None, Meta(description="How to cite the data set, as BibTeX, for its card.")] = None
    shard_rows: Annotated[int, Meta(ge=1, le=1_000_000, description="Rows of a parquet file.")] = 10_000


class Publish(Settings, frozen=True):
    url: Annotated[
        str | None,
        Meta(description='Where `glan run` publishes the data set: "s3://BUCKET/PREFIX", gs://, az:// or a folder.'),
    ] = None
    keep: Annotated[
        int,
        Meta(ge=1, le=1_000, description="Versions that stay there, the newest among them, for who still reads one."),
    ] = 2
