"""Statistics count every slot once, and the same slots give the same bytes."""

from fractions import Fraction

import msgspec
import pytest
from decided_slots import discipline, ended, pair, question, reply, syllabus
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.dataset.quantities import Curriculum
from glan.dataset.statistics import Statistics
from glan.dataset.summary import Copies, Ended, Held, Lengths, Levels, Named, Scored, Share, Spent, Spread, Summary
from glan.dataset.tallies import MOST_NAMES, Histogram
from glan.records import OF_A_PAIR, Decided, Level, Outcome, Reply, Stage, Task, Usage, Verdict


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
    assert found.paired == Levels(
        fields=2, sub_fields=1, disciplines=2, subjects=2, syllabi=2, sessions=4, key_concepts=6
    )
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
    assert found.question_length == Lengths(texts=0, mean=0.0, p10=0, median=0, p90=0, p99=0, longest=0)
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
    """The histogram gives the mean exactly, and the quantiles to 1%."""
    histogram = Histogram()
    for length in lengths:
        histogram.add(length)
    found = histogram.result()
    ordered = sorted(lengths)
    assert (found.texts, found.longest) == (len(ordered), ordered[-1])
    assert found.mean == pytest.approx(float(Fraction(sum(lengths), len(lengths))), abs=0.051)
    for percent, quantile in ((10, found.p10), (50, found.median), (90, found.p90), (99, found.p99)):
        assert quantile == pytest.approx(ordered[-(-percent * len(lengths) // 100) - 1], rel=0.01)


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


def test_the_quantities_of_every_level_are_counted_by_hand() -> None:
    """What there is comes from the tree, the drafts and the syllabi; what was drawn and paired from the slots."""
    jazz = syllabus(discipline("Jazz", "Arts", "Music"), "Harmony")
    tree = [discipline(), jazz.discipline, discipline("Painting", "Arts"), discipline("Law", "Society")]
    statistics = Statistics(tree)
    for slot in (pair(0), pair(1), ended(2, Stage.ANSWERS), pair(0, about=jazz)):
        statistics.add(slot)
    sizes = {"orbits": (1, 2, 3), "harmony": (1, 2, 3), "never drawn": (9, 9)}
    statistics.add_curriculum("astronomy", Curriculum(subjects=7, sizes=sizes))
    statistics.add_curriculum("jazz", Curriculum(subjects=4, sizes=sizes))
    found = statistics.result()
    assert found.there == Levels(
        fields=3, sub_fields=1, disciplines=4, subjects=11, syllabi=2, sessions=6, key_concepts=12
    )
    assert (found.drawn.disciplines, found.drawn.syllabi, found.drawn.sessions, found.drawn.key_concepts) == (
        2,
        2,
        4,
        6,
    )
    spreads = {(spread.of, spread.each): spread for spread in found.spreads}
    assert spreads["discipline", "field"] == Spread(of="discipline", each="field", mean=1.5, fewest=1, most=2)
    assert spreads["subject", "discipline"] == Spread(of="subject", each="discipline", mean=5.5, fewest=4, most=7)
    assert spreads["question", "subject"] == Spread(of="question", each="subject", mean=2.0, fewest=1, most=3)
    assert spreads["pair", "discipline"] == Spread(of="pair", each="discipline", mean=1.5, fewest=1, most=2)
    assert spreads["key concept", "class session"].mean == 2.0


def test_coverage_is_held_against_draws_at_random() -> None:
    """Of six concepts six uses would cover 6 * (1 - (5/6)^6) at random; what was covered and what could be stand by."""
    statistics = Statistics()
    for ordinal in range(3):
        statistics.add(pair(ordinal))
    statistics.add_curriculum("astronomy", Curriculum(subjects=1, sizes={"orbits": (1, 2, 3)}))
    found = statistics.result().coverage
    assert (found.key_concepts, found.drawn, found.uses, found.most) == (6, 4, 6, 6)
    assert found.expected == round(6 * (1 - (5 / 6) ** 6), 1)


def test_copies_are_counted_by_where_their_originals_stand() -> None:
    """The detail of a reject names the original: of the same subject, of the discipline, or of another."""

    def copy(of: str, reason: str = "near duplicate") -> Decided:
        verdict = Verdict(stage=Stage.QUESTIONS, reason=reason, detail=f"{of} (0.81)")
        return replace(pair(5), outcome=Outcome.REJECT, answer=None, verdict=verdict)

    found = summary_of(
        copy("question/astronomy/orbits/1"),
        copy("question/astronomy/orbits/2"),
        copy("question/astronomy/stars/2"),
        copy("question/jazz/orbits/2"),
        copy("question/jazz/orbits/2", "exact duplicate"),
        copy("nothing that anybody knows"),
        ended(1, Stage.ANSWERS, "empty"),
    )
    assert found.copies == (
        Copies(reason="exact duplicate", same_subject=0, same_discipline=0, other_discipline=1),
        Copies(reason="near duplicate", same_subject=2, same_discipline=1, other_discipline=1),
    )


def test_what_was_said_of_pairs_is_counted() -> None:
    """Scores, checks, forms and personal data are those of the pairs alone, and what is no number is no score."""
    scored = replace(pair(0), scores=(("clarity", 7.0), ("odd", float("nan"))), checks=(("at most 20 words", "met"),))
    rejected = replace(
        scored, outcome=Outcome.REJECT, verdict=Verdict(stage=Stage.SCORES, reason="low score"), answer=None
    )
    asked = replace(question(4), task=Task(form="proof"))
    statistics = Statistics()
    statistics.add(replace(scored, personal=("e-mail", "phone")))
    statistics.add(replace(pair(2), scores=(("clarity", 4.0),)))
    statistics.add(replace(pair(4), question=asked))
    statistics.add(replace(rejected, personal=("e-mail",)))
    found = statistics.result()
    assert found.scores == (Scored(name="clarity", pairs=2, mean=5.5, lowest=4.0, highest=7.0),)
    assert found.checks == (Held(check="at most 20 words", verdict="met", pairs=1),)
    assert found.forms == {"(none)": 2, "proof": 1}
    assert found.difficulties == {}
    assert found.personal == {"e-mail": 1, "phone": 1}


def test_every_reply_has_its_model() -> None:
    """Replies that slots rest on are counted by stage and model, those of looks too."""
    statistics = Statistics()
    statistics.add(replace(pair(0), looked=((Stage.SCORES, reply("", "judge-1")),)))
    statistics.add_reply(Stage.SUBJECTS, reply("x", None))
    assert statistics.result().models == (
        Named(stage=Stage.SUBJECTS, model="(unknown)", replies=1),
        Named(stage=Stage.QUESTIONS, model="model-2", replies=1),
        Named(stage=Stage.ANSWERS, model="model-2", replies=1),
        Named(stage=Stage.SCORES, model="judge-1", replies=1),
    )


def test_tokens_are_measured_where_a_server_counts() -> None:
    """A reply without a count is left out of the lengths in tokens, and not counted as empty."""
    found = summary_of(pair(0), pair(2, None, Reply(text="x")))
    assert (found.answer_tokens.texts, found.answer_tokens.median) == (1, 10)
    assert found.answer_length.texts == 2
