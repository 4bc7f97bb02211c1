"""rensa: MinHash in Rust, its LSH of 16 bands of 8, candidates held to the true similarity of their sets.

What passed is kept as its text, since a check of candidates needs it; that is 400 bytes of the memory.
"""

from collections.abc import Iterator

from around import PERMUTATIONS, THRESHOLD, jaccard, measure, shingles_of
from rensa import RMinHash, RMinHashLSH


def find(texts: list[str]) -> Iterator[int]:
    """Yield the numbers of the texts that are copies of earlier ones."""
    index = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
    for number, text in enumerate(texts):
        shingles = shingles_of(text)
        minhash = RMinHash(num_perm=PERMUTATIONS, seed=42)
        minhash.update(shingles)
        own = set(shingles)
        if any(jaccard(own, set(shingles_of(texts[other]))) >= THRESHOLD for other in index.query(minhash)):
            yield number
        else:
            index.insert(number, minhash)


measure("rensa", find)
