"""What runs on the machines of a Ray cluster: it asks servers what it is told to, each call once. It knows no Ray.

Permits, pauses, retries and the choice of a server are with the run that sends the calls: a worker that is lost takes
nothing with it but what it was asking just then.
"""

import asyncio
from collections import deque
from functools import partial

from msgspec.structs import replace

from glan import __version__
from glan.environment import Environment
from glan.errors import UnusableError
from glan.records import Reply
from glan.teachers.keys import Secret
from glan.teachers.kinds import Kind
from glan.teachers.line import CHAT, EMBEDDINGS, Line
from glan.teachers.ray_messages import Answer, Call, Site, Told, packed, read_calls, read_site
from glan.teachers.specs import Endpoint

_ROUTES = {route.path: route for route in (CHAT, EMBEDDINGS)}
_MOST_TAKEN = 1_000


class Asker:
    """A worker. Its methods are called from elsewhere, in any order."""

    def __init__(self) -> None:
        self._lines: dict[int, asyncio.Future[Line]] = {}
        self._answers: deque[Answer] = deque()
        self._are_some = asyncio.Event()
        self._asked: set[asyncio.Task[Answer]] = set()

    async def version(self) -> str:
        """Return the version of `glan` here."""
        return __version__

    async def open(self, message: bytes, ca_pem: bytes | None) -> None:
        """Open connections to a server; the further authorities may be long, and come apart."""
        site = replace(read_site(message), ca_pem=ca_pem)
        opened = self._line(site.number)
        try:
            opened.set_result(Line(_endpoint(site), site.timeout_s))
        except UnusableError as error:
            opened.set_exception(error)
            opened.exception()  # it is seen by the first call

    async def feed(self, message: bytes) -> None:
        """Begin calls."""
        for call in read_calls(message):
            task = asyncio.create_task(self._answer(call))
            self._asked.add(task)
            task.add_done_callback(partial(self._ended, call.number))

    async def take(self) -> bytes:
        """Return answers as soon as there are any, each once."""
        while not self._answers:
            self._are_some.clear()
            await self._are_some.wait()
        ready = [self._answers.popleft() for _ in range(min(len(self._answers), _MOST_TAKEN))]
        n_packed, message = next(packed(ready))
        self._answers.extendleft(reversed(ready[n_packed:]))
        return message

    def _line(self, number: int) -> asyncio.Future[Line]:
        """Return the line to a server, once it is open: a call may come before that."""
        if number not in self._lines:
            self._lines[number] = asyncio.get_running_loop().create_future()
        return self._lines[number]

    async def _answer(self, call: Call) -> Answer:
        line = await asyncio.shield(self._line(call.site))
        if call.model:
            return Answer(number=call.number, listing=await line.listed(call.model))
        found, rates = await line.ask(call.body, _ROUTES[call.path])
        if isinstance(found, Reply):
            return Answer(number=call.number, reply=found, rates=rates)
        return Answer(number=call.number, trouble=Told.of(found), rates=rates)

    def _ended(self, number: int, task: asyncio.Task[Answer]) -> None:
        self._asked.discard(task)
        error = task.exception()
        if error is None:
            answer = task.result()
        elif isinstance(error, UnusableError):
            answer = Answer(number=number, unusable=(str(error), error.hint))
        else:  # whoever waits for it must hear of it
            fault = Told(kind=Kind.LATER, reason="a fault of the worker", told=f"{type(error).__name__}: {error}")
            answer = Answer(number=number, trouble=fault)
        self._answers.append(answer)
        self._are_some.set()


def _endpoint(site: Site) -> Endpoint:
    key = site.key
    if site.key_variable:
        key = Environment().get(site.key_variable)
        if key is None:
            raise UnusableError(
                f"A worker of the Ray cluster has no {site.key_variable} in its environment, which is to hold the key "
                f"for {site.host}.",
                hint="Set it where `ray start` is run on that machine, as in docs/ray.md, or have the keys sent: "
                '`keys = "sent"` in [ray].',
            )
    return Endpoint(
        name=site.host,
        base_url=site.base_url,
        host=site.host,
        node=site.node,
        key=None if key is None else Secret(key),
        key_variable=site.key_variable,
        key_header=site.key_header,
        headers=site.headers,
        query=site.query,
        ca_pem=site.ca_pem,
    )
