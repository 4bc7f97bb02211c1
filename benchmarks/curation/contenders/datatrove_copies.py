"""datatrove: the four steps of its MinHash, in one process, over files as it does it; 14 buckets of 8, its default.

It takes any two texts that share a bucket for copies and keeps one of each cluster; it knows no true similarity.
Its shingles are of three words here as everybody's, and its tokeniser is a split at spaces: its own is a dear one, and
these texts need none.
"""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from around import WORDS_PER_SHINGLE, measure, words_of
from datatrove.data import Document
from datatrove.pipeline.dedup import minhash
from datatrove.utils.logging import logger


class Spaces:
    """A tokeniser that splits at spaces."""

    def word_tokenize(self, text: str) -> list[str]:
        return words_of(text)


def find(texts: list[str]) -> Iterator[int]:
    """Yield the numbers of the texts that are copies, one of each cluster left out."""
    logger.remove()
    logging.disable()
    config = minhash.MinhashConfig(n_grams=WORDS_PER_SHINGLE)
    with tempfile.TemporaryDirectory() as folder:
        signatures, buckets, removed = (str(Path(folder) / name) for name in ("signatures", "buckets", "removed"))
        minhash.load_word_tokenizer = lambda _: Spaces()
        signing = minhash.MinhashDedupSignature(signatures, config=config)
        signing.run(Document(text=text, id=str(number)) for number, text in enumerate(texts))
        for bucket in range(config.num_buckets):
            minhash.MinhashDedupBuckets(signatures, buckets, config=config, only_dedup_in_index=False).run(
                rank=bucket, world_size=config.num_buckets
            )
        minhash.MinhashDedupCluster(buckets, removed, config=config).run()
        for path in Path(removed).glob("*.remove"):
            data = path.read_bytes()
            yield from (int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4))


measure("datatrove", find)
