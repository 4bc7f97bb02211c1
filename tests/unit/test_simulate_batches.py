"""Files and batches of the simulated server: what it takes, what it turns down, and counts that add up."""

import asyncio
import json
from typing import Any

import pytest
from loopback import Answer, send

from glan.errors import ConfigError
from glan.teachers.filler import Filler
from glan.teachers.simulate import BatchBehaviour, Server, Simulated, running

FORM = "multipart/form-data; boundary=xyz"


def line(custom_id: str, **changes: object) -> str:
    body = {"model": "any", "messages": [{"role": "user", "content": f"{custom_id}?"}]}
    return json.dumps(
        {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body, **changes}
    )


async def upload(server: Server, content: str, purpose: str = "batch") -> Answer:
    form = (
        f'--xyz\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
        f'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{content}\r\n--xyz--\r\n'
    )
    return await send(server, form.encode(), path="/v1/files", Content_Type=FORM)


async def hand_in(server: Server, file_id: str, **changes: object) -> Answer:
    told = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h", **changes}
    return await send(server, json.dumps(told).encode(), path="/v1/batches")


async def over(server: Server, batch_id: str) -> Any:  # noqa: ANN401 - a document
    while True:
        found = (await send(server, b"", "GET", f"/v1/batches/{batch_id}")).json
        if found["status"] in {"completed", "failed", "expired", "cancelled"}:
            return found
        await asyncio.sleep(0.01)


async def made(server: Server, content: str) -> Any:  # noqa: ANN401 - a document
    file = (await upload(server, content)).json
    return await over(server, (await hand_in(server, file["id"])).json["id"])


async def lines_of(server: Server, file_id: str) -> list[Any]:
    found = await send(server, b"", "GET", f"/v1/files/{file_id}/content")
    return [json.loads(raw) for raw in found.body.splitlines()]


async def test_every_line_is_answered_once_and_counted_as_paid() -> None:
    """Each line of output has a name of the input, in an order of its own, and the counts say the same."""
    async with running(Simulated(), Filler()) as server:
        names = [f"line-{i}" for i in range(50)]
        batch = await made(server, "\n".join(map(line, names)))
        assert batch["request_counts"] == {"total": 50, "completed": 50, "failed": 0}
        given = await lines_of(server, batch["output_file_id"])
        assert sorted(each["custom_id"] for each in given) == sorted(names)
        assert [each["custom_id"] for each in given] != names
        stats = server.stats()
        assert stats.paid == stats.batches["answered"] == 50
        assert stats.received == stats.paid + sum(stats.failed.values()) + stats.in_flight
        await made(server, "\n".join(map(line, names[:5])))
        assert server.stats().batches["repeats"] == server.stats().repeats == 5


async def test_shares_of_lines_come_to_nothing_in_their_own_ways() -> None:
    """What expired, failed for now or was refused stands in the error file with the codes that OpenAI uses."""
    behaviour = BatchBehaviour(expire=0.3, errors=0.3, refusals=0.3)
    async with running(Simulated(batches=behaviour), Filler()) as server:
        batch = await made(server, "\n".join(line(f"line-{i}") for i in range(200)))
        assert batch["status"] == "expired"
        wrong = await lines_of(server, batch["error_file_id"])
        codes = {each["error"]["code"] if each["error"] else each["response"]["status_code"] for each in wrong}
        assert codes == {"batch_expired", 500, 400}
        counts = server.stats().batches
        assert counts["answered"] + counts["expired"] + counts["error"] + counts["refusal"] == 200
        assert min(counts["expired"], counts["error"], counts["refusal"]) > 10
        assert server.stats().paid == counts["answered"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("no json", id="no JSON"),
        pytest.param(f"{line('a')}\n{line('a')}", id="a name twice"),
        pytest.param(line("a", url="/v1/embeddings"), id="another endpoint"),
        pytest.param(line("a", body={"model": "b", "messages": []}) + "\n" + line("b"), id="two models"),
    ],
)
async def test_a_file_that_no_provider_takes_fails_as_a_whole(content: str) -> None:
    """Nothing of it is answered, and the batch says why."""
    async with running(Simulated(), Filler()) as server:
        batch = await made(server, content)
        assert batch["status"] == "failed"
        assert batch["errors"]["data"][0]["code"] == "invalid_json_line"
        assert server.stats().paid == 0


async def test_tokens_beyond_the_limit_fail_until_there_is_room() -> None:
    """A second batch is turned away while the first is under way, and taken after it."""
    behaviour = BatchBehaviour(delay_s=0.3, enqueued_tokens=600)
    async with running(Simulated(batches=behaviour), Filler()) as server:
        file = (await upload(server, "\n".join(line(f"line-{i}") for i in range(20)))).json
        first = (await hand_in(server, file["id"])).json
        second = await over(server, (await hand_in(server, file["id"])).json["id"])
        assert second["errors"]["data"][0]["code"] == "token_limit_exceeded"
        assert (await over(server, first["id"]))["status"] == "completed"
        assert (await over(server, (await hand_in(server, file["id"])).json["id"]))["status"] == "completed"


async def test_a_batch_that_is_cancelled_gives_what_it_had() -> None:
    """Cancelled before its end, a batch answers nothing more and says so of each line."""
    async with running(Simulated(batches=BatchBehaviour(delay_s=2)), Filler()) as server:
        file = (await upload(server, line("a"))).json
        batch = (await hand_in(server, file["id"])).json
        cancelled = await send(server, b"", "POST", f"/v1/batches/{batch['id']}/cancel")
        assert cancelled.json["status"] == "cancelling"
        found = await over(server, batch["id"])
        assert found["status"] == "cancelled"
        (given,) = await lines_of(server, found["error_file_id"])
        assert given["error"]["code"] == "batch_cancelled"


async def test_what_is_asked_wrongly_is_turned_down() -> None:
    """Another purpose, endpoint or window, an unknown file or batch, and no key are errors in OpenAI's form."""
    async with running(Simulated(), Filler()) as server:
        assert (await upload(server, line("a"), "fine-tune")).status == 400
        file = (await upload(server, line("a"))).json
        assert (await hand_in(server, file["id"], endpoint="/v1/embeddings")).status == 400
        assert (await hand_in(server, file["id"], completion_window="1h")).status == 400
        assert (await hand_in(server, "file-unknown")).status == 400
        for path in ("/v1/files/file-unknown", "/v1/files/file-unknown/content", "/v1/batches/batch_unknown"):
            assert (await send(server, b"", "GET", path)).status == 404
        assert (await send(server, b"", "GET", f"/v1/files/{file['id']}")).json["filename"] == "a.jsonl"
    async with running(Simulated(api_key="sk-right"), Filler()) as server:
        assert (await send(server, b"", "GET", "/v1/batches")).status == 401
        assert (await send(server, b"", "GET", "/v1/batches", Authorization="Bearer sk-right")).status == 200


def test_an_unknown_death_and_a_share_that_is_none_are_errors() -> None:
    """The message names the value and what there is."""
    with pytest.raises(ConfigError, match="Unknown death 'fire' of a batch; deaths: upload, hand-in, fetch"):
        BatchBehaviour(deaths=("fire",))
    with pytest.raises(ConfigError, match=r"The share expire of batches is 1\.5"):
        BatchBehaviour(expire=1.5)
