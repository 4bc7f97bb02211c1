"""Runs whose number of requests in flight follows the server: the same bytes, no failure, and few refusals."""

from pathlib import Path

import pytest
from commandline import CommandLine, bytes_of, check_whole, set_in, simulated

from glan.teachers.simulate import Simulated

PAIRS = 60
CROWDED = {
    "refuses": Simulated(latency_ms=20, capacity=5),
    "queues": Simulated(latency_ms=5, capacity=3, queues=True),
    "refuses by chance": Simulated(latency_ms=5, faults={"429": 0.1}),
}


@pytest.fixture(scope="module")
def one_by_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The data set that is asked for one request at a time."""
    with simulated() as server:
        command = CommandLine(home=tmp_path_factory.mktemp("one"), base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        assert command.run(folder, "--concurrency", "fixed", "--max-in-flight", 1).code == 0
        assert server.stats().max_in_flight == 1
        return bytes_of(folder / "dataset")


@pytest.mark.parametrize("kind", CROWDED)
def test_the_bytes_are_the_same_whatever_the_server_bears(
    one_by_one: dict[str, bytes], tmp_path: Path, kind: str
) -> None:
    """Refused or made to wait, a run has no failure and makes what it makes one by one."""
    with simulated(CROWDED[kind]) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        assert command.run(folder, "--concurrency", "adaptive").code == 0
        check_whole(folder, PAIRS)
        assert bytes_of(folder / "dataset") == one_by_one
        assert server.stats().max_in_flight > 1


def test_a_rate_of_the_server_makes_a_run_slower_and_harms_nothing(
    one_by_one: dict[str, bytes], tmp_path: Path
) -> None:
    """With a limit a minute in glan.toml a run waits for each place, and nothing is refused."""
    with simulated(Simulated()) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        set_in(folder, "rpm", "6_000")
        assert command.run(folder).code == 0
        stats = server.stats()
        assert bytes_of(folder / "dataset") == one_by_one
        assert stats.failed == {}
        assert stats.max_in_flight <= 16


@pytest.mark.parametrize(
    ("told", "most", "latency_ms"),
    [
        (("--concurrency", "fixed", "--max-in-flight", 20), 20, 250),
        (("--concurrency", "adaptive", "--max-in-flight", 3), 3, 20),
    ],
)
def test_a_number_that_is_asked_for_is_kept(
    one_by_one: dict[str, bytes], tmp_path: Path, told: tuple[object, ...], most: int, latency_ms: float
) -> None:
    """A fixed number is in flight from the beginning; of an adaptive one it is the ceiling."""
    # Twenty calls are under way at once only where a reply takes longer than a busy machine takes to send twenty.
    with simulated(Simulated(latency_ms=latency_ms)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS)
        assert command.run(folder, *told).code == 0
        assert server.stats().max_in_flight == most
        assert bytes_of(folder / "dataset") == one_by_one
