"""Statistics of a finished data set on a terminal: the tables of its card, in columns."""

from dataclasses import replace

import msgspec

from glan.cli.columns import say_table
from glan.cli.screen import say
from glan.dataset import tables
from glan.dataset.summary import Summary
from glan.errors import DatasetError
from glan.manifests import Manifest

_MOST_ROWS = 50
_MOST_LETTERS = 60


def say_statistics(manifest: Manifest) -> None:
    """Print what a data set is made of.

    Raises:
        DatasetError: its manifest has other numbers, since another version wrote it.

    """
    try:
        found = msgspec.convert(manifest.quantities, Summary)
    except msgspec.ValidationError as error:
        raise DatasetError(
            f"manifest.json has no statistics as this version writes them: {error}.",
            hint="`glan run --rebuild` makes the data set from the ledger again and asks nobody.",
        ) from error
    for part in (*tables.contents(found), *tables.rejected(found), tables.spent(found)):
        if isinstance(part, tables.Table):
            _say(part)
        elif part:
            say(f"\n{part}")
    for each in manifest.benchmarks:
        say(f"{each['matches']:,} matches rejected in {each['name']}.")


def _say(table: tables.Table) -> None:
    """Print a table, of a long one the beginning."""
    rows = tuple(tuple(cell[:_MOST_LETTERS] for cell in row) for row in table.rows[:_MOST_ROWS])
    say("")
    say_table(replace(table, rows=rows))
    if len(table.rows) > _MOST_ROWS:
        say(f"and {len(table.rows) - _MOST_ROWS:,} more")
