"""datasketch: MinHash in numpy, its LSH for the threshold, candidates held to the true similarity of their sets."""

from collections.abc import Iterator

from around import PERMUTATIONS, THRESHOLD, jaccard, measure, shingles_of
from datasketch import MinHash, MinHashLSH


def find(texts: list[str]) -> Iterator[int]:
    """Yield the numbers of the texts that are copies of earlier ones."""
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    for number, text in enumerate(texts):
        shingles = shingles_of(text)
        minhash = MinHash(num_perm=PERMUTATIONS)
        minhash.update_batch([shingle.encode() for shingle in shingles])
        own = set(shingles)
        if any(jaccard(own, set(shingles_of(texts[other]))) >= THRESHOLD for other in index.query(minhash)):
            yield number
        else:
            index.insert(number, minhash, check_duplication=False)


measure("datasketch", find)
