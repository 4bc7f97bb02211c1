"""A simulated server that dies, one that returns, and one behind whose name another model answers."""

import asyncio

import pytest
from loopback import CHAT, body_of, check, head_of, post, read, settled

from glan.prompts import Prompts
from glan.teachers.filler import Filler
from glan.teachers.simulate import Server, Simulated, running, serve


async def test_a_server_dies_after_so_many_replies() -> None:
    """What is in flight at the last of them gets no reply, nobody can connect any more, and the counts stay."""
    async with running(Simulated(dies_after=3, faults={"stall@subjects": 1.0}), Filler()) as server:
        prompt = Prompts.shipped().render("draft_subjects", discipline="Astronomy", notes=[], language="English")
        hanging = asyncio.create_task(post(server, prompt))
        await settled(server, in_flight=1)
        assert [(await post(server, str(i))).status for i in range(3)] == [200] * 3
        async with asyncio.timeout(10):
            assert (await hanging).status == 0
        with pytest.raises(ConnectionRefusedError):
            await post(server)
        stats = server.stats()
    check(stats)
    assert (stats.paid, stats.failed) == (3, {"client gone": 1})


async def test_a_server_that_died_returns_once() -> None:
    """After its time it serves again at the same address, and does not die again."""
    async with running(Simulated(dies_after=1, returns_after_s=0.05), Filler()) as server:
        assert (await post(server)).status == 200
        async with asyncio.timeout(10):
            for i in range(3):
                await until_answered(server, str(i))
        assert server.stats().paid == 4


async def until_answered(server: Server, text: str) -> None:
    """Ask until there is a reply."""
    status = 0
    while status != 200:
        try:
            status = (await post(server, text)).status
        except ConnectionError:
            await asyncio.sleep(0.005)


async def test_another_model_answers_after_so_many_replies() -> None:
    """The names that the server returns change once, whatever it is asked for; without the setting it has one name."""
    async with running(Simulated(changes_after=2), Filler()) as server:
        answers = [(await post(server, str(i))).json for i in range(4)]
    assert [answer["model"] for answer in answers] == ["filler"] * 2 + ["filler-changed"] * 2
    assert [answer["system_fingerprint"] for answer in answers] == ["fp_1"] * 2 + ["fp_2"] * 2
    async with running(Simulated(), Filler()) as server:
        assert (await post(server)).json["system_fingerprint"] is None


async def test_serve_ends_when_the_server_dies_for_good() -> None:
    """It returns what was counted by then."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve(Simulated(dies_after=1), Filler(), host="127.0.0.1", port=0, on_ready=ready.set_result)
    )
    port = int((await ready).removesuffix("/v1").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head_of("POST", CHAT, len(body_of())) + body_of())
    assert (await read(reader)).status == 200
    async with asyncio.timeout(10):
        assert (await serving).paid == 1
    writer.close()
