"""The languages of a project: which slot is asked in which, what moves when they change, and that all parts follow."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from harness import Counting, configure, manifest, project, rows, run, small
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sayings import SAYINGS

from glan.config import Config, parse_config
from glan.config_text import render_config
from glan.curate.languages import other_language
from glan.errors import ConfigError, PromptError, WouldAskAgainError
from glan.language_names import LANGUAGES, request_in
from glan.languages import Languages
from glan.places import seed_of
from glan.preferences import preferences_of
from glan.project import Project
from glan.prompts import Prompts
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher
from glan.teachers.ledgered import Choice

TREE = ["Physics", "Law"]
SHARES = {"en": 0.6, "ja": 0.4}
SETTINGS: dict[str, Any] = {"pairs": 40, "plan_drafts": 1, "languages": SHARES, "curation_near_duplicates": 0}
IDS = [f"question/physics/subject%20{i % 5}/{i // 5}" for i in range(500)]
shares_of = st.dictionaries(st.sampled_from(sorted(LANGUAGES)), st.floats(0.05, 1), min_size=1, max_size=5)


class Speaking:
    """A teacher whose texts are in the language that their prompt names, English or Japanese."""

    model = "filler"

    def __init__(self) -> None:
        self._filler: Teacher = small()

    async def reply(self, request: Request) -> Reply:
        reply = await self._filler.reply(request)
        if request.stage not in {Stage.QUESTIONS, Stage.ANSWERS}:
            return reply
        is_japanese = "日本語で書いてください" in request.messages[-1].content
        said = SAYINGS["ja" if is_japanese else "en"][request.stage is Stage.ANSWERS]
        mark = seed_of(request.id) % 10**9
        own = f"番号は{mark}、" if is_japanese else f"The number is {mark}. "
        return replace(reply, text=own + said)


def languages_of(found: list[dict[str, Any]]) -> dict[str, str]:
    return {row["id"]: row["language"] for row in found}


@given(shares=shares_of, seed=st.integers(0, 10**6), n=st.integers(1, 400))
@settings(max_examples=150, deadline=None)
def test_the_shares_of_a_subject_hold_at_every_number(shares: Mapping[str, float], seed: int, n: int) -> None:
    """Of the first n questions of a subject each language has its share, give or take two."""
    languages = Languages.of(shares, seed)
    found = Counter(languages.of_question(f"question/law/torts/{i}") for i in range(n))
    total = sum(shares.values())
    for language, share in shares.items():
        assert abs(found[language] - n * share / total) < 3


@given(seed=st.integers(0, 10**6), before=st.floats(0.05, 0.9), after=st.floats(0.05, 0.9))
@settings(max_examples=100, deadline=None)
def test_another_share_moves_what_must_move(seed: int, before: float, after: float) -> None:
    """Where one of two languages gets more, its questions stay, and about as many join it as the shares differ by."""
    old, new = (Languages.of({"en": 1 - share, "ja": share}, seed) for share in (before, after))
    was, now = ({id_ for id_ in IDS if each.of_question(id_) == "ja"} for each in (old, new))
    assert was <= now or now <= was
    assert abs(len(was ^ now) - len(IDS) * abs(before - after)) < 15


def test_a_language_at_the_end_takes_from_the_last_alone() -> None:
    """Questions of the languages before stay where they are."""
    old = Languages.of({"en": 0.5, "ja": 0.3, "es": 0.2}, 0)
    new = Languages.of({"en": 0.5, "ja": 0.3, "es": 0.1, "th": 0.1}, 0)
    moved = {(old.of_question(id_), new.of_question(id_)) for id_ in IDS}
    assert moved == {("en", "en"), ("ja", "ja"), ("es", "es"), ("es", "th")}


def test_the_older_setting_says_the_same() -> None:
    """`language = "ja"` is `languages = {ja = 1}`, and a file that is written has the new name."""
    config = parse_config('language = "ja"', source="glan.toml")
    assert config == parse_config("languages = {ja = 1}", source="glan.toml")
    assert parse_config(render_config(config), source="glan.toml") == config
    assert "\nlanguages = {ja = 1.0}\n" in render_config(config)
    several = parse_config("languages = {ja = 1, pt-BR = 0.25, 'Old Norse' = 2}", source="glan.toml")
    assert parse_config(render_config(several), source="glan.toml") == several
    assert [*several.languages] == ["ja", "pt-BR", "Old Norse"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('language = "ja"\nlanguages = {en = 1}', "`language` is the older name of `languages`"),
        ("language = 3", "`language` is the older name of `languages`"),
        ("languages = {}", "languages"),
        ("languages = {en = 0}", "languages"),
        ("languages = {en = 1, ja = inf}", "languages"),
        ("languages = {en = 1, ja = nan}", "languages"),
        ("languages = {en = 0.5, English = 0.5}", "languages name English twice"),
        ('languages = "ja"', "languages"),
    ],
)
def test_a_wrong_setting_is_named(text: str, expected: str) -> None:
    """Two settings for one thing, none, a share of nothing and a language named twice each get a sentence."""
    with pytest.raises(ConfigError, match=expected) as caught:
        parse_config(text, source="glan.toml")
    assert "glan.toml" in str(caught.value)


@pytest.mark.parametrize("code", sorted(set(LANGUAGES) - {"en"}))
def test_every_language_that_is_known_asks_for_itself(code: str) -> None:
    """The sentence is in the language that it asks for, as far as so few words can tell."""
    line = request_in(code)
    assert line == request_in(LANGUAGES[code])
    assert len(line) > 6
    assert other_language(f"{line} " * 4, code) is None


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("English", ""),
        ("en-GB", ""),
        ("Klingon", ""),
        ("ja", "日本語で書いてください。"),
        ("fr-CA", "Écris en français. (fr-CA)"),
        ("pt-BR", "Escreva em português do Brasil."),
        ("zh-Hant-TW", "請用繁體中文書寫。"),
        ("tlh", "(This is the language with the tag tlh.)"),
    ],
)
def test_a_prompt_asks_in_both_languages(language: str, line: str) -> None:
    """The English sentence that names the language is followed by one in the language itself, where that is known."""
    prompt = Prompts.shipped().render("draft_subjects", discipline="Physics", notes=(), language=language)
    asked = next(each for each in prompt.splitlines() if each.startswith("Write everything"))
    assert asked == f"Write everything in the language named above. {line}".strip()


def test_prompts_of_an_older_project_stay_as_they_are() -> None:
    """A prompt that does not use the new variable has the same bytes, also where the language is named by its code."""
    source = "<language>{{ language }}</language>\n\nWrite everything in the language named above."
    old = Prompts({**Prompts.shipped().sources, "draft_subjects": source})
    with project(TREE, language="ja", pairs=2, plan_drafts=1) as folder:
        old.write(folder / "prompts")
        counting = Counting(small())
        run(folder, counting)
        drafts = [each for each in counting.requests if each.id.startswith("draft/")]
        assert drafts
        assert {each.messages[-1].content for each in drafts} == {
            "<language>Japanese</language>\n\nWrite everything in the language named above."
        }
        again = Counting(small())
        configure(folder, languages={"ja": 1}, pairs=2, plan_drafts=1)
        run(folder, again)
        assert not again.requests


def test_slots_follow_their_languages() -> None:
    """Prompt, question, answer and row follow the slot's language, subjects and syllabi the first."""
    with project(TREE, **SETTINGS) as folder:
        counting = Counting(Speaking())
        run(folder, counting)
        found = rows(folder)
        expected = Languages.of(SHARES, 0)
        assert languages_of(found) == {row["id"]: expected.of_question(row["id"]) for row in found}
        for row in found:
            for message in row["messages"]:
                assert other_language(message["content"], row["language"]) is None
        counts = Counter(row["language"] for row in found)
        assert abs(counts["ja"] - 16) <= 4
        for request in counting.requests:
            is_japanese = "日本語で書いてください" in request.messages[-1].content
            if request.stage in {Stage.SUBJECTS, Stage.SYLLABI}:
                assert not is_japanese
            else:
                row_id = request.id.replace("answer/", "question/")
                assert is_japanese == (expected.of_question(row_id) == "ja"), request.id
        made = manifest(folder)
        assert made["language"] == "en 0.6, ja 0.4"
        assert made["languages"] == SHARES
        assert made["quantities"]["languages"] == counts
        card = (folder / "dataset" / "README.md").read_text(encoding="utf-8")
        assert 'language:\n- "en"\n- "ja"\n' in card
        assert "(languages: en 0.6, ja 0.4)" in card
        assert f"| Language | ja | {counts['ja']} |" in card
        assert "another language than English or Japanese, each in that of its slot." in card


def test_a_longer_prefix_and_a_new_discipline_move_no_language() -> None:
    """The rows that stood have the languages that they had."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Speaking())
        before = rows(folder)
        configure(folder, **{**SETTINGS, "pairs": 80})
        run(folder, Speaking())
        assert rows(folder)[:40] == before
        known = languages_of(rows(folder))
    with project([*TREE, "Music"], **{**SETTINGS, "pairs": 100}) as folder:
        run(folder, Speaking())
        more = languages_of(rows(folder))
        assert {id_: more[id_] for id_ in known if id_ in more} == {id_: known[id_] for id_ in known if id_ in more}
        assert len(known.keys() & more.keys()) > 50


def test_other_shares_ask_anew_for_what_moved_alone() -> None:
    """The run stops and names the shares; told to, it asks only for questions and answers whose language is another."""
    with project(TREE, **SETTINGS) as folder:
        run(folder, Speaking())
        before = rows(folder)
        configure(folder, **{**SETTINGS, "languages": {"en": 0.8, "ja": 0.2}})
        with pytest.raises(WouldAskAgainError, match=r"language \(English 0.6, Japanese 0.4 -> English 0.8, Japanese"):
            run(folder, Speaking())
        counting = Counting(Speaking())
        run(folder, counting, choice=Choice.REASK)
        moved = {id_ for id_, language in languages_of(before).items() if language != languages_of(rows(folder))[id_]}
        assert 0 < len(moved) < 20
        assert {request.id.replace("answer/", "question/") for request in counting.requests} == moved


def test_what_is_kept_has_the_language_that_it_is_in() -> None:
    """A project that gets a second language keeps its rows: a question that is kept is answered in its own language."""
    with project(TREE, **{**SETTINGS, "languages": {"en": 1}}) as folder:
        run(folder, Speaking())
        before = rows(folder)
        configure(folder, **{**SETTINGS, "pairs": 60})
        counting = Counting(Speaking())
        run(folder, counting, choice=Choice.KEEP)
        found = rows(folder)
        assert found[: len(before)] == before
        assert {row["language"] for row in found[len(before) :]} == {"en", "ja"}


def test_without_a_place_for_the_language_nothing_is_asked() -> None:
    """A prompt that never names the language would give every question in one."""
    sources = Prompts.shipped().sources
    mute = sources["write_question"].replace("{{ language }}", "English")
    with project(TREE, **SETTINGS) as folder:
        Prompts({**sources, "write_question": mute}).write(folder / "prompts")
        with pytest.raises(PromptError, match=r"has no \{\{ language \}\}"):
            run(folder, small())


def test_rejects_before_an_answer_have_the_language_of_their_slot() -> None:
    """What was asked in Japanese and refused is counted as Japanese; what has no question is in the first language."""

    class Silent(Speaking):
        async def reply(self, request: Request) -> Reply:
            reply = await super().reply(request)
            is_lost = request.stage is Stage.QUESTIONS and int(request.id.rpartition("/")[2]) % 3 == 0
            return replace(reply, text="") if is_lost else reply

    with project(TREE, **SETTINGS) as folder:
        run(folder, Silent())
        rejects = rows(folder, "rejects")
        assert {row["language"] for row in rejects} == {"en", "ja"}


def test_votes_and_what_lost_them_are_found_in_every_language() -> None:
    """Several answers vote in the language of their slot, and what was outvoted is found by the same prompts."""

    class Voting(Speaking):
        async def reply(self, request: Request) -> Reply:
            reply = await super().reply(request)
            if request.stage is not Stage.ANSWERS:
                return reply
            said = 41 if request.sample == 1 else 42
            is_japanese = "日本語で書いてください" in request.messages[-1].content
            return replace(reply, text=f"{reply.text}\n\n{'答え: ' if is_japanese else 'Answer: '}{said}")

    with project(TREE, **{**SETTINGS, "agreement_samples": 3, "agreement_least_share": 0.5}) as folder:
        run(folder, Voting())
        found = rows(folder)
        assert {row["language"] for row in found} == {"en", "ja"}
        with preferences_of(Project.open(folder)) as preferences:
            lost = [preferences.rejected(row) for row in found]
        assert all(reply is not None and reply.text.endswith("41") for reply in lost)


def test_the_first_language_is_that_of_names() -> None:
    """Near names are merged where the first language is English, whatever else is written."""
    merged = parse_config('languages = {en = 1, ja = 9}\n[curation]\nnear_names = "merge"', source="here")
    assert merged.merges_names
    assert not replace(merged, languages={"ja": 9.0, "en": 1.0}).merges_names
    assert Config().language == "en"
