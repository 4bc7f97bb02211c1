"""The mix of questions: what is drawn, what its prompt says, and that without a mix nothing changes."""

import hashlib
import json
from collections import Counter

import pytest
from harness import Counting, project, rows, run, small
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.config import parse_config
from glan.config_text import render_config
from glan.errors import ConfigError, PromptError
from glan.generate.mixed import mix_for
from glan.mix import Mix, Told, mix_of, shipped
from glan.prompts import Prompts
from glan.settings import Questions

FORMS = ["essay", "proof", "code", "case"]
IDS = [f"question/physics/motion/{i}" for i in range(2_000)]
weights = st.dictionaries(st.sampled_from(FORMS), st.floats(0.1, 10), min_size=1)
LATER = {"pii", "safety"}
"""Columns that came after the mix."""
OLD_PROMPT = Prompts.shipped().sources["write_question"].partition("{% if form %}")[0]


def drawn(forms: dict[str, float], seed: int = 0, ids: list[str] = IDS) -> list[str | None]:
    mix = mix_of(Questions(forms=dict(forms)), seed)
    return [mix.drawn(id_).task.form for id_ in ids]


def test_without_a_mix_nothing_changes() -> None:
    """The requests and rows of a project without a mix are, byte for byte, those from before there was one."""
    with project(["Physics", "Law"]) as folder:
        teacher = Counting(small())
        run(folder, teacher, pairs=40, max_in_flight=8)
        asked = b"".join(sorted(call[0].encode() + call[3] for call in teacher.started))
        found = [{name: value for name, value in row.items() if name not in LATER} for row in rows(folder)]
        made = json.dumps(found, sort_keys=True).encode()
    assert hashlib.sha256(asked).hexdigest() == "98726b237c5f1ffa3d3e170ddc969546d1810ddbe7337b520867fee43282ecb8"
    assert hashlib.sha256(made).hexdigest() == "09b68e939dc52ca5de9c12c1fc278923f79662f34f680046d992e4befab68070"
    assert mix_of(Questions(), 0).drawn("question/a/b/0") == Told()


def test_the_shares_are_the_weights() -> None:
    """Of many questions each form has its share, give or take what chance does; a form of weight 0 has none."""
    found = Counter(drawn({"essay": 3, "proof": 1, "code": 0}))
    assert found.keys() == {"essay", "proof"}
    assert 1_400 < found["essay"] < 1_600


@settings(max_examples=40, deadline=None)
@given(weights, st.integers(0, 2**63), st.sampled_from(IDS))
def test_a_draw_rests_on_its_own_question(forms: dict[str, float], seed: int, id_: str) -> None:
    """A draw rests on the seed and the id of its question: not on the order of forms, or other questions."""
    (found,) = drawn(forms, seed, [id_])
    backwards = dict(reversed(forms.items()))
    assert drawn(backwards, seed, [IDS[0], id_, IDS[1]])[1] == found
    scaled = {name: 2 * weight for name, weight in forms.items()}
    assert drawn(scaled, seed, [id_]) == [found]


@settings(max_examples=40, deadline=None)
@given(weights, st.sampled_from(FORMS), st.floats(0.1, 20))
def test_more_weight_takes_and_moves_nothing_else(forms: dict[str, float], name: str, more: float) -> None:
    """A form that is new or gets more weight takes questions from others; between those none moves."""
    before = drawn(forms, ids=IDS[:200])
    after = drawn({**forms, name: forms.get(name, 0) + more}, ids=IDS[:200])
    assert all(new in {old, name} for old, new in zip(before, after, strict=True))


def test_forms_and_difficulties_are_drawn_apart() -> None:
    """Each difficulty comes with each form."""
    mix = mix_of(Questions(forms={"essay": 1, "proof": 1}, difficulty={"easy": 1, "hard": 1}), 0)
    found = Counter((told.task.form, told.task.difficulty) for told in map(mix.drawn, IDS))
    assert len(found) == 4
    assert min(found.values()) > 400


def test_the_prompt_says_what_was_drawn_at_its_end() -> None:
    """One line each for form, difficulty and constraint stands behind everything that other questions share."""
    config = parse_config(
        '[questions.forms]\nhaiku = {weight = 1, line = "A haiku.", max_words = 9, items = 3, answer = "json", '
        'language = "de"}\n[questions.difficulty]\nhard = 1',
        source="glan.toml",
    )
    told = mix_for(config, Prompts.shipped()).drawn(IDS[0])
    plain = {"form": "", "difficulty": "", "constraint": ""}
    common = {
        "discipline": "Physics", "subject": "Motion", "level": "advanced", "syllabus": "1. Speed",
        "sessions": ["Speed"],
        "key_concepts": ["Mean speed"], "several": False, "notes": (), "language": "English",
    }  # fmt: skip
    text = Prompts.shipped().render(
        "write_question", **common, form=told.form, difficulty=told.difficulty, constraint=told.constraint
    )
    before = Prompts.shipped().render("write_question", **common, **plain)
    assert text.removeprefix(before).split("\n\n") == [
        "",
        "Form of the question: A haiku.",
        f"Difficulty of the question: {shipped()['difficulty']['hard']}",
        told.constraint,
    ]
    assert told.constraint == (
        "Say in the question that its answer has at most 9 words and is a list of exactly 3 items and is JSON and "
        "nothing else and is in German."
    )
    assert (told.task.form, told.task.difficulty) == ("haiku", "hard")


def test_free_is_a_form_that_says_nothing() -> None:
    """Where `free` is drawn the prompt says nothing of a form, and the row has none."""
    mix = mix_of(Questions(forms={"free": 1}), 0)
    assert mix.drawn(IDS[0]) == Told()


@pytest.mark.parametrize("table", ["forms", "difficulty"])
def test_shipped_lines_are_one_line_each(table: str) -> None:
    """Each shipped form and difficulty can be drawn by its name alone, and says what it is in one line."""
    for name, line in shipped()[table].items():
        assert line.isprintable()
        assert bool(line) == (name != "free")
        mix_of(parse_config(f"[questions.{table}]\n{name} = 1", source="glan.toml").questions, 0).drawn(IDS[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[questions.forms]\nesay = 1", r"\[questions\.forms\]: 'esay' is not known; did you mean 'essay'\?"),
        ("[questions.forms]\nhaiku = {weight = 1}", r"'haiku' is not known\."),
        ("[questions.forms]\nessay = 0", r"All weights in \[questions\.forms\] are 0"),
        ("[questions.forms]\nessay = -1", r"expected `float` >= 0"),
        ("[questions.forms]\nessay = nan", r"expected `float` >= 0"),
        ("[questions.forms]\nessay = inf", r"expected `float` <= "),
        ('[questions.forms]\na = {weight = 1, line = "b\\nc"}', r"questions\.forms"),
        ('[questions.forms]\na = {weight = 1, line = " "}', r"questions\.forms"),
        ("[questions.forms]\nessay = {wight = 1}", r"unknown field `wight`"),
        ('[questions.forms]\nessay = {weight = 1, language = "xx"}', r"the language 'xx' of 'essay' is not known"),
        ("[questions.difficulty]\neasy = {weight = 1, items = 2}", r"unknown field `items`"),
    ],
)
def test_a_mix_that_cannot_be(text: str, message: str) -> None:
    """What is wrong with a mix is told with its table and name before anything is asked."""
    with pytest.raises(ConfigError, match=message):
        mix_for(parse_config(text, source="glan.toml"), Prompts.shipped())


@pytest.mark.parametrize("table", ["forms", "difficulty"])
def test_a_prompt_from_before_there_was_a_mix(table: str) -> None:
    """A project whose own prompt would say nothing of the mix is told so; without a mix its prompt serves."""
    old = Prompts({**Prompts.shipped().sources, "write_question": OLD_PROMPT})
    name = {"forms": "essay", "difficulty": "easy"}[table]
    with pytest.raises(PromptError, match=r"write_question\.md\.j2 has no \{\{ (?:form|difficulty) \}\}"):
        mix_for(parse_config(f"[questions.{table}]\n{name} = 1", source="glan.toml"), old)
    assert mix_for(parse_config("", source="glan.toml"), old) == Mix()


def test_the_settings_are_written_as_they_are_read() -> None:
    """A mix in glan.toml stands in tables of its own, to which a person adds lines."""
    text = (
        '[questions.forms]\nessay = 1.5\nmine = {weight = 2, line = "Say it.", max_words = 10}\n'
        "[questions.difficulty]\neasy = 1\n"
    )
    config = parse_config(text, source="glan.toml")
    written = render_config(config)
    assert "\n[questions.forms]\nessay = 1.5\n" in written
    assert parse_config(written, source="glan.toml") == config
