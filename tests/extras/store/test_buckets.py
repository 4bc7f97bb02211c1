"""Data sets and ledgers in a bucket, through obstore and moto's S3 server: whole whatever breaks."""

import asyncio
import json
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import obstore
import pyarrow.dataset
import pytest
from commandline import KEY, TEACHER, Begun, CommandLine, check_whole, ended_processes, gone, ids_of, simulated, until
from extras.store.buckets import BUCKET, KEY_ID, S3
from pyarrow.fs import S3FileSystem

from glan.errors import StorageError
from glan.storage.checking import findings
from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Simulated

URL = f"s3://{BUCKET}/data"


def here(folder: Path) -> dict[str, bytes]:
    files = (path for path in (folder / "dataset").rglob("*") if path.is_file())
    return {str(path.relative_to(folder / "dataset")): path.read_bytes() for path in files}


def test_the_server_keeps_what_glan_builds_on(s3: S3, glan: CommandLine) -> None:
    """Every trial holds, other files stay as they are, and nothing of the trials is left."""
    obstore.put(s3.raw(), "data/mine", b"mine")
    ended = glan("push", URL, "--check")
    assert ended.code == 0, ended.words
    assert ended.out.count("  holds  ") == 10
    assert s3.names("") == ["data/mine"]


def test_trials_show_a_server_that_forgets_conditions(s3: S3, tmp_path: Path) -> None:
    """Where If-None-Match and If-Match mean nothing, the trials that need them fail, and say so."""
    forgetful = s3.busy.app

    def app(environ: dict[str, object], start_response: object) -> object:
        for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
            environ.pop(name, None)
        return forgetful(environ, start_response)

    s3.busy.app = app

    async def failed() -> list[str]:
        return [each.told async for each in findings(s3.store(), "check", tmp_path / "long") if not each.holds]

    told = asyncio.run(failed())
    assert [line.split(" ", 2)[:2] for line in told] == [["The", "second"], ["20", "of"], ["It", "takes"], ["20", "of"]]
    assert s3.names("") == []


def test_a_run_publishes_and_readers_find_it(s3: S3, glan: CommandLine, made: Path) -> None:
    """`glan run --publish` puts what stands; pyarrow reads the version that the manifest names."""
    ended = glan("run", "--project", made, "--publish", URL, "--json")
    assert ended.code == 0, ended.words
    assert s3.seen("data") == here(made)
    version = json.loads(s3.data("data/manifest.json"))["version"]
    files = S3FileSystem(
        access_key=KEY_ID,
        secret_key="any",  # noqa: S106 - moto takes any
        endpoint_override=s3.endpoint,
        region="us-east-1",
    )
    found = pyarrow.dataset.dataset(f"{BUCKET}/data/{version}/train", filesystem=files)
    assert found.to_table()["id"].to_pylist() == ids_of(made)


def _is_so_far(s3: S3, begun: Begun, files: int) -> bool:
    return begun.is_over or len(s3.names("data")) >= files


def test_a_kill_at_any_time_leaves_a_whole_data_set(s3: S3, glan: CommandLine, made: Path) -> None:
    """Killed once so many files have arrived, and again with more: readers see nothing or all."""
    wanted = here(made)
    for arrived in (1, 4, 10):
        begun = glan.begin("push", URL, "--project", made)
        until(partial(_is_so_far, s3, begun, arrived))
        gone(begun)
        assert s3.seen("data") in (None, wanted)
    arrived, before = len(s3.names("data")), s3.busy.puts
    ended = glan("push", URL, "--project", made)
    assert ended.code == 0, ended.words
    assert s3.seen("data") == wanted
    assert s3.busy.puts - before <= len(wanted) + 2 - arrived, "What had arrived was sent again."


def test_a_server_that_is_busy_now_and_then_gets_all_of_it(s3: S3, glan: CommandLine, made: Path) -> None:
    """A 503 for every third request: each is tried again, and nothing is torn."""
    s3.busy.every = 3
    ended = glan("push", URL, "--project", made)
    assert ended.code == 0, ended.words
    assert s3.busy.busy > 3
    assert s3.seen("data") == here(made)


def test_a_connection_that_is_cut_in_the_middle_of_a_put(s3: S3, glan: CommandLine, made: Path) -> None:
    """Half of a file is never a file: it is sent again, on another connection."""
    s3.wire.cuts, s3.wire.after_bytes = 4, 2_000
    ended = glan("push", URL, "--project", made)
    assert s3.wire.n_cut == 4
    assert ended.code == 0, ended.words
    assert s3.seen("data") == here(made)


@pytest.mark.parametrize("lost_to", [b"PUT ", b"PUT /bucket/data/manifest.json"], ids=["any", "manifest"])
def test_an_answer_that_is_lost(s3: S3, glan: CommandLine, made: Path, lost_to: bytes) -> None:
    """What was done though its answer never came is found out: the publication succeeds, once."""
    s3.wire.lost_answers, s3.wire.lost_to = 2, lost_to
    ended = glan("push", URL, "--project", made)
    assert s3.wire.n_lost == 2
    assert ended.code == 0, ended.words
    assert s3.seen("data") == here(made)


def test_of_several_publishers_one_stands(s3: S3, glan: CommandLine, made: Path, tmp_path: Path) -> None:
    """Three projects at once to one place: whoever does not win is told, and what stands is whole and one of them."""
    folders = []
    for number in range(3):
        folder = Path(shutil.copytree(made, tmp_path / f"data-{number}"))
        card = folder / "dataset" / "README.md"
        card.write_text(f"{card.read_text(encoding='utf-8')}\nCopy {number}.\n", encoding="utf-8")
        folders.append(folder)
    with ended_processes():
        ended = [begun.end() for begun in [glan.begin("push", URL, "--project", folder) for folder in folders]]
    assert 0 in [one.code for one in ended]
    for one in ended:
        assert one.code == 0 or "Somebody else published" in one.err, one.words
    assert s3.seen("data") in [here(folder) for folder in folders]


def test_a_store_that_is_not_there_is_told_before_anything_is_paid_for(glan: CommandLine) -> None:
    """No bucket, a wrong endpoint, nobody there, no key: one sentence each, and the teacher is not asked."""
    folder = glan.init("data", pairs=5)
    cases: list[tuple[str, dict[str, str | None], str]] = [
        ("s3://nobucket/data", {}, "There is no bucket 'nobucket'"),
        (URL, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "nothing answers there"),
        (URL, {"AWS_ENDPOINT_URL": "http://store.invalid:9000"}, "over plain http"),
        (URL, {"AWS_ENDPOINT_URL": "https://store.invalid"}, "its host has no address"),
        (URL, {"AWS_ACCESS_KEY_ID": None}, "there is no key for it"),
    ]
    with simulated() as server:
        for url, changed, told in cases:
            variables = {name: value for name, value in {**glan.variables, **changed}.items() if value is not None}
            command = glan.told(base_url=server.base_url, key=KEY, variables=variables)
            ended = command("run", "--project", folder, "--teacher", TEACHER, "--publish", url)
            assert (ended.code, told in ended.err) == (1, True), ended.words
        assert server.stats().received == 0


def test_a_store_that_goes_away_during_a_run_harms_nothing(s3: S3, glan: CommandLine) -> None:
    """The data set on disk is whole, the exit code is 1, the message has the way out, and `glan push` catches up."""
    folder = glan.init("data", pairs=20)
    with simulated(Simulated(latency_ms=30)) as server:
        command = glan.told(base_url=server.base_url, key=KEY)
        begun = command.begin("run", "--project", folder, "--teacher", TEACHER, "--publish", URL)
        until(lambda: server.stats().received > 3 or begun.is_over)
        s3.wire.cuts, s3.wire.after_bytes = 10_000, 0
        ended = begun.end()
    assert ended.code == 1, ended.words
    assert "does not send anew what is there" in ended.out
    check_whole(folder, 20)
    s3.wire.cuts = 0
    assert s3.seen("data") is None
    assert glan("push", URL, "--project", folder).code == 0
    assert s3.seen("data") == here(folder)


def test_an_interrupted_run_publishes_nothing(s3: S3, glan: CommandLine) -> None:
    """Whoever stops a run wants it to end; what it has made can be published by hand."""
    folder = glan.init("data", pairs=200)
    with simulated(Simulated(latency_ms=50)) as server:
        command = glan.told(base_url=server.base_url, key=KEY)
        begun = command.begin("run", "--project", folder, "--teacher", TEACHER, "--publish", URL)
        until(lambda: server.stats().received > 60 or begun.is_over)
        begun.send(signal.SIGTERM)
        ended = begun.end()
    assert ended.code == 130, ended.words
    assert f"Nothing was published: `glan push {URL} --project {folder}` does it." in ended.out
    assert s3.names("data") == []


def test_a_ledger_goes_to_a_bucket_and_comes_back(s3: S3, glan: CommandLine, made: Path) -> None:
    """Every reply is there again; an export goes there too, and neither is written over unasked."""
    there = f"s3://{BUCKET}/backup/ledger.sqlite"
    for command in (("ledger", "backup", there), ("export", f"s3://{BUCKET}/out/data.jsonl")):
        assert glan(*command, "--project", made).code == 0
        again = glan(*command, "--project", made)
        assert (again.code, "exists already" in again.err) == (1, True)
        assert glan(*command, "--project", made, "--force").code == 0
    assert len(s3.data("out/data.jsonl").splitlines()) == 60
    with Ledger.open(made / "ledger.sqlite", readonly=True) as ledger:
        count = ledger.count()
    (made / "ledger.sqlite").rename(made / "lost")
    ended = glan("ledger", "restore", there, "--project", made)
    assert ended.code == 0, ended.words
    with Ledger.open(made / "ledger.sqlite", readonly=True) as ledger:
        assert (ledger.count(), ledger.verify()) == (count, [])


def test_what_keeps_a_file_from_a_bucket_is_told_before_it_is_made(s3: S3, glan: CommandLine, made: Path) -> None:
    """A bucket that is not there and a key that is over are named in one sentence, and nothing is sent for them."""

    def ended_key(environ: dict[str, object], start_response: Callable[..., object]) -> list[bytes]:
        start_response("400 Bad Request", [("Content-Type", "application/xml")])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"<Error><Code>ExpiredToken</Code></Error>"]

    for command in (("ledger", "backup"), ("export",)):
        ended = glan(*command, "s3://nobucket/out/file.jsonl", "--project", made)
        assert (ended.code, "There is no bucket 'nobucket'" in ended.err) == (1, True), ended.words
    assert s3.busy.puts == 1, "Of the bucket itself."
    s3.busy.app = ended_key
    for command in (("ledger", "backup"), ("export",)):
        ended = glan(*command, f"s3://{BUCKET}/out/file.jsonl", "--project", made)
        assert (ended.code, "it does not know the key, or no longer" in ended.err) == (1, True), ended.words


def test_a_long_file_is_sent_in_parts_and_seen_when_it_is_whole(s3: S3, tmp_path: Path) -> None:
    """40 MiB over a wire that is cut twice arrive; a put that is given up leaves nothing that is seen."""
    path = tmp_path / "long"
    path.write_bytes(bytes(range(256)) * 4096 * 40)
    s3.wire.cuts, s3.wire.after_bytes = 2, 1_000_000
    store = s3.store("long")
    gone_bytes: list[int] = []
    asyncio.run(store.put("file", path, gone_bytes.append))
    assert sum(gone_bytes) == path.stat().st_size
    assert s3.data("long/file") == path.read_bytes()
    assert asyncio.run(store.fetch("file", tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    s3.wire.cuts, s3.wire.after_bytes = 10_000, 100_000
    with pytest.raises(StorageError):
        asyncio.run(store.put("other", path))
    s3.wire.cuts = 0
    assert s3.names("long") == ["long/file"]
