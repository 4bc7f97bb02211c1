"""What bad input gets: exit 1, one clear sentence with the thing, the value and the way out, and nothing half-written.

That no command shows a traceback is seen at every call; see `commandline.Ended`.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from commandline import (
    KEY,
    PAIRS,
    TEACHER,
    CommandLine,
    Ended,
    bytes_of,
    check_whole,
    ids_of,
    port_of,
    replies_in,
    set_in,
    simulated,
)

from glan.teachers.simulate import Server, Simulated


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has not run."""
    home = tmp_path_factory.mktemp("made")
    return CommandLine(home=home, key=None).init("data", pairs=3, disciplines="Astronomy")


def copied(folder: Path, to: Path) -> Path:
    """Return a copy of a project, so that a test may spoil it."""
    return Path(shutil.copytree(folder, to / folder.name))


def check_told(ended: Ended, *words: str, code: int = 1) -> None:
    """See that a command ended with an error that says all this, in one sentence and perhaps a hint."""
    assert ended.code == code, ended.words
    errors = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, ended.err
    assert "errno" not in ended.err.lower(), ended.err
    for word in words:
        assert word in ended.err, ended.err


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoiled:
    """A file of a project in which something is wrong."""

    file: str
    old: str = ""
    """What is replaced; everything where it is empty."""
    new: str | bytes = ""
    words: tuple[str, ...]

    def spoil(self, folder: Path) -> None:
        path = folder / self.file
        if isinstance(self.new, bytes):
            path.write_bytes(self.new)
            return
        text = path.read_text(encoding="utf-8")
        assert self.old in text
        path.write_text(text.replace(self.old, self.new, 1) if self.old else self.new, encoding="utf-8")


def toml(old: str, new: str, *words: str) -> Spoiled:
    return Spoiled(file="glan.toml", old=old, new=new, words=("glan.toml", *words))


def tree(text: str | bytes, *words: str) -> Spoiled:
    return Spoiled(file="taxonomy.yaml", new=text, words=("taxonomy.yaml", *words))


def prompt(written: str, *words: str) -> Spoiled:
    words = ("answer_question.md.j2", *words)
    return Spoiled(file="prompts/answer_question.md.j2", old="{{ question }}", new=written, words=words)


_DEEP = "".join(f"{' ' * 4 * i}- name: n{i}\n{' ' * 4 * i}  children:\n" for i in range(40)) + " " * 160 + "- x\n"

SPOILED = {
    "unknown setting": toml("pairs = 3", "pears = 3", "unknown setting 'pears'", "did you mean 'pairs'?"),
    "unknown setting in a table": toml("law =", "lew =", "unknown setting 'plan.lew'", "did you mean 'law'?"),
    "wrong type": toml("pairs = 3", 'pairs = "three"', "pairs: expected `int`, got `str`"),
    "no pairs": toml("pairs = 3", "pairs = 0", "pairs: expected `int` >= 1"),
    "share that is no number": toml("pair_share = 0.5", "pair_share = nan", "plan.pair_share"),
    "no TOML": toml("pairs = 3", "pairs = ", "not valid TOML", "at line "),
    "unknown choice": toml('law = "count"', 'law = "coin"', "plan.law", "'coin'"),
    "a host that is not allowed": toml(
        "# allow =", 'allow = ["api.openai.com"]', "The host 127.0.0.1:", "not in allow of [network]", "Add "
    ),
    "a list that names no host": toml("# allow =", 'allow = ["https://x"]', "'https://x'", "is no host"),
    "a key in a header": toml(
        "headers = {}", 'headers = {authorization = "sk-123"}', "'authorization' in headers", "api_key_env"
    ),
    "a key in the query": toml("query = {}", 'query = {code = "sk-0123456789"}', "'code' in query", "api_key_env"),
    "no authority": toml("# ca_file =", 'ca_file = "ours.pem"', "ours.pem", "ca_file", "cannot be read"),
    "unreadable YAML": tree("taxonomy:\n  - {name: A, weight: [\n", "line 3, column 1", "not valid YAML"),
    "duplicate leaf": tree(
        "taxonomy:\n  - Physics\n  - PHYSICS\n", "line 3, column 5", "'PHYSICS'", "line 2, column 5"
    ),
    "empty leaf": tree("taxonomy:\n  - Physics\n  - ''\n", "line 3, column 5", "the name is empty"),
    "empty file": tree("", "there is no `taxonomy:`"),
    "too deep": tree(f"taxonomy:\n{_DEEP}", "nested too deep", "at most 8 levels"),
    "far too deep": tree("taxonomy: " + "[" * 5_000, "taxonomy.yaml, line 1"),
    "cycle": tree("taxonomy: &a\n  - name: x\n    children: *a\n", "anchors and aliases are not read"),
    "not UTF-8": tree(b"taxonomy:\n  - Phy\xffsics\n", "line 2", "not UTF-8"),
    "a tag that would run": tree("taxonomy: !!python/object/apply:os.abort []\n", "the tag", "is not read"),
    "no weight": tree("taxonomy:\n  - {name: Physics, weight: -1}\n", "the weight '-1' is not more than 0"),
    "unknown variable": prompt(
        "{{ question }} {{ password }}", "uses password", "may use language, language_line, question"
    ),
    "escape from the sandbox": prompt("{{ question.__class__.__mro__ }}", "cannot be rendered", "unsafe"),
    "include of a file": prompt("{% include '/etc/passwd' %}", "cannot be rendered"),
    "endless macro": prompt("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "cannot be rendered"),
    "vast loop": prompt("{% for i in range(99999999) %}x{% endfor %}", "cannot be rendered", "Range too big"),
    "no template": prompt("{{ question ", "does not parse, line "),
}


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED)
def test_a_project_with_a_spoiled_file_asks_nobody(
    made: Path, server: Server, command: CommandLine, tmp_path: Path, spoiled: Spoiled
) -> None:
    """A setting, a tree or a prompt that cannot be used is told before a call is paid and anything is written."""
    folder = copied(made, tmp_path)
    spoiled.spoil(folder)
    before = bytes_of(folder)
    check_told(command.run(folder), *spoiled.words)
    assert server.stats().received == 0
    after = bytes_of(folder)
    assert after.pop("run.log", b"") == b""
    assert after == before


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("taxonomy.yaml", ("There is no file", "taxonomy.yaml")),
        ("prompts", ("The prompt ", "draft_subjects.md.j2 cannot be read")),
        ("glan.toml", ("is not a project", "glan init")),
    ],
)
def test_a_project_with_a_missing_file_names_it(
    made: Path, command: CommandLine, tmp_path: Path, missing: str, words: tuple[str, ...]
) -> None:
    """A project that lacks a file says which one, and how to get it."""
    folder = copied(made, tmp_path)
    path = folder / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    check_told(command.run(folder), *words)


COMMANDS = {
    "no teacher": (("run",), 1, ("--teacher offline", "openai/MODEL", "ollama/MODEL", "vllm/MODEL@")),
    "no key": (("run", "--teacher", TEACHER), 1, ("no key for api.openai.com", "OPENAI_API_KEY")),
    "unknown provider": (("run", "--teacher", "opnai/x"), 1, ("'opnai'", "did you mean 'openai'?")),
    "no provider": (("run", "--teacher", "gpt-5"), 1, ("'gpt-5'", "openai/gpt-5")),
    "N of 0": (("run", "--pairs", 0), 2, ("'--pairs'", "0 is not in the range")),
    "both ways": (("run", "--keep", "--reask"), 2, ("exclude each other",)),
    "unknown node": (("preview", "--teacher", "offline", "--node", "Astronmy"), 1, ("did you mean 'Astronomy'?",)),
    "unknown node to remove": (("taxonomy", "remove", "Phisics", "--yes"), 1, ("no node 'Phisics'",)),
    "a discipline twice": (
        ("taxonomy", "add", "astronomy", "--under", "Natural science"), 1, ("'Astronomy' is there already",)
    ),
    "weight of 0": (("taxonomy", "add", "X", "--under", "Natural science", "--weight", 0), 1, ("is not more than 0",)),
    "unknown prompt": (("prompts", "nope"), 2, ("no prompt 'nope'", "write_question")),
    "no data set to export": (("export", "out.jsonl"), 1, ("has no data set yet", "glan run")),
    "no ledger": (("ledger", "list"), 1, ("There is no ledger", "glan run")),
    "no row": (("show", "question/x/y/0"), 1, ("'question/x/y/0'",)),
}  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "words"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_cannot_be_done_says_why(
    made: Path, command_line: CommandLine, arguments: tuple[object, ...], code: int, words: tuple[str, ...]
) -> None:
    """A wrong argument gets exit 1, or 2 where the usage is wrong, and names what there is."""
    before = bytes_of(made)
    check_told(command_line(*arguments, "--project", made), *words, code=code)
    assert {**bytes_of(made), "run.log": b""} == {**before, "run.log": b""}


NEW = {
    "unknown discipline": (("--disciplines", "Astronmy"), ("'Astronmy'", "did you mean 'Astronomy'")),
    "unknown recipe": (("--recipe", "papr"), ("'papr'", "default, demo, domain")),
    "unknown taxonomy": (("--taxonomy", "tree.yml"), ("'tree.yml'", "paper")),
    "full disk": ((), ("cannot be written",)),
}


@pytest.mark.parametrize(("arguments", "words"), NEW.values(), ids=NEW)
def test_a_project_that_cannot_be_made_leaves_no_file(
    command_line: CommandLine, tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """`glan init` writes all of a project or nothing."""
    command = command_line if arguments else command_line.told(max_file_bytes=1_024)
    check_told(command("init", "new", *arguments), *words)
    assert not bytes_of(tmp_path)


def test_a_project_is_never_made_over_another(made: Path, command_line: CommandLine) -> None:
    """`glan init` touches nothing where a project stands."""
    before = bytes_of(made)
    check_told(command_line("init", made), "glan.toml exists already; nothing was changed")
    assert bytes_of(made) == before


def test_an_export_of_an_unknown_kind_names_what_there_is(
    done: Path, command_line: CommandLine, tmp_path: Path
) -> None:
    """A format, an ending and a name that is taken are told, and no file is begun or replaced."""
    out = tmp_path / "out.jsonl"
    given = ("--project", done)
    check_told(command_line("export", out, "--format", "aplaca", *given), "did you mean 'alpaca'?", "sharegpt")
    check_told(command_line("export", tmp_path / "out.txt", *given), "out.txt", ".jsonl or .parquet")
    check_told(command_line.told(max_file_bytes=2_048)("export", out, *given), f"{out} cannot be written")
    assert not bytes_of(tmp_path)
    out.write_bytes(b"mine")
    check_told(command_line("export", out, *given), "exists already", "--force")
    assert bytes_of(tmp_path) == {"out.jsonl": b"mine"}


def test_a_server_that_was_never_there_is_told_within_seconds(made: Path, command: CommandLine, tmp_path: Path) -> None:
    """A wrong address is not tried for a minute; the message says which one it was, and the next run goes on."""
    folder = copied(made, tmp_path)
    with simulated() as gone:
        address = gone.base_url
    ended = command.told(base_url=address).run(folder)
    check_told(ended, f"No server answers at {address}", "Is it running?")
    assert ended.took_s < 15
    assert replies_in(folder) == 0
    assert not (folder / "dataset").exists()


def test_a_model_that_the_server_does_not_have_is_named(made: Path, tmp_path: Path) -> None:
    """A wrong model's name ends the run with it, and with the place where the right ones are listed."""
    folder = copied(made, tmp_path)
    with simulated(Simulated(models=("good", "better"))) as server:
        command = CommandLine(home=tmp_path, base_url=server.base_url)
        check_told(command.run(folder), "does not know the model 'any'", f"{server.base_url}/models")
        assert server.stats().paid == 0
        again = command("run", "--project", folder, "--teacher", "openai/good")
        assert again.code == 0, again.words


def _newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def _garbage(path: Path) -> None:
    path.write_bytes(b"Once upon a time. " * 1_000)


def _beheaded(path: Path) -> None:
    path.write_bytes(bytes(100) + path.read_bytes()[100:])


def _holed(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:8_192] + b"\xff" * 8_192 + data[16_384:])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


LEDGERS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "newer": (_newer, ("made by a newer glan (version 99", "Upgrade")),
    "garbage": (_garbage, ("is no ledger", "--ledger PATH")),
    "without its head": (_beheaded, ("is no ledger", "beginning is damaged")),
    "with a hole": (_holed, ("is damaged", "glan ledger verify")),
    "folder": (_folder, ("is no ledger: it is not a file",)),
}


@pytest.mark.parametrize(("spoil", "words"), LEDGERS.values(), ids=LEDGERS)
def test_a_ledger_that_cannot_be_used_stops_every_command_and_stays_as_it_is(
    project: Path, server: Server, command: CommandLine, spoil: Callable[[Path], None], words: tuple[str]
) -> None:
    """A damaged ledger and one from a newer version are named; nothing is asked and the data set stays."""
    spoil(project / "ledger.sqlite")
    before = bytes_of(project / "dataset")
    check_told(command.run(project), *words)
    verified = command("ledger", "verify", "--project", project)
    assert verified.code == 1
    assert words[0] in verified.words
    assert server.stats().received == 0
    assert bytes_of(project / "dataset") == before


@pytest.mark.parametrize("max_file_bytes", [0, 81_920])
def test_a_full_disk_ends_the_run_and_loses_nothing(
    done: Path, server: Server, command: CommandLine, max_file_bytes: int
) -> None:
    """Where the ledger cannot grow the run says so; with room again it pays only for what was in flight."""
    folder = command.init("data", pairs=PAIRS)
    full = command.told(max_file_bytes=max_file_bytes).run(folder, "--max-in-flight", 4)
    check_told(full, str(folder / "ledger.sqlite"), "all that was committed before is still there", "full")
    kept = replies_in(folder) if (folder / "ledger.sqlite").exists() else 0
    paid = server.stats().paid
    assert paid - 4 <= kept <= paid
    assert (kept > 0) == (max_file_bytes > 0)
    check_whole(folder, len(ids_of(folder))) if (folder / "manifest.json").exists() else None
    ended = command.run(folder)
    assert ended.code == 0, ended.words
    assert server.stats().repeats <= 4
    check_whole(folder, PAIRS)
    assert bytes_of(folder / "dataset") == bytes_of(done / "dataset")


def test_a_disk_too_full_for_the_data_set_leaves_the_old_one(project: Path, command: CommandLine) -> None:
    """Where the ledger has room and the shards have none, the rows that stand stay, with nothing half-made beside."""
    set_in(project, "pairs", "400")
    assert command.run(project).code == 0
    check_whole(project, 400)
    before = bytes_of(project / "dataset")
    full = command.told(max_file_bytes=65_536).run(project, "--rebuild")
    check_told(full, "00000.parquet cannot be written")
    assert bytes_of(project / "dataset") == before
    assert command.run(project).code == 0
    check_whole(project, 400)
    assert bytes_of(project / "dataset") == before


def test_a_tree_that_cannot_be_written_stays_as_it_was(made: Path, command_line: CommandLine, tmp_path: Path) -> None:
    """An edit of the tree on a full disk changes nothing and leaves nothing."""
    folder = copied(made, tmp_path)
    before = bytes_of(folder)
    full = command_line.told(max_file_bytes=0)
    told = full("taxonomy", "add", "Botany", "--under", "Natural science", "--project", folder)
    check_told(told, "taxonomy.yaml cannot be written", "Nothing was changed.")
    assert bytes_of(folder) == before


def test_what_stands_in_the_way_of_a_status_stops_no_run(project: Path, command: CommandLine) -> None:
    """A status that cannot be written is left out: it is for people who watch."""
    (project / "status.json").unlink()
    (project / "status.json").mkdir()
    ended = command.run(project)
    assert ended.code == 0, ended.words


def test_a_link_in_the_folder_of_a_stranger_leads_nowhere(made: Path, command: CommandLine, tmp_path: Path) -> None:
    """Links under the names that a run writes to are replaced or refused, never followed."""
    folder = copied(made, tmp_path)
    mine = tmp_path / "mine"
    mine.write_bytes(b"mine")
    for name in ("status.tmp", "status.json", "taxonomy.tmp", "ledger.sqlite.new"):
        (folder / name).symlink_to(mine)
    assert command.run(folder).code == 0
    added = command("taxonomy", "add", "Botany", "--under", "Natural science", "--project", folder)
    assert added.code == 0, added.words
    (folder / "ledger.sqlite.lock").unlink()
    (folder / "ledger.sqlite.lock").symlink_to(mine)
    check_told(command.run(folder), "ledger.sqlite.lock")
    (folder / "ledger.sqlite.lock").unlink()
    (folder / "run.log").unlink()
    (folder / "run.log").symlink_to(mine)
    command.run(folder)
    assert mine.read_bytes() == b"mine"


def test_a_port_that_is_taken_is_named(server: Server, command_line: CommandLine) -> None:
    """`glan simulate` says that something listens there already."""
    port = port_of(server)
    check_told(command_line("simulate", "--replies", "filler", "--port", port), f"port {port}", "0 takes a free one")
    check_told(command_line("simulate", "--fault", "429=2"), "'429'", "between 0 and 1")
    check_told(command_line("simulate", "--fault", "fire=0.1"), "'fire'", "malformed")


def test_no_hint_and_no_error_repeats_the_key(made: Path, tmp_path: Path) -> None:
    """A key in an address is refused without being shown, and so is one that a server echoes."""
    folder = copied(made, tmp_path)
    command = CommandLine(home=tmp_path)
    for address in (f"http://{KEY}@127.0.0.1:9/v1", f"http://127.0.0.1:9/v1?key={KEY}"):
        check_told(command.told(base_url=address).run(folder), "OPENAI_BASE_URL", "OPENAI_API_KEY")
    assert not re.search(KEY.encode(), b"".join(bytes_of(folder).values()))
