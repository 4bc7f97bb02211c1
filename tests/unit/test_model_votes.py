"""A model as one voter on a tree: what it is asked, what its ballot says, and what is paid for."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from harness import Counting, DiedError, Dying, project, run, small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import files

from glan.cli import cli
from glan.config import TreeConfig
from glan.errands import Errand
from glan.errors import GlanError, ReplyError
from glan.generate.asking import MENDS
from glan.judgements import Said, parse_votes
from glan.model_votes import ModelVotes
from glan.options import Options
from glan.project import Project
from glan.records import Reply, Request, Stage
from glan.show.ballots import read_ballot, saved_ballot
from glan.sites import site_in
from glan.taxonomy.groups import MOST, groups_of
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Ballot, elements_of, outcome, tree_hash
from glan.teachers.base import Teacher
from glan.teachers.ledger import Ledger
from glan.teachers.panel import Panel

TREE = [
    {
        "name": "Nature",
        "notes": "For nurses.",
        "children": ["Physics", {"name": "Life", "children": ["Botany", "Zoology"]}],
    },
    {"name": "Law", "children": [{"name": "Sea law", "subjects": [{"name": "Salvage", "level": "advanced"}]}]},
]


class Voter:
    """Says of each element what a table says, and keeps all others."""

    model = "voter"

    def __init__(self, said: Mapping[str, str] | None = None) -> None:
        self._said = said or {}

    async def reply(self, request: Request) -> Reply:
        titles = [line.partition(". ")[2] for line in request.messages[-1].content.splitlines() if line[:1].isdigit()]
        votes = [
            {"number": i, "vote": self._said.get(title, "keep"), "comment": f"On {title}."}
            for i, title in enumerate(titles, start=1)
        ]
        return Reply(text=json.dumps({"votes": votes}), finish_reason="stop", model="voter")


def vote(
    folder: Path,
    teacher: Teacher,
    samples: int = 1,
    **options: Any,  # noqa: ANN401 - options have many types
) -> tuple[Errand, Sequence[Ballot], ModelVotes]:
    """Let a teacher vote on the tree of a project."""
    opened = Project.open(folder)
    voting = ModelVotes(opened.taxonomy, samples)

    async def voted() -> tuple[Errand, Sequence[Ballot]]:
        errand = Errand(
            site_in(opened, TreeConfig.of(opened.config)), Panel.of(teacher, "voter"), Options(**options), what="voting"
        )
        return errand, await voting(errand, "Voter")

    return *asyncio.run(voted()), voting


@pytest.mark.long
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_every_element_is_asked_about_once(data: st.DataObject) -> None:
    """In groups of neighbours, each with an id of its own, what is above before what is below."""
    taxonomy = Taxonomy.parse(f"taxonomy:\n{data.draw(files('  '))}", "t")
    levels = groups_of(taxonomy)
    groups = [group for level in levels for group in level]
    assert sorted(e.id for group in groups for e in group.elements) == sorted(e.id for e in elements_of(taxonomy))
    assert len({group.id for group in groups}) == len(groups)
    for depth, level in enumerate(levels):
        assert all(len(group.above) == depth and {e.path for e in group.elements} == {group.above} for group in level)


def test_long_lists_are_asked_in_parts() -> None:
    """No prompt has more than so many elements, and no ids meet."""
    taxonomy = Taxonomy.parse(json.dumps({"taxonomy": [f"D{i}" for i in range(2 * MOST + 1)]}), "t")
    [level] = groups_of(taxonomy)
    assert [len(group.elements) for group in level] == [MOST, MOST, 1]
    assert [group.id for group in level] == ["vote/-/0", "vote/-/1", "vote/-/2"]


def test_the_prompt_has_paths_notes_and_what_is_below() -> None:
    """A voter sees what an element is a part of, for whom the tree is meant, and what each branch holds."""
    with project(TREE) as folder:
        teacher = Counting(Voter(), model="voter")
        vote(folder, teacher)
        asked = {request.id: request.messages[-1].content for request in teacher.requests}
        assert set(asked) == {"vote/-/0", "vote/nature/0", "vote/nature/life/0", "vote/law/0", "vote/law/sea%20law/0"}
        assert "<notes>\n- For nurses.\n</notes>" in asked["vote/nature/life/0"]
        assert "<above>\n- Nature\n- Life\n</above>" in asked["vote/nature/life/0"]
        assert (
            "1. Nature\n   a branch with 3 disciplines, in it: Physics, Life; meant so: For nurses.\n"
            in asked["vote/-/0"]
        )
        assert "1. Sea law\n   a discipline with the subjects Salvage\n" in asked["vote/law/0"]
        assert "1. Salvage\n   a subject\n" in asked["vote/law/sea%20law/0"]
        assert "<notes>" not in asked["vote/law/0"]
        assert {request.stage for request in teacher.requests} == {Stage.TAXONOMY}


def test_a_ballot_of_a_model_is_one_voter_and_says_so(tmp_path: Path) -> None:
    """It is saved as a model's, read back as it was, and counted beside people."""
    with project(TREE) as folder:
        errand, [ballot], _ = vote(folder, Voter({"Law": "remove", "Physics": "unsure"}))
        assert errand.exit_code == 0
        elements = elements_of(Project.open(folder).taxonomy)
        assert (ballot.kind, ballot.tree) == ("model", tree_hash(elements))
        (tmp_path / "b.json").write_bytes(saved_ballot(ballot))
        back = read_ballot(tmp_path / "b.json")
        assert (back.kind, back.votes) == ("model", ballot.votes)
        assert ballot.votes["/nature/physics"].choice is None
        assert ballot.votes["/nature/physics"].comment == "On Physics."
        person = Ballot(voter="Anna", tree=ballot.tree, votes={"/law": ballot.votes["/nature/life"]})
        found = outcome(elements, [ballot, person])
        assert [tally.element.id for tally in found.ties] == ["/law"]
        shown = CliRunner().invoke(
            cli, ["taxonomy", "vote", "--votes", str(tmp_path / "b.json"), "--project", str(folder), "--dry-run"]
        )
        assert shown.stdout.startswith("1 ballot: Voter (a model).\n")


def test_below_what_is_removed_nothing_is_asked() -> None:
    """A branch that the model removes costs no call for what is in it."""
    with project(TREE) as folder:
        teacher = Counting(Voter({"Nature": "remove"}), model="voter")
        _, [ballot], voting = vote(folder, teacher)
        assert {request.id for request in teacher.requests} == {"vote/-/0", "vote/law/0", "vote/law/sea%20law/0"}
        assert not [id_ for id_ in ballot.votes if id_.startswith("/nature/")]
        assert voting.done == 3


@pytest.mark.long
def test_nothing_is_paid_twice() -> None:
    """The same again comes from the ledger, other notes ask their own groups anew, and a run knows nothing of it."""
    with project(TREE, pairs=4, plan_questions_per_visit=1) as folder:
        teacher = Counting(Voter(), model="voter")
        vote(folder, teacher)
        _, [again], _ = vote(folder, teacher)
        assert max(teacher.started.values()) == 1
        tree = folder / "taxonomy.yaml"
        tree.write_text(tree.read_text(encoding="utf-8").replace("For nurses", "For midwives"), encoding="utf-8")
        before = set(teacher.started)
        _, [changed], _ = vote(folder, teacher)
        assert {call[0] for call in set(teacher.started) - before} == {
            "vote/-/0",
            "vote/nature/0",
            "vote/nature/life/0",
        }
        assert changed.votes == again.votes
        assert run(folder, Counting(small())).exit_code == 0
        with Ledger.open(folder / "ledger.sqlite", readonly=True) as ledger:
            last = ledger.last_run()
            assert last is not None
            assert not last.is_beside
            assert [found.is_beside for found in ledger.runs()] == [True, True, True, False]


def test_killed_and_resumed_it_is_the_same_ballot() -> None:
    """What was in flight is asked again, and nothing else."""
    with project(TREE) as whole, project(TREE) as folder:
        _, [expected], _ = vote(whole, Voter({"Zoology": "remove"}))
        counting = Counting(Voter({"Zoology": "remove"}), model="voter")
        dying = Dying(counting, 2, "raise")
        with pytest.raises(DiedError):
            vote(folder, dying)
        _, [found], _ = vote(folder, counting)
        assert saved_ballot(found) == saved_ballot(expected)
        assert max(counting.answered.values()) == 1


def test_several_ballots_only_when_asked_for() -> None:
    """Each sample is a request of its own and a voter of its own name."""
    with project(TREE) as folder:
        teacher = Counting(small(), model="voter")
        _, ballots, _ = vote(folder, teacher, 3)
        assert [ballot.voter for ballot in ballots] == ["Voter (1)", "Voter (2)", "Voter (3)"]
        assert {request.sample for request in teacher.requests} == {0, 1, 2}
        assert outcome(elements_of(Project.open(folder).taxonomy), ballots).voted


class Spoiled:
    """Gives a reply that is no ballot for one group."""

    model = "voter"

    async def reply(self, request: Request) -> Reply:
        if request.id == "vote/nature/0":
            return Reply(text='{"votes": [{"number": 1, "vote": "maybe"}]}', finish_reason="stop")
        return await Voter().reply(request)


def test_a_group_that_cannot_be_read_is_left_out() -> None:
    """It is asked again with the error, then the model abstains from it; all others stand."""
    with project(TREE) as folder:
        teacher = Counting(Spoiled(), model="voter")
        _, [ballot], voting = vote(folder, teacher)
        asked = [request for request in teacher.requests if request.id == "vote/nature/0"]
        assert len(asked) == MENDS + 1
        assert "keep, remove or unsure" in asked[-1].messages[-1].content
        assert (voting.failed, voting.abstained) == ({"malformed": 1}, 2)
        assert {"/nature", "/law", "/law/sea%20law", "/nature/life/botany"} <= set(ballot.votes)
        assert "/nature/physics" not in ballot.votes


def test_the_budget_ends_it() -> None:
    """Without the tokens nothing is asked, and there is no ballot."""
    with project(TREE) as folder:
        teacher = Counting(Voter(), model="voter")
        with pytest.raises(GlanError, match="budget"):
            vote(folder, teacher, budget_tokens=10)
        assert not teacher.started


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '{"votes": [{"number": 1, "vote": "keep", "comment": ""}, {"number": 2, "vote": "REMOVE"}]}',
            None,
            id="plain",
        ),
        pytest.param(
            '```json\n{"votes": [{"number": "2", "vote": "remove"}, {"number": "1", "vote": "keep"}]}\n```',
            None,
            id="fence",
        ),
        pytest.param(
            'Here: {"votes": [{"number": 1, "vote": "keep"}, {"number": 2, "vote": "remove"}]}', None, id="prose"
        ),
        pytest.param('{"votes": [{"number": 1, "vote": "keep"}]}', "no vote on 2", id="missing"),
        pytest.param(
            '{"votes": [{"number": 1, "vote": "keep"}, {"number": 1, "vote": "keep"}]}', "two votes", id="twice"
        ),
        pytest.param('{"votes": [{"number": 3, "vote": "keep"}]}', "number 3", id="other"),
        pytest.param('{"votes": [{"number": true, "vote": "keep"}]}', "Each vote", id="no number"),
        pytest.param('{"votes": [{"number": 1, "vote": ["keep"]}]}', "Each vote", id="no word"),
        pytest.param('{"votes": "keep all"}', "no vote on 1, 2", id="no list"),
        pytest.param("I keep all of them.", "not a JSON object", id="no JSON"),
        pytest.param('{"votes": []} {"votes": []}', "several", id="several"),
        pytest.param("[" * 5_000, "not a JSON object", id="deep"),
        pytest.param("", "not a JSON object", id="empty"),
    ],
)
def test_votes_are_read_or_refused(text: str, expected: str | None) -> None:
    """One vote for each element by its number, and nothing is guessed."""
    if expected is None:
        found = parse_votes(text, 2)
        assert [said.vote for said in found] == ["keep", "remove"]
        return
    with pytest.raises(ReplyError, match=expected):
        parse_votes(text, 2)


@pytest.mark.long
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).map(json.dumps)
)
def test_reading_is_total(text: str) -> None:
    """Whatever a model says, it is votes or a reply that cannot be used."""
    with suppress(ReplyError):
        assert all(isinstance(said, Said) for said in parse_votes(text, 2))


def test_comments_are_cleaned() -> None:
    """A comment is one line of limited length, without what hides or reorders text."""
    [said] = parse_votes(
        json.dumps({"votes": [{"number": 1, "vote": "unsure", "comment": "a\nb\x1b[31m" + "c" * 999}]}), 1
    )
    assert said.vote is None
    assert "\n" not in said.comment
    assert "\x1b" not in said.comment
    assert len(said.comment) <= 500


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(saved_ballot(Ballot(voter="Al", tree="", votes={}))),
        lambda path: path.write_text("x"),
    ],
)
def test_a_ballot_of_a_person_is_not_replaced(make: Callable[[Path], object], tmp_path: Path) -> None:
    """Nor is a file that is no ballot, and nothing is asked first."""
    with project(TREE) as folder:
        path = tmp_path / "b.json"
        make(path)
        before = path.read_bytes()
        said = CliRunner().invoke(
            cli, ["review", "vote", "--teacher", "offline", "--out", str(path), "--project", str(folder)]
        )
        assert isinstance(said.exception, GlanError)
        assert path.read_bytes() == before
        assert not (folder / "ledger.sqlite").exists()


@pytest.mark.long
def test_the_offline_teacher_votes_as_far_as_it_knows(tmp_path: Path) -> None:
    """It keeps what the shipped tree has, removes a near copy, and is unsure of all else; twice gives the same file."""
    tree = [{"name": "Natural sciences", "children": ["Physics", "Dragon knitting", "Dragon-knitting"]}]
    with project(tree) as folder:
        out = tmp_path / "ballot.json"
        arguments = [
            "review",
            "vote",
            "--teacher",
            "offline",
            "--name",
            "Tester",
            "--out",
            str(out),
            "--project",
            str(folder),
        ]
        said = CliRunner().invoke(cli, arguments)
        assert said.exit_code == 0
        assert "Tester (model): 2 keep, 1 remove" in said.stdout
        first = out.read_bytes()
        votes = read_ballot(out).votes
        assert votes["/natural%20sciences/physics"].choice == "keep"
        assert votes["/natural%20sciences/dragon%20knitting"].comment.startswith("For trying")
        assert votes["/natural%20sciences/dragon-knitting"].choice == "remove"
        assert CliRunner().invoke(cli, arguments).exit_code == 0
        assert out.read_bytes() == first
