"""From conversations to tokens and labels, with a tokenizer that has a token for each letter."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import TemplateError

from glan.errors import ConfigError
from glan.train.conversations import Conversation, Message
from glan.train.encoding import (
    CONTROL,
    EMPTY,
    IGNORED,
    TOO_LONG,
    Encoded,
    Left,
    check_tokenizer,
    encode,
    refuse_longer,
    template_of,
)

END = "\x03"


class Letters:
    """A tokenizer in which every letter is a token, and one letter ends an answer."""

    chat_template: Any = "any"
    eos_token: Any = END
    is_fast = True

    def __init__(self, *, end: str = END, think: str = "") -> None:
        self.all_special_tokens = [END]
        self.all_special_ids = [ord(END)]
        self._end, self._think = end, think

    def __call__(self, text: list[str], **options: Any) -> Mapping[str, Any]:  # noqa: ANN401
        assert not options["add_special_tokens"]
        offsets = [[(i, i + 1) for i in range(len(each))] for each in text]
        return {"input_ids": [[ord(letter) for letter in each] for each in text], "offset_mapping": offsets}

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> Any:  # noqa: ANN401
        last = len(conversation) - 1
        if [each["role"] for each in conversation[:2]] == ["user", "user"]:
            raise TemplateError("roles must alternate")
        parts = [
            f"<{each['role'][0]}>{'' if i == last else self._think}{each['content']}{self._end}\n"
            for i, each in enumerate(conversation)
        ]
        return "".join(parts) + ("<a>" if options["add_generation_prompt"] else "")


def row_of(*texts: str) -> Conversation:
    roles = ("user", "assistant")
    return Conversation("place", tuple(Message(roles[i % 2], text) for i, text in enumerate(texts)))


def encoded(row: Conversation, tokenizer: Letters, most: int = 10_000) -> Encoded | Left:
    [(_, found)] = encode([row], tokenizer, most)
    return found


_texts = st.lists(st.text(st.characters(exclude_characters=END, exclude_categories=["Cs"]), max_size=20), min_size=1)


@given(_texts.map(lambda found: found * 2))
def test_what_is_learnt_is_what_the_assistant_says(texts: list[str]) -> None:
    """Of any conversation the learnt tokens are the answers, each with its end, and nothing of the questions."""
    found = encoded(row_of(*texts), Letters())
    if not all(answer.strip() for answer in texts[1::2]):
        assert found == Left("place", EMPTY)
        return
    assert isinstance(found, Encoded)
    learnt = "".join(chr(label) for label in found.labels if label != IGNORED)
    assert learnt == "".join(f"{answer}{END}" for answer in texts[1::2])
    assert all(label in {IGNORED, token} for token, label in zip(*found, strict=True))


def test_a_pair_that_is_too_long_is_left_out_whole() -> None:
    """It is never cut: an answer without its end would teach not to stop."""
    assert encoded(row_of("Q", "A" * 50), Letters(), most=20) == Left("place", TOO_LONG)


@pytest.mark.parametrize("texts", [(f"Q{END}", "A"), ("Q", f"A{END}<u>more")])
def test_a_text_with_a_mark_of_the_tokenizer_is_left_out(texts: tuple[str, str]) -> None:
    """What a model wrote can end no turn and begin none."""
    assert encoded(row_of(*texts), Letters()) == Left("place", CONTROL)


def test_an_answer_without_words_is_left_out() -> None:
    """It would teach to stop before anything is said."""
    assert encoded(row_of("Q", " \n"), Letters()) == Left("place", EMPTY)
    assert encoded(row_of("Q", "", "Q", "A"), Letters()) == Left("place", EMPTY)


def test_turns_that_the_template_refuses_are_told() -> None:
    """Many templates take no two turns of one role; the error has their words and the way out."""
    row = Conversation("place", tuple(Message(role, "x") for role in ("user", "user", "assistant")))
    with pytest.raises(ConfigError, match="refuses turns of user, user: roles must alternate") as told:
        encoded(row, Letters())
    assert "chat_template=glan" in told.value.hint


def test_pairs_longer_than_the_base_are_refused() -> None:
    """Of positions that it does not have a base has learnt nothing, and some end in the middle of training."""
    refuse_longer(512, SimpleNamespace(max_position_embeddings=512), "base")
    refuse_longer(513, SimpleNamespace(), "base")
    with pytest.raises(ConfigError, match="base takes 512 tokens, and the longest pair has 513"):
        refuse_longer(513, SimpleNamespace(max_position_embeddings=512), "base")


def test_a_template_that_does_not_end_an_answer_is_refused() -> None:
    """A student would not learn to stop."""
    with pytest.raises(ConfigError, match="could not learn to stop"):
        encoded(row_of("Q", "A"), Letters(end=""))


def test_a_template_that_changes_what_came_before_is_refused() -> None:
    """Where earlier answers are written otherwise once there are later ones, it cannot be told what is learnt."""
    tokenizer = Letters(think="(thought)")
    with pytest.raises(ConfigError, match="template"):
        encoded(row_of("Q", "A", "Q", "A"), tokenizer)


def test_a_tokenizer_must_tell_places_and_have_an_end() -> None:
    """Without either it is refused, with the base named."""
    slow, endless = Letters(), Letters()
    slow.is_fast, endless.eos_token = False, None
    for tokenizer in (slow, endless):
        with pytest.raises(ConfigError, match="of some-base"):
            check_tokenizer(tokenizer, "some-base")


def test_the_template_is_that_of_the_base_where_it_has_one(tmp_path: Any) -> None:  # noqa: ANN401
    """`base` falls back on ours, `glan` is ours, and anything else is a file."""
    assert template_of("base", "own") == "own"
    assert "<|assistant|>" in template_of("base", None)
    assert template_of("base", None) == template_of("glan", "own")
    (tmp_path / "x.jinja").write_text("x", encoding="utf-8")
    assert template_of(str(tmp_path / "x.jinja"), "own") == "x"
    with pytest.raises(ConfigError, match="cannot be read"):
        template_of(str(tmp_path / "none"), None)
