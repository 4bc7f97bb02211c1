"""A server that will answer nobody: the run ends after no more calls than were in flight, and what was paid stands."""

from pathlib import Path

import pytest
from commandline import KEY, CommandLine, Ended, check_whole, ids_of, port_of, replies_in, simulated, until

from glan.teachers.simulate import Server, Simulated, Stats

IN_FLIGHT = 8
PAIRS = 200
DISCIPLINES = (
    "Astronomy,Physics,History,Biology,Chemistry,Economics,Geography,Dance,Linguistics,Music,Philosophy,Sociology"
)
LATENCY_MS = 30
"""Long enough that many wait for a permit while the first calls are refused."""

HOPELESS = {
    "wrong key": (Simulated(api_key="another", latency_ms=LATENCY_MS), "does not accept the key in OPENAI_API_KEY"),
    "unknown model": (Simulated(models=("good",), latency_ms=LATENCY_MS), "does not know the model 'any'"),
    "no credit": (Simulated(faults={"no-credit": 1}, latency_ms=LATENCY_MS), "There is no credit left at 127.0.0.1"),
}


def settled(server: Server) -> Stats:
    until(lambda: server.stats().in_flight == 0)
    return server.stats()


def check_ended(ended: Ended, told: str) -> None:
    assert ended.code == 1, ended.words
    assert f"Error: {told}" in ended.err or told in ended.err
    assert len([line for line in ended.err.splitlines() if line.startswith("Error: ")]) == 1
    assert "To go on: glan run" in ended.out


@pytest.mark.parametrize(("settings", "told"), HOPELESS.values(), ids=HOPELESS)
def test_a_server_that_answers_nobody_is_asked_as_often_as_calls_were_in_flight(
    tmp_path: Path, settings: Simulated, told: str
) -> None:
    """A wrong key, a wrong model and no credit end a run with the cause; who waited for a permit asks nothing."""
    with simulated(settings) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS, disciplines=DISCIPLINES)
        ended = command.run(folder, "--max-in-flight", IN_FLIGHT)
        check_ended(ended, told)
        stats = settled(server)
    assert (stats.paid, replies_in(folder)) == (0, 0)
    assert 0 < stats.received <= IN_FLIGHT
    assert not (folder / "dataset").exists()


def test_a_key_that_is_revoked_ends_the_run_and_what_was_paid_stands(tmp_path: Path) -> None:
    """From then on there are no more calls than were in flight or paused; with a key that works the run goes on."""
    slow = Simulated(api_key=KEY, latency_ms=LATENCY_MS)
    with simulated(slow) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS, disciplines=DISCIPLINES)
        begun = command.begin_run(folder, "--max-in-flight", IN_FLIGHT)
        until(lambda: server.stats().stages.get("answers", 0) > 20)
    paid, port = server.stats().paid, port_of(server)
    with simulated(Simulated(api_key="a new one", latency_ms=LATENCY_MS), port=port) as server:
        check_ended(begun.end(), "does not accept the key in OPENAI_API_KEY")
        # Calls that found nobody while the server changed its key pause, and lend their permits meanwhile.
        assert 0 < settled(server).received <= 2 * IN_FLIGHT
    kept = replies_in(folder)
    assert paid - IN_FLIGHT <= kept <= paid
    check_whole(folder, len(ids_of(folder)))
    assert ids_of(folder)
    with simulated(Simulated(api_key=KEY), port=port) as server:
        assert command.run(folder).code == 0
        assert server.stats().repeats == 0
    check_whole(folder, PAIRS)


def test_a_model_and_money_that_go_away_end_the_run_alike(tmp_path: Path) -> None:
    """One answer in ten says that there is no credit: the first of them ends the run, and no slot fails for it."""
    with simulated(Simulated(faults={"no-credit@answers": 0.1}, latency_ms=5)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", pairs=PAIRS, disciplines=DISCIPLINES)
        check_ended(command.run(folder, "--max-in-flight", IN_FLIGHT), "There is no credit left")
        stats = settled(server)
    assert 0 < stats.paid == replies_in(folder)
    assert sum(stats.failed.values()) <= IN_FLIGHT
    check_whole(folder, len(ids_of(folder)))
