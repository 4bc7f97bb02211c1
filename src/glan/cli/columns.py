"""Tables on a terminal."""

from collections.abc import Sequence

from glan.cli.screen import say
from glan.dataset.tables import Table


def say_table(table: Table) -> None:
    """Print a table in columns, numbers at their right."""
    rows: Sequence[Sequence[str]] = (table.head, *table.rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if table.is_number(i) else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())
