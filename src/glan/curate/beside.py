"""An examiner in a process of its own: a quarter of the work on a pair is curation, and a second core can do it.

    async with examining(curation, pairs=100_000) as examiner:
        findings = await examiner.questions(texts)

What travels are frames: four bytes with a length, then as many bytes of MessagePack. The process reads nothing but
its standard input and ends with it, however the run ends. It knows no project, no ledger and no key.
A project's own rules travel as their text, and run there as they would here.
"""

import asyncio
import contextlib
import logging
import os
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, TextIO

import msgspec
from msgspec.structs import replace

from glan.benchmarks.items import Item
from glan.curate.examiner import Examiner, Examining, Finding, Here
from glan.curate.own import OwnRules
from glan.curate.quality import Text
from glan.errors import CurationError
from glan.records import Record
from glan.settings import Curation

_log = logging.getLogger(__name__)

WORTH_PAIRS: Final = 50_000
"""With fewer pairs a run is short, and the 90 MB of another process are the greater part of its memory."""
_LENGTH: Final = struct.Struct(">I")
_START_S: Final = 60.0
_ITEMS: Final = 5_000
"""Items of benchmarks in one frame."""
_END_S: Final = 5.0
_ROOT: Final = str(Path(__file__).resolve().parents[2])
_SERVE: Final = "import sys; sys.path[:] = {path!r}; from glan.curate.beside import serve; serve()"


class _Wired(Record, frozen=True, kw_only=True):
    """A text as it travels: its UTF-8 may have lone surrogates, which a text of MessagePack cannot hold."""

    text: bytes
    question: bytes | None
    rest: Text


class _Begin(Record, frozen=True, kw_only=True):
    """What the process is told first."""

    curation: Curation
    rules: str | None
    """The text of the project's own rules, where the user lets them run."""


class _Told(Record, frozen=True, kw_only=True):
    """What it answers: what it found, or why it cannot go on."""

    findings: tuple[Finding | None, ...] = ()
    error: str | None = None
    hint: str = ""


class _Work(Record, frozen=True, kw_only=True):
    are_questions: bool
    texts: tuple[_Wired, ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_SOME_ITEMS: Final = msgspec.msgpack.Decoder(list[Item])
_WORK: Final = msgspec.msgpack.Decoder(_Work)
_BEGIN: Final = msgspec.msgpack.Decoder(_Begin)
_TOLD: Final = msgspec.msgpack.Decoder(_Told)


@contextlib.asynccontextmanager
async def examining(
    curation: Curation, *, pairs: int, items: Iterable[Item] = (), own: OwnRules | None = None
) -> AsyncIterator[Examining]:
    """Give an examiner: beside this process where that is wanted and can be had, otherwise in it."""
    is_wanted = pairs >= WORTH_PAIRS and _n_cores() > 1 if curation.beside == "auto" else curation.beside == "always"
    beside = await _start(curation, items, own) if is_wanted else None
    if beside is None:
        yield Here(curation, items, own)
        return
    try:
        yield beside
    finally:
        await beside.close()


def _n_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


async def _start(curation: Curation, items: Iterable[Item], own: OwnRules | None) -> "Beside | None":
    """Start the process; None, with a line in the log, where this system does not let us."""
    # Isolated, and with this process's own places alone: the current folder may be a stranger's.
    path = [_ROOT, *(place for place in sys.path if place)]
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", _SERVE.format(path=path),
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        _log.info("curation stays in this process: %s", error)
        return None
    beside = Beside(process)
    try:
        await beside.begin(curation, items, own)
    except (TimeoutError, CurationError) as error:
        await beside.close()
        _log.info("curation stays in this process, since the other one did not start: %r", error)
        return None
    return beside


class Beside:
    """The process, as the run sees it."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._reader = asyncio.create_task(self._read())

    async def begin(self, curation: Curation, items: Iterable[Item], own: OwnRules | None = None) -> None:
        """Tell the settings and the items of benchmarks, none at last, and wait for a word on each."""
        left = iter(items)
        frame = _ENCODER.encode(_Begin(curation=curation, rules=own.source if own is not None else None))
        while True:
            async with asyncio.timeout(_START_S):
                await self._asked(frame)
            if not (some := list(islice(left, _ITEMS))):
                break
            frame = _ENCODER.encode(some)
        await self._asked(_ENCODER.encode([]))

    async def questions(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge questions."""
        return await self._judged(texts, are_questions=True)

    async def answers(self, texts: Sequence[Text]) -> list[Finding | None]:
        """Judge answers."""
        return await self._judged(texts, are_questions=False)

    async def close(self) -> None:
        """End the process, and wait for its end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def _judged(self, texts: Sequence[Text], *, are_questions: bool) -> list[Finding | None]:
        work = _Work(are_questions=are_questions, texts=tuple([_wired(text) for text in texts]))
        return await self._asked(_ENCODER.encode(work))

    async def _asked(self, frame: bytes) -> list[Finding | None]:
        if self._reader.done() or self._process.stdin is None:
            raise _lost()
        told: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append(told)
        self._process.stdin.write(_LENGTH.pack(len(frame)) + frame)
        with contextlib.suppress(ConnectionError):  # the reader hears of it too, and tells all who wait
            await self._process.stdin.drain()
        answer = _TOLD.decode(await told)
        if answer.error is not None:
            raise CurationError(answer.error, hint=answer.hint)
        return [*answer.findings]

    async def _read(self) -> None:
        """Hand on what comes, first to who asked first; when nothing can come any more, say so to all."""
        stream = self._process.stdout
        try:
            while stream is not None:
                (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
                found = await stream.readexactly(length)
                told = self._waiting.popleft()
                if not told.done():
                    told.set_result(found)
        except (asyncio.IncompleteReadError, ConnectionError):
            for told in self._waiting:
                if not told.done():
                    told.set_exception(_lost())


def _lost() -> CurationError:
    return CurationError(
        "The process that examines questions and answers has ended: it was killed, or the memory was used up.",
        hint='Nothing is lost: `glan run` goes on where this run ended. `beside = "never"` in [curation] does without.',
    )


def _wired(text: Text) -> _Wired:
    question = None if text.question is None else text.question.encode("utf-8", "surrogatepass")
    rest = replace(text, text="", question=None)
    return _Wired(text=text.text.encode("utf-8", "surrogatepass"), question=question, rest=rest)


def _unwired(wire: _Wired) -> Text:
    question = None if wire.question is None else wire.question.decode("utf-8", "surrogatepass")
    return replace(wire.rest, text=wire.text.decode("utf-8", "surrogatepass"), question=question)


def serve() -> None:
    """Examine what comes on the standard input until it ends: first settings, then items, none at last, then texts."""
    source, target = _taken(sys.stdin, os.O_RDONLY), _taken(sys.stdout, os.O_WRONLY)
    frame = _read_frame(source)
    if frame is None:
        return
    begin = _BEGIN.decode(frame)
    own = OwnRules.read(begin.rules) if begin.rules is not None else None
    examiner = Examiner(begin.curation, _items(source, target), own)
    _write_frame(target, _ENCODER.encode(_Told()))
    while (frame := _read_frame(source)) is not None:
        _write_frame(target, _ENCODER.encode(_answer(examiner, _WORK.decode(frame))))


def _taken(stream: TextIO, flags: int) -> BinaryIO:
    """Return a standard stream for this module alone: a rule of the project may print or read, and harms no frame."""
    kept = os.dup(stream.fileno())
    nothing = os.open(os.devnull, flags)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
    return os.fdopen(kept, "rb" if flags == os.O_RDONLY else "wb")


def _answer(examiner: Examiner, work: _Work) -> _Told:
    texts = [_unwired(wire) for wire in work.texts]
    try:
        found = examiner.questions(texts) if work.are_questions else examiner.answers(texts)
        return _Told(findings=tuple(found))
    except CurationError as error:
        return _Told(error=str(error), hint=error.hint)


def _items(source: BinaryIO, target: BinaryIO) -> Iterator[Item]:
    """Yield the items that come, and answer the frame before; who takes them all answers the last."""
    _write_frame(target, _ENCODER.encode(_Told()))
    while (frame := _read_frame(source)) is not None and (some := _SOME_ITEMS.decode(frame)):
        yield from some
        _write_frame(target, _ENCODER.encode(_Told()))


def _read_frame(source: BinaryIO) -> bytes | None:
    head = source.read(_LENGTH.size)
    return source.read(*_LENGTH.unpack(head)) if len(head) == _LENGTH.size else None


def _write_frame(target: BinaryIO, frame: bytes) -> None:
    target.write(_LENGTH.pack(len(frame)) + frame)
    target.flush()
