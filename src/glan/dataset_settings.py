"""The section of `glan.toml` on the files of a data set and on what its card says; `settings.py` has the others."""

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
