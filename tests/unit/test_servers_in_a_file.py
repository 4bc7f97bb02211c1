"""The file that names servers: how it is read, and what changes while a run goes on."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from glan.teachers.joining import following, read_urls
from glan.teachers.specs import Endpoint

_EVERY_S = 0.01
_LONG_S = 60.0
ONE = "http://127.0.0.1:1/v1"
OTHER = "http://127.0.0.1:2/v1"


class Asked:
    """What is asked just now."""

    def __init__(self) -> None:
        self.urls: list[str] | None = None

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        self.urls = [endpoint.base_url for endpoint in endpoints]


def endpoint_at(url: str) -> Endpoint:
    return Endpoint(name=url, base_url=url, host=url, key=None, key_variable="")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(_LONG_S):
        while not holds():  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(_EVERY_S)


def test_a_file_of_another_system_is_read(tmp_path: Path) -> None:
    """A byte order mark, ends of lines of two letters, comments, empty lines and one server twice change nothing."""
    path = tmp_path / "servers.txt"
    path.write_bytes(f"\ufeff{ONE}\r\n# tonight\r\n\r\n{ONE}/ # again\r\n{OTHER}".encode())
    assert read_urls(path) == (ONE, OTHER)


@pytest.mark.parametrize("text", ["", "# nobody tonight\n"], ids=["no-byte", "a-comment"])
def test_a_list_that_is_emptied_leaves_no_server(tmp_path: Path, text: str) -> None:
    """Nothing more is sent to any, and those that are named later are asked."""
    path, asked = tmp_path / "servers.txt", Asked()
    path.write_text(f"{ONE}\n")

    async def follow() -> None:
        async with following(path, asked, endpoint_at, every_s=_EVERY_S):
            path.write_text(text)
            await until(lambda: asked.urls == [])
            path.write_text(f"{OTHER}\n")
            await until(lambda: asked.urls == [OTHER])

    asyncio.run(follow())


def test_what_changed_before_the_first_look_is_seen(tmp_path: Path) -> None:
    """Between the reading for the start of a run and the first look a cluster may be joined, which takes its time."""
    path, asked = tmp_path / "servers.txt", Asked()
    path.write_text(f"{OTHER}\n")

    async def follow() -> None:
        async with following(path, asked, endpoint_at, every_s=_EVERY_S):
            await until(lambda: asked.urls == [OTHER])

    asyncio.run(follow())
