"""What changes a project between two runs: more pairs or fewer, a prompt, a budget, the tree; and what that costs.

The counts of the server say what was paid again: nothing but what was asked for.
"""

from dataclasses import replace
from pathlib import Path

from commandline import (
    PAIRS,
    TEACHER,
    CommandLine,
    bytes_of,
    check_whole,
    ids_of,
    manifest_of,
    replies_in,
    set_in,
)
from pyarrow.parquet import read_table

from glan.teachers.ledger import Ledger
from glan.teachers.simulate import Server


def test_stages_can_be_done_one_after_the_other(server: Server, command: CommandLine, done: Path) -> None:
    """`--until` does a part, makes no data set, and pays for nothing that the whole run would pay for again."""
    folder = command.init("data", pairs=PAIRS)
    units = {"subjects": "slots with a subject", "syllabi": "slots with a syllabus", "questions": "questions"}
    for stage, unit in units.items():
        ended = command.run(folder, "--until", stage)
        assert ended.code == 0, ended.words
        assert f"{PAIRS} of {PAIRS} {unit}" in ended.out
        assert list(server.stats().stages)[-1] == stage
        assert not (folder / "dataset").exists()
    assert "answers" not in server.stats().stages
    assert command.run(folder).code == 0
    assert server.stats().repeats == 0
    assert bytes_of(folder / "dataset") == bytes_of(done / "dataset")


def test_a_second_run_asks_nobody_and_knows_its_teacher(server: Server, command: CommandLine, project: Path) -> None:
    """A complete project is walked again without a call, with the teacher of the last run, to the same bytes."""
    before = bytes_of(project / "dataset")
    ended = command("run", "--project", project)
    assert ended.code == 0
    assert f"The teacher is {TEACHER}, as in the last run." in ended.err
    assert "0 calls (" in ended.out
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before


def test_a_later_run_stays_with_the_server_that_a_variable_named(server: Server, command: CommandLine) -> None:
    """Without the variable the last run's address stands; a teacher that is typed again is told to lead elsewhere."""
    folder = command.init("data", pairs=5)
    assert command.run(folder).code == 0
    before, without = server.stats().received, replace(command, base_url=None)
    ended = without("run", "--project", folder, "--pairs", 8)
    assert ended.code == 0, ended.words
    assert f"The teacher is {TEACHER}@{server.base_url}, as in the last run." in ended.err
    assert server.stats().received > before
    assert command.run(folder, "--pairs", 10).code == 0
    told = without("plan", "--project", folder, "--teacher", TEACHER)
    assert "Hosts: api.openai.com (" in told.out
    assert f"give --teacher {TEACHER}@{server.base_url}." in told.err
    assert not command("plan", "--project", folder, "--teacher", TEACHER).err


def test_a_preview_shows_the_prompts_and_touches_no_data_set(
    server: Server, command: CommandLine, project: Path
) -> None:
    """`preview` shows every prompt and reply on the way of some pairs; what it pays, a run never pays again."""
    before = bytes_of(project / "dataset")
    shown = command("preview", "--project", project, "--teacher", TEACHER)
    assert shown.code == 0
    assert "=== question/" in shown.out
    assert "--- user\n" in shown.out
    assert "--- reply (stop)\n" in shown.out
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before
    fresh = command.init("fresh", pairs=PAIRS)
    assert command("preview", "--project", fresh, "--teacher", TEACHER, "--pairs", 1, "--node", "Physics").code == 0
    assert not (fresh / "dataset").exists()
    assert command.run(fresh).code == 0
    assert server.stats().repeats == 0


def change_prompt(folder: Path, name: str = "answer_question") -> None:
    path = folder / "prompts" / f"{name}.md.j2"
    path.write_text(path.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")


def test_a_changed_prompt_stops_the_run_before_it_pays_again(
    server: Server, command: CommandLine, project: Path
) -> None:
    """Nothing is asked again by surprise: the run says what changed and how many replies that concerns, and stops."""
    change_prompt(project)
    before = bytes_of(project / "dataset")
    for arguments in ((), ("--yes",), ("--pairs", PAIRS + 5)):
        ended = command.run(project, *arguments)
        assert ended.code == 1
        assert f"ask again for {PAIRS} replies" in ended.err
        assert "prompt answer_question" in ended.err
        assert "--keep" in ended.err
        assert "--reask" in ended.err
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before


def test_keep_uses_what_is_there_and_holds(server: Server, command: CommandLine, project: Path) -> None:
    """`--keep` pays for nothing and changes no row; further runs need not say it again, and growth asks the new way."""
    change_prompt(project)
    before = bytes_of(project / "dataset" / "train")
    assert command.run(project, "--keep").code == 0
    assert command.run(project).code == 0
    assert server.stats().received == 0
    assert bytes_of(project / "dataset" / "train") == before
    assert manifest_of(project)["choice"] == "keep"
    rows = ids_of(project)
    assert command.run(project, "--pairs", PAIRS + 5).code == 0
    assert server.stats().stages["answers"] == 5
    assert ids_of(project)[:PAIRS] == rows


def test_reask_asks_for_what_changed_and_keeps_the_old_replies(
    server: Server, command: CommandLine, project: Path
) -> None:
    """`--reask` asks again for the answers alone, once, and the ledger still has the old ones."""
    change_prompt(project)
    rows, kept = ids_of(project), replies_in(project)
    ended = command.run(project, "--reask")
    assert ended.code == 0, ended.words
    assert dict(server.stats().stages) == {"answers": PAIRS}
    assert ids_of(project) == rows
    assert replies_in(project) == kept + PAIRS
    assert manifest_of(project)["choice"] == "reask"
    assert command.run(project).code == 0
    assert server.stats().received == PAIRS


def test_a_budget_of_tokens_is_never_passed(server: Server, command: CommandLine) -> None:
    """At the cap the run ends with 4 and a whole data set; a greater cap goes on from there."""
    folder = command.init("data", pairs=PAIRS)
    assert command.run(folder, "--budget-tokens", 0).code == 4
    assert server.stats().received == 0
    for budget in (60_000, 100_000):
        ended = command.run(folder, "--budget-tokens", budget)
        assert ended.code == 4, ended.words
        assert f"The budget of {budget:,} tokens is reached" in ended.err
        assert "dollars" not in ended.err
        assert "To go on: " not in ended.out
        stats = server.stats()
        assert 0 < stats.prompt_tokens + stats.completion_tokens <= budget
    rows = len(ids_of(folder))
    assert 0 < rows < PAIRS
    check_whole(folder, rows)
    assert command.run(folder, "--json", "--budget-tokens", budget).json["exit_code"] == 4
    assert command.run(folder).code == 0
    check_whole(folder, PAIRS)
    assert server.stats().repeats == 0


def test_a_budget_of_dollars_needs_a_price(server: Server, command: CommandLine) -> None:
    """Where the price of a model is unknown the run says how to give it; with it, the cap holds."""
    folder = command.init("data", pairs=PAIRS)
    ended = command.run(folder, "--budget-usd", 1)
    assert ended.code == 1
    assert "Set `price`" in ended.err
    assert server.stats().received == 0
    set_in(folder, "price", "{input = 1.0, output = 4.0}")
    ended = command.run(folder, "--budget-usd", 0.15)
    assert ended.code == 4, ended.words
    stats = server.stats()
    assert 0 < stats.prompt_tokens * 1e-6 + stats.completion_tokens * 4e-6 <= 0.15
    ended = command.run(folder, "--budget-usd", 5)
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)


def test_fewer_pairs_than_stand_need_a_yes(server: Server, command: CommandLine, project: Path) -> None:
    """A data set is shortened only when that was confirmed, and grows back without a call."""
    before = bytes_of(project / "dataset")
    rows = ids_of(project)
    refused = command.run(project, "--pairs", 7)
    assert refused.code == 1
    assert "--pairs 7 is less than the 50 rows that stand" in refused.err
    assert "--yes" in refused.err
    assert bytes_of(project / "dataset") == before
    assert command.run(project, "--pairs", 7, "--yes").code == 0
    assert ids_of(project) == rows[:7]
    check_whole(project, 7)
    assert command.run(project).code == 0
    assert bytes_of(project / "dataset") == before
    assert server.stats().received == 0


def rows_of(folder: Path) -> dict[str, dict[str, object]]:
    """Return the rows of a project by their ids."""
    return {
        row["id"]: row
        for path in sorted((folder / "dataset" / "train").glob("*.parquet"))
        for row in read_table(path).to_pylist()
    }


def test_a_new_discipline_costs_no_row_and_no_reply_of_the_others(
    server: Server, command: CommandLine, project: Path
) -> None:
    """After `taxonomy add`, the run grows so far that all paid rows stay, and asks about the new discipline alone."""
    before = rows_of(project)
    added = command("taxonomy", "add", "Botany", "--under", "Natural science", "--project", project)
    assert added.code == 0, added.words
    assert "all of them stay" in added.out
    ended = command.run(project)
    assert ended.code == 0, ended.words
    after = rows_of(project)
    assert {id_: after.get(id_) for id_ in before} == before
    new = set(after) - set(before)
    assert new
    assert any(id_.startswith("question/botany/") for id_ in new)
    check_whole(project, len(after))
    with Ledger.open(project / "ledger.sqlite", readonly=True) as ledger:
        asked = [entry.request_id.split("/")[1] for entry in ledger.entries() if entry.run == ledger.runs()[-1].number]
    assert set(asked) == {"botany"} == {id_.split("/")[1] for id_ in new}
    assert len(asked) == server.stats().paid
    assert command.run(project).code == 0
    assert server.stats().paid == len(asked)


def test_a_removed_discipline_leaves_and_comes_back_unpaid(server: Server, command: CommandLine, project: Path) -> None:
    """`taxonomy remove` asks first; the rows leave with the next run, and its replies wait in the ledger."""
    before = rows_of(project)
    text = (project / "taxonomy.yaml").read_bytes()
    refused = command("taxonomy", "remove", "Physics", "--project", project)
    assert refused.code == 1
    assert "--yes" in refused.err
    assert (project / "taxonomy.yaml").read_bytes() == text
    removed = command("taxonomy", "remove", "Physics", "--project", project, "--yes")
    assert removed.code == 0, removed.words
    lost = sum(id_.startswith("question/physics/") for id_ in before)
    assert f"{lost} rows leave" in removed.out
    assert f"0 of the other {PAIRS - lost} rows that stand would leave" in removed.out
    ended = command.run(project)
    assert ended.code == 0, ended.words
    assert not any(id_.startswith("question/physics/") for id_ in rows_of(project))
    check_whole(project, PAIRS)
    paid = server.stats().paid
    (project / "taxonomy.yaml").write_bytes(text)
    assert command.run(project).code == 0
    after = rows_of(project)
    assert {id_: after.get(id_) for id_ in before} == before
    with Ledger.open(project / "ledger.sqlite", readonly=True) as ledger:
        physics = [entry for entry in ledger.entries(prefix="question/physics/") if entry.run > 1]
    assert server.stats().paid - paid == 2 * len(physics)


def test_a_ledger_may_lie_elsewhere(server: Server, command: CommandLine, done: Path, tmp_path: Path) -> None:
    """With --ledger the replies are kept at another place, and the data set is the same."""
    folder = command.init("data", pairs=PAIRS)
    elsewhere = tmp_path / "elsewhere.sqlite"
    assert command.run(folder, "--ledger", elsewhere).code == 0
    assert not (folder / "ledger.sqlite").exists()
    assert bytes_of(folder / "dataset") == bytes_of(done / "dataset")
    assert command.run(folder, "--ledger", elsewhere).code == 0
    assert server.stats().repeats == 0
