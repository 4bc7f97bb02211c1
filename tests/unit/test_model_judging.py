"""A judging inside the process: who is asked what, what it comes to, and that nothing is paid for twice."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from harness import Call, Counting, DiedError, Dying, Shuffled, call_of, project, run, small
from msgspec import structs

from glan.config import Config, JudgeConfig
from glan.errors import BudgetError, DatasetError, ProjectError, RequestError, WouldAskAgainError
from glan.evaluate.questions import Asked, read_answers, read_questions
from glan.judging import Contestant, Judging, Outcome, Task, Way
from glan.options import InterruptedRunError, Options
from glan.records import Message, Reply, Request, Stage
from glan.scoreboard import BY, Scoreboard, is_less, lines, page, scoreboard, write
from glan.sites import site_alone
from glan.taxonomy.rebalance import parse_scores, proposed, scored
from glan.taxonomy.tables import read_numbers
from glan.taxonomy.tree import Taxonomy
from glan.teachers.base import Teacher
from glan.teachers.faults import Faulty
from glan.teachers.ledgered import Choice
from glan.teachers.offline import Textbook
from glan.teachers.panel import Panel

QUESTIONS = [
    Asked(
        id=f"test/{'physics' if i % 2 else 'law'}/s/{i}",
        turns=(Message(role="user", content=f"What is {i} and {i}?"),),
        groups={"discipline": "Physics" if i % 2 else "Law", "difficulty": str(i % 10 + 1)},
    )
    for i in range(20)
]


class Student:
    """Answers with its name and the question, so that a judge can tell."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def reply(self, request: Request) -> Reply:
        assert request.stage is Stage.STUDENTS
        return Reply(text=f"{self.name} says: {request.messages[-1].content}", finish_reason="stop")


class Judge:
    """Likes one name more than all others, and whoever comes first a little."""

    def __init__(self, liked: str = "good", bias: int = 0) -> None:
        self.liked, self.bias = liked, bias

    async def reply(self, request: Request) -> Reply:
        assert request.stage is Stage.JUDGEMENTS
        text = request.messages[-1].content
        if request.schema == "grade":
            found: Mapping[str, object] = {"reason": "So.", "score": self._score(text, "answer")}
        else:
            first, second = self._score(text, "first"), self._score(text, "second")
            found = {"reason": "So.", "first": first + self.bias, "second": second}
        return Reply(text=json.dumps(found), finish_reason="stop", model="judge-1")

    def _score(self, text: str, tag: str) -> int:
        shown = text.rpartition(f"<{tag}-")[2] if tag == "second" else text.partition(f"<{tag}-")[2]
        return 8 if f"{self.liked} says" in shown.partition(f"</{tag}-")[0] else 5


def task_of(students: Sequence[Contestant], judge: Teacher, way: Way = "pairwise") -> Task:
    return Task(
        questions=QUESTIONS,
        contestants=students,
        way=way,
        judge=Panel.of(judge, "judge"),
        judge_config=JudgeConfig.of(Config()),
    )


def contestant(name: str, teacher: Teacher | None = None) -> Contestant:
    return Contestant(name=name, named=Panel.of(teacher or Student(name), "m"))


def judging_of(ledger: Path, task: Task, **options: Any) -> Judging:  # noqa: ANN401
    return Judging(site_alone(ledger, Config()), task, Options(**options))


def judged(ledger: Path, task: Task, **options: Any) -> tuple[Judging, Outcome]:  # noqa: ANN401
    """Judge to the end."""

    async def judge() -> tuple[Judging, Outcome]:
        judging = judging_of(ledger, task, **options)
        return judging, await judging()

    return asyncio.run(judge())


def board_of(ledger: Path, task: Task, by: Sequence[str] = BY, **options: Any) -> Scoreboard:  # noqa: ANN401
    judging, outcome = judged(ledger, task, **options)
    return scoreboard(judging, outcome, by=by, seed=0)


def test_the_better_of_two_is_found_and_the_bias_of_the_judge_is_told(tmp_path: Path) -> None:
    """Every question is judged in both orders; tables stand for each column that the questions have."""
    task = task_of([contestant("good"), contestant("poor")], Judge(bias=2))
    board = board_of(tmp_path / "l.sqlite", task)
    assert board.overall is not None
    assert board.bias is not None
    assert (board.judged, board.overall.difference.value, board.overall.win_rate.value) == (20, 3, 1)
    assert (board.overall.a, board.overall.b) == (9, 6)
    assert board.bias.difference.value == 2
    assert board.bias.consistent == 1
    assert [each.group for each in board.tables["discipline"]] == ["Law", "Physics"]
    assert [each.group for each in board.tables["difficulty"]][-2:] == ["1-5 easy", "6-10 hard"]
    assert "good against poor" in next(lines(board))
    assert "Position bias" in page(board)


def test_exchanging_the_models_asks_nothing_and_mirrors_the_result(tmp_path: Path) -> None:
    """Places are hashes of the texts, so the same two answers are judged once, whoever is named first."""
    counting = Counting(Judge(bias=1))
    one = board_of(tmp_path / "l.sqlite", task_of([contestant("good"), contestant("poor")], counting))
    calls = counting.started.total()
    two = board_of(tmp_path / "l.sqlite", task_of([contestant("poor"), contestant("good")], counting))
    assert calls == counting.started.total() == 40
    assert one.overall is not None
    assert two.overall is not None
    assert one.overall.difference.value == -two.overall.difference.value
    assert (one.overall.difference.low, one.overall.difference.high) == (
        -two.overall.difference.high,
        -two.overall.difference.low,
    )
    assert one.overall.wins == two.overall.losses
    assert one.bias == two.bias


def test_the_judge_never_sees_whose_answers_they_are(tmp_path: Path) -> None:
    """No name of a model and no column of the question is in a prompt of the judge."""

    class Silent:
        async def reply(self, request: Request) -> Reply:
            return Reply(text=f"An answer to {request.messages[-1].content}", finish_reason="stop")

    counting = Counting(Judge())
    judged(
        tmp_path / "l.sqlite",
        task_of([contestant("secret-one", Silent()), contestant("secret-two", Silent())], counting),
    )
    for request in counting.requests:
        assert not any(name in request.messages[-1].content for name in ("secret-one", "secret-two", "Physics"))


def test_one_model_is_graded_and_two_can_be(tmp_path: Path) -> None:
    """Single grading shows one answer at a time."""
    one = board_of(tmp_path / "l.sqlite", task_of([contestant("good")], Judge(), "single"))
    assert [(each.group, each.score.value) for each in one.grades] == [("good", 8)]
    two = board_of(tmp_path / "l.sqlite", task_of([contestant("good"), contestant("poor")], Judge(), "single"))
    assert [(each.group, each.score.value) for each in two.grades] == [("good", 8), ("poor", 5)]
    assert set(two.tables) == {f"{name}, {who}" for name in ("discipline", "difficulty") for who in ("good", "poor")}


def test_answers_of_files_need_no_server_and_missing_ones_are_told(tmp_path: Path) -> None:
    """A question without both answers is in no number, is counted with the reason, and the exit code says so."""
    answers = {asked.id: "good says so" for asked in QUESTIONS[:15]}
    students = [Contestant(name="file", answers=answers), contestant("poor")]
    judging, outcome = judged(tmp_path / "l.sqlite", task_of(students, Judge()))
    assert (outcome.exit_code, outcome.complete) == (3, 15)
    assert outcome.reasons == {"file has no answer": 5}
    board = scoreboard(judging, outcome, by=BY, seed=0)
    assert board.overall is not None
    assert board.overall.questions == 15


def test_a_judge_that_cannot_be_read_harms_one_question(tmp_path: Path) -> None:
    """Malformed judgements are asked for again with the error; what stays malformed is told and left out."""
    faulty = Faulty(Judge(), seed=3, rates={"malformed": 0.5})
    counting = Counting(faulty)
    _, outcome = judged(tmp_path / "l.sqlite", task_of([contestant("good"), contestant("poor")], counting))
    assert counting.started.total() > 40
    assert 0 < outcome.complete < 20 or outcome.exit_code == 0
    missing = [each for each in outcome.judged if not each.scores]
    assert sum(outcome.reasons.values()) == len(missing)
    assert all(each.reason for each in missing)


def test_a_model_that_fails_loses_its_question_alone(tmp_path: Path) -> None:
    """What a server turns down for good is a failure in the ledger, and `--retry-failed` asks again."""

    class Refusing(Student):
        is_healed = False

        async def reply(self, request: Request) -> Reply:
            if "What is 7 " in request.messages[-1].content and not self.is_healed:
                raise RequestError("The server turns this request down.")
            return await super().reply(request)

    refusing = Refusing("good")
    task = task_of([contestant("good", refusing), contestant("poor")], Judge())
    _, outcome = judged(tmp_path / "l.sqlite", task)
    assert (outcome.exit_code, outcome.complete) == (3, 19)
    assert outcome.reasons == {"good gave no answer: The server turns this request down.": 1}
    refusing.is_healed = True
    assert judged(tmp_path / "l.sqlite", task)[1].complete == 19
    assert judged(tmp_path / "l.sqlite", task, retry_failed=True)[1].exit_code == 0


@pytest.mark.parametrize("after", [0, 9, 33, 65])
@pytest.mark.parametrize("how", ["raise", "hang"])
def test_killed_and_resumed_it_pays_nothing_twice(tmp_path: Path, after: int, how: Any) -> None:  # noqa: ANN401
    """After a death at any call, the same command asks only for what was not answered, with the same result."""
    clean = judged(tmp_path / "clean.sqlite", task_of([contestant("good"), contestant("poor")], Judge()))[1]
    answered: Counter[Call] = Counter()
    left, is_dead = [after], asyncio.Event()

    class Mortal:
        """Shares one life with the others."""

        def __init__(self, teacher: Teacher) -> None:
            self.teacher = teacher

        async def reply(self, request: Request) -> Reply:
            dying = Dying(self.teacher, 1 if left[0] > 0 else 0, how)
            left[0] -= 1
            if left[0] < 0:
                is_dead.set()
            reply = await dying.reply(request)
            answered[call_of(request)] += 1
            return reply

    task = task_of(
        [contestant("good", Mortal(Student("good"))), contestant("poor", Mortal(Student("poor")))], Mortal(Judge())
    )

    async def until_death() -> None:
        judging = asyncio.ensure_future(judging_of(tmp_path / "l.sqlite", task, max_in_flight=3)())
        await is_dead.wait()
        judging.cancel()
        with pytest.raises((asyncio.CancelledError, DiedError)):
            await judging

    asyncio.run(until_death())
    left[0] = 10**6
    outcome = judged(tmp_path / "l.sqlite", task)[1]
    assert outcome.judged == clean.judged
    assert set(answered.values()) == {1}
    assert answered.total() == 80


def test_the_order_of_arrival_changes_nothing(tmp_path: Path) -> None:
    """One call in flight or many, in any order."""
    one = judged(tmp_path / "a.sqlite", task_of([contestant("good"), contestant("poor")], Judge()), max_in_flight=1)[1]
    students = [contestant(name, Shuffled(Student(name), 5)) for name in ("good", "poor")]
    many = judged(tmp_path / "b.sqlite", task_of(students, Shuffled(Judge(), 6)), max_in_flight=50)[1]
    assert one.judged == many.judged


def test_a_budget_ends_it_with_what_is_judged_so_far(tmp_path: Path) -> None:
    """It is exit code 4, and the ledger has what was paid for."""
    task = task_of([contestant("good", small(size=400)), contestant("poor", small(size=300))], small())
    _, outcome = judged(tmp_path / "l.sqlite", task, budget_tokens=12_000, max_in_flight=1)
    assert isinstance(outcome.stopped, BudgetError)
    assert outcome.exit_code == 4
    assert judged(tmp_path / "l.sqlite", task)[1].exit_code == 0


def test_an_interruption_lets_what_is_in_flight_end(tmp_path: Path) -> None:
    """It is exit code 130, and nothing is judged after it."""

    async def interrupted() -> Outcome:
        counting = Counting(Student("good"), on_call=lambda number: judging.interrupt() if number == 5 else None)
        task = task_of([contestant("good", counting), contestant("poor")], Judge())
        judging = judging_of(tmp_path / "l.sqlite", task, max_in_flight=1)
        return await judging()

    outcome = asyncio.run(interrupted())
    assert isinstance(outcome.stopped, InterruptedRunError)
    assert outcome.exit_code == 130
    assert outcome.complete == 0
    assert sum(text is not None for text in outcome.answers["a"]) == 5


def test_another_judge_is_told_before_anything_is_paid_again(tmp_path: Path) -> None:
    """The same answers under another judge, or other settings, are asked about anew only when told."""
    students = [contestant("good"), contestant("poor")]
    judged(tmp_path / "l.sqlite", task_of(students, Judge()))
    counting = Counting(Judge())
    other = replace(task_of(students, counting), judge=Panel.of(counting, "another"))
    assert isinstance(judged(tmp_path / "l.sqlite", other)[1].stopped, WouldAskAgainError)
    assert not counting.requests
    assert judged(tmp_path / "l.sqlite", other, choice=Choice.REASK)[1].exit_code == 0
    assert counting.started.total() == 40


def test_the_textbook_tells_right_answers_from_wrong_ones(tmp_path: Path) -> None:
    """As a judge it reckons exact problems itself: a student that makes mistakes in their results scores less."""
    with project(["Mathematics"], plan_drafts=1) as folder:
        run(folder, Textbook(), pairs=40)
        questions = read_questions(folder / "dataset/train")
        wrong = Faulty(Textbook(), seed=1, rates={"mistake": 1.0})
        students = [contestant("right", Textbook()), contestant("wrong", wrong)]
        board = board_of(tmp_path / "l.sqlite", replace(task_of(students, Textbook()), questions=questions))
    assert board.overall is not None
    assert (board.judged, board.overall.losses) == (40, 0)
    assert board.overall.wins > 0
    assert board.overall.difference.low > 0
    assert board.bias is not None
    assert board.bias.consistent == 1


TREE = "taxonomy: [Physics, Law]\n"


def test_what_it_writes_is_what_rebalance_reads(tmp_path: Path) -> None:
    """The weak discipline gets more: scores.csv names disciplines as the tree does."""

    class Lawyer(Student):
        async def reply(self, request: Request) -> Reply:
            number = int(request.messages[-1].content.split()[2])
            name = "poor" if number % 2 else "good"
            return Reply(text=f"{name} says: {number}", finish_reason="stop")

    task = task_of([contestant("student", Lawyer("x")), contestant("poor")], Judge())
    judging, outcome = judged(tmp_path / "l.sqlite", task)
    board = scoreboard(judging, outcome, by=BY, seed=0)
    nodes = {asked.id: asked.groups["discipline"] for asked in QUESTIONS}
    write(tmp_path / "out", board, judging, outcome, nodes)
    text = (tmp_path / "out/scores.csv").read_text()
    scores = parse_scores(read_numbers(text, "scores.csv", ("score",)), "scores.csv")
    assert scores == {"Law": 8, "Physics": 5}
    tree = Taxonomy.parse(TREE, "tree")
    weights = {name: float(weight) for name, weight in proposed(tree, scored(tree, scores)).items()}
    assert weights["/Physics"] > 1 > weights["/Law"]


def test_the_page_has_every_discipline_of_the_paper(tmp_path: Path) -> None:
    """A table of 126 rows, as the paper's table 8 has them, is shown whole."""
    questions = [
        structs.replace(
            QUESTIONS[0],
            id=str(i),
            turns=(Message(role="user", content=f"What is {i}?"),),
            groups={"discipline": f"D{i}"},
        )
        for i in range(126)
    ]
    task = replace(task_of([contestant("good"), contestant("poor")], Judge()), questions=questions)
    text = page(board_of(tmp_path / "l.sqlite", task))
    assert sum(line.startswith("| D") and "| 0.8% |" in line for line in text.splitlines()) == 126
    assert "more." not in text


def test_results_are_whole_files_of_every_judgement(tmp_path: Path) -> None:
    """A line for each judgement and each question, answers that can be judged again, and the summary for machines."""
    task = task_of([contestant("good"), contestant("poor")], Judge())
    judging, outcome = judged(tmp_path / "l.sqlite", task)
    board = scoreboard(judging, outcome, by=BY, seed=0)
    out = tmp_path / "out"
    write(out, board, judging, outcome, {})
    judgements = [json.loads(line) for line in (out / "judgements.jsonl").read_text().splitlines()]
    assert len(judgements) == 40
    assert judgements[0] == {
        "id": QUESTIONS[0].id,
        "answers": ["good", "poor"],
        "scores": [8.0, 5.0],
        "reason": "So.",
        "model": "judge-1",
    }
    results = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(each["score_a"], each["score_b"]) for each in results] == [(8, 5)] * 20
    assert json.loads((out / "summary.json").read_bytes())["overall"]["wins"] == 20
    answers = read_answers(out / "answers-a.jsonl")
    again = task_of([Contestant(name="good", answers=answers), contestant("poor")], Judge())
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    judging, outcome = judged(tmp_path / "l.sqlite", again)
    write(out, scoreboard(judging, outcome, by=BY, seed=0), judging, outcome, {})
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}
    assert is_less(out, scoreboard(judging, Outcome(), by=BY, seed=0))


def test_nothing_is_written_over_what_is_not_of_this_judging(tmp_path: Path) -> None:
    """A folder with other files, or with the results of other models, stays as it is."""
    judging, outcome = judged(tmp_path / "l.sqlite", task_of([contestant("good"), contestant("poor")], Judge()))
    board = scoreboard(judging, outcome, by=BY, seed=0)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(ProjectError, match="holds no results"):
        write(tmp_path / "mine", board, judging, outcome, {})
    write(tmp_path / "out", board, judging, outcome, {})
    judging, outcome = judged(tmp_path / "l.sqlite", task_of([contestant("poor"), contestant("good")], Judge()))
    with pytest.raises(ProjectError, match="good and poor"):
        write(tmp_path / "out", scoreboard(judging, outcome, by=BY, seed=0), judging, outcome, {})


HOSTILE = "<script>alert(1)</script> | \x1b[31m [x](javascript:1)"


def test_names_and_columns_are_data_on_the_page(tmp_path: Path) -> None:
    """No name of a model or a group ends a table or opens a tag."""
    question = Asked(id="q", turns=QUESTIONS[0].turns, groups={"skill": HOSTILE, HOSTILE: "x"})
    task = replace(task_of([contestant(HOSTILE), contestant("poor")], Judge()), questions=[question])
    text = page(board_of(tmp_path / "l.sqlite", task, by=(*BY, HOSTILE)))
    assert "<script>" not in text
    assert "\x1b" not in text
    assert all(line.count("|") - line.count("\\|") == 11 for line in text.splitlines() if line.startswith("|"))


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_questions_are_read_from_the_forms_that_files_have(tmp_path: Path) -> None:
    """`question`, `instruction` and `messages`; the answer beside it is no part of the question."""
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Because."},
    ]
    found = read_questions(
        write_lines(
            tmp_path / "q.jsonl",
            {"id": "a", "question": "Why?", "skill": "Math", "difficulty": 3, "scores": [{"name": "x", "value": 2.0}]},
            {"id": "b", "instruction": "Add.", "input": "1 2", "output": "3"},
            {"id": "c", "messages": turns, "long": "x" * 300},
        )
    )
    assert [asked.text for asked in found] == ["Why?", "Add.\n\n1 2", "[system] Be brief.\n\n[user] Why?"]
    assert [asked.answer for asked in found] == [None, "3", "Because."]
    assert [asked.groups for asked in found] == [{"skill": "Math", "difficulty": "3", "x": "2"}, {}, {}]
    assert [asked.id for asked in read_questions(tmp_path / "q.jsonl", 2)] == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "no questions"),
        ([{"id": "a", "text": "Why?"}], "no question"),
        ([{"id": "a", "question": " "}], "no question"),
        ([{"id": "a", "question": "Why?"}, {"id": "a", "question": "How?"}], "stands there already"),
        ([{"id": "a", "messages": "Why?"}], "no list of turns"),
        ([{"id": "a", "messages": [{"role": "user"}]}], "no field 'content'"),
        ([{"id": "a", "question": {"x": 1}}], "no text"),
    ],
    ids=["none", "no column", "empty", "twice", "no list", "no content", "no text"],
)
def test_what_is_no_question_is_told_with_its_place(tmp_path: Path, rows: list[object], told: str) -> None:
    """The file, the line, and the way out."""
    with pytest.raises(DatasetError, match=told):
        read_questions(write_lines(tmp_path / "q.jsonl", *rows))


def test_an_answer_that_is_missing_or_stands_twice_is_told(tmp_path: Path) -> None:
    """Answers are by the ids of questions."""
    with pytest.raises(DatasetError, match="has no answer"):
        read_answers(write_lines(tmp_path / "a.jsonl", {"id": "a", "question": "Why?"}))
    with pytest.raises(DatasetError, match="already"):
        read_answers(write_lines(tmp_path / "b.jsonl", *[{"id": "a", "answer": "x"}] * 2))


def test_a_judge_is_asked_in_the_language_of_the_question(tmp_path: Path) -> None:
    """What asks a judge to mend its reply names the language of the question, where the project has that."""

    class Stumbling(Judge):
        asked: list[str]

        async def reply(self, request: Request) -> Reply:
            if request.attempt == 0:
                return Reply(text="I cannot say.", finish_reason="stop")
            self.asked.append(request.messages[-1].content)
            return await super().reply(replace_messages(request))

    def replace_messages(request: Request) -> Request:
        return structs.replace(request, messages=request.messages[:1])

    judge = Stumbling()
    judge.asked = []
    questions = [
        Asked(id=language, turns=(Message(role="user", content=f"Why {language}?"),), groups={"language": language})
        for language in ("en", "ja", "tlh")
    ]
    config = JudgeConfig.of(Config(languages={"en": 0.7, "ja": 0.3}))
    task = replace(task_of([contestant("good")], judge, "single"), questions=questions, judge_config=config)
    _, outcome = judged(tmp_path / "l.sqlite", task)
    assert outcome.complete == 3
    assert [("日本語で書いてください" in text, "in English" in text) for text in sorted(judge.asked)] == [
        (False, True),
        (False, True),
        (True, False),
    ]
