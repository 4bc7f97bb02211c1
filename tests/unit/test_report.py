"""The report: its numbers are the manifest's, and what others wrote stands in it as text alone."""

import asyncio
import base64
import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from harness import CONTENT, manifest, plant, project, rows, run, small
from hostile import hostile
from hypothesis import given
from hypothesis import strategies as st

from glan.cli import cli
from glan.cli.reports import write_report
from glan.errors import DatasetError
from glan.project import Project
from glan.report import counting, tree
from glan.report.counting import Tally
from glan.report.gathering import Findings, gathered
from glan.report.page import page_of
from glan.reviews import Review, hash_of, line_of
from glan.teachers.faults import Faulty

LEAVES = [
    {"name": "Science", "children": ["Physics", {"name": "Law", "weight": 2}]},
    {"name": "Arts", "children": ["Music", {"name": "Fine arts", "children": ["Dance"]}]},
    "Cooking",
]
PAIRS = 60


class Page(HTMLParser):
    """What is in a page: its tags, its text, and the text of its scripts and styles."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[tuple[str | None, str]] = []
        self.styles: list[str] = []
        self._within = ""
        self.feed(page.decode())
        self.close()

    @property
    def text(self) -> str:
        """All that a person reads, with one space for any number of them."""
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self) -> dict[str, Any]:
        """What the script draws."""
        [found] = [text for kind, text in self.scripts if kind == "application/json"]
        data: dict[str, Any] = json.loads(found)
        return data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag if tag in {"script", "style"} else ""

    def handle_endtag(self, _: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts.append((self.tags[-1][1].get("type"), data))
        elif self._within == "style":
            self.styles.append(data)
        else:
            self.texts.append(data)


def gather(folder: Path) -> Findings:
    return asyncio.run(gathered(Project.open(folder)))


def leaves_of(node: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Give all nodes of a kind below one."""
    for child in node.get("c", ()):
        if child["k"] == kind:
            yield child
        yield from leaves_of(child, kind)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A project with pairs, rejects, scores and reviews."""
    with project(LEAVES, pairs=PAIRS, critic_enabled=True, critic_at_least=4, curation_pii="mark") as folder:
        teacher = Faulty(small(near_copies=0.2), seed=1, rates=CONTENT)
        run(folder, teacher)
        [row, *_] = rows(folder)
        texts = [message["content"] for message in row["messages"]]
        review = Review(id=row["id"], sha256=hash_of(*texts), verdict="keep", reviewer="Anna")
        (folder / "reviews.jsonl").write_bytes(line_of(review))
        run(folder, teacher)
        yield folder


@pytest.fixture(scope="module")
def page(made: Path) -> Page:
    """Its report."""
    return Page(page_of(gather(made)))


def test_the_tree_adds_up_to_the_manifest(made: Path, page: Page) -> None:
    """Pairs, rejects and failures of the tree, of each field and of each discipline are the manifest's."""
    told, data = manifest(made), page.data["tree"]
    slots = told["slots"]
    assert (data["p"], data.get("r", 0), data.get("f", 0)) == (slots["pairs"], slots["rejects"], slots["failures"])
    assert slots["rejects"] > 10

    def counted(node: dict[str, Any]) -> tuple[int, int, int]:
        return node["p"], node.get("r", 0), node.get("f", 0)

    for kind, name in (("field", "by_field"), ("discipline", "by_discipline")):
        shares = {
            each["title"]: (each["pairs"], each["rejects"], each["failures"]) for each in told["quantities"][name]
        }
        assert {each["t"]: counted(each) for each in leaves_of(data, kind)} == shares
    assert sum(each["p"] for each in leaves_of(data, "subject")) == slots["pairs"]
    assert [each["k"] for each in leaves_of(data, "sub-field")] == ["sub-field"]
    assert data["n"] == told["quantities"]["coverage"]["key_concepts"]
    assert data["d"] == told["quantities"]["coverage"]["drawn"]


def test_the_charts_have_the_manifests_numbers(made: Path, page: Page) -> None:
    """Coverage, kinds, lengths, reasons and tokens are those of the manifest, and so is what scores say."""
    told, data = manifest(made), page.data
    quantities = told["quantities"]
    assert data["coverage"]["rows"][-1] == PAIRS
    assert data["coverage"]["drawn"][-1] == quantities["paired"]["key_concepts"]
    assert data["coverage"]["total"] == quantities["coverage"]["key_concepts"]
    kinds = {each["kind"]: {name: n for name, n in each["parts"] if n} for each in data["mix"]}
    assert kinds["Level"] == quantities["levels"]
    assert sum(kinds["Sessions drawn"].values()) == PAIRS
    for name in ("questions", "answers"):
        longest = quantities[f"{name[:-1]}_length"]["longest"]
        assert sum(data[name]["texts"]) == PAIRS
        assert data[name]["edges"][-2] <= longest <= data[name]["edges"][-1]
    assert Counter({each["name"]: each["slots"] for each in data["reasons"]}) == Counter(
        {f"{each['reason']} ({each['stage']})": each["slots"] for each in told["reasons"]}
    )
    assert [(each["prompt"], each["reply"], each["usd"]) for each in data["spent"]] == [
        (each["prompt_tokens"], each["completion_tokens"], each["cost_usd"]) for each in told["spent"].values()
    ]
    assert data["scores"] == [each["name"] for each in quantities["scores"]]
    name = data["scores"][0]
    scored = [(each["s"][name], each["p"]) for each in leaves_of(data["tree"], "discipline")]
    mean = sum(score * pairs for score, pairs in scored) / PAIRS
    assert mean == pytest.approx(quantities["scores"][0]["mean"], abs=0.01)


def test_a_person_reads_the_manifests_numbers(made: Path, page: Page) -> None:
    """Without its script the page says how many pairs there are, what was rejected and why, and what people judged."""
    told = manifest(made)
    slots = told["slots"]
    assert f"Pairs {PAIRS} of {PAIRS} wanted" in page.text
    assert f"{slots['rejects']} rejects, where a reply" in page.text
    for each in told["reasons"]:
        assert f"{each['stage']} {each['reason']} {each['slots']}" in page.text
    assert "Judged: 1 pair, of which 1 kept" in page.text
    for sentence in (*told["checked"], *told["not_checked"]):
        assert " ".join(sentence.split()) in page.text
    for each in told["quantities"]["scores"]:
        assert f"{each['name']} {each['pairs']:,} {each['mean']:.2f}" in page.text


def test_pairs_are_shown_with_their_way(made: Path, page: Page) -> None:
    """Of every discipline, as there are fewer than twelve, a pair with its prompts and replies from the ledger."""
    found = gather(made)
    assert page.text.count("Some pairs") == 2  # in the contents and as a heading
    assert "Twelve pairs" not in page.text
    assert len(found.ways) == len({row["discipline"] for row, _ in found.ways}) == 5
    for row, way in found.ways:
        kinds = [step.request.id.partition("/")[0] for step in way.steps]
        assert list(dict.fromkeys(kinds)) == ["draft", "listing", "syllabus", "sessions", "question", "answer", "score"]
        assert all(step.is_proven for step in way.steps)
        assert row["id"] in page.text
        assert " ".join(way.steps[-1].entry.reply.text.split()) in page.text  # type: ignore[union-attr]  # it is proven


def test_the_same_data_set_gives_the_same_page(made: Path) -> None:
    """Two reports on one data set are the same bytes."""
    assert page_of(gather(made)) == page_of(gather(made))


def test_only_scripts_of_ours_may_run(page: Page) -> None:
    """The policy in the page names its two scripts and its style by their hashes, and lets nothing be fetched."""
    [policy] = [
        attributes["content"] or ""
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    texts = [text for kind, text in page.scripts if kind is None] + page.styles
    hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
    assert len(texts) == 3
    assert hashes == set(re.findall("'sha256-([^']+)'", policy))


def test_hostile_text_stays_text() -> None:
    """What a tree, a teacher or a reviewer says becomes no tag, no handler, no link and no mark of direction."""
    with hostile() as folder:
        assert manifest(folder)["slots"]["failures"]
        data = page_of(gather(folder))
    page = Page(data)
    assert Counter(tag for tag, _ in page.tags if tag in {"script", "style", "title", "body"}) == {
        "script": 3,
        "style": 1,
        "title": 1,
        "body": 1,
    }
    assert not [tag for tag, _ in page.tags if tag in {"img", "svg", "iframe", "object", "base", "form", "link"}]
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        if "href" in attributes:
            assert re.match(r"#|https?:|mailto:", attributes["href"] or ""), attributes
    text = data.decode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert "<script>document.title='owned'</script>" in page.text


def test_without_a_ledger_there_is_a_report_without_prompts(made: Path, tmp_path: Path) -> None:
    """A project that was handed on without its ledger, or with one of another version, is told of all the same."""
    folder = tmp_path / "handed on"
    shutil.copytree(made, folder)
    for path in folder.glob("ledger.sqlite*"):
        path.unlink()
    found = gather(folder)
    assert not any(way.steps for _, way in found.ways)
    assert "n" not in Page(page_of(found)).data["tree"]
    (folder / "ledger.sqlite").write_bytes(b"no ledger" * 100)
    assert not any(way.steps for _, way in gather(folder).ways)


def test_a_discipline_that_left_the_tree_stands_where_its_rows_say(made: Path, tmp_path: Path) -> None:
    """After an edit of taxonomy.yaml the report still counts every row, and shows none of another's prompts."""
    folder = tmp_path / "edited"
    shutil.copytree(made, folder)
    plant(folder, ["Law", "Weaving"])
    (folder / "prompts" / "answer_question.md.j2").write_text("Another: {{ question }}", encoding="utf-8")
    found = gather(folder)
    data = Page(page_of(found)).data["tree"]
    assert data["p"] == PAIRS
    titles = {each["t"]: [below["t"] for below in each["c"]] for each in data["c"]}
    assert titles["Science"] == ["Physics"]
    assert {"Law", "Weaving", "Cooking"} == set(titles["(none)"])
    assert "write_question" in found.prompts
    assert "answer_question" not in found.prompts


def test_what_cannot_be_told_of_is_said(made: Path, tmp_path: Path) -> None:
    """A project without a data set, and one whose manifest has other numbers, end with an error and its way out."""
    folder = tmp_path / "none"
    shutil.copytree(made, folder)
    told = json.loads((folder / "manifest.json").read_bytes())
    told["spent"]["answers"]["replies"] = "many"
    (folder / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(DatasetError, match="no statistics as this version writes them") as wrong:
        gather(folder)
    assert "--rebuild" in (wrong.value.hint or "")
    (folder / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="has no data set yet") as missing:
        gather(folder)
    assert "glan run" in (missing.value.hint or "")


def test_a_page_has_a_line_for_so_many_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more, the smallest of each discipline stand together, and all sums stay."""
    monkeypatch.setattr(tree, "MOST_SUBJECTS", 4)
    subjects = {
        (leaf, f"s{i}"): Tally(f"S{i}", leaf, ("Field",), pairs=10 - i, rejects=1)
        for leaf in ("a", "b")
        for i in range(5)
    }
    data = tree.as_data(tree.tree_of([], subjects, {}))
    assert (data["p"], data["r"]) == (80, 10)
    for discipline in leaves_of(data, "discipline"):
        assert [(each["t"], each["p"]) for each in discipline["c"]] == [
            ("(further subjects)", 21),
            ("S0", 10),
            ("S1", 9),
        ]


@given(st.lists(st.integers(0, 2_000_000), max_size=60))
def test_every_text_is_in_one_bin(lengths: list[int]) -> None:
    """Bins hold as many texts as there are, in edges that rise and have the shortest and the longest within."""
    bins = counting.bins_of(Counter(lengths))
    assert sum(bins.texts) == len(lengths)
    assert len(bins.edges) == len(bins.texts) + 1
    assert list(bins.edges) == sorted(set(bins.edges))
    assert len(bins.texts) <= counting.N_BINS + 3
    if lengths:
        assert bins.edges[0] <= min(lengths)
        assert max(lengths) <= bins.edges[-1]


def test_given_and_frozen_subjects_have_their_way() -> None:
    """Where class sessions stand in the taxonomy nobody was asked for them, and questions still prove their prompts."""
    sessions = [{"name": f"Session {i}", "key_concepts": [f"Concept {i}{k}" for k in range(3)]} for i in range(3)]
    given = {"name": "Astronomy", "subjects": [{"name": "Orbits", "level": "advanced", "sessions": sessions}]}
    with project([given, "Physics"], pairs=8) as folder:
        run(folder, small())
        frozen = CliRunner().invoke(cli, ["curriculum", "freeze", "Physics", "--project", str(folder)])
        assert frozen.exit_code == 0, frozen.output
        run(folder, small())
        found = gather(folder)
        assert found.tree.concepts == manifest(folder)["quantities"]["coverage"]["key_concepts"] > 0
        for row, way in found.ways:
            assert [step.request.id.partition("/")[0] for step in way.steps] == ["question", "answer"], row["id"]
            assert all(step.is_proven for step in way.steps)
        assert {row["discipline"] for row, _ in found.ways} == {"Astronomy", "Physics"}


def test_a_trial_has_a_report_of_its_own() -> None:
    """It tells of the trial's rows alone, and stands beside them."""
    with project(LEAVES, pairs=8) as folder:
        run(folder, small(), only="Law", pairs=4)
        trial = Project.open(folder).trial("Law")
        write_report(trial, trial.report_path)
        page = Page((trial.made_path / "report.html").read_bytes())
        assert page.data["tree"]["p"] == 4
        assert [each["t"] for each in leaves_of(page.data["tree"], "discipline")] == ["Law"]
        assert not (folder / "report.html").exists()
