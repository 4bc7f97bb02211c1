"""`glan run` with copies in meaning, as a user has it: a model of its own for embeddings, live and in batches."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, bytes_of, check_whole, ended_processes, manifest_of, set_in, simulated
from rewording import Rewording

from glan.teachers.simulate import Server

PAIRS = 40


@pytest.fixture(name="server")
def simulated_server() -> Iterator[Server]:
    """A server whose questions come in several wordings."""
    with simulated(teacher=Rewording()) as server, ended_processes():
        yield server


def made(home: Path, server: Server) -> tuple[CommandLine, Path]:
    """Make a project that looks for copies in meaning."""
    home.mkdir()
    glan = CommandLine(home=home, base_url=server.base_url)
    folder = glan.init("data", pairs=PAIRS)
    before, section, after = (folder / "glan.toml").read_text(encoding="utf-8").partition("[curation.embeddings]")
    text = before + section + after.replace("enabled = false", "enabled = true", 1)
    text = text.replace("\n[teachers.embeddings]", f'\n[teachers.embeddings]\nspec = "e@{server.base_url}"')
    (folder / "glan.toml").write_text(text, encoding="utf-8")
    return glan, folder


def test_copies_in_meaning_are_found_live_and_in_batches(server: Server, tmp_path: Path) -> None:
    """Both ways the same bytes; vectors are asked for once and told, and a run asks before it pays another model."""
    glan, folder = made(tmp_path / "live", server)
    ended = glan.run(folder)
    assert ended.code == 0, ended.words
    assert " x copy in meaning (embeddings)" in ended.out
    check_whole(folder, PAIRS)
    stages = server.stats().stages
    assert stages["embeddings"] == manifest_of(folder)["spent"]["embeddings"]["replies"] > PAIRS
    in_batches, batched = made(tmp_path / "batched", server)
    for name, value in {"minimum": 10, "poll_s": 0.05, "max_poll_s": 0.2, "settle_s": 0.2}.items():
        set_in(batched, name, str(value))
    ended = in_batches.run(batched, "--mode", "batch")
    assert ended.code == 0, ended.words
    assert bytes_of(batched / "dataset") == bytes_of(folder / "dataset")
    assert server.stats().stages["embeddings"] == 2 * stages["embeddings"]
    changed = (folder / "glan.toml").read_text(encoding="utf-8").replace('"e@', '"other@')
    (folder / "glan.toml").write_text(changed, encoding="utf-8")
    ended = glan.run(folder)
    assert ended.code == 1
    assert f"ask again for {stages['embeddings']} replies" in ended.err
    assert "model of embeddings (e -> other)" in ended.err
