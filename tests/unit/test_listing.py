"""What a server lists of a model: its place in the list, and the length of its context as each server names it."""

import json

import pytest

from glan.teachers.listing import Listing, read_listing, together


def listing_of(found: object, model: str = "m") -> Listing:
    return read_listing(json.dumps(found).encode(), model, host="here", has_key=True)


@pytest.mark.parametrize(
    ("entry", "tokens"),
    [
        pytest.param({"max_model_len": 32_768}, 32_768, id="vLLM"),
        pytest.param({"context_length": 131_072, "top_provider": {"context_length": 65_536}}, 65_536, id="OpenRouter"),
        pytest.param({"context_window": 8_192}, 8_192, id="Groq"),
        pytest.param({"max_context_length": 40_000}, 40_000, id="Mistral"),
        pytest.param({"meta": {"n_ctx": 4_096, "n_ctx_train": 131_072}}, 4_096, id="llama.cpp"),
        pytest.param({"meta": {"n_ctx_train": 131_072}}, None, id="only what it was trained for"),
        pytest.param({"object": "model", "owned_by": "library"}, None, id="Ollama"),
        pytest.param({"max_model_len": True, "context_length": "8k", "context_window": -1}, None, id="no numbers"),
    ],
)
def test_the_context_is_what_the_server_says(entry: dict[str, object], tokens: int | None) -> None:
    """Each server has its own name for the length of the context; where it gives none, none is guessed."""
    for found in ({"data": [{"id": "other"}, {"id": "m", **entry}]}, [{"id": "m", **entry}]):
        listing = listing_of(found)
        assert (listing.is_given, listing.has_model, listing.context_tokens) == (True, True, tokens)


@pytest.mark.parametrize(
    ("id_", "model", "is_it"),
    [
        ("qwen3:latest", "qwen3", True),
        ("models/gemini-2.5-flash", "gemini-2.5-flash", True),
        ("Qwen/Qwen3-8B", "qwen/qwen3-8b", True),
        ("qwen3:8b", "qwen3", False),
    ],
)
def test_a_model_is_found_under_the_servers_spelling(id_: str, model: str, *, is_it: bool) -> None:
    """A folder, the tag `latest` and the case make no other model; another tag does."""
    assert listing_of({"data": [{"id": id_}]}, model).has_model is is_it


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"data": 7}', b"[" * 100_000])
def test_what_is_no_list_says_nothing(body: bytes) -> None:
    """A page, a broken body and an empty table leave everything unknown."""
    listing = read_listing(body, "m", host="here", has_key=False)
    assert listing == Listing(host="here", has_key=False)


def test_odd_entries_of_a_list_are_left_out() -> None:
    """Entries that are no tables or have no name harm no other."""
    assert listing_of({"data": [7, {}, {"id": None}, {"id": "m"}]}).has_model is True


def test_a_model_that_is_not_listed_is_told_with_those_that_are_most_like_it() -> None:
    """Three names at most, each on one line; where the model is there none is needed."""
    names = ["llama3.3", "qwen3:14b", "a\nb", "qwen3:8b-q4", "qwen2.5:8b"]
    listed = {"data": [{"id": name} for name in [*names, "x" * 10_000]]}
    assert listing_of(listed, "qwen3:8b").nearest == ("qwen3:8b-q4", "qwen3:14b", "qwen2.5:8b")
    assert listing_of({"data": [{"id": "a\nb"}, {"id": ""}]}).nearest == ("a b",)
    assert listing_of(listed, "llama3.3").nearest == ()


def of(host: str, *, has_model: bool | None, context: int | None, has_key: bool = True) -> Listing:
    return Listing(host=host, has_key=has_key, is_given=True, has_model=has_model, context_tokens=context)


@pytest.mark.parametrize(
    ("models", "together_"),
    [((True, True), True), ((True, None), None), ((True, False), False), ((None, False), False)],
)
def test_several_servers_are_told_together(models: tuple[bool | None, ...], *, together_: bool | None) -> None:
    """A model is there where every server has it, the shortest context counts, and each host is named."""
    found = together([of("a", has_model=models[0], context=8_192), of("b", has_model=models[1], context=4_096)])
    assert (found.host, found.has_model, found.context_tokens, found.has_key) == ("a, b", together_, 4_096, True)
    assert together([of("a", has_model=True, context=None, has_key=False)]).context_tokens is None
