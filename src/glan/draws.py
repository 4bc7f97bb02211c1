"""What is drawn in a slot: one or two class sessions and some of their key concepts, never the same set twice.

`Draws` is the sequence of draws of one subject, a pure function of the syllabus, the settings and the project's seed.
A set is its sessions and concepts by their keys; one set in 50 is reserved for test sets, and `Draws` gives either
the others or these alone. Knows no teacher, no file, and no subject but its own.

    single, one session of 5 concepts:       5 + 10 + 10 + 5 + 1 = 31 sets
    pair, two sessions of 5 concepts each:   25 + 100 + 200 + 250 = 575 sets
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from hashlib import blake2b
from math import inf

from glan.places import framed, key_of, seed_of, seed_of_framed
from glan.records import Draw, Session, Strategy, Syllabus
from glan.sets import Kind, Law, law_of
from glan.settings import Plan

_RESERVED_ONE_IN = 50
_PREFERRING_TRIES = 3
"""Tries that prefer what was used least, each less strict than the one before."""
_BLIND_TRIES = 8
"""Tries without preference before the sets that are left are listed: all fail only when few are left."""
_MOST_TRIES = 100_000
"""Tries among too many sets to be listed: they all fail only when the keys of the concepts are not unique."""
_64_BITS = (1 << 64) - 1


def identity_of(syllabus: Syllabus, draw: Draw) -> int:
    """Return what makes a set the same set: a hash of its session and concept keys, never of their places."""
    sessions = syllabus.sessions
    return _mixed(sum(_concept_ids(sessions[i])[k] for i, k in draw.concepts) & _64_BITS)


def is_reserved(seed: int, syllabus_id: str, identity: int) -> bool:
    """Say whether a set of a subject is kept for test sets."""
    return _mixed(identity ^ _salt(seed, syllabus_id)) % _RESERVED_ONE_IN == 0


class Draws:
    """The draws of one subject. It holds 8 bytes a draw, and 12 bytes a key concept from the first draw on."""

    __slots__ = (
        "_concept_ids",
        "_concept_uses",
        "_index",
        "_is_test",
        "_law",
        "_left",
        "_live",
        "_salt",
        "_session_uses",
        "_sessions",
        "_settings",
        "_sizes",
        "_stream",
        "_used",
    )

    def __init__(self, syllabus: Syllabus, *, settings: Plan, seed: int, reserved: bool = False) -> None:
        keys = (syllabus.discipline.key, syllabus.subject.key)
        self._sessions = syllabus.sessions
        self._settings = settings
        self._is_test = reserved
        self._stream = seed_of(seed, "test draws" if reserved else "draws", *keys)
        self._salt = _salt(seed, syllabus.id)
        self._sizes = _sizes(syllabus)
        self._index = 0
        # Identities of the used sets, ascending: 8 bytes each, where a Python set takes 70.
        self._used = array("Q")
        # Ranks of the sets that may be left, for kinds that are nearly used up.
        self._left: dict[int, array[int]] = {}
        self._law: Law | None = None
        self._live: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
        self._concept_ids = array("Q")
        self._concept_uses = array("I")
        self._session_uses = array("d")

    def park(self) -> None:
        """Let go of the sessions' names, which are most of what a subject weighs, until `resume` brings them back."""
        self._sessions = ()
        self._law = None

    def resume(self, sessions: tuple[Session, ...]) -> None:
        """Take the sessions again that the draws began with."""
        self._sessions = sessions

    def next(self) -> Draw | None:
        """Return the next draw, or None when every set is used."""
        law = self._law = self._law or law_of(self._sizes, self._settings.law)
        if not self._session_uses:
            self._begin(law)
        dice = _Dice(self._stream, self._index)
        is_pair = dice.below(1 << 53) < self._settings.pair_share * (1 << 53)
        while places := self._live[is_pair] or self._live[not is_pair]:
            place = places[dice.below(len(places))]
            kind = law.kinds[place]
            chosen = self._prefer(kind, place, dice) or self._take_any(kind, place, dice)
            if chosen:
                return self._use(kind, chosen)
            singles, pairs = self._live
            self._live = tuple(i for i in singles if i != place), tuple(i for i in pairs if i != place)
        return None

    def _begin(self, law: Law) -> None:
        """Make room for what is counted; a subject without draws costs next to nothing."""
        self._live = law.places
        self._concept_ids = array("Q", [0]) * sum(self._sizes)
        self._concept_uses = array("I", [0]) * sum(self._sizes)
        self._session_uses = array("d", [0]) * len(self._sizes)

    def _prefer(self, kind: Kind, place: int, dice: "_Dice") -> list[int] | None:
        """Take a set of the least-used sessions and concepts, or None when such sets are used already."""
        # Hardly any set is reserved, and few are left of a kind that is listed: there is nothing to prefer among.
        if self._settings.sampling == "random" or self._is_test or place in self._left:
            return None
        for slack in range(_PREFERRING_TRIES):
            chosen = self._least_used(kind, dice, slack)
            if self._take(chosen):
                return chosen
        return None

    def _least_used(self, kind: Kind, dice: "_Dice", slack: int) -> list[int]:
        """Return one concept of each session, then those used least in all of them; ascending."""
        size = kind.size_at(dice.below(kind.count))
        sessions = self._least_used_sessions(kind, size, dice, slack)
        pool: list[int] = []
        levels: list[float] = []
        for session in sessions:
            concepts = kind.shape.concepts_of(session)
            pool += concepts
            levels += self._concept_uses[concepts.start : concepts.stop]
        end, middle = len(pool), self._sizes[sessions[0]]
        spans = [(0, middle), (middle, end)] if kind.is_pair else []
        spans += [(0, end)] * (size - len(spans))
        chosen: list[int] = []
        for start, end in spans:
            at = start + _lowest(levels[start:end], slack, dice)
            levels[at] = inf
            chosen.append(pool[at])
        chosen.sort()
        return chosen

    def _least_used_sessions(self, kind: Kind, size: int, dice: "_Dice", slack: int) -> tuple[int, ...]:
        first = _lowest(self._levels_of(kind.shape.rooms[kind.is_pair], size), slack, dice)
        if not kind.is_pair:
            return (first,)
        levels = self._levels_of(self._sizes, max(1, size - self._sizes[first]))
        levels[first] = inf
        return first, _lowest(levels, slack, dice)

    def _levels_of(self, rooms: tuple[int, ...], least: int) -> list[float]:
        """Return how much each session was used; infinitely where it has less room than is needed."""
        levels = self._session_uses.tolist()
        if min(rooms) < least:
            levels = [use if room >= least else inf for use, room in zip(levels, rooms, strict=True)]
        return levels

    def _take_any(self, kind: Kind, place: int, dice: "_Dice") -> list[int] | None:
        """Take any set of a kind, all equally likely, or None when none is left."""
        if place not in self._left:
            # A kind with far more sets than were ever used has some left, and to list it would take for ever.
            is_listable = kind.count <= 100 * (len(self._used) + 100)
            longer = _RESERVED_ONE_IN if self._is_test else 1
            for _ in range(min(kind.count, _BLIND_TRIES * longer) if is_listable else _MOST_TRIES):
                chosen = kind.set_at(dice.below(kind.count))
                if self._take(chosen):
                    return chosen
            self._left[place] = array("Q", range(kind.count if is_listable else 0))
        left = self._left[place]
        while left:
            i = dice.below(len(left))
            left[i], left[-1] = left[-1], left[i]
            chosen = kind.set_at(left.pop())
            if self._take(chosen):
                return chosen
        return None

    def _take(self, chosen: Sequence[int]) -> bool:
        """Mark a set as used; say no when it was used before, or is not of the sort that is drawn here."""
        ids = self._concept_ids
        identity = _mixed(sum([ids[concept] or self._learn(concept) for concept in chosen]) & _64_BITS)
        if (_mixed(identity ^ self._salt) % _RESERVED_ONE_IN == 0) != self._is_test:
            return False
        i = bisect_left(self._used, identity)
        if i < len(self._used) and self._used[i] == identity:
            return False
        self._used.insert(i, identity)
        return True

    def _learn(self, concept: int) -> int:
        """Return the id of a concept that was not met before, and keep those of its session."""
        law = self._law or law_of(self._sizes, self._settings.law)
        session = law.shape.places[concept][0]
        first = law.shape.concepts_of(session).start
        for i, id_ in enumerate(_concept_ids(self._sessions[session])):
            self._concept_ids[first + i] = id_
        return self._concept_ids[concept]

    def _use(self, kind: Kind, chosen: Sequence[int]) -> Draw:
        """Count the uses, and return the draw."""
        places = kind.shape.places
        concepts = tuple([places[concept] for concept in chosen])
        sessions = (concepts[0][0], concepts[-1][0]) if kind.is_pair else (concepts[0][0],)
        for concept in chosen:
            self._concept_uses[concept] += 1
        for session in sessions:
            # A use counts for the session's size: a long session has more to cover than a short one.
            self._session_uses[session] += 1 / self._sizes[session]
        self._index += 1
        strategy = Strategy.PAIR if kind.is_pair else Strategy.SINGLE
        return Draw(
            index=self._index - 1,
            strategy=strategy,
            sessions=sessions,
            concepts=concepts,
            is_reserved=self._is_test,
        )


class _Dice:
    """Random numbers for one draw: hashes in counter mode, the same in every version of Python.

    Unlike a `Random` object, which is 2.5 KB, it costs nothing between two draws.
    """

    __slots__ = ("_counter", "_index", "_pool", "_stream")

    def __init__(self, stream: int, index: int) -> None:
        self._stream = stream
        self._index = index
        self._counter = 0
        self._pool = 0

    def below(self, n: int) -> int:
        """Return a number in [0, n); 64 bits to spare make the bias too small to be seen."""
        while self._pool < n << 64:
            digest = blake2b(b"%d:%d:%d" % (self._stream, self._index, self._counter)).digest()
            self._pool = self._pool << 512 | int.from_bytes(digest, "big")
            self._counter += 1
        self._pool, number = divmod(self._pool, n)
        return number


def _lowest(levels: list[float], slack: int, dice: _Dice) -> int:
    """Return the place of the lowest level, where little more counts as lowest too; ties are random."""
    low = min(levels)
    if slack:
        levels = [low if level <= low + slack else level for level in levels]
    at = levels.index(low)
    ties = levels.count(low)
    if ties == 1:
        return at
    for _ in range(dice.below(ties)):
        at = levels.index(low, at + 1)
    return at


def _sizes(syllabus: Syllabus) -> tuple[int, ...]:
    return tuple(len(session.key_concepts) for session in syllabus.sessions)


def _concept_ids(session: Session) -> list[int]:
    """Return `seed_of("concept", session key, concept key)` of each concept; what they begin with is made once."""
    head = framed("concept", session.key)
    keys = [key_of(concept).encode() for concept in session.key_concepts]
    return [seed_of_framed(b"%b%d:%b" % (head, len(key), key)) for key in keys]


def _salt(seed: int, syllabus_id: str) -> int:
    return seed_of(seed, "reserved", syllabus_id)


def _mixed(number: int) -> int:
    """Return a 64-bit number that looks like no relative of the given one (the finish of SplitMix64)."""
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & _64_BITS
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & _64_BITS
    number ^= number >> 31
    return number
