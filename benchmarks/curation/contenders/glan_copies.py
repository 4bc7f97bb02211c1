"""The check of duplicates as a run has it, 128 questions at a time."""

from collections.abc import Iterator

from around import THRESHOLD, measure

from glan.curate.duplicates import Duplicates


def find(texts: list[str]) -> Iterator[int]:
    """Yield the numbers of the texts that are copies of earlier ones."""
    duplicates = Duplicates(THRESHOLD)
    for start in range(0, len(texts), 128):
        for place, copy in enumerate(duplicates.judge(texts[start : start + 128])):
            if copy is not None:
                yield start + place


measure("glan", find)
