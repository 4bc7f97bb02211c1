"""The building of a tree inside the process: what it asks, what it makes of bad replies, and how it goes on."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from harness import Call, Counting, Dying, Shuffled, call_of, small
from msgspec.structs import replace

from glan.builds import Build, Tree
from glan.config import TreeConfig
from glan.errors import BudgetError, RequestError, WouldAskAgainError
from glan.generate.decompose import Shape
from glan.options import Options
from glan.records import Reply, Request, Stage
from glan.sites import site_alone
from glan.taxonomy.tree import Taxonomy
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.ledger import Ledger
from glan.teachers.ledgered import Choice
from glan.teachers.offline import Textbook
from glan.teachers.panel import Panel

SHAPE = Shape(root="Maritime law", depth=2, breadth=3, samples=4, least=2)
MENDED = {"malformed": 0.2, "empty": 0.1}


class Scripted:
    """Divides by a script: the names of the parts of each whole, one list for each proposal in turn."""

    def __init__(self, script: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self._script = script

    async def reply(self, request: Request) -> Reply:
        whole = request.messages[0].content.partition("<whole>")[2].partition("</whole>")[0]
        proposals = self._script.get(whole, [[]])
        names = proposals[request.sample % len(proposals)]
        if request.schema is None:
            return Reply(text=f"{whole}: " + ", ".join(names), finish_reason="stop")
        listed = ", ".join(f'{{"part_name": "{name}"}}' for name in names)
        return Reply(text=f'{{"parts": [{listed}]}}', finish_reason="stop")


def build_of(ledger: Path, teacher: Teacher, shape: Shape, **options: object) -> Build:
    return Build(site_alone(ledger, TreeConfig()), Panel.of(teacher, "m"), shape, Options(**options))  # type: ignore[arg-type]


def built(ledger: Path, teacher: Teacher, shape: Shape = SHAPE, **options: object) -> Tree:
    """Build a tree to its end."""

    async def run() -> Tree:
        return await build_of(ledger, teacher, shape, **options)()

    return asyncio.run(run())


def asked(ledger: Path, teacher: Teacher, shape: Shape = SHAPE, **options: object) -> tuple[Tree, list[Call]]:
    """Build a tree, and return the calls that this took."""
    counting = Counting(teacher)
    return built(ledger, counting, shape, **options), [call_of(request) for request in counting.requests]


def leaves(tree: Tree) -> list[str]:
    return [leaf.name for leaf in Taxonomy.parse(tree.text, "built").disciplines]


@pytest.mark.parametrize("teacher", [Textbook(), small()], ids=["textbook", "filler"])
def test_a_tree_is_a_file_that_a_project_begins_with(tmp_path: Path, teacher: Teacher) -> None:
    """From a root: levels below it with votes, and a note within what they are meant. From nothing: fields."""
    tree = built(tmp_path / "l.sqlite", teacher)
    root = Taxonomy.parse(tree.text, "built").roots
    assert [node.name for node in root] == ["Maritime law"]
    assert tree.exit_code == 0
    assert tree.disciplines == len(leaves(tree)) >= 3
    assert all(leaf.votes is not None for leaf in Taxonomy.parse(tree.text, "built").disciplines)
    assert {leaf.notes[0] for leaf in Taxonomy.parse(tree.text, "built").disciplines} == {
        "Meant as a part of: Maritime law."
    }
    whole = built(tmp_path / "w.sqlite", teacher, replace(SHAPE, root=None, notes="For beginners."))
    tops = Taxonomy.parse(whole.text, "built").roots
    assert 2 <= len(tops) <= SHAPE.breadth
    assert {node.notes for node in tops} == {("For beginners.",)}


@pytest.mark.parametrize("seed", range(3))
def test_the_same_replies_give_the_same_bytes(tmp_path: Path, seed: int) -> None:
    """One call in flight or a hundred, in any order of arrival, with malformed replies among them."""
    one = built(tmp_path / "one.sqlite", Faulty(small(), seed=seed, rates=MENDED), max_in_flight=1)
    many = Shuffled(Faulty(small(), seed=seed, rates=MENDED), seed)
    assert built(tmp_path / "many.sqlite", many, max_in_flight=100) == one
    assert one.text


@pytest.mark.parametrize("after", [0, 1, 7, 23, 31])
def test_killed_and_resumed_it_makes_the_same_bytes_and_pays_nothing_twice(tmp_path: Path, after: int) -> None:
    """What was answered before the end is not asked again."""
    clean, calls = asked(tmp_path / "clean.sqlite", small())
    counting = Counting(small())

    async def until_death() -> None:
        dying = Dying(counting, after, "hang")
        run = asyncio.ensure_future(build_of(tmp_path / "l.sqlite", dying, SHAPE, max_in_flight=5)())
        await dying.is_dead.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(until_death())
    assert counting.answered.total() == after
    assert built(tmp_path / "l.sqlite", counting) == clean
    assert counting.answered.total() == len(calls)
    assert max(counting.answered.values()) == 1


def test_all_is_asked_in_two_turns_with_the_wordings_in_turn(tmp_path: Path) -> None:
    """A draft and a listing for each proposal, each from one of three prompts, with the branches above in it."""
    counting = Counting(small(parts=3))
    built(tmp_path / "l.sqlite", counting, replace(SHAPE, depth=1, samples=6))
    drafts = [request for request in counting.requests if request.schema is None]
    assert {request.id for request in counting.requests} == {
        f"{kind}/maritime%20law/{number}" for kind in ("proposal", "parts") for number in range(6)
    }
    assert len({request.messages for request in drafts}) == 3
    assert all(request.stage is Stage.TAXONOMY for request in counting.requests)


@pytest.mark.parametrize(
    "change", [{"samples": 7}, {"depth": 3}, {"breadth": 4}, {"least": 3}, {"samples": 5, "depth": 3, "breadth": 4}]
)
def test_a_greater_tree_asks_only_for_what_is_new(tmp_path: Path, change: dict[str, int]) -> None:
    """More proposals, levels, breadth or votes: what was asked before is in the ledger, and none of it is asked."""
    _, before = asked(tmp_path / "l.sqlite", small())
    grown, more = asked(tmp_path / "l.sqlite", small(), replace(SHAPE, **change))
    assert not set(before) & set(more)
    assert grown == built(tmp_path / "fresh.sqlite", small(), replace(SHAPE, **change))


def test_one_bad_proposal_harms_itself_alone(tmp_path: Path) -> None:
    """A reply that cannot be used is asked for twice more with the error, and then told; the others are counted."""
    script = {"Maritime law": [["Ships", "Ports"]]}

    class Spoiled(Scripted):
        async def reply(self, request: Request) -> Reply:
            reply = await super().reply(request)
            return replace(reply, text="Of course!") if request.schema and request.sample == 2 else reply

    counting = Counting(Spoiled(script))
    tree = built(tmp_path / "l.sqlite", counting, replace(SHAPE, depth=1))
    assert [node.votes for node in Taxonomy.parse(tree.text, "built").disciplines] == ["3/3", "3/3"]
    assert tree.failed == (("Maritime law", "malformed", 1),)
    assert tree.exit_code == 0
    attempts = [request for request in counting.requests if request.sample == 2 and request.schema]
    assert len(attempts) == 3
    assert "<error>" in attempts[-1].messages[-1].content


def test_a_branch_that_nobody_could_divide_is_told(tmp_path: Path) -> None:
    """It stands as a discipline, the rest is built, and the exit code says that something is missing."""
    script = {"Maritime law": [["Ships", "Ports"]], "Ships": [["Hulls", "Engines"]]}

    class Silent(Scripted):
        async def reply(self, request: Request) -> Reply:
            is_lost = "<whole>Ports</whole>" in request.messages[0].content
            return Reply(text="", finish_reason="stop") if is_lost else await super().reply(request)

    tree = built(tmp_path / "l.sqlite", Silent(script))
    assert leaves(tree) == ["Hulls", "Engines", "Ports"]
    assert tree.undivided == ("/Ports",)
    assert tree.exit_code == 3


class Refusing:
    """Refuses every second proposal for good, until it is healed."""

    is_healed = False

    async def reply(self, request: Request) -> Reply:
        if request.sample % 2 and not self.is_healed:
            raise RequestError("The server turns this request down.")
        return await small().reply(request)


def test_what_failed_is_asked_again_when_it_is_wished(tmp_path: Path) -> None:
    """A dead letter stands until then; with it the tree is what it would have been."""
    teacher = Refusing()
    before = built(tmp_path / "l.sqlite", teacher)
    assert {(reason, proposals) for _, reason, proposals in before.failed} == {("no reply", 2)}
    teacher.is_healed = True
    assert asked(tmp_path / "l.sqlite", teacher) == (before, [])
    mended = built(tmp_path / "l.sqlite", teacher, retry_failed=True)
    assert mended == built(tmp_path / "clean.sqlite", small())
    assert mended != before


def test_a_branch_that_is_one_discipline_stays_one(tmp_path: Path) -> None:
    """An empty list is an answer, and no failure: deeper levels ask nothing below it."""
    tree, calls = asked(
        tmp_path / "l.sqlite", Scripted({"Maritime law": [["Ships", "Ports"]]}), replace(SHAPE, depth=5)
    )
    assert leaves(tree) == ["Ships", "Ports"]
    assert (tree.exit_code, tree.failed, tree.undivided) == (0, (), ())
    assert len(calls) == 2 * 4 * 3


def test_where_nothing_is_named_there_is_no_tree(tmp_path: Path) -> None:
    """Too few votes for anything, or no proposal of use: an error with its way out, and no text."""
    scattered = built(tmp_path / "a.sqlite", Scripted({"Maritime law": [["A"], ["B"], ["C"], ["D"]]}))
    assert (scattered.text, scattered.exit_code) == ("", 1)
    assert "No part was named by 2 proposals or more (4 by fewer)" in str(scattered.stopped)
    lost = built(tmp_path / "b.sqlite", Faulty(small(), seed=0, rates={"empty": 1.0}))
    assert "None of the 4 proposals could be used: malformed" in str(lost.stopped)


def test_the_budget_holds_for_a_tree_too(tmp_path: Path) -> None:
    """Nothing is asked that could pass it; what was paid stays, and a greater one goes on."""
    tree, calls = asked(tmp_path / "l.sqlite", small(), budget_tokens=12_000, max_in_flight=2)
    assert isinstance(tree.stopped, BudgetError)
    assert (tree.text, tree.exit_code) == ("", 4)
    assert calls
    clean, all_calls = asked(tmp_path / "clean.sqlite", small())
    grown, more = asked(tmp_path / "l.sqlite", small())
    assert grown == clean
    assert len(calls) + len(more) == len(all_calls)


def test_other_notes_ask_nothing_anew_by_themselves(tmp_path: Path) -> None:
    """A change of what is meant stops, until a person says whether the replies stand or are asked for anew."""
    before = built(tmp_path / "l.sqlite", small())
    noted = replace(SHAPE, notes="For ships' officers.")
    stopped, calls = asked(tmp_path / "l.sqlite", small(), noted)
    assert isinstance(stopped.stopped, WouldAskAgainError)
    assert (stopped.exit_code, calls) == (1, [])
    kept, calls = asked(tmp_path / "l.sqlite", small(), noted, choice=Choice.KEEP)
    assert (kept.disciplines, calls) == (before.disciplines, [])
    _, calls = asked(tmp_path / "l.sqlite", small(), noted, choice=Choice.REASK)
    assert calls


def test_a_building_that_is_interrupted_waits_for_what_is_in_flight(tmp_path: Path) -> None:
    """It asks nothing more, keeps every reply, and says that it was interrupted."""
    counting = Counting(Shuffled(small(), 1))
    build: list[Build] = []
    counting.on_call = lambda number: build[0].errand.interrupt() if number == 10 else None

    async def run() -> Tree:
        build.append(build_of(tmp_path / "l.sqlite", counting, SHAPE, max_in_flight=3))
        return await build[0]()

    tree = asyncio.run(run())
    assert (tree.text, tree.exit_code) == ("", 130)
    assert counting.started.total() == counting.answered.total() <= 12
    with Ledger.open(tmp_path / "l.sqlite", readonly=True) as ledger:
        assert ledger.count() == counting.answered.total()


def test_a_building_is_no_run(tmp_path: Path) -> None:
    """A project's last run is what it was: what it meant, and its tree, are those of a run that made pairs."""
    with Ledger.open(tmp_path / "l.sqlite") as ledger:
        ledger.begin_run(glan_version="1", meaning={"a": "b"}, choice="exact", files={"taxonomy.yaml": "x"})
    built(tmp_path / "l.sqlite", small())
    with Ledger.open(tmp_path / "l.sqlite", readonly=True) as ledger:
        last = ledger.last_run()
        assert last is not None
        assert last.meaning == {"a": "b"}
        assert len(ledger.runs()) == 2


def test_near_names_are_apart_in_another_language(tmp_path: Path) -> None:
    """What is nearly the same is English: a German tree keeps what only looks alike."""
    script = Scripted({"Recht": [["Schiff", "Schiffs", "Hafen"]]})
    shape = Shape(root="Recht", depth=1, breadth=5, samples=1, least=1)

    async def run(config: TreeConfig) -> Tree:
        site = site_alone(tmp_path / f"{config.language}.sqlite", config)
        return await Build(site, Panel.of(script, "m"), shape, Options())()

    assert leaves(asyncio.run(run(TreeConfig(languages={"de": 1.0})))) == ["Schiff", "Schiffs", "Hafen"]
    assert asyncio.run(run(TreeConfig(languages={"English": 1.0}))).merged == (("Schiffs", "Schiff"),)
