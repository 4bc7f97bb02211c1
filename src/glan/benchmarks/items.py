"""An item of a benchmark, as pairs are held against it."""

from glan.records import Record


class Item(Record, frozen=True, kw_only=True):
    """One item of one benchmark: its question, and whatever else of it is looked for."""

    benchmark: str
    id: str
    """Its split and its own id or number: `test/12`."""
    question: str
    others: tuple[str, ...] = ()
    """Further texts, such as its answer. One that begins with the question goes on from it, as choices do."""
