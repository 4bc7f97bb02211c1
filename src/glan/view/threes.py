"""Which rows may hold some bytes: a list of rows for every three bytes that follow each other.

Six bytes with a space amid them have a list too: words that often stand in one text seldom stand side by side. A chunk
is up to 16,384 rows, and has its rows by number from 0. There are 262,144 lists, which are shared by a hash: what is
found may hold the bytes, and what is not found holds them surely not. It refuses to know what the bytes mean.

    starts   of each list the place of its first unit, and at the end the number of units
    units    a list is its rows, ascending; one of 1,024 rows and more is a bit for each row of a full chunk
"""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glan.view.columns import Mask

Keys: TypeAlias = NDArray[np.uint32]
"""List and row in one number, ascending, each once."""
Starts: TypeAlias = NDArray[np.uint32]
Units: TypeAlias = NDArray[np.uint16]

_ROW_BITS = 14
ROWS = 1 << _ROW_BITS
"""Rows of a full chunk."""
SHORTEST = 3
"""Bytes of a phrase from which lists know something of it."""
LISTS = 1 << 32 - _ROW_BITS
_DENSE = ROWS // 16
"""Units of a list of bits."""
_MOST_LISTS = 16
"""Lists that are asked: the rarest, since what they leave is soon looked through."""


def keys_of(texts: bytes, lengths: NDArray[np.int64], first: int) -> Keys:
    """Return list and row of all that some rows have, which follow each other in `texts`; the first is `first`.

    What reaches from one row into the next is counted to the first of them.
    """
    rows = np.repeat(np.arange(first, first + len(lengths), dtype=np.uint32), lengths)
    lists, places = _lists_of(texts)
    return _once(lists << np.uint32(_ROW_BITS) | rows[places])


def packed(keys: Iterable[Keys]) -> tuple[Starts, Units]:
    """Return the lists of a chunk."""
    merged = _once(np.concatenate([np.zeros(0, np.uint32), *keys]))
    lists, rows = merged >> np.uint32(_ROW_BITS), (merged & np.uint32(ROWS - 1)).astype(np.uint16)
    counts = np.bincount(lists, minlength=LISTS)
    dense = np.flatnonzero(counts >= _DENSE)
    starts = np.concatenate([[0], np.cumsum(np.minimum(counts, _DENSE))]).astype(np.uint32)
    is_dense = (counts >= _DENSE)[lists]
    units = np.zeros(starts[-1], np.uint16)
    units[np.repeat(counts < _DENSE, np.diff(starts))] = rows[~is_dense]
    ends = np.cumsum(counts)
    for each in dense:
        bits = np.zeros(ROWS, np.bool_)
        bits[rows[ends[each] - counts[each] : ends[each]]] = True
        units[starts[each] : starts[each + 1]] = np.packbits(bits).view(np.uint16)
    return starts, units


def lists_of(phrases: Iterable[bytes]) -> NDArray[np.int64]:
    """Return the lists that a row stands in if it has all phrases."""
    found = [_lists_of(phrase)[0] for phrase in phrases]
    return np.unique(np.concatenate([np.zeros(0, np.uint32), *found])).astype(np.int64)


def narrowed(mask: Mask, lists: NDArray[np.int64], starts: Starts, units: Units) -> NDArray[np.int64]:
    """Return which rows of a mask stand in all lists."""
    begins, lengths = starts[lists], starts[lists + 1].astype(np.int64) - starts[lists]
    left = np.zeros(ROWS, np.bool_)
    left[: len(mask)] = mask
    for each in np.argsort(lengths, kind="stable")[:_MOST_LISTS]:
        left &= _rows(units[begins[each] : begins[each] + max(0, lengths[each])])
    return np.flatnonzero(left[: len(mask)])


def _rows(list_: Units) -> Mask:
    if len(list_) == _DENSE:
        return np.unpackbits(np.ascontiguousarray(list_).view(np.uint8)).view(np.bool_)
    found = np.zeros(ROWS, np.bool_)
    found[list_ & np.uint16(ROWS - 1)] = True  # a file may come from a stranger
    return found


def _lists_of(text: bytes) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the lists that a text stands in, and beside each the place where what it is of begins."""
    each = np.frombuffer(text, np.uint8).astype(np.uint32)
    threes = each[:-2] << np.uint32(16) | each[1:-1] << np.uint32(8) | each[2:]
    spaces = np.flatnonzero(each[2:-3] == ord(" "))
    left, right = threes[spaces].astype(np.uint64), threes[spaces + 3].astype(np.uint64)
    sixes = (left << np.uint64(24) | right) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(32 + _ROW_BITS)
    threes = threes * np.uint32(0x9E3779B1) >> np.uint32(_ROW_BITS)
    return np.concatenate([threes, sixes.astype(np.uint32)]), np.concatenate([np.arange(len(threes)), spaces])


def _once(keys: Keys) -> Keys:
    if not len(keys):
        return keys
    keys.sort()
    once: Keys = keys[np.concatenate([[True], keys[1:] != keys[:-1]])]
    return once
