"""Recipes of training: what they say, how many steps they make, and what they refuse."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.errors import ConfigError
from glan.train.recipes import Recipe, read_recipe, recipes, schedule_of


def test_every_recipe_can_be_read() -> None:
    """The shipped recipes are valid, and no others than these are there."""
    assert recipes() == ("auto", "lora", "paper", "tiny")
    for name in recipes():
        assert isinstance(read_recipe(name), Recipe)


def test_the_recipe_of_the_paper_is_the_papers() -> None:
    """Mistral 7B, 3 epochs, 3e-6 after 1,000 steps, cosine, batches of 512, all weights: 58,596 steps at 10 million."""
    paper = read_recipe("paper")
    assert paper.base == "mistralai/Mistral-7B-v0.1"
    assert (paper.epochs, paper.learning_rate, paper.schedule, paper.batch_pairs) == (3, 3e-6, "cosine", 512)
    assert paper.lora is None
    schedule = schedule_of(paper, 10_000_000)
    assert (schedule.steps, schedule.warmup_steps) == (58_596, 1_000)


@pytest.mark.parametrize("pairs", [50_000, 200_000, 1_000_000, 1_700_000])
def test_a_warm_up_that_is_too_long_stops_and_names_auto(pairs: int) -> None:
    """Where 1,000 steps are more than a tenth of all, the recipe `paper` does not do, and `auto` does."""
    with pytest.raises(ConfigError, match=r"1,000 steps of warm-up are more than 10%") as raised:
        schedule_of(read_recipe("paper"), pairs)
    assert "auto" in raised.value.hint
    assert schedule_of(read_recipe("paper", {"warmup_share": "0.03"}), pairs).steps
    schedule = schedule_of(read_recipe("auto"), pairs)
    assert schedule.warmup_steps <= 0.03 * schedule.steps + 1


@given(st.integers(1, 200), st.integers(1, 3), st.floats(0, 0.99))
def test_a_share_never_takes_every_step(pairs: int, epochs: int, share: float) -> None:
    """However few the pairs are, a student learns something: a first step of a warm-up has the learning rate 0."""
    changes = {"epochs": str(epochs), "warmup_share": repr(share), "held_out": "0"}
    schedule = schedule_of(read_recipe("tiny", changes), pairs)
    assert 0 <= schedule.warmup_steps < schedule.steps


def test_a_warm_up_of_a_tenth_does() -> None:
    """10,000 steps are enough for 1,000 to warm up, and one less is not."""
    paper = read_recipe("paper", {"epochs": "1"})
    assert schedule_of(paper, 512 * 10_000).steps == 10_000
    with pytest.raises(ConfigError):
        schedule_of(paper, 512 * 9_999)


@given(st.integers(1, 100_000), st.integers(1, 600), st.sampled_from([1, 2, 4, 8]))
def test_a_step_has_the_batch_or_is_refused(pairs: int, batch: int, devices: int) -> None:
    """Whatever the devices, a step has exactly the pairs of the recipe, or what the error names makes it so."""
    changes = {"batch_pairs": str(batch)}
    schedule = None
    while schedule is None:
        try:
            schedule = schedule_of(read_recipe("auto", changes), pairs, devices=devices)
        except ConfigError as error:
            name, _, value = error.hint.partition("--set ")[2].partition(" ")[0].rstrip(".").partition("=")
            assert changes.get(name) != value, "the way out is no way out"
            changes[name] = value
    wanted = int(changes["batch_pairs"])
    assert schedule.sequences_per_step == wanted
    assert (schedule.steps_per_epoch - 1) * wanted < pairs <= schedule.steps_per_epoch * wanted


def test_packs_hold_the_batch_on_average() -> None:
    """With four pairs in a pack, a batch of 64 pairs is 16 packs."""
    recipe = read_recipe("lora")
    assert schedule_of(recipe, 4_000, sequences=1_000).sequences_per_step == 16
    assert schedule_of(recipe, 3, sequences=1).steps == 3


def test_settings_are_changed_by_name(tmp_path: Path) -> None:
    """A setting is given as TOML or as a word, one of a table with a dot, and one warm-up takes the other's place."""
    changed = read_recipe("lora", {"lora.rank": "4", "attention": "sdpa", "warmup_steps": "0", "max_tokens": "1_000"})
    assert changed.lora is not None
    assert (changed.lora.rank, changed.attention, changed.max_tokens) == (4, "sdpa", 1_000)
    assert (changed.warmup_steps, changed.warmup_share) == (0, None)
    own = tmp_path / "own.toml"
    own.write_text("warmup_share = 0.1\nepochs = 1\n", encoding="utf-8")
    assert read_recipe(str(own)).epochs == 1


@pytest.mark.parametrize(
    ("name", "changes", "expected_error"),
    [
        ("papper", {}, "no recipe 'papper'"),
        ("none.toml", {}, "cannot be read"),
        ("auto", {"epoch": "3"}, "did you mean 'epochs'"),
        ("auto", {"epochs": "0"}, "epochs"),
        ("auto", {"epochs": "many"}, "epochs"),
        ("auto", {"epochs.more": "1"}, "no table"),
        ("auto", {"schedule": "wave"}, "schedule"),
        ("auto", {"learning_rate": "nan"}, "learning_rate"),
    ],
)
def test_what_is_no_recipe_is_refused(name: str, changes: dict[str, str], expected_error: str) -> None:
    """An unknown recipe or setting, and a value out of its range, is an error that says which."""
    with pytest.raises(ConfigError, match=expected_error):
        read_recipe(name, changes)


def test_a_recipe_names_one_warm_up(tmp_path: Path) -> None:
    """Both, or neither, are refused."""
    for text in ("epochs = 1\n", "warmup_steps = 1\nwarmup_share = 0.1\n"):
        own = tmp_path / "own.toml"
        own.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match="warmup_steps"):
            read_recipe(str(own))
