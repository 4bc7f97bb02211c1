"""Whatever a server says is data: it becomes a row, a reject or a failure, and never an escape code or a crash."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commandline import KEY, TEACHER, CommandLine, bytes_of, check_whole, manifest_of, replies_in, set_in
from pyarrow.parquet import read_table

from glan.records import Stage
from glan.teachers.exchange import completion, read_body, request_of
from glan.teachers.filler import Filler

PAIRS = 6


class Odd(ThreadingHTTPServer):
    """A server that says one odd thing: always, or to half of the requests of a stage and filler to the others."""

    daemon_threads = True

    def __init__(self, body: bytes, stage: Stage | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = body
        self.stage = stage
        self.calls = 0
        self.filler = Filler(size=400)

    def answer(self, raw: bytes) -> bytes:
        self.calls += 1
        if self.stage is None:
            return self.body
        body = read_body(raw)
        request = request_of(body)
        is_odd = request.stage is self.stage and hashlib.sha256(raw).digest()[0] % 2 == 0
        return self.body if is_odd else completion(asyncio.run(self.filler.reply(request)), body.model, 0)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Odd

    def do_POST(self) -> None:
        body = self.server.answer(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its parent names it
        pass


@contextmanager
def odd(body: bytes, stage: Stage | None = None) -> Iterator[Odd]:
    server = Odd(body, stage)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def said(text: str) -> bytes:
    """Return a response that says a text; lone surrogates stay as escapes."""
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()


_DEEP = "[" * 100_000
NO_REPLY = {
    "deep JSON": f'{{"choices": {_DEEP}'.encode(),
    "deep JSON beside": f'{{"more": {_DEEP}{"]" * 100_000}, "choices": []}}'.encode(),
    "a page": b"<html><body>Welcome</body></html>",
    "nothing": b"",
    "an error": b'{"error": {"message": "\\u001b[31mboom"}}',
    "33 MB": b'{"choices": [{"message": {"content": "' + b"a" * (33 << 20) + b'"}}]}',
}


@pytest.mark.parametrize("body", NO_REPLY.values(), ids=NO_REPLY)
def test_a_body_that_holds_no_reply_is_a_failure_and_ends_the_run_soon(tmp_path: Path, body: bytes) -> None:
    """Each draft fails for good; then no discipline is left: exit 3, the reason named, and a few calls."""
    with odd(body) as server:
        command = CommandLine(home=tmp_path, base_url=f"http://127.0.0.1:{server.server_port}/v1")
        folder = command.init("data", pairs=PAIRS, disciplines="Astronomy")
        set_in(folder, "max_retries", "0")
        set_in(folder, "drafts", "2")
        ended = command.run(folder)
        assert ended.code == 3, ended.words
        assert "0 of 6 pairs, 0 rejects, 1 failures" in ended.out
        assert "--retry-failed" in ended.out
        assert server.calls == replies_in(folder) == 2
        check_whole(folder, 0)


NO_LIST = {
    "surrogates and NULs": said("Bad \ud800 and \x00 text."),
    "deep text": said(f'{{"subjects": {_DEEP}'),
    "escape codes": said("\x1b[31mred\x07 \x9b5n <script>alert(1)</script> {{ 7 * 7 }} ../../etc/passwd"),
    "the key": said(f"Your key is {KEY}."),
    "wrong types": b'{"choices": [{"message": {"content": 17}, "finish_reason": 5}], "usage": {"prompt_tokens": "x"}}',
}


@pytest.mark.parametrize("body", NO_LIST.values(), ids=NO_LIST)
def test_a_reply_without_a_list_is_a_reject_and_ends_the_run_soon(tmp_path: Path, body: bytes) -> None:
    """Where no list can be read the discipline is given up, with the reply kept as a reject for people to see."""
    with odd(body) as server:
        command = CommandLine(home=tmp_path, base_url=f"http://127.0.0.1:{server.server_port}/v1")
        folder = command.init("data", pairs=PAIRS, disciplines="Astronomy")
        set_in(folder, "drafts", "1")
        ended = command.run(folder)
        assert ended.code == 3, ended.words
        assert "1 x malformed (subjects)" in ended.out
        assert server.calls == replies_in(folder) <= 4
        check_whole(folder, 0)
        shown = command("preview", "--teacher", TEACHER, "--project", folder)
        assert shown.code == 3
        assert "=== draft/astronomy/1" in shown.out
    assert not any(KEY.encode() in data for data in bytes_of(folder).values())


ANSWERS = {
    "surrogates and NULs": NO_LIST["surrogates and NULs"],
    "10 MB": said("Subjects and more subjects. " * 380_000),
    "escape codes": NO_LIST["escape codes"],
    "wrong types": NO_LIST["wrong types"],
}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_an_odd_answer_harms_one_slot(tmp_path: Path, body: bytes) -> None:
    """Half of the answers are odd: N rows come all the same, each readable, and the accounts add up."""
    with odd(body, Stage.ANSWERS) as server:
        command = CommandLine(home=tmp_path, base_url=f"http://127.0.0.1:{server.server_port}/v1")
        folder = command.init("data", pairs=PAIRS, disciplines="Astronomy")
        ended = command.run(folder)
        assert ended.code == 0, ended.words
        check_whole(folder, PAIRS)
        texts = [
            message["content"]
            for path in (folder / "dataset" / "train").glob("*.parquet")
            for messages in read_table(path)["messages"].to_pylist()
            for message in messages
        ]
        assert len(texts) == 2 * PAIRS
        assert all(text.isprintable() or text.replace("\n", "").isprintable() for text in texts)
        assert manifest_of(folder)["slots"]["failures"] == 0
