"""Whether a question or an answer holds an item of a benchmark. It knows texts and items, no files.

* A text of 13 words or more, be it an item's question, its answer or another part: any 13 of its words in a row.
* A question of 6 to 12 words: all of it, inside a question or an answer.
* A shorter question: only what is equal to it as a whole, symbols included, among the questions.

What a word is says `words.py`, and how many a text is worth whose script writes no spaces: of Chinese and Japanese 26
characters count as 13 words. Runs of words are looked up by their hashes, and whatever is found so is held against
the item's own words before it counts: no collision of hashes is ever a verdict. Nothing is missed but by a collision
of 64 bits inside a benchmark, which among 10 million runs has a chance of one in 300,000.

Memory: some 13 bytes for each different run of 13 words, and the words of the items at about half of their length.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec
import numpy as np

from glan.benchmarks.items import Item
from glan.curate.duplicates import in_groups
from glan.curate.postings import Integers, Postings
from glan.curate.shingles import Spelled, normalise
from glan.curate.words import LONG, SHORT, Hashes, Runs, Words, extent, runs_of
from glan.errors import CurationError
from glan.packing import compress, decompress

REASON: Final = "contaminated"
_ROW_BITS: Final = 22
_MOST_ROWS: Final = 1 << _ROW_BITS
_HALF: Final = np.uint64(32)
_CHUNK: Final = 4_096
"""Texts whose runs are hashed at once."""
_BLOCK: Final = 16
"""Texts that are compressed together: to read one costs some 10 us, and only what is found is read."""
_MOST_BYTES: Final = 1 << 31
_MOST_OF_FEW: Final = 4 * SHORT
"""Characters of the scripts that need the most for a word."""
_MOST_WORDS: Final = 40
"""Words of a match that are shown."""
_DECODER: Final = msgspec.msgpack.Decoder(list[tuple[str, str, bytes]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a text has in common with a benchmark."""

    benchmark: str
    item: str
    text: str
    """The words that both have in a row."""

    @property
    def detail(self) -> str:
        """Name, item and words as a reject tells them; `benchmark_of` reads the name again."""
        return f"{self.benchmark} {self.item}: {self.text}"


def benchmark_of(detail: str) -> str:
    """Return the benchmark that the detail of a reject names."""
    return detail.partition(" ")[0]


class Contamination:
    """The items of some benchmarks."""

    def __init__(self, items: Iterable[Item]) -> None:
        """Read the items, those of one benchmark after those of another.

        Raises:
            CurationError: there are more than four million texts.

        """
        self._texts = _Texts()
        self._whole: dict[str, int] = {}
        """Row of each question that is too short to be looked for inside others, by its normal form."""
        self._runs = Postings()
        self._beginnings = Postings()
        """The first words of the questions that are looked for as a whole."""
        long, short = _Entries(LONG), _Entries(SHORT)
        for _, group in groupby(items, key=attrgetter("benchmark")):
            self._read(group, long, short)
        self._runs.add(long.sorted())
        self._beginnings.add(short.sorted())
        self._texts.close()

    def questions(self, texts: Sequence[str]) -> list[Match | None]:
        """Return for each question what it has in common with an item."""
        if not len(self._texts):
            return [None] * len(texts)
        return [match for group in in_groups(texts) for match in self._judged([*map(Words.of, group)], group)]

    def questions_spelled(self, texts: Sequence[Spelled]) -> list[Match | None]:
        """Judge a group of questions that are spelled already."""
        if not len(self._texts):
            return [None] * len(texts)
        return self._judged([*map(Words.spelled, texts)], [text.text for text in texts])

    def answers(self, texts: Sequence[str]) -> list[Match | None]:
        """Return for each answer what it has in common with an item."""
        if not len(self._texts):
            return [None] * len(texts)
        return [match for group in in_groups(texts) for match in self._judged([*map(Words.of, group)], ())]

    @property
    def size_bytes(self) -> int:
        """Memory that is filled, but for the questions of up to five words."""
        return self._runs.size_bytes + self._beginnings.size_bytes + self._texts.size_bytes

    def _read(self, items: Iterable[Item], long: "_Entries", short: "_Entries") -> None:
        """Enter the items of one benchmark."""
        whole = _Questions()
        for item in items:
            asked = Words.of(item.question)
            row = self._texts.add(item, asked.words)
            if extent(asked.words) >= LONG:
                long.add(row, asked.hashes)
            elif asked.words:
                whole.add(item, row, asked)
            for other in map(Words.of, item.others):
                if extent(other.words) >= LONG:
                    long.add(self._texts.add(item, other.words), other.hashes)
        for row, question, hashes in whole.unambiguous():
            if hashes.size:
                short.add(row, hashes[:SHORT])
            else:
                self._whole.setdefault(normalise(question), row)

    def _judged(self, texts: Sequence[Words], questions: Sequence[str]) -> list[Match | None]:
        """Judge a group of texts; questions are given as they were too, since they may be a short item as a whole."""
        matches = self._equal(questions, texts)
        short, long = runs_of([text.hashes for text in texts])
        for match_of, runs, postings in ((_held, short, self._beginnings), (_shared, long, self._runs)):
            for place, row, start in _found(postings, runs):
                if place not in matches:
                    match = match_of(self._texts[row], texts[place].words, start - _before(texts, place))
                    if match is not None:
                        matches[place] = match
        return [matches.get(place) for place in range(len(texts))]

    def _equal(self, questions: Sequence[str], words: Sequence[Words]) -> dict[int, Match]:
        """Return the matches of questions that are as a whole a short item."""
        few = [(place, normalise(text)) for place, text in enumerate(questions) if _is_few(words[place].words)]
        rows = {place: self._whole[normal] for place, normal in few if normal in self._whole}
        return {place: _match(self._texts[row], words[place].words) for place, row in rows.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """One text of an item, in words that are one space apart."""

    benchmark: str
    item: str
    text: bytes


def _match(known: _Known, words: Sequence[bytes]) -> Match:
    more = " ..." if len(words) > _MOST_WORDS else ""
    text = b" ".join(words[:_MOST_WORDS]).decode("utf-8", "replace")
    return Match(benchmark=known.benchmark, item=known.item, text=text + more)


def _held(known: _Known, words: Sequence[bytes], start: int) -> Match | None:
    """Return the match if the whole of a known text begins there."""
    wanted = known.text.split(b" ")
    return _match(known, wanted) if words[start : start + len(wanted)] == wanted else None


def _shared(known: _Known, words: Sequence[bytes], start: int) -> Match | None:
    """Return the match if the known text holds the run that begins there, with as many words as follow in both."""
    run, text = b" " + b" ".join(words[start : start + LONG]) + b" ", b" " + known.text + b" "
    place = text.find(run)
    while place >= 0:
        theirs = text[place + 1 : -1].split(b" ")
        length = LONG
        while length < min(len(theirs), len(words) - start) and theirs[length] == words[start + length]:
            length += 1
        if extent(theirs[:length]) >= LONG:
            return _match(known, theirs[:length])
        place = text.find(run, place + 1)
    return None


def _is_few(words: Sequence[bytes]) -> bool:
    """Say whether a question is too short to be looked for inside others; none of so many words is."""
    return len(words) < _MOST_OF_FEW and extent(words) < SHORT


def _before(texts: Sequence[Words], place: int) -> int:
    """Return how many words stand before a text."""
    return sum([len(text.words) for text in texts[:place]])


def _found(postings: Postings, runs: Runs) -> Iterator[tuple[int, int, int]]:
    """Yield what may be a match, for each text the earliest item first: place of the text, row, and where it begins."""
    if not postings.size_bytes or not runs.hashes.size:
        return
    hits = postings.find((runs.hashes >> _HALF).astype(np.uint32))
    is_found = (hits.rows >> _ROW_BITS) == _checks(runs.hashes)[hits.which]
    if not is_found.any():
        return
    which, rows = hits.which[is_found], hits.rows[is_found] & (_MOST_ROWS - 1)
    for i in np.lexsort((runs.starts[which], rows, runs.places[which])):
        run = which[i]
        yield int(runs.places[run]), int(rows[i]), int(runs.starts[run])


def _checks(hashes: Hashes) -> Integers:
    """Return bits of each hash that its key has not, as many as a row leaves room for."""
    checks: Integers = (hashes & np.uint64((1 << (32 - _ROW_BITS)) - 1)).astype(np.int64)
    return checks


class _Entries:
    """Runs of known texts on their way into an index.

    A long run that comes again in the same chunk is entered once; the short ones are beginnings of different texts.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._rows: list[int] = []
        self._hashes: list[Hashes] = []
        self._packed: list[Hashes] = []

    def add(self, row: int, hashes: Hashes) -> None:
        """Enter the runs of a text that is given as the hashes of its words."""
        self._rows.append(row)
        self._hashes.append(hashes)
        if len(self._rows) == _CHUNK:
            self._hash()

    def sorted(self) -> Hashes:
        """Return all entries: `key * 2^32 + check * 2^22 + row`."""
        self._hash()
        entries = np.concatenate(self._packed) if self._packed else np.empty(0, dtype=np.uint64)
        self._packed = []
        entries.sort()
        return entries

    def _hash(self) -> None:
        short, long = runs_of(self._hashes)
        if self._length == LONG:
            hashes, first = np.unique(long.hashes, return_index=True)
            places = long.places[first]
        else:
            hashes, places = short.hashes, short.places
        rows = np.array(self._rows, dtype=np.int64)[places]
        low = (_checks(hashes) << _ROW_BITS) | rows
        self._packed.append(((hashes >> _HALF) << _HALF) | low.astype(np.uint64))
        self._rows, self._hashes = [], []


class _Questions:
    """The questions of one benchmark that are shorter than a run."""

    def __init__(self) -> None:
        self._found: dict[bytes, tuple[int, str, Hashes, tuple[str, ...]]] = {}
        self._ambiguous: set[bytes] = set()

    def add(self, item: Item, row: int, asked: Words) -> None:
        key = b" ".join(asked.words)
        goes_on = tuple(other for other in item.others if other.startswith(item.question))
        known = self._found.setdefault(key, (row, item.question, asked.hashes, goes_on))
        if known[3] != goes_on:
            self._ambiguous.add(key)

    def unambiguous(self) -> Iterator[tuple[int, str, Hashes]]:
        """Yield row, question and hashes of words of each that the benchmark does not go on from in several ways.

        There are no hashes of one that is too short to be looked for inside others.

        "Which of the following is true?" is no item; with its choices it is one.
        """
        for key, (row, question, hashes, _) in self._found.items():
            if key not in self._ambiguous:
                yield row, question, hashes if extent(key.split(b" ")) >= SHORT else hashes[:0]


class _Texts:
    """The known texts, compressed; the number of a text is its row."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[tuple[str, str, bytes]] = []
        self._last: tuple[int, list[tuple[str, str, bytes]]] = (-1, [])
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, item: Item, words: Sequence[bytes]) -> int:
        """Keep a text, and return its row."""
        if self._n == _MOST_ROWS:
            raise CurationError(
                f"The benchmarks have more than {_MOST_ROWS:,} texts; no more can be looked for.",
                hint="Remove some of them from benchmarks/.",
            )
        self._open.append((item.benchmark, item.id, b" ".join(words)))
        self._n += 1
        if len(self._open) == _BLOCK:
            self.close()
        return self._n - 1

    def close(self) -> None:
        """Compress what is left."""
        if self._open:
            self._blocks.append(compress(msgspec.msgpack.encode(self._open)))
            self._open = []

    def __getitem__(self, row: int) -> _Known:
        which, place = divmod(row, _BLOCK)
        if self._last[0] != which:
            self._last = which, _DECODER.decode(decompress(self._blocks[which], _MOST_BYTES))
        benchmark, item, text = self._last[1][place]
        return _Known(benchmark=benchmark, item=item, text=text)

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self._blocks))
