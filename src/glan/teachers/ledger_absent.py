"""Which requests the ledger surely has nothing of, so that what is new is not looked up.

A new run misses with every request, and a look into SQLite that finds nothing takes 20 us. This is a Bloom filter with
one hash: what it says is absent is absent, and a few of a hundred that are absent it does not know of.
"""

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

_WORTH: Final = 64
"""After so many look-ups in a row that found nothing it is worth reading which requests there are."""
_MOST_READ: Final = 500_000
"""Of a ledger with more rows than this the requests are not read: that would take some seconds."""
_MOST_EARLY: Final = 10_000
"""Requests that are held before it was worth it; where hits and misses alternate for so long it never is."""
_BITS: Final = 1 << 25
"""4 MiB: of a million requests 3% are taken for known, of ten million a quarter."""


class Absent:
    """The filter. It is empty until it is worth its memory."""

    def __init__(self, count: Callable[[], int], requests: Callable[[], Iterable[str]]) -> None:
        """Hold how many rows there are, and what gives the requests that they are of."""
        self._count = count
        self._requests = requests
        self._bits: bytearray | None = None
        self._missed = 0
        self._early: list[str] | None = []
        """Requests whose rows may not be in the file yet when it is read; None where it will not be read."""

    def __contains__(self, request_id: str) -> bool:
        """Say whether there is surely nothing of a request."""
        if self._bits is None:
            return False
        place = hash(request_id) % _BITS
        return not self._bits[place >> 3] >> (place & 7) & 1

    def looked_up(self, *, is_found: bool) -> None:
        """Take note of a look-up that had to be made."""
        self._missed = 0 if is_found else self._missed + 1
        if self._missed >= _WORTH and self._early is not None:
            self._begin(self._early)

    def add(self, request_id: str) -> None:
        """Take note of a request before its row is on its way."""
        if self._bits is not None:
            self._set(self._bits, request_id)
        elif self._early is not None:
            self._early.append(request_id)
            if len(self._early) > _MOST_EARLY:
                self._early = None

    def _begin(self, early: Iterable[str]) -> None:
        self._early = None
        if self._count() <= _MOST_READ:
            bits = bytearray(_BITS >> 3)
            for request_id in chain(early, self._requests()):
                self._set(bits, request_id)
            self._bits = bits

    @staticmethod
    def _set(bits: bytearray, request_id: str) -> None:
        place = hash(request_id) % _BITS
        bits[place >> 3] |= 1 << (place & 7)
