"""What a run passes on of what servers tell beside their words: who answered, and what they had read before."""

import json
import re
from pathlib import Path

from commandline import CommandLine, check_whole, manifest_of, set_in, simulated

from glan.teachers.filler import Filler
from glan.teachers.simulate import Simulated

PAIRS = 12


def warnings_in(folder: Path) -> list[str]:
    lines = [json.loads(line) for line in (folder / "run.log").read_text(encoding="utf-8").splitlines()]
    return [line["event"] for line in lines if line["level"] == "warning"]


def test_another_model_behind_the_same_name_is_told(tmp_path: Path) -> None:
    """It is warned of once, told at the end with its server, counted in the manifest, and told again when settled."""
    with simulated(Simulated(changes_after=30), Filler(size=200)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        first, settled = command.run(folder), command.run(folder)
        paid = server.stats().paid
    check_whole(folder, PAIRS)
    host = server.base_url.removeprefix("http://").removesuffix("/v1")
    told = f"{host} was not the same model all the time for any: filler fp_1 (30 replies), filler-changed fp_2 ("
    for ended in (first, settled):
        assert ended.code == 0, ended.words
        assert ended.out.count(told) == 1
    assert "Nothing has changed" in settled.out
    (warning,) = warnings_in(folder)
    assert warning.startswith(f"{host} answers for any as filler-changed fp_2 since ")
    answered = manifest_of(folder)["answered"]
    assert sum(found["replies"] for found in answered) == paid
    assert sum(found["replies"] for found in answered if found["system_fingerprint"] == "fp_1") == 30
    assert {found["stage"] for found in answered} == {"subjects", "syllabi", "questions", "answers"}
    card = (folder / "dataset" / "README.md").read_text(encoding="utf-8")
    assert re.search(r"filler(?:\\)?-changed", card)


def test_one_model_all_the_time_is_not_worth_a_word(tmp_path: Path) -> None:
    """A server that stays what it is gives no warning; the manifest counts its replies all the same."""
    with simulated(Simulated(changes_after=100_000), Filler(size=200)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        ended = command.run(folder)
    assert "same model" not in ended.words
    assert not warnings_in(folder)
    assert {found["system_fingerprint"] for found in manifest_of(folder)["answered"]} == {"fp_1"}


def test_what_came_from_a_cache_is_told_and_priced(tmp_path: Path) -> None:
    """The share of cached prompt tokens stands in the end, in `status` and in the manifest, and has its own price."""
    with simulated(Simulated(prefix_cache=100_000), Filler(size=200)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        set_in(folder, "price", "{ input = 10.0, output = 0.0, cached = 1.0 }")
        ended = command.run(folder)
        stats = server.stats()
    share = f"{stats.prompt_tokens:,} prompt tokens ({stats.cached_tokens / stats.prompt_tokens:.0%} cached)"
    cost = (10 * (stats.prompt_tokens - stats.cached_tokens) + stats.cached_tokens) / 1e6
    assert stats.cached_tokens > 0
    assert f"{share}, {stats.completion_tokens:,} reply tokens, ${cost:.4f}." in ended.out
    assert share in command("status", "--project", folder).out
    assert sum(found["cached_tokens"] for found in manifest_of(folder)["spent"].values()) == stats.cached_tokens


def test_a_server_that_tells_of_no_cache_is_not_said_to_have_none(tmp_path: Path) -> None:
    """Where nobody told how many tokens were cached, there is no share."""
    with simulated(Simulated(), Filler(size=200)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=3)
        ended = command.run(folder)
    assert "prompt tokens, " in ended.out
    assert "cached" not in ended.out + command("status", "--project", folder).out


def test_a_simulated_server_can_be_told_to_die(command_line: CommandLine) -> None:
    """Once it has paid for as many replies as it lives for, the program ends and says what it counted."""
    serving = command_line.begin(
        "simulate", "--port", 0, "--replies", "filler", "--dies-after", 20, "--step-ms", "0.01,0.001",
        "--prefix-cache", 1_000, "--changes-after", 5,
    )  # fmt: skip
    assert serving.process.stdout is not None
    base_url = serving.process.stdout.readline().split()[2].rstrip(";")
    command = command_line.told(base_url=base_url, key="any")
    folder = command.init("data", pairs=1_000)
    set_in(folder, "max_retries", "0")
    set_in(folder, "outage_s", "0")
    assert command.run(folder).code == 1
    ended = serving.end(timeout_s=40)
    assert ended.code == 0, ended.words
    assert "20 were paid" in ended.out
    for wrong in (("--returns-after", 1), ("--step-ms", "fast"), ("--step-ms", "-1")):
        assert command_line("simulate", "--port", 0, *wrong).code in {1, 2}
