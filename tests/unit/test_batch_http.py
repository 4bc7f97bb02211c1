"""Files and batches over HTTP, against the simulated server and against servers that misbehave."""

import json
from pathlib import Path

import pytest
from misbehaving import KEY, Answer, Call, Pauses, ask, at, failed, serving

from glan.errors import ConfigError, UnusableError
from glan.records import Reply
from glan.settings import Price
from glan.teachers.batch import BatchServer, Terms, UnsureError
from glan.teachers.batch_lines import render_line
from glan.teachers.filler import Filler
from glan.teachers.http import Http
from glan.teachers.keys import Secret
from glan.teachers.simulate import BatchBehaviour, Simulated, running
from glan.teachers.specs import Endpoint

TERMS = Terms(is_known=None, price=Price(input=0.5, output=1.0))


def simulated_at(base_url: str) -> Endpoint:
    host = base_url.removeprefix("http://").removesuffix("/v1")
    return Endpoint(name="here", base_url=base_url, host=host, key=Secret(KEY), key_variable="MY_KEY")


def told(**fields: object) -> Answer:
    return Answer(body=json.dumps(fields).encode())


async def over(server: BatchServer, batch_id: str) -> str:
    while True:
        batch = await server.look(batch_id)
        assert batch is not None
        if batch.is_over:
            assert batch.output_file_id is not None
            return batch.output_file_id


async def test_a_file_goes_the_whole_way(tmp_path: Path) -> None:
    """Uploaded, handed in, found by its tag and by its file, looked at and fetched; replies cost what batches cost."""
    path, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    async with (
        running(Simulated(api_key=KEY), Filler()) as simulated,
        Http(simulated_at(simulated.base_url), Pauses().patience()) as http,
    ):
        server = http.batches(TERMS)
        await server.check()
        path.write_bytes(b"".join(render_line(f"line-{i}", server.render(ask(content=f"{i}?"))[0]) for i in range(300)))
        file_id = await server.upload(path, "glan-1")
        batch = await server.hand_in(file_id, "glan-1")
        assert batch is not None
        for tag, file in (("glan-1", None), ("glan-unknown", file_id)):
            found = await server.find(tag, file)
            assert found is not None
            assert found.id == batch.id
        assert await server.find("glan-unknown", "file-unknown") is None
        assert await server.fetch(await over(server, batch.id), out)
        assert simulated.stats().batches["answered"] == simulated.stats().paid == 300
        lines = [server.read(raw) for raw in out.read_bytes().splitlines()]
        assert {line.custom_id for line in lines if line is not None} == {f"line-{i}" for i in range(300)}
        reply = lines[0].found if lines[0] is not None else None
        assert isinstance(reply, Reply)
        assert reply.endpoint == "here"
        assert reply.cost_usd is not None
        usage = reply.usage
        assert reply.cost_usd * 1e6 == (usage.prompt_tokens or 0) * 0.5 + (usage.completion_tokens or 0)
        other = server.unpriced().read(out.read_bytes().splitlines()[0])
        assert other is not None
        assert isinstance(other.found, Reply)
        assert other.found.cost_usd is None
        assert await server.look("batch_unknown") is None
        assert not await server.fetch("file-unknown", out)


async def test_the_list_is_searched_to_its_end(tmp_path: Path) -> None:
    """A batch behind more than a page of newer ones is found."""
    path = tmp_path / "in.jsonl"
    async with (
        running(Simulated(), Filler()) as simulated,
        Http(simulated_at(simulated.base_url), Pauses().patience()) as http,
    ):
        server = http.batches(TERMS)
        path.write_bytes(render_line("a", server.render(ask())[0]))
        file_id = await server.upload(path, "x")
        first = await server.hand_in(file_id, "glan-first")
        for i in range(120):
            await server.hand_in(file_id, f"glan-{i}")
        found = await server.find("glan-first", None)
        assert first is not None
        assert found is not None
        assert found.id == first.id


async def test_a_hand_in_of_which_nobody_hears_is_not_sent_again(tmp_path: Path) -> None:
    """Where the connection breaks after the deed the caller is told that nobody knows; an upload is just sent again."""
    path = tmp_path / "in.jsonl"
    deaths = BatchBehaviour(deaths=("upload", "hand-in"))
    async with (
        running(Simulated(batches=deaths), Filler()) as simulated,
        Http(simulated_at(simulated.base_url), Pauses().patience()) as http,
    ):
        server = http.batches(TERMS)
        path.write_bytes(render_line("a", server.render(ask())[0]))
        file_id = await server.upload(path, "glan-1")
        assert simulated.stats().batches["files"] == 2
        with pytest.raises(UnsureError):
            await server.hand_in(file_id, "glan-1")
        assert simulated.stats().batches["batches"] == 1
        assert await server.find("glan-1", None) is not None


async def test_what_may_succeed_later_is_asked_again_and_what_may_not_is_said() -> None:
    """A 503 is followed by another look; a refusal is an error with the server's words, without the key."""
    pauses = Pauses()
    looked = told(id="batch_1", status="in_progress")
    async with serving(failed(503), failed(429), looked) as server, Http(at(server), pauses.patience()) as http:
        batch = await http.batches(TERMS).look("batch_1")
        assert batch is not None
        assert not batch.is_over
        assert len(pauses.seconds) == 2
    async with serving(failed(400, f"No batches for {KEY}.")) as server, Http(at(server), pauses.patience()) as http:
        with pytest.raises(UnusableError) as caught:
            await http.batches(TERMS).look("batch_1")
        assert "No batches for [key]." in str(caught.value)
    async with serving(failed(503)) as server, Http(at(server), pauses.patience(max_retries=2)) as http:
        with pytest.raises(UnusableError, match="cannot be reached") as caught:
            await http.batches(TERMS).look("batch_1")
        assert len(server.calls) == 3
        assert "run again, and it is found" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        failed(429),
        failed(400, "Enqueued token limit reached for this model.", code="invalid_request"),
        failed(400, "Too much.", code="token_limit_exceeded"),
    ],
)
async def test_a_server_that_has_enough_is_no_failure(answer: Answer) -> None:
    """Too many tokens or batches that wait are said with different statuses, and all mean later."""
    async with serving(answer) as server, Http(at(server), Pauses().patience()) as http:
        assert await http.batches(TERMS).hand_in("file-1", "glan-1") is None
        assert server.calls[0].body["metadata"] == {"glan": "glan-1"}


async def test_ids_of_a_server_never_become_another_address() -> None:
    """An id with a slash or a question mark is refused and not put into a URL."""
    async with (
        serving(told(id="../../etc", status="completed")) as server,
        Http(at(server), Pauses().patience()) as http,
    ):
        with pytest.raises(UnusableError, match="is no name"):
            await http.batches(TERMS).look("../files?x=")
        assert not server.calls


async def test_the_query_and_the_key_go_with_every_call() -> None:
    """What the settings add to the URL and the provider's own header of the key hold for files and batches as well."""

    def answer(call: Call, _: int) -> Answer:
        return told(data=[], id="file-1") if call.path.startswith("/v1/") else failed(500)

    async with serving(answer) as server:
        endpoint = Endpoint(
            name="here", base_url=f"http://127.0.0.1:{server.port}/v1", host="127.0.0.1", key=Secret(KEY),
            key_variable="MY_KEY", key_header="api-key", query={"api-version": "1"},
        )  # fmt: skip
        async with Http(endpoint, Pauses().patience()) as http:
            batches = http.batches(TERMS)
            await batches.check()
            await batches.find("glan-1", None)
        assert [call.path for call in server.calls] == [
            "/v1/batches?api-version=1&limit=1", "/v1/batches?api-version=1&limit=100"
        ]  # fmt: skip
        assert {call.headers["api-key"] for call in server.calls} == {KEY}


async def test_a_known_server_is_not_asked_whether_it_takes_batches() -> None:
    """Of a provider it is known; another is asked for its list, and one that has none is refused with the way out."""
    async with serving(failed(404)) as server, Http(at(server), Pauses().patience()) as http:
        await http.batches(Terms(is_known=True, price=None)).check()
        assert not server.calls
        for is_known in (False, None):
            with pytest.raises(ConfigError, match="takes no batches") as caught:
                await http.batches(Terms(is_known=is_known, price=None)).check()
            assert "--mode live" in caught.value.hint
        assert len(server.calls) == 1
