"""The benchmarks of the suite: which there are, how a published row becomes a problem, and what is refused."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from miniatures import ITEMS, RIGHT, mark_of, write_all

from glan.errors import BenchmarkError
from glan.evaluate.paper import paper_tables, reported
from glan.evaluate.problems import Published, hash_of, problems_of, spread
from glan.evaluate.published import problems_in
from glan.evaluate.scoring import scored
from glan.evaluate.suite import bbh_shots, chosen, group_of, mbpp_shots, suite, tasks_folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_all(tmp_path_factory.mktemp("data"))


def row(name: str, **fields: Any) -> Published:  # noqa: ANN401 - columns hold anything
    return Published(place=f"{name}.jsonl:1", part="", number=1, fields=fields)


def test_benchmarks_are_chosen_by_name_or_title() -> None:
    """A name, the paper's title and the task's name mean the same; none means all, in the order of the suite."""
    assert chosen(["GSM8K", "ARC-E", "glan_mmlu", " bbh"]) == ("arc_easy", "mmlu", "gsm8k", "bbh")
    assert chosen([]) == tuple(suite())
    with pytest.raises(BenchmarkError, match="did you mean gsm8k"):
        chosen(["gsm8"])


def test_the_protocol_is_the_papers() -> None:
    """MBPP and BBH have three shots, all others none (paper, section 3.3)."""
    assert {name: each.shots for name, each in suite().items() if each.shots} == {"bbh": 3, "mbpp": 3}


def test_every_shot_is_pinned() -> None:
    """Each of the 27 tasks of BBH has its three chains of thought, and MBPP its three items."""
    assert set(bbh_shots()) == set(suite()["bbh"].configs)
    assert {len(each["shots"]) for each in bbh_shots().values()} == {3}
    assert [shot["task_id"] for shot in mbpp_shots()] == [2, 3, 4]


def test_every_subject_of_mmlu_has_a_group() -> None:
    """The 57 subjects are in four groups, as their authors sort them: 18, 13, 12 and 14."""
    groups = list(group_of().values())
    assert [groups.count(name) for name in ("STEM", "humanities", "social sciences", "other")] == [18, 13, 12, 14]


def test_the_tasks_of_the_group_are_the_suite() -> None:
    """There is a file of lm-evaluation-harness for each benchmark, with its room and its ends."""
    for name, benchmark in suite().items():
        text = (tasks_folder() / f"glan_{name}.yaml").read_text(encoding="utf-8")
        shared = (tasks_folder() / "_each_yaml").read_text(encoding="utf-8")
        settings = text if "generation_kwargs" in text else shared
        assert f"benchmark: {name}\n" in text
        assert f"max_gen_toks: {benchmark.max_tokens}\n" in settings
        assert f"until: {json.dumps(list(benchmark.until))}\n" in settings
        assert ("unsafe_code: true" in text) == (benchmark.kind == "code")
        assert f"  - glan_{name}\n" in (tasks_folder() / "glan.yaml").read_text(encoding="utf-8")


def test_the_papers_numbers_stand() -> None:
    """Tables 1, 2 and 4 have a number in every column, for known benchmarks."""
    for table in paper_tables():
        assert {len(values) for values in table.rows.values()} == {len(table.columns)}
        assert {name for _, name, _ in table.columns} <= set(suite())
    assert (reported("GLAN 7B", "gsm8k", "score"), reported("Mistral 7B", "mmlu", "humanities")) == (80.8, 56.5)
    assert reported("GLAN 7B", "gsm8k", "other") is None


@pytest.mark.parametrize("name", ["arc_easy", "arc_challenge", "mmlu", "gsm8k", "bbh"])
def test_what_is_right_scores_and_what_is_wrong_does_not(name: str, data: Path) -> None:
    """The right reply to every problem scores 1, another problem's and an empty one 0."""
    for problem in problems_in(name, data):
        right = RIGHT[mark_of(problem.prompt)]
        assert scored(problem, right).parts["score"].right == 1
        assert scored(problem, "").parts["score"].right == 0
        assert scored(problem, "I cannot say.").parts["score"].right == 0


def test_shots_stand_in_the_prompts(data: Path) -> None:
    """A prompt of BBH has its task's three chains of thought before the question, one of MBPP its three programs."""
    bbh = problems_in("bbh", data)[0]
    assert bbh.prompt.count("Let's think step by step.") == 4
    assert bbh.prompt.startswith(bbh_shots()["boolean_expressions"]["description"])
    mbpp = problems_in("mbpp", data)[0]
    assert (mbpp.prompt.count("[BEGIN]"), mbpp.prompt.count("[DONE]")) == (4, 3)
    assert mbpp.prompt.endswith("[BEGIN]\n")


def test_a_limit_is_spread_over_all(data: Path) -> None:
    """Some items of MMLU are of all its groups, and more items than there are is all of them."""
    problems = problems_in("mmlu", data)
    assert [problem.id for problem in spread(problems, 5)] == [problems[i].id for i in (0, 2, 4, 6, 8)]
    assert spread(problems, ITEMS + 5) == list(problems) == spread(problems, None)


def test_the_hash_is_of_all_that_is_asked(data: Path, tmp_path: Path) -> None:
    """The same rows have the same hash from another folder; another right answer has another."""
    same = problems_in("gsm8k", write_all(tmp_path / "again"))
    assert hash_of(same) == hash_of(problems_in("gsm8k", data))
    other = [*problems_of("gsm8k", [row("gsm8k", question="1+1?", answer="#### 3")])]
    assert hash_of(other) != hash_of(problems_of("gsm8k", [row("gsm8k", question="1+1?", answer="#### 2")]))


@pytest.mark.parametrize("name", list(suite()))
def test_a_csv_asks_what_the_same_rows_in_lines_ask(name: str, data: Path, tmp_path: Path) -> None:
    """In a CSV a list or an object is JSON in its cell, and every problem is that of the same row in JSON."""
    folder = tmp_path / name
    folder.mkdir()
    for path in (data / name).iterdir():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        with (folder / f"{path.stem}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            for each in rows:
                packed = {key: json.dumps(value) for key, value in each.items() if isinstance(value, list | dict)}
                table.writerow({**each, **packed})
    assert hash_of(problems_in(name, tmp_path)) == hash_of(problems_in(name, data))


def test_a_cell_that_is_no_json_is_named(tmp_path: Path) -> None:
    """What Python prints of an object is no JSON, and is not run to find out what it means."""
    (tmp_path / "arc_easy").mkdir()
    told = "id,question,choices,answerKey\nM_1,Where?,\"{'text': ['a', 'b'], 'label': ['A', 'B']}\",A\n"
    (tmp_path / "arc_easy" / "test.csv").write_text(told, encoding="utf-8")
    with pytest.raises(
        BenchmarkError, match=r"test\.csv:1: the field 'choices' is not JSON, as a cell of a CSV"
    ) as caught:
        problems_in("arc_easy", tmp_path)
    assert "docs/eval.md" in caught.value.hint


def test_parquet_of_the_hub_is_read_in_order(tmp_path: Path) -> None:
    """A split that the hub has cut into several files is one benchmark, and its ids go on."""
    import pyarrow as pa  # noqa: PLC0415 - only here
    import pyarrow.parquet as pq  # noqa: PLC0415 - only here

    (tmp_path / "gsm8k").mkdir()
    for i in range(2):
        table = pa.table({"question": [f"{i}?", f"{i}!"], "answer": [f"#### {i}", f"#### {i}"]})
        pq.write_table(table, tmp_path / "gsm8k" / f"test-0000{i}-of-00002.parquet")
    (tmp_path / "gsm8k" / "train.jsonl").write_text("no JSON\n")
    problems = problems_in("gsm8k", tmp_path)
    assert [problem.id for problem in problems] == ["1", "2", "3", "4"]
    assert [problem.answer for problem in problems] == ["0", "0", "1", "1"]


CHOICES = {"text": ["yes", "no"], "label": ["A", "B"]}


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("gsm8k", {"question": "1?"}, "has no field 'answer'; GSM8K is published with question, answer"),
        ("gsm8k", {"question": "1?", "answer": "2"}, "'answer' is not a solution that ends with '#### '"),
        ("gsm8k", {"question": "1?", "answer": "#### two"}, "'answer' is not a solution that ends with '#### '"),
        (
            "ifeval",
            {"key": 1, "prompt": "?", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [None]},
            "'kwargs' is not a list with an object for each instruction",
        ),
        ("gsm8k", {"question": 1, "answer": "#### 2"}, "'question' is not a text"),
        ("math", {"problem": "1?", "level": "1", "type": "x", "solution": "2"}, "its answer in"),
        ("arc_easy", {"id": "1", "question": "?", "choices": CHOICES, "answerKey": "C"}, "one of its labels"),
        ("arc_easy", {"id": "1", "question": "?", "choices": "A", "answerKey": "A"}, "an object with `label`"),
        ("mmlu", {"question": "?", "subject": "magic", "choices": ["a", "b"], "answer": 0}, "one of the 57 subjects"),
        ("mmlu", {"question": "?", "subject": "virology", "choices": ["a", "b"], "answer": 2}, "none of its 2 options"),
        ("mmlu", {"question": "?", "subject": "virology", "choices": "ab", "answer": 0}, "a list of texts"),
        ("ifeval", {"key": 1, "prompt": "?", "instruction_id_list": ["a"], "kwargs": []}, "an object for each"),
    ],
)
def test_a_row_that_is_not_as_published_is_told(name: str, fields: dict[str, Any], words: str) -> None:
    """Where a row lacks something, the error names the place, the column and what it should be."""
    with pytest.raises(BenchmarkError, match=words):
        problems_of(name, [row(name, **fields)])


def test_two_rows_with_one_id_are_told() -> None:
    """An id names one row."""
    rows = [row("arc_easy", id="1", question="?", choices=CHOICES, answerKey="A")] * 2
    with pytest.raises(BenchmarkError, match="stands there already"):
        problems_of("arc_easy", rows)


def test_a_missing_file_is_told_with_the_way_out(tmp_path: Path) -> None:
    """Where --data lacks a benchmark, the error says which file, and where the real one is."""
    (tmp_path / "math").mkdir()
    with pytest.raises(BenchmarkError, match=r"there is no .*algebra\.jsonl or .*algebra/test\.jsonl") as told:
        problems_in("math", tmp_path)
    assert "hf download EleutherAI/hendrycks_math" in told.value.hint
