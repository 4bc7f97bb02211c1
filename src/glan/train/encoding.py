"""From a conversation to tokens, and which of them are learnt: what the assistant says and how it ends, nothing else.

A tokenizer is anything that does what those of `transformers` do; no library is imported here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from jinja2 import TemplateError

from glan.errors import ConfigError
from glan.train.conversations import ASSISTANT, Conversation

IGNORED: Final = -100
"""The label of a token that is not learnt, as torch has it."""
_AT_ONCE: Final = 1_000
SHIPPED: Final = ("base", "glan")
"""What stands for a chat template that is no file."""
_WAY_OUT: Final = "--set chat_template=glan takes a template of ours."


class Tokenizer(Protocol):
    """What is used of a tokenizer."""

    chat_template: Any
    eos_token: Any
    is_fast: bool
    all_special_tokens: list[str]
    all_special_ids: list[int]

    def __call__(self, text: list[str], **options: Any) -> Mapping[str, Any]: ...  # noqa: ANN401 - as they have it

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> Any: ...  # noqa: ANN401


class Encoded(NamedTuple):
    """A conversation as tokens, and the label of each: the token itself, or -100 where it is not learnt."""

    input_ids: list[int]
    labels: list[int]


class Left(NamedTuple):
    """A conversation that is left out, and why."""

    place: str
    reason: str


TOO_LONG: Final = "too long"
CONTROL: Final = "a control token in its text"
EMPTY: Final = "an answer without words"


class _Rendered(NamedTuple):
    text: str
    spans: list[tuple[int, int]]
    """Where what the assistant says begins and ends in it."""


def template_of(chosen: str, own: str | None) -> str:
    """Return the chat template: `base` is the base's own where it has one, `glan` is ours, else it is a file's.

    Raises:
        ConfigError: the file cannot be read.

    """
    if chosen == "base" and own:
        return own
    if chosen in SHIPPED:
        return (resources.files("glan.train") / "chat.jinja").read_text(encoding="utf-8")
    try:
        return Path(chosen).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(
            f"The chat template {chosen} cannot be read: {why}.", hint="A chat_template is base, glan or a Jinja file."
        ) from error


def check_tokenizer(tokenizer: Tokenizer, base: str) -> None:
    """See that a tokenizer can tell where its tokens stand, and how an answer ends.

    Raises:
        ConfigError: it cannot.

    """
    if not tokenizer.is_fast:
        raise ConfigError(f"The tokenizer of {base} does not tell where its tokens stand; a fast one is needed.")
    if not tokenizer.eos_token:
        raise ConfigError(f"The tokenizer of {base} has no token for the end: the student could not learn to stop.")


def refuse_longer(longest: int, config: Any, base: str) -> None:  # noqa: ANN401 - as transformers have it
    """Refuse pairs with more tokens than a base has positions, of which it has learnt nothing.

    Raises:
        ConfigError: there is one.

    """
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and longest > positions:
        raise ConfigError(
            f"{base} takes {positions:,} tokens, and the longest pair has {longest:,}.",
            hint=f"--set max_tokens={positions} --restart leaves longer ones out.",
        )


def encode(
    rows: Iterable[Conversation], tokenizer: Tokenizer, max_tokens: int
) -> Iterator[tuple[Conversation, Encoded | Left]]:
    """Yield each row with its tokens, or with the reason why it is left out.

    Raises:
        ConfigError: the chat template does not show where an answer begins, or does not end it.

    """
    remaining = iter(rows)
    while batch := list(islice(remaining, _AT_ONCE)):
        rendered = [render(tokenizer, row) for row in batch]
        texts = [each.text for each in rendered]
        found = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False)
        for i, row in enumerate(batch):
            if _has_control(row, tokenizer):
                yield row, Left(row.place, CONTROL)
            elif any(each.role == ASSISTANT and not each.content.strip() for each in row.messages):
                yield row, Left(row.place, EMPTY)
            elif len(found["input_ids"][i]) > max_tokens:
                yield row, Left(row.place, TOO_LONG)
            else:
                yield row, _labelled(rendered[i], found["input_ids"][i], found["offset_mapping"][i], tokenizer)


def render(tokenizer: Tokenizer, row: Conversation) -> _Rendered:
    """Return a conversation as the template writes it, and where each answer stands in it."""
    messages = [message._asdict() for message in row.messages]
    text, spans = "", []
    for i, message in enumerate(row.messages):
        if message.role == ASSISTANT:
            before = _written(tokenizer, messages[:i], opens=True)
            text = _written(tokenizer, messages[: i + 1], opens=False)
            if not text.startswith(before):
                raise ConfigError(
                    f"The chat template writes {row.place} otherwise with its answer than without: where the answer "
                    "begins cannot be told.",
                    hint=_WAY_OUT,
                )
            spans.append((len(before), len(text)))
    if any(not text.startswith(_written(tokenizer, messages[: i + 1], opens=False)) for i in _earlier(row)):
        raise ConfigError(
            f"The chat template changes earlier answers of {row.place} when later ones come.", hint=_WAY_OUT
        )
    return _Rendered(text, spans)


def _earlier(row: Conversation) -> list[int]:
    """Return where the answers but the last stand."""
    return [i for i, message in enumerate(row.messages) if message.role == ASSISTANT][:-1]


def _written(tokenizer: Tokenizer, messages: Sequence[dict[str, str]], *, opens: bool) -> str:
    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=opens))
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages[:6])
        raise ConfigError(f"The chat template refuses turns of {roles}: {error}.", hint=_WAY_OUT) from error


def _has_control(row: Conversation, tokenizer: Tokenizer) -> bool:
    """Tell whether a text holds what the tokenizer reads as one of its own marks: it could end or begin a turn."""
    return any(token in message.content for message in row.messages for token in tokenizer.all_special_tokens)


def _labelled(rendered: _Rendered, ids: list[int], offsets: Sequence[tuple[int, int]], tokenizer: Tokenizer) -> Encoded:
    """Give each token its label. What follows the last mark of an answer, such as a line end, is not of the answer."""
    labels = [IGNORED] * len(ids)
    marks = set(tokenizer.all_special_ids)
    for begin, end in rendered.spans:
        inside = [i for i, (start, stop) in enumerate(offsets) if begin <= start and stop <= end and start < stop]
        ended = next((place for place in range(len(inside), 0, -1) if ids[inside[place - 1]] in marks), 0)
        if not ended:
            raise ConfigError(
                "The chat template does not end an answer with a token for the end: the student could not learn to "
                "stop.",
                hint=_WAY_OUT,
            )
        for i in inside[:ended]:
            labels[i] = ids[i]
    return Encoded(ids, labels)
