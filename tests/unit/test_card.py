"""The card tells the truth, and no name can change its form."""

import io
import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from decided_slots import discipline, ended, pair, reply, syllabus
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from ruamel.yaml import YAML

from glan.dataset.card import Card, render_card
from glan.dataset.licences import HUB_LICENCES, doubt_of, hub_licence, model_licence
from glan.dataset.statistics import Statistics
from glan.dataset.summary import Summary
from glan.parsing import clean
from glan.records import Decided, Outcome, Reply, Stage


def summary_of(*slots: Decided) -> Summary:
    statistics = Statistics()
    for slot in slots:
        statistics.add(slot)
    return statistics.result()


SUMMARY = summary_of(
    *(pair(ordinal) for ordinal in range(3)),
    pair(0, about=syllabus(discipline("Jazz", "Arts", "Music"))),
    ended(4, Stage.ANSWERS, "refusal"),
    ended(5, Stage.SUBJECTS, "no reply", Outcome.FAILURE),
)
CARD = Card(
    name="orbits",
    languages={"en": 1.0},
    statistics=SUMMARY,
    seed=7,
    version="0.1.0",
    prompts={"write_question": "00ff", "answer_question": "11ee"},
    models={
        Stage.SUBJECTS: "model-0",
        Stage.SYLLABI: "model-0",
        Stage.QUESTIONS: "model-2",
        Stage.ANSWERS: "model-1",
    },
)


def front_matter(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(io.StringIO(text.split("---\n")[1]))
    return found


def table(text: str, head: str) -> list[list[str]]:
    """Return the rows under the table head that begins so, cut at the bars that are no text."""
    lines = text[text.index(f"| {head.removesuffix(' |')} |") :].split("\n\n", maxsplit=1)[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_the_front_matter_tells_the_hub_what_it_asks() -> None:
    """A loader finds the training rows by it, and the hub shows its tags."""
    assert front_matter(render_card(CARD)) == {
        "language": ["en"],
        "size_categories": ["n<1K"],
        "task_categories": ["text-generation"],
        "tags": ["synthetic", "glan"],
        "pretty_name": "orbits",
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "train/*.parquet"}]}],
    }


def test_a_licence_stands_there_only_if_there_is_one_and_a_test_set_says_that_it_is_one() -> None:
    """A licence is never guessed, a split without files would not load, and nobody trains on a test set unwarned."""
    text = render_card(replace(CARD, license="cc-by-4.0", split="test"))
    found = front_matter(text)
    assert found["license"] == "cc-by-4.0"
    assert found["configs"][0]["data_files"] == [{"split": "test", "path": "test/*.parquet"}]
    assert "do not train on it" in text
    assert "do not train on it" not in render_card(CARD)
    assert "license" not in front_matter(render_card(CARD))


@pytest.mark.parametrize(
    ("pairs", "size"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (9_999, "1K<n<10K"),
        (50_000, "10K<n<100K"),
        (10_000_000, "10M<n<100M"),
        (10**12, "n>1T"),
    ],
)
def test_sizes_are_those_of_the_hub(pairs: int, size: str) -> None:
    """The hub has a fixed list of sizes."""
    card = replace(CARD, statistics=msgspec.structs.replace(SUMMARY, pairs=pairs))
    assert front_matter(render_card(card))["size_categories"] == [size]


@pytest.mark.parametrize(("language", "is_there"), [("no", True), ("pt-BR", True), ("German", False), ("x\ny", False)])
def test_only_a_code_is_a_language_to_the_hub(language: str, is_there: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The hub refuses names, and YAML takes a bare Norwegian for a false."""
    found = front_matter(render_card(replace(CARD, languages={language: 1.0})))
    assert found.get("language") == ([language] if is_there else None)


@given(st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_name_leaves_the_front_matter_whole(name: str) -> None:
    """Quotes, line ends and control characters in a name stay inside its string; a licence is one of the hub's."""
    found = front_matter(render_card(replace(CARD, name=name, license=name)))
    assert found["pretty_name"] == clean(name)
    assert found["license"] in HUB_LICENCES
    assert next(iter(found)) == "language"


def test_the_way_it_was_made_is_told() -> None:
    """Models as asked and as returned, prompts, seed and version are there."""
    text = render_card(CARD)
    assert table(text, "Part") == [
        ["Subjects", "model-0"],
        ["Syllabi", "model-0"],
        ["Questions", "model-2"],
        ["Answers", "model-1"],
    ]
    assert "Seed 7, version 0.1.0 of `glan`." in text
    assert [row[:2] for row in table(text, "Model |")] == [
        ["model-0", "asked for"],
        ["model-2", "10, asked for"],
        ["model-1", "asked for"],
    ]
    assert table(text, "Prompt") == [["answer\\_question", "11ee"], ["write\\_question", "00ff"]]


def test_what_is_in_it_is_counted() -> None:
    """Every level is in one table, fields stand by size, and rejects have their reasons."""
    text = render_card(CARD)
    assert "4 pairs of a question and its answer (language: en) from 2 disciplines in 2 fields" in text
    assert table(text, "Level")[2] == [
        "Disciplines",
        "2",
        "2",
        "2",
        "1 subject, 2.0 pairs (1 to 3)",
    ]
    assert table(text, "Level")[-1][:4] == ["Questions", "", "5", "4"]
    assert table(text, "Field") == [["Natural science", "3", "2"], ["Arts", "1", "0"]]
    assert table(text, "Kind")[:2] == [
        ["Class sessions of the question", "one", "3", "75.0%"],
        ["Class sessions of the question", "two", "1", "25.0%"],
    ]
    assert ["Level of the subject", "advanced", "4", "100.0%"] in table(text, "Kind")
    assert table(text, "Variety")[3] == ["Answers", "1", "20", "7", "0.350"]
    assert table(text, "Fate") == [
        ["rejected", "answers", "refusal", "1"],
        ["failed", "subjects", "no reply", "1"],
    ]
    assert table(text, "Stage | Replies") == [
        ["questions", "5", "500", "50", "0.0050"],
        ["answers", "5", "500", "50", "0.0050"],
        ["all", "10", "1,000", "100", "0.0100"],
    ]


def test_what_is_not_known_is_told() -> None:
    """A sum without its gaps would be read as the whole."""
    text = render_card(replace(CARD, statistics=summary_of(pair(0, None, Reply(text="x")))))
    assert table(text, "Stage | Replies")[1] == ["answers", "1", "not known", "not known", "not known"]
    assert table(text, "Stage | Replies")[-1] == ["all", "2", "100", "10", "0.0010"]
    assert "Replies whose tokens are not known, and not in the sums: 1." in text
    assert "Replies whose cost is not known, and not in the sums: 1." in text
    assert "not in the sums" not in render_card(CARD)


def test_what_was_not_done_is_told() -> None:
    """A reader must not take for granted what nobody did."""
    text = render_card(replace(CARD, checked=("Questions: exact duplicates.",), not_done=("No person read it.",)))
    assert "## What was checked\n\n- Questions: exact duplicates.\n\n## Not done\n\n- No person read it." in text
    assert "## What was checked" not in render_card(CARD)


@pytest.mark.parametrize("where", ["asked", "returned"])
def test_a_data_set_of_the_offline_textbook_says_so(where: str) -> None:
    """Nobody trains on it by mistake."""
    told = "Made with the offline textbook: for trying and testing only."
    card = (
        replace(CARD, models={Stage.ANSWERS: "offline-textbook"})
        if where == "asked"
        else replace(CARD, statistics=summary_of(pair(0, None, reply("x", "offline-textbook"))))
    )
    assert told in render_card(card)
    assert told not in render_card(CARD)


def test_the_paper_is_cited() -> None:
    """The method is not ours."""
    text = render_card(CARD)
    assert "@article{" in text
    assert "2402.13064" in text


HOSTILE = "a|b\n| c | `<script>alert(1)</script>` ![x](https://example.org/x.png) \\| [y](z) $z$ ~~s~~"


def test_a_hostile_field_stays_in_its_cell() -> None:
    """Bars, line ends, backticks, tags, pictures and links of a taxonomy are text on the card."""
    leaf = structs.replace(discipline(), path=(HOSTILE,))
    text = render_card(replace(CARD, statistics=summary_of(pair(0, about=syllabus(leaf)))))
    (cells,) = table(text, "Field")
    assert cells[1:] == ["1", "0"]
    assert not re.search(r"<script|(?<!\\)[`!\[$~]|://", cells[0])


def test_a_hostile_model_and_reason_stay_in_their_cells() -> None:
    """What a server calls its model, and the name of a rule, are text too."""
    slot = ended(1, Stage.ANSWERS, HOSTILE)
    text = render_card(replace(CARD, statistics=summary_of(pair(0, None, reply("x", HOSTILE)), slot)))
    assert "<script" not in text
    assert {len(row) for row in table(text, "Model |")} == {4}
    assert [len(row) for row in table(text, "Fate")] == [4]


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_name_leaves_the_tables_whole(name: str) -> None:
    """A table has the same cells whatever a field is called, and no tag opens."""
    leaf = structs.replace(discipline(), path=(name,), title=name)
    text = render_card(replace(CARD, name=name, statistics=summary_of(pair(0, about=syllabus(leaf)))))
    assert [row[1:] for row in table(text, "Field")] == [["1", "0"]]
    assert not re.search(r"<(?![1\d]|n<)", text.split("---\n", 2)[2])


def test_an_endless_name_is_cut() -> None:
    """A server that sends a book as its model's name does not fill the card."""
    text = render_card(replace(CARD, statistics=summary_of(pair(0, None, reply("x", "m" * 100_000)))))
    assert len(text) < 10_000


def test_a_thousand_fields_are_cut() -> None:
    """The table ends, and says how many it leaves out."""
    leaves = [structs.replace(discipline(f"Leaf {i}"), path=(f"Field {i:04}",)) for i in range(1_000)]
    text = render_card(replace(CARD, statistics=summary_of(*(pair(0, about=syllabus(leaf)) for leaf in leaves))))
    assert len(table(text, "Field")) == 50
    assert "and 950 more." in text


def test_the_card_of_an_empty_data_set_renders() -> None:
    """A run that made nothing has a card that says so."""
    assert "0 pairs of a question" in render_card(replace(CARD, statistics=Statistics().result()))


def test_a_licence_is_told_and_never_guessed() -> None:
    """The hub gets its own word for a licence, or `other` with a name; a reader gets what the project says."""
    assert "Licence: not stated." in render_card(CARD)
    known = render_card(replace(CARD, license="CC BY 4.0"))
    assert "Licence: CC BY 4.0." in known
    assert front_matter(known)["license"] == "cc-by-4.0"
    own = front_matter(render_card(replace(CARD, license="Our own *licence*, 2026")))
    assert (own["license"], own["license_name"]) == ("other", "our-own-licence-2026")
    assert "license_name" not in front_matter(render_card(replace(CARD, license="\u6708")))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("mit", None),
        ("Apache-2.0", None),
        ("GPL-3.0-or-later", None),
        ("other", None),
        ("apache2", "did you mean 'apache-2.0'?"),
        ("cc-by-4", "did you mean 'cc-by-4.0'?"),
        ("Our own", "is none that the Hugging Face hub knows."),
    ],
)
def test_a_doubtful_licence_is_a_warning(name: str, told: str | None) -> None:
    """A near miss is named, and nothing is changed."""
    doubt = doubt_of(name)
    assert (doubt is None) if told is None else (doubt is not None and told in doubt)
    assert doubt_of(None) is None
    assert (hub_licence(name) is None) == (told is not None)


@pytest.mark.parametrize(
    ("model", "licence"),
    [
        ("Qwen/Qwen3-8B", "Apache-2.0"),
        ("qwen2.5:7b-instruct-q4_K_M", "Apache-2.0"),
        ("Qwen2.5-3B-Instruct", "Qwen Research License"),
        ("meta-llama/Llama-3.1-8B-Instruct", "Llama 3.1 Community License"),
        ("llama3.1:70b", "Llama 3.1 Community License"),
        ("llama-3.3-70b-instruct", "Llama 3.3 Community License"),
        ("openai/gpt-oss-20b", "Apache-2.0"),
        ("google/gemma-3-27b-it", "Gemma Terms of Use"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "Apache-2.0"),
        ("gpt-5-mini", None),
        ("qwen3-max", None),
        ("mistral-large-latest", None),
        ("llama-3.1-8b-somebodys-tune", None),
        ("model", None),
        ("", None),
    ],
)
def test_a_licence_of_a_model_is_told_where_it_is_known(model: str, licence: str | None) -> None:
    """Owners, tags and endings do not hide a model; a tune of it, and a model of the same family, are not known."""
    found = model_licence(model)
    assert (found.licence if found is not None else None) == licence


def test_the_terms_of_the_teachers_are_told() -> None:
    """Every model that was asked or that answered stands there, with its licence where that is known."""
    statistics = summary_of(
        pair(0, None, reply("x", "gpt-5-mini-2026-01-01")), pair(2, None, reply("x", "llama3.1:8b"))
    )
    text = render_card(replace(CARD, statistics=statistics, models={Stage.ANSWERS: "gpt-5-mini"}))
    rows = {row[0]: row[1:] for row in table(text, "Model |")}
    assert rows["gpt-5-mini"] == ["asked for", "not known to glan", ""]
    assert rows["gpt-5-mini-2026-01-01"] == ["1", "not known to glan", ""]
    assert rows["llama3.1:8b"][:2] == ["1", "Llama 3.1 Community License"]
    assert "This is no legal advice." in text
    assert "## Terms" not in render_card(replace(CARD, models={Stage.ANSWERS: "offline-textbook"}))


def test_authors_and_citation_stand_on_the_card() -> None:
    """Whoever made the data set is named, and how to cite it comes before the paper."""
    text = render_card(replace(CARD, authors=("Ann <a>", "Bo"), citation="@misc{orbits}\n"))
    assert "By Ann &lt;a&gt;, Bo." in text
    assert text.index("```bibtex\n@misc{orbits}\n```") < text.index("@article{li2024glan")


@given(st.text("`~a\n", max_size=30))
@settings(max_examples=100, deadline=None)
def test_no_citation_leaves_its_block(citation: str) -> None:
    """The fence around a citation is longer than any in it."""
    text = render_card(replace(CARD, citation=f"x{citation}"))
    (fence,) = re.findall(r"^(`+)bibtex\nx", text, re.MULTILINE)
    block = text[text.index(f"{fence}bibtex\nx") + len(fence) :].split(f"\n{fence}\n")[0]
    assert f"x{citation}".strip("\n") in block
    assert fence not in block


def test_a_part_of_a_large_data_set_is_told_as_a_part() -> None:
    """A reader sees in how many pairs words were counted, which ones they are, and how exact an estimate is."""
    words = structs.replace(SUMMARY.answer_variety.words, texts=503)
    many = structs.replace(SUMMARY.answer_variety.distinct[0], runs=90_000, distinct=20_000)
    variety = structs.replace(SUMMARY.answer_variety, words=words, distinct=(many,))
    summary = structs.replace(SUMMARY, pairs=700, question_variety=variety, answer_variety=variety)
    text = render_card(replace(CARD, statistics=summary))
    assert "Words were counted in 503 of 700 pairs: the first 500, and one in 64 of those after" in text
    assert "above 16,384 are estimates with a standard error of 0.8%." in text
    assert "Words were counted in 4 of 4 pairs. The" in render_card(CARD)
    assert "estimates" not in render_card(CARD)


def test_a_data_set_of_a_stopped_run_says_so() -> None:
    """Slots before the last pair that nobody decided are counted on the card, apart from those that are decided."""
    assert "undecided" not in render_card(CARD)
    statistics = Statistics()
    statistics.add(pair(0))
    text = render_card(replace(CARD, statistics=statistics.result(undecided=3)))
    assert "1 slot decided: 1 pair, 0 rejects and 0 failures." in text
    assert "3 slots before the last pair are undecided" in text
