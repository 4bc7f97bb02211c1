"""`glan check`: one pair from end to end, what it shows of a teacher, and why there is none."""

from pathlib import Path

import pytest
from commandline import KEY, TEACHER, CommandLine, replies_in, set_in, simulated

from glan.check import MOST_CALLS
from glan.teachers.simulate import Server, Simulated

CALLS = 6
"""Of one pair from nothing: a draft and a syllabus of two turns each, a question and an answer."""


def check(command: CommandLine, folder: Path, *arguments: object, teacher: str = TEACHER) -> tuple[int, str]:
    ended = command("check", "--project", folder, "--teacher", teacher, *arguments)
    return ended.code, ended.words


def test_a_check_makes_a_pair_that_a_run_does_not_pay_again(server: Server, command: CommandLine) -> None:
    """What a check pays for is in the project's ledger, and the run that follows asks for the rest alone."""
    folder = command.init("data", pairs=5)
    code, told = check(command, folder)
    assert code == 0, told
    assert "Pair: question/" in told
    assert server.stats().paid == replies_in(folder) == CALLS
    assert not (folder / "dataset").exists()
    assert command.run(folder).code == 0
    assert server.stats().repeats == 0
    assert server.stats().paid == replies_in(folder)


def test_a_check_says_what_it_saw_and_what_is_unknown(server: Server, command: CommandLine) -> None:
    """Each line of a check is there, and a context, a model or a price that nobody told is said to be unknown."""
    folder = command.init("data")
    code, told = check(command, folder)
    assert code == 0
    for line in (
        "any (subjects, syllabi, questions, answers)",
        f"host         {server.base_url.removeprefix('http://').removesuffix('/v1')}",
        "key          accepted",
        "model        not in the server's list; it may answer under another name. Nearest there: ",
        "context      unknown: the server does not say",
        "cut prompts  none was seen",
        "structured   json_schema",
        "thinking     none was seen",
        " tokens a second, ",
        "price        unknown",
        "Calls: 6 (0 replies from the ledger), cost unknown.",
    ):
        assert line in told, line


def test_a_check_can_be_read_by_machines(server: Server, command: CommandLine) -> None:
    """`--json` has the same as values, with null for what is unknown; checked again, it pays nothing."""
    folder = command.init("data")
    first = command("check", "--project", folder, "--teacher", TEACHER, "--json").json
    (teacher,) = first["teachers"]
    assert teacher["rung"] == "json_schema"
    assert teacher["context_tokens"] is None
    assert teacher["price"] is None
    assert teacher["tokens_per_second"] > 0
    assert first["pair"]["answer"]
    assert (first["calls"], first["hits"], first["cost_usd"]) == (CALLS, 0, None)
    again = command("check", "--project", folder, "--teacher", TEACHER, "--json").json
    assert again["pair"] == first["pair"]
    assert (again["calls"], again["hits"], again["exit_code"]) == (0, CALLS, 0)
    assert server.stats().paid == CALLS


def test_a_check_says_how_far_down_the_ladder_it_went(tmp_path: Path) -> None:
    """A server that knows no response format is asked in plain text, and the check says so."""
    with simulated(Simulated(faults={"no-schema": 1.0, "no-json": 1.0})) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        code, told = check(command, command.init("data"))
    assert code == 0
    assert "structured   text" in told


def test_a_price_in_the_settings_is_told(command: CommandLine) -> None:
    """A given price is shown, and the cost with it."""
    folder = command.init("data")
    set_in(folder, "price", "{input = 1.0, output = 2.0}")
    code, told = check(command, folder)
    assert code == 0
    assert "price        $1 and $2 for a million tokens" in told


def test_a_price_by_the_hour_is_told_with_what_it_makes_of_the_speed(tmp_path: Path) -> None:
    """The speed of one call at a time gives the dearest price of a token, and is said to be that."""
    with simulated(Simulated(latency_ms=20)) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", disciplines="Astronomy")
        set_in(folder, "gpu_hour_usd", "3.6")
        told = command("check", "--project", folder, "--teacher", f"m@{server.base_url}").out
        assert "price        $3.6 an hour, which is $" in told
        assert "less with many at once" in told
    assert "cost unknown" not in told


def test_the_textbook_can_be_checked(command_line: CommandLine) -> None:
    """A teacher inside the process has no host, no key and a price of nothing."""
    code, told = check(command_line, command_line.init("data"), teacher="offline")
    assert code == 0
    assert "Hosts: none." in told
    assert "$0.0000" in told
    assert "key  " not in told


BROKEN = {
    "bad key": (Simulated(api_key="another-key"), TEACHER, "does not accept the key in OPENAI_API_KEY"),
    "unknown model": (Simulated(models=("good",)), TEACHER, "does not know the model 'any'"),
    "no list": (Simulated(faults={"malformed": 1.0}), TEACHER, "replies gave no pair: "),
    "overloaded": (Simulated(faults={"503": 1.0}), TEACHER, "status 503"),
    "refusal": (
        Simulated(faults={"refusal@answers": 1.0}),
        TEACHER,
        "refusal (answers)",
    ),
}


@pytest.mark.parametrize(("settings", "teacher", "words"), BROKEN.values(), ids=BROKEN)
def test_a_check_that_gets_no_pair_ends_with_the_cause(
    tmp_path: Path, settings: Simulated, teacher: str, words: str
) -> None:
    """No pair is exit 1 with what stands in the way, for people and for machines."""
    with simulated(settings) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data", disciplines="Astronomy")
        code, told = check(command, folder, teacher=teacher)
        assert code == 1, told
        assert words in told
        assert server.stats().received <= MOST_CALLS + 3
        found = command("check", "--project", folder, "--teacher", teacher, "--json")
    assert found.code == 1
    assert found.json["pair"] is None
    assert words in f"{found.json['cause']} {found.json['hint']}"


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    """A wrong address ends a check before anything is asked of it."""
    with simulated() as gone:
        address = gone.base_url
    command = CommandLine(home=tmp_path, base_url=address)
    folder = command.init("data")
    for _ in range(8):  # a process that ends at once after a refused connection was seen to abort in a third of cases
        code, told = check(command, folder)
        assert code == 1, told
        assert f"No server answers at {address}" in told
        assert "answers inside the process" not in told


def test_a_missing_key_is_told_to_machines_too(command_line: CommandLine) -> None:
    """What is wrong before a server is asked stands in the JSON as well."""
    found = command_line("check", "--project", command_line.init("data"), "--teacher", TEACHER, "--json")
    assert found.code == 1
    assert "no key for api.openai.com" in found.json["cause"]
    assert KEY not in found.words


def test_another_teacher_is_not_asked_for_what_is_paid(server: Server, command: CommandLine) -> None:
    """A check decides nothing for a person: under another model it asks for nothing and says where to try it."""
    folder = command.init("data")
    assert check(command, folder)[0] == 0
    code, told = check(command, folder, teacher="openai/another")
    assert code == 1
    assert "model of questions (any -> another)" in told
    assert "in a project of its own" in told
    assert server.stats().paid == CALLS


def test_a_check_leaves_no_failure_behind(tmp_path: Path) -> None:
    """What a broken server refuses in a check is not recorded, so that a run asks for it when the server is mended."""
    with simulated(Simulated(faults={"503": 1.0})) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        folder = command.init("data")
        assert check(command, folder)[0] == 1
    assert replies_in(folder) == 0


def test_a_check_of_a_server_that_is_not_there_ends_in_good_order(tmp_path: Path) -> None:
    """The exit code is 1 each time, though the HTTP library's thread is hardly done when the process ends."""
    command = CommandLine(home=tmp_path, key=None)
    folders = [command.init(f"data-{i}", pairs=2, disciplines="Astronomy") for i in range(12)]
    begun = [command.begin("check", "--project", folder, "--teacher", "m@http://127.0.0.1:9/v1") for folder in folders]
    assert [each.end().code for each in begun] == [1] * len(begun)
