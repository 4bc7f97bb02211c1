"""What `glan plan` says before anybody is asked: prices and hosts as a run would have them, and only what is left."""

import re
from pathlib import Path

import pytest
from commandline import PAIRS, CommandLine, replies_in, set_in


@pytest.mark.parametrize(
    ("settings", "variables", "cost", "told"),
    [
        pytest.param({}, {}, True, "Hosts: api.openai.com (", id="a provider's own address"),
        pytest.param({}, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, False, "Hosts: 127.0.0.1:9 (", id="elsewhere"),
        pytest.param({"base_urls": '["http://127.0.0.1:9/v1"]'}, {}, False, "Hosts: 127.0.0.1:9 (", id="several"),
        pytest.param(
            {"spec": '"vllm/my-model"', "base_urls": '["http://127.0.0.1:9/v1"]'}, {}, True, "Hosts: api.openai.com (",
            id="several of another teacher",
        ),
        pytest.param(
            {"price": "{input = 1.0, output = 2.0}"}, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, True,
            "Hosts: 127.0.0.1:9 (", id="with a price",
        ),
        pytest.param(
            {"gpu_hour_usd": "2.5"}, {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, True,
            "$2.50 for each hour of servers", id="by the hour",
        ),
        pytest.param({"allow": '["localhost"]'}, {}, True, "answers; not in allow of [network], so it will be refused)",
                     id="not allowed"),
    ],
)  # fmt: skip
def test_a_plan_knows_prices_and_hosts_as_a_run_would(
    command_line: CommandLine, settings: dict[str, str], variables: dict[str, str], told: str, *, cost: bool
) -> None:
    """The list's price is for a provider's own address; every host is told, and whether it is allowed."""
    folder = command_line.init("data")
    for name, value in settings.items():
        set_in(folder, name, value)
    command = command_line.told(variables=variables)
    given = ("plan", "--project", folder, "--teacher", "openai/gpt-5-mini")
    plain = command(*given)
    assert plain.code == 0, plain.words
    assert told in plain.out
    found = command(*given, "--json").json
    assert all((stage["cost_usd"] is not None) == cost for stage in found["expected"])


def test_a_plan_counts_what_is_left(done: Path, command_line: CommandLine) -> None:
    """Of a finished data set nothing is; for twice as many pairs about as much as it took, by its own averages."""
    whole = command_line("plan", "--project", done, "--json").json
    assert [stage["calls"] for stage in whole["high"]] == [0, 0, 0, 0]
    assert whole["in_ledger"] == replies_in(done)
    more = command_line("plan", "--project", done, "--json", "--pairs", 2 * PAIRS).json
    assert [stage["calls"] for stage in more["low"]][2:] == [PAIRS, PAIRS]
    assert all(average["is_measured"] for average in more["averages"].values())
    told = command_line("plan", "--project", done, "--pairs", 2 * PAIRS).out
    assert f"The ledger has {whole['in_ledger']:,} of the replies already; this is what is left:" in told
    assert "are this ledger's averages." in told


def test_a_plan_at_scale_has_a_line_for_each_size(command_line: CommandLine) -> None:
    """From a thousand pairs to ten million, with the project's own N among them, and what the numbers rest on."""
    folder = command_line.init("data", pairs=20_000)
    given = ("plan", "--project", folder, "--teacher", "openai/gpt-5-mini", "--scale")
    found = command_line(*given, "--json").json
    assert [size["pairs"] for size in found["sizes"]] == [1_000, 10_000, 20_000, 100_000, 1_000_000, 10_000_000]
    for name in ("calls", "cost_usd", "hours", "disk_bytes", "memory_bytes"):
        for case in ("low", "expected", "high"):
            values = [size[case][name] for size in found["sizes"]]
            assert values == sorted(set(values))
        assert all(size["low"][name] <= size["expected"][name] <= size["high"][name] for size in found["sizes"])
    told = command_line(*given).out
    assert [line.split()[0] for line in told.splitlines()[2:8]] == [f"{size['pairs']:,}" for size in found["sizes"]]
    assert "Tokens and times are assumed" in told
    assert "bytes a reply token, which is assumed." in told
    assert "is unknown" not in told
    unpriced = command_line("plan", "--project", folder, "--scale", "--teacher", "openai/none-such").out
    assert "The price of subjects, syllabi, questions, answers is unknown: `price` or `gpu_hour_usd`" in unpriced


def test_a_plan_at_scale_tells_what_its_costs_are(command_line: CommandLine) -> None:
    """Servers by the hour, batches and the greatest N: what the cost has is said, and no column runs into the next."""
    folder = command_line.init("data", pairs=1_000_000_000, disciplines="Physics")
    set_in(folder, "gpu_hour_usd", "2.5")
    set_in(folder, "mode", '"batch"')
    told = command_line("plan", "--project", folder, "--teacher", "openai/none-such", "--scale").out
    assert "The cost has $2.50 for each hour of servers of your own." in told
    assert "Costs are those of batches" in told
    rows = [re.split(r"  +", line.strip()) for line in told.splitlines()[1:8]]
    assert [len(row) for row in rows] == [7] * 7, told


def test_a_plan_at_scale_rests_on_the_ledger(done: Path, command_line: CommandLine) -> None:
    """Where there are replies their averages count; what stands takes nothing more, and another N can be asked for."""
    found = command_line("plan", "--project", done, "--scale", "--json", "--pairs", PAIRS).json
    assert found["sizes"][0]["pairs"] == PAIRS
    assert found["sizes"][0]["high"]["calls"] == 0
    assert "are this ledger's averages." in found["rests_on"][0]
    one, plain = found["sizes"][1], command_line("plan", "--project", done, "--pairs", 1_000, "--json").json
    assert one["expected"]["calls"] == sum(stage["calls"] for stage in plain["expected"])
    assert one["high"]["disk_bytes"] == plain["disk_bytes"]["high"]
