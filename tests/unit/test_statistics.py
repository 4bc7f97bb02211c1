"""Statistics count every slot once, and the same slots give the same bytes."""

from fractions import Fraction

import msgspec
import pytest
from decided_slots import discipline, ended, pair, question, reply, syllabus
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.dataset.statistics import MOST_NAMES, Ended, Lengths, Levels, Share, Spent, Statistics, Summary
from glan.records import OF_A_PAIR, Decided, Level, Outcome, Reply, Stage, Usage


def summary_of(*slots: Decided) -> Summary:
    statistics = Statistics()
    for slot in slots:
        statistics.add(slot)
    return statistics.result()


def test_a_small_run_is_counted_by_hand() -> None:
    """Pairs, rejects, failures and open slots add up, at every level and for every reason."""
    music = syllabus(discipline("Jazz", "Arts", "Music"), "Harmony", Level.GRADUATE)
    found = summary_of(
        pair(0),
        pair(1),
        pair(0, about=music),
        ended(2, Stage.ANSWERS, "refusal"),
        ended(3, Stage.ANSWERS, "empty"),
        ended(5, Stage.ANSWERS, "empty"),
        ended(4, Stage.SUBJECTS, "no reply", Outcome.FAILURE),
        Decided(slot=pair(9).slot, outcome=Outcome.OPEN),
    )
    assert (found.slots, found.pairs, found.rejects, found.failures, found.open) == (8, 3, 3, 1, 1)
    assert found.questions == 6
    assert found.paired == Levels(fields=2, sub_fields=1, disciplines=2, subjects=2, sessions=4, key_concepts=6)
    assert found.strategies == {"pair": 1, "single": 2}
    assert found.levels == {"advanced": 2, "graduate": 1}
    assert found.finish_reasons == {"stop": 3}
    assert found.rejected == (
        Ended(stage=Stage.ANSWERS, reason="empty", slots=2),
        Ended(stage=Stage.ANSWERS, reason="refusal", slots=1),
    )
    assert found.failed == (Ended(stage=Stage.SUBJECTS, reason="no reply", slots=1),)
    assert found.by_field == (
        Share(title="Arts", field="Arts", pairs=1, rejects=0, failures=0),
        Share(title="Natural science", field="Natural science", pairs=2, rejects=3, failures=1),
    )
    assert [share.title for share in found.by_discipline] == ["Astronomy", "Jazz"]


def test_nothing_is_counted_as_nothing() -> None:
    """A run without slots has a summary too."""
    found = Statistics().result()
    assert (found.slots, found.by_field, found.rejected) == (0, (), ())
    assert found.question_length == Lengths(mean=0.0, median=0, p90=0, longest=0)
    assert found.cost_usd == 0


SLOTS = st.lists(
    st.one_of(
        st.builds(pair, st.integers(0, 50)),
        st.builds(ended, st.integers(0, 50), st.sampled_from(Stage), st.sampled_from(["empty", "refusal"])),
        st.builds(ended, st.integers(0, 50), st.sampled_from(Stage), st.just("no reply"), st.just(Outcome.FAILURE)),
    ),
    max_size=20,
)


@given(SLOTS)
@settings(max_examples=60, deadline=None)
def test_everything_adds_up(slots: list[Decided]) -> None:
    """Slots are pairs and rejects and failures, however they are cut."""
    found = summary_of(*slots)
    assert found.slots == len(slots) == found.pairs + found.rejects + found.failures
    assert sum(reason.slots for reason in found.rejected) == found.rejects
    assert sum(reason.slots for reason in found.failed) == found.failures
    for shares in (found.by_field, found.by_discipline):
        assert sum(share.pairs for share in shares) == found.pairs
        assert sum(share.rejects + share.failures for share in shares) == found.rejects + found.failures
    for counts in (found.strategies, found.levels, found.finish_reasons, found.question_models, found.answer_models):
        assert sum(counts.values()) == found.pairs


@given(SLOTS)
@settings(max_examples=30, deadline=None)
def test_a_summary_is_json_and_the_same_each_time(slots: list[Decided]) -> None:
    """The manifest holds it as it is, and it can be read back whole."""
    found = summary_of(*slots)
    written = msgspec.json.encode(found)
    assert written == msgspec.json.encode(summary_of(*slots))
    assert msgspec.json.decode(written, type=Summary) == found


@given(st.lists(st.integers(0, 40), max_size=30))
@settings(max_examples=60, deadline=None)
def test_coverage_is_that_of_plain_sets(ordinals: list[int]) -> None:
    """Bits count the same sessions and key concepts as sets of their names do."""
    slots = [pair(ordinal) for ordinal in ordinals]
    asked = [question(ordinal) for ordinal in ordinals]
    found = summary_of(*slots).paired
    assert found.sessions == len({name for one in asked for name in one.session_names})
    assert found.key_concepts == len({name for one in asked for name in one.concept_names})


def test_a_subject_counts_in_each_of_its_disciplines() -> None:
    """Calculus in physics and in mathematics are two subjects, as in the paper."""
    about = [syllabus(discipline(name), "Calculus") for name in ("Physics", "Mathematics")]
    found = summary_of(*(pair(0, about=one) for one in about))
    assert (found.paired.subjects, found.paired.sessions) == (2, 2)


def test_rejects_are_drawn_and_not_paired() -> None:
    """What only rejects were about is in the wider count alone."""
    found = summary_of(pair(0), ended(1, Stage.ANSWERS))
    assert (found.drawn.sessions, found.paired.sessions) == (3, 1)


def test_a_leaf_at_the_top_has_no_field() -> None:
    """Its slots are counted under a name that says so, together with those of other such leaves."""
    leaves = [replace(discipline(name), path=()) for name in ("Chess", "Cooking")]
    found = summary_of(*(pair(0, about=syllabus(leaf)) for leaf in leaves))
    assert found.by_field == (Share(title="(none)", field=None, pairs=2, rejects=0, failures=0),)
    assert (found.paired.fields, found.paired.disciplines) == (0, 2)


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_lengths_are_right_to_one_percent(lengths: list[int]) -> None:
    """The histogram gives the mean exactly, and the median and the 90th percentile to 1%."""
    statistics = Statistics()
    for length in lengths:
        statistics._question_lengths.add(length)  # noqa: SLF001 - pairs of three million letters are slow to make
    found = statistics.result().question_length
    ordered = sorted(lengths)
    assert found.longest == ordered[-1]
    assert found.mean == pytest.approx(float(Fraction(sum(lengths), len(lengths))), abs=0.051)
    assert found.median == pytest.approx(ordered[-(-len(lengths) // 2) - 1], rel=0.01)
    assert found.p90 == pytest.approx(ordered[-(-9 * len(lengths) // 10) - 1], rel=0.01)


def test_tokens_and_cost_are_those_of_the_replies() -> None:
    """Questions and answers are counted with their slots, drafts and syllabi when they are handed in."""
    statistics = Statistics()
    statistics.add(pair(0))
    statistics.add(ended(1, Stage.ANSWERS))
    statistics.add_reply(Stage.SYLLABI, Reply(text="x", usage=Usage(prompt_tokens=7)))
    spent = {stage.stage: stage for stage in statistics.result().spent}
    assert list(spent) == list(OF_A_PAIR)
    assert spent[Stage.ANSWERS] == msgspec.structs.replace(spent[Stage.QUESTIONS], stage=Stage.ANSWERS)
    assert spent[Stage.QUESTIONS] == Spent(
        stage=Stage.QUESTIONS,
        replies=2,
        prompt_tokens=200,
        completion_tokens=20,
        replies_without_tokens=0,
        cost_usd=0.002,
        replies_without_price=0,
    )
    assert (spent[Stage.SYLLABI].prompt_tokens, spent[Stage.SYLLABI].replies_without_tokens) == (7, 1)
    assert spent[Stage.SYLLABI].replies_without_price == 1
    assert statistics.result().cost_usd == 0.004


@given(st.lists(st.floats(0, 100), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_the_sum_of_costs_does_not_depend_on_their_order(costs: list[float]) -> None:
    """Replies come in any order at a thousand in flight, and the card is the same to the last digit."""
    orders = [costs, sorted(costs), sorted(costs, reverse=True)]
    totals = set()
    for order in orders:
        statistics = Statistics()
        for cost in order:
            statistics.add_reply(Stage.SUBJECTS, Reply(text="", cost_usd=cost))
        totals.add(statistics.result().cost_usd)
    assert len(totals) == 1


def test_a_server_that_counts_nonsense_is_not_believed() -> None:
    """A negative number of tokens is an unknown one."""
    found = summary_of(pair(0, None, reply("x", completion_tokens=-1)))
    spent = {stage.stage: stage for stage in found.spent}[Stage.ANSWERS]
    assert (spent.completion_tokens, spent.replies_without_tokens) == (0, 1)


def test_a_server_that_invents_names_fills_no_memory() -> None:
    """The first hundred models are counted by name, the others together, and long or dirty names are cut."""
    found = summary_of(*(pair(0, None, reply("x", f"\ud800{i}" + "m" * 10_000)) for i in range(MOST_NAMES + 20)))
    assert len(found.answer_models) == MOST_NAMES + 1
    assert found.answer_models["(other)"] == 20
    assert max(map(len, found.answer_models)) <= 200
    assert msgspec.json.encode(found)


def test_a_model_without_a_name_is_unknown() -> None:
    """A silent server is counted as such."""
    assert summary_of(pair(0, None, reply("x", None))).answer_models == {"(unknown)": 1}
