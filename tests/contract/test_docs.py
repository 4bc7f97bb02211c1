"""The documentation says what the code does: links, examples, commands, tables and generated pages."""

import re
import runpy
import tomllib
from pathlib import Path

import click
import pytest
from layers import LAYERS
from shown import parse

from glan.cli import COMMANDS, cli
from glan.curate.quality import ANSWER_RULES, QUESTION_RULES
from glan.dataset.formats import FORMATS
from glan.dataset.rows import REJECT_SCHEMA, ROW_SCHEMA
from glan.estimate import DEFAULTS, EXPECTED, HIGH, LOW
from glan.manifests import Manifest
from glan.mix import shipped
from glan.settings import Form, Grade
from glan.teachers.faults import CONTENT_FAULTS, TRANSPORT_FAULTS
from glan.teachers.ledger_rows import COLUMNS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])
DECISIONS = sorted(ROOT.glob("docs/decisions/[0-9]*.md"))
SOURCES = sorted(ROOT.glob("src/glan/**/*.py"))
README = ROOT / "README.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"`((?:src/glan|tests|docs|benchmarks)/[\w./-]+|[\w./-]+\.(?:py|j2))`")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def fenced(path: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page in some languages."""
    return [body for language, body in _FENCE.findall(text_of(path)) if language in languages]


def prose(path: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", text_of(path))


def section(name: str, heading: str) -> str:
    """Return what stands under a heading of a page in docs/."""
    found = re.search(
        rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", prose(ROOT / "docs" / name), re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{name} has no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    rules = [i for i, row in enumerate(cells) if set("".join(row)) <= set("-:")]
    return [row for i, row in enumerate(cells) if i not in rules and i + 1 not in rules]


def names(text: str) -> list[str]:
    """Return the first cells of the tables in a text."""
    return [row[0].strip("`") for row in rows(text)]


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_named(span: str, where: Path) -> None:
    """Check that the command in a piece of code exists, with its options; what is no command of `glan` passes."""
    words = span.split()
    if words[:1] != ["glan"] or not re.fullmatch(r"[a-z]+", " ".join(words[1:2])):
        return
    assert words[1] in COMMANDS, f"{where.name}: {span}"
    command = cli.get_command(click.Context(cli), words[1])
    if isinstance(command, click.Group) and len(words) > 2:
        assert words[2] in command.commands, f"{where.name}: {span}"
        command = command.commands[words[2]]
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known, f"{where.name}: {span}"


def test_generated_pages_are_what_the_code_gives() -> None:
    """Settings, commands and the records in the README; `python docs/generate.py` mends it."""
    pages = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    assert len(pages) == 7
    for name, text in pages.items():
        assert text_of(ROOT / name) == text, f"{name} is stale; run python docs/generate.py"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    """A link names a file that is there, and an anchor names a heading in it."""
    for link in _LINK.findall(prose(path)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        found = path.parent / target if target else path
        assert found.exists(), f"{path.name} links to {link}"
        assert not anchor or anchor in anchors(found), f"{path.name} links to {link}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_is_named_exists(path: Path) -> None:
    """A file that a page names is there, from the top or in the package; NAME stands for any.

    A project may have a `rules.py`.
    """
    for name in set(_PATH.findall(prose(path))) - {"rules.py"}:
        is_there = (ROOT / name).exists() or (ROOT / "src" / "glan" / name).exists()
        assert is_there or "NAME" in name, f"{path.name} names {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_prose_is_one(path: Path) -> None:
    """A command that a sentence names exists, with the options that stand beside it."""
    for span in _SPAN.findall(prose(path)):
        check_named(span, path)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_message_is_one(path: Path) -> None:
    """The way out that an error names can be gone."""
    for span in _SPAN.findall(text_of(path)):
        check_named(span, path)


def test_a_wrong_command_line_is_noticed() -> None:
    """What the tests above rest on: click refuses what is no command and no option."""
    for line in ("glan run --pears 3", "glan run --pairs none", "glan taxonomy add X", "glan export"):
        with pytest.raises(click.UsageError):
            parse(line)
    for line in ("glan rum", "glan taxonomy ad X --under Y"):
        with pytest.raises(AssertionError, match="There is no"):
            parse(line)


def test_the_readme_is_short_and_complete() -> None:
    """It has fewer than 200 lines, every command in its table, and no file in its tree that is not there."""
    assert text_of(README).count("\n") < 200
    named = [name for row in rows(prose(README)) for name in re.findall(r"`glan ([\w-]+)", row[0])]
    assert named == list(COMMANDS)
    tree = next(block for block in fenced(README, "text") if block.startswith("src/glan/"))
    for line in tree.splitlines()[1:]:
        folder = ROOT / "src" / "glan" if line.startswith(" ") else ROOT
        for found in re.findall(r"(?<!\S)[\w]+(?:\.py|/)(?!\S)", line):
            assert (folder / found).exists(), line


def test_every_dependency_has_its_reason() -> None:
    """docs/dependencies.md has a line for each dependency, and for nothing else."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    core = project["project"]["dependencies"]
    groups = project["dependency-groups"].items()
    servers = [each for name, group in groups if name.startswith("extras-") for each in group]
    others = [each for name, group in groups if not name.startswith("extras-") for each in group]

    def of(requirements: list[str]) -> list[str]:
        return sorted({re.split(r"[<>=!~\[; ]", each)[0] for each in requirements})

    assert names(section("dependencies.md", "Core")) == of(core)
    extras = project["project"]["optional-dependencies"].values()
    assert names(section("dependencies.md", "Extras")) == of([each for extra in extras for each in extra])
    assert names(section("dependencies.md", "Tests and checks")) == of(others)
    assert names(section("dependencies.md", "Other people's servers")) == of(servers)


def test_decisions_are_numbered() -> None:
    """Notes count from 0001 without a gap, and each has its context, its decision and its price."""
    assert [path.name[:5] for path in DECISIONS] == [f"{i:04}-" for i in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
        assert headings[0].startswith(f"{path.name[:4]}: ")
        assert headings[1:] == ["Context", "Decision", "Price paid"], path.name


def test_every_column_and_key_is_described() -> None:
    """docs/files.md has a line for each column of rows, rejects and ledger, and for each key of the manifest."""
    assert names(section("files.md", "A row")) == ROW_SCHEMA.names
    assert names(section("files.md", "A reject")) == REJECT_SCHEMA.names[len(ROW_SCHEMA.names) :]
    assert sorted(names(section("files.md", "manifest.json"))) == sorted(Manifest.__struct_fields__)
    assert sorted(names(section("files.md", "ledger.sqlite"))) == sorted(COLUMNS)


def test_the_estimates_are_those_of_the_code() -> None:
    """docs/estimates.md has the numbers that `glan plan` assumes."""
    found = rows(section("estimates.md", "What is assumed"))
    averages = [
        [f"`{stage.value}`", f"{of.prompt_tokens:,}", f"{of.completion_tokens:,}", f"{of.latency_s:,}"]
        for stage, of in DEFAULTS.items()
    ]
    cases = [
        [name, f"{of.subjects_first_draft}", f"{of.subjects_each_further}"]
        + [f"{share:.0%}" for share in (of.rejected_share, of.voted_share, of.contested_share)]
        for name, of in (("low", LOW), ("expected", EXPECTED), ("high", HIGH))
    ]
    assert found == [*averages, *cases]


def test_every_fault_and_format_is_described() -> None:
    """docs/teachers.md has a line for each fault, and the help of `export` names each format."""
    faults = names(section("teachers.md", "A server of your own, simulated"))
    assert faults == [*CONTENT_FAULTS, *TRANSPORT_FAULTS]
    export = cli.get_command(click.Context(cli), "export")
    assert export is not None
    help_ = export.get_help(click.Context(export, terminal_width=200, **cli.context_settings))
    assert all(name in help_ for name in FORMATS)


def test_every_rule_form_and_check_is_described() -> None:
    """docs/quality.md has a line for each rule, form, difficulty and setting of a form."""
    reasons = {*names(section("quality.md", "Rules"))}
    others = {"filtered": "content filter", "wordless": "empty", "copied_question": "copy of the question"}
    rules = {rule.__name__ for rule in (*QUESTION_RULES, *ANSWER_RULES)}
    assert {others.get(rule, rule.replace("_", " ")) for rule in rules} <= reasons
    assert {*names(section("quality.md", "The mix of questions"))} == {*shipped()["forms"], *shipped()["difficulty"]}
    told = [name.split(" ")[0] for name in names(section("quality.md", "Constraints"))]
    assert {*told} == {*Form.__struct_fields__} - {*Grade.__struct_fields__}


def test_the_drawing_of_the_layers_is_that_of_the_test() -> None:
    """ARCHITECTURE.md draws every room, from top to bottom as the test of the architecture has them."""
    drawing = next(block for block in fenced(ROOT / "ARCHITECTURE.md", "text") if "__main__" in block)
    drawn: list[set[str]] = []
    for line in drawing.splitlines():
        rooms = set(line[:40].replace("/", "").split())
        if line.startswith(" "):
            drawn[-1] |= rooms
        else:
            drawn.append(rooms)
    assert drawn == [{room for rooms in layer for room in rooms} for layer in LAYERS]


def test_the_invariants_name_their_tests() -> None:
    """Each of the ten has at least one file of tests that is there."""
    text = prose(ROOT / "ARCHITECTURE.md").partition("## Invariants")[2]
    found = rows(text)
    assert [row[0] for row in found] == [str(i) for i in range(1, 11)]
    assert all(_LINK.search(row[2]) for row in found)


def test_every_page_is_listed() -> None:
    """docs/README.md, which is the navigation of the site, has every page of docs/ once, and the list of decisions."""
    linked = re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", text_of(ROOT / "docs" / "README.md"), re.MULTILINE)
    assert len(linked) == len(set(linked))
    pages = {path.name for path in ROOT.glob("docs/*.md")} - {"README.md"}
    assert pages <= {*linked}, "A page needs a line in docs/README.md."


def test_the_site_is_seen_to_need_nothing_else(tmp_path: Path) -> None:
    """docs/check_site.py finds a font or script from elsewhere, a page that is not there, and a missing heading."""
    findings = runpy.run_path(str(ROOT / "docs" / "check_site.py"))["findings"]
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="b.html#top">b</a><a href="https://x.org">x</a>')
    (tmp_path / "b.html").write_text('<h1 id="top">B</h1><img src="a.svg"><link rel="canonical" href="https://x.org/">')
    (tmp_path / "a.svg").write_text("<svg/>")
    assert list(findings(tmp_path)) == []
    (tmp_path / "b.html").write_text(
        '<script src="https://cdn.org/x.js"></script><a href="c.html">c</a><a href="a.html#no">a</a>'
    )
    (tmp_path / "s.css").write_text("@font-face {src: url(//fonts.org/f.woff2)}")
    assert list(findings(tmp_path)) == [
        "a.html leads to b.html#top, and that page has no such heading.",
        "b.html loads https://cdn.org/x.js.",
        "b.html leads to c.html, which is not there.",
        "b.html leads to a.html#no, and that page has no such heading.",
        "s.css loads //fonts.org/f.woff2.",
    ]


def test_every_field_of_the_python_interface_is_described() -> None:
    """Each field of a value that `glan` exports has a line of prose."""
    page = text_of(ROOT / "docs" / "api.md").partition("## `glan.teachers`")[0]
    assert "## `glan.Options`" in page
    for line in page.splitlines():
        assert not re.fullmatch(r"\| `\w+` \|.*\|\s*\|", line), f"{line} says nothing."
