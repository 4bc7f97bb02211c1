"""Places for files: how they are named, who gets a key, and whether a folder keeps what is built on it."""

import asyncio
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stores import Breaking

from glan.environment import Environment
from glan.errors import ConfigError, MissingPackageError, StorageError
from glan.settings import Network
from glan.storage.checking import Finding, findings
from glan.storage.files import Folder
from glan.storage.opening import opened
from glan.storage.stores import Found, Mark, Store, Watch, address_of, unwatched

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA0", "AWS_SECRET_ACCESS_KEY": "secret-0123456789"}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("S3://bucket", "s3://bucket"),
        ("gs://my.bucket_1/x", "gs://my.bucket_1/x"),
        ("az://container/x y", "az://container/x y"),
        ("file:///srv/data/", "/srv/data"),
        ("file:///srv/my%20data", "/srv/my data"),
        ("/srv/data", "/srv/data"),
    ],
)
def test_a_place_is_named_by_a_url_or_a_path(text: str, url: str) -> None:
    """An address that is read again is the same."""
    found = address_of(text)
    assert found.url == url
    assert address_of(found.url) == found


def test_a_home_that_nobody_has_is_a_name_like_any_other() -> None:
    """A `~` before the name of no user stays as it is."""
    assert address_of("~no-such-user-0/x").url.endswith("/~no-such-user-0/x")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://host/x", "no place"),
        ("s3:///x", "no name of a bucket"),
        ("s3:/secret@bucket/x", "slashes are missing behind s3:"),
        ("GS:bucket/x", "slashes are missing behind gs:"),
        ("file:/srv/x", "slashes are missing behind file:"),
        ("s3://Bucket/x", "no name of a bucket"),
        ("s3://AKIA:secret@bucket/x", "a key may stand"),
        ("az://container/x?sig=secret", "a key may stand"),
        ("s3://bucket/a/../b", "empty part"),
        ("s3://bucket/a//b", "empty part"),
        ("s3://bucket/é", "different ways"),
        ("s3://bucket/a%2fb", "different ways"),
        ("file://host/x", "no folder of this machine"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(text: str, told: str) -> None:
    """What is wrong is told, and what may be a key is not shown."""
    with pytest.raises(ConfigError, match=told) as caught:
        address_of(text)
    assert "secret" not in f"{caught.value}{caught.value.hint}"


def environment(folder: Path, process: Mapping[str, str], dotenv: Mapping[str, str]) -> Environment:
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in dotenv.items()), encoding="utf-8")
    return Environment(folder, process)


ELSEWHERE = {"AWS_ENDPOINT_URL": "https://store.example"}


@pytest.mark.parametrize(
    ("process", "dotenv", "allow", "told"),
    [
        (KEYS, ELSEWHERE, None, "only its .env names store.example"),
        ({}, ELSEWHERE, None, "only its .env names store.example"),
        ({"AWS_SESSION_TOKEN": "mine"}, {**KEYS, **ELSEWHERE}, None, "only its .env names store.example"),
        ({**KEYS, "AWS_ENDPOINT_URL": "http://store.example"}, {}, None, "over plain http"),
        ({**KEYS, "AWS_ENDPOINT_URL": "http://store.example"}, {"AWS_ALLOW_HTTP": "true"}, None, "over plain http"),
        ({**KEYS, "AWS_ENDPOINT_URL": "https://key@store.example"}, {}, None, "no address"),
        ({**KEYS, "AWS_ENDPOINT_URL": "store.example"}, {}, None, "no address"),
        ({**KEYS, **ELSEWHERE}, {}, ("api.openai.com",), "host store.example is not in allow"),
        (KEYS, {"AWS_REGION": "eu-west-1"}, ("api.openai.com",), "s3.eu-west-1.amazonaws.com is not in allow"),
    ],
)
def test_a_key_goes_nowhere_unconfirmed(
    tmp_path: Path, process: dict[str, str], dotenv: dict[str, str], allow: tuple[str, ...] | None, told: str
) -> None:
    """A server that only the project's files name gets no key of the user's, nor one that is not allowed."""
    with pytest.raises(ConfigError, match=told) as caught:
        opened(address_of("s3://bucket/x"), environment(tmp_path, process, dotenv), Network(allow=allow))
    assert "secret" not in f"{caught.value}{caught.value.hint}"


@pytest.mark.skipif(find_spec("obstore") is not None, reason="obstore is installed")
@pytest.mark.parametrize(
    ("process", "dotenv"),
    [
        ({**KEYS, **ELSEWHERE}, {}),
        ({}, {**KEYS, **ELSEWHERE}),
        ({**KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9000"}, {}),
        ({**KEYS, "AWS_ENDPOINT_URL": "http://minio:9000", "AWS_ALLOW_HTTP": "true"}, {}),
    ],
)
def test_without_obstore_the_install_line_is_told(
    tmp_path: Path, process: dict[str, str], dotenv: dict[str, str]
) -> None:
    """What is allowed comes as far as the package, which the core does not have."""
    with pytest.raises(MissingPackageError) as caught:
        opened(address_of("s3://bucket/x"), environment(tmp_path, process, dotenv), Network())
    assert caught.value.hint == "pip install 'glan[s3]'"


async def _found(store: Store, scratch: Path) -> list[Finding]:
    return [finding async for finding in findings(store, "glan-check", scratch)]


def test_a_folder_keeps_what_is_built_on_it(tmp_path: Path) -> None:
    """Every trial holds on a folder, and nothing is left of them."""
    place = tmp_path / "place"
    found = asyncio.run(_found(Folder(place), tmp_path / "long"))
    assert [finding.told for finding in found] == [""] * 10
    assert [*place.iterdir()] == []


class Torn(Folder):
    """Writes where a file is, piece by piece, as many programs do."""

    async def put(self, name: str, source: Path | bytes, watch: Watch = unwatched) -> None:
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        with path.open("wb") as file:
            for begin in range(0, len(data), 100_000):
                file.write(data[begin : begin + 100_000])
                file.flush()
                watch(100_000)
                await asyncio.sleep(0)


class Forgetful(Folder):
    """Puts on a condition, and looks at none."""

    async def put_new(self, name: str, data: bytes) -> bool:
        await self.put(name, data)
        return True

    async def swap(self, name: str, data: bytes, mark: Mark) -> bool:
        del mark
        await self.put(name, data)
        return True


class Late(Folder):
    """Lists what was there a moment ago."""

    async def sizes(self, folder: str) -> Mapping[str, int]:
        found = await super().sizes(folder)
        return {name: size for name, size in found.items() if "listed" not in name}


class Cached(Folder):
    """Shows what it showed last."""

    _seen: dict[str, Found | None] = {}  # noqa: RUF012 - one test has one of it

    async def read(self, name: str) -> Found | None:
        return self._seen.setdefault(name, await super().read(name))


@pytest.mark.parametrize(
    ("kind", "n_failed"),
    [(Torn, 2), (Forgetful, 4), (Late, 1), (Cached, 4)],
    ids=["torn", "forgetful", "late", "cached"],
)
def test_a_place_that_does_not_keep_it_is_found_out(tmp_path: Path, kind: type[Folder], n_failed: int) -> None:
    """Each promise that is broken is told by its trial."""
    found = asyncio.run(_found(kind(tmp_path / "place"), tmp_path / "long"))
    assert sum(not finding.holds for finding in found) >= n_failed, found
    assert all(finding.told for finding in found if not finding.holds)


def test_a_place_that_cannot_be_written_ends_the_trials(tmp_path: Path) -> None:
    """Where the first trial fails nothing else is tried."""
    (tmp_path / "place").write_text("a file", encoding="utf-8")
    with pytest.raises(StorageError, match="cannot be read or written"):
        asyncio.run(_found(Folder(tmp_path / "place"), tmp_path / "long"))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_file_is_replaced_by_who_knows_it(first: bytes, second: bytes) -> None:
    """A swap with the mark of what stands succeeds, with any other it changes nothing."""

    async def look(store: Folder) -> None:
        assert await store.put_new("a/file", first)
        assert not await store.put_new("a/file", second)
        found = await store.read("a/file")
        assert found is not None
        assert found.data == first
        assert await store.swap("a/file", second, found.mark)
        assert await store.swap("a/file", first, found.mark) == (first == second)
        after = await store.read("a/file")
        assert after is not None
        assert after.data == second
        assert not await store.swap("none", first, found.mark)

    with TemporaryDirectory() as folder:
        asyncio.run(look(Folder(Path(folder))))


def test_an_error_of_who_watches_leaves_nothing(tmp_path: Path) -> None:
    """A put that is ended by its watcher leaves neither the file nor a part of it."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(3_000_000))

    def stop(_: int) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        asyncio.run(Breaking(Folder(tmp_path / "place")).put("file", source, stop))
    assert [*(tmp_path / "place").iterdir()] == []
