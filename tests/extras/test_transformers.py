"""`transformers serve`, as it is now and as it was: it takes a schema without a notice, and knows one model."""

import json
from collections.abc import Mapping

import pytest
from commandline import CommandLine, replies_in
from extras.chain import checked, entries_of, made, run
from extras.servers import Served

from glan.parsing import has_form


def test_a_schema_of_which_no_notice_is_taken_is_told(transformers: Served, command: CommandLine) -> None:
    """It accepts `response_format` and talks as before, so no rung is left; listings are mended, a check says it."""
    folder = made(command, pairs=4)
    ended = checked(command, folder, transformers.spec)
    assert ended.code == 0, ended.words
    listings = [entry.reply for entry in entries_of(folder) if entry.reply is not None and entry.reply.rung is not None]
    whole = [reply.text for reply in listings if reply.finish_reason == "stop"]
    formless = [text for text in whole if not (has_form(text, "subjects") or has_form(text, "sessions"))]
    assert formless
    told = f"json_schema was accepted, and {len(formless)} of {len(whole)} replies do not have the form of the schema"
    assert f"structured   {told}" in ended.words
    assert "model        listed by the server" in ended.words
    assert "context      unknown: the server does not say" in ended.words
    assert run(command, folder, transformers).code == 0


def test_a_pinned_server_does_not_know_other_models(transformers: Served, command: CommandLine) -> None:
    """A model other than the one that it is pinned to ends a run before anything is recorded, in the server's words."""
    folder = made(command, pairs=4)
    other = f"json-grammar-7b@{transformers.base_url}"
    for verb in ("check", "run"):
        ended = command(verb, "--project", folder, "--teacher", other)
        assert ended.code == 1
        assert f"{transformers.host} does not know the model 'json-grammar-7b' (status 400)." in ended.words
        assert f"The server said: Server is pinned to '{transformers.model}'; requested" in ended.words
    assert replies_in(folder) == 0


@pytest.mark.parametrize("name", ["transformers", "transformers-older"])
def test_a_long_prompt_is_not_cut(name: str, servers: Mapping[str, Served], command: CommandLine) -> None:
    """It refuses no prompt for its length; its count shows the whole of one beyond the context: none is suspected."""
    folder, served = made(command, pairs=1), servers[name]
    text = (folder / "glan.toml").read_text(encoding="utf-8")
    text = text.replace("# system =", f'system = "{"word " * 3_000}"', 1)
    (folder / "glan.toml").write_text(text, encoding="utf-8")
    ended = checked(command, folder, served.spec, "--json")
    assert ended.code == 0, ended.words
    assert ended.json["teachers"][0]["cut_prompts"] == 0
    counts = [entry.reply.usage.prompt_tokens for entry in entries_of(folder) if entry.reply is not None]
    assert min(count or 0 for count in counts) > 3_000 if served.kind.counts else set(counts) == {None}


def test_a_parameter_of_ones_own_is_refused_in_words(transformers: Served, command: CommandLine) -> None:
    """What `extra` holds is never left out: what the server does not know there ends a check, and is named."""
    folder = made(command, pairs=1)
    text = (folder / "glan.toml").read_text(encoding="utf-8")
    (folder / "glan.toml").write_text(text.replace("extra = {}", "extra = {top_k = 5}", 1), encoding="utf-8")
    ended = checked(command, folder, transformers.spec)
    assert ended.code == 1
    assert "status 422" in ended.words
    assert "Unexpected fields in the request: {'top_k'}" in ended.words


def test_a_model_that_cannot_be_loaded_is_a_crash(older: Served, command: CommandLine) -> None:
    """A server that loads models by name crashes on an unknown one with status 500: a check gives up soon and says so.

    It also crashes on the list of its models, which is no fault of the teacher.
    """
    folder = made(command, pairs=1)
    status, _ = older.get("/v1/models")
    assert status == 500
    ended = checked(command, folder, f"no-such-model@{older.base_url}", "--json")
    assert ended.code == 1
    found = json.loads(ended.out)
    assert "No reply after the last retry: status 500" in found["cause"]
    assert found["teachers"][0]["is_listed"] is None
    assert replies_in(folder) == 0
