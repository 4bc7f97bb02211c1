"""llama.cpp's own server: schemas that are held to, its errors, its key, and its death."""

import re
from pathlib import Path

from commandline import KEY, CommandLine, check_whole, manifest_of, replies_in, set_in, until
from extras.chain import IN_FLIGHT, accounted, checked, entries_of, made, run
from extras.servers import LLAMACPP, Served, serving

from glan.parsing import has_form


def test_replies_are_held_to_our_schemas(llamacpp: Served, command: CommandLine) -> None:
    """Each listing that came to its end is JSON of our form as it stands, whatever the weights say; so a check says."""
    folder = made(command, pairs=30)
    assert run(command, folder, llamacpp).code == 0
    listings = [
        (entry.reply.text, "subjects" if entry.stage == "subjects" else "sessions")
        for entry in entries_of(folder)
        if entry.reply is not None and entry.reply.rung == "json_schema" and entry.reply.finish_reason == "stop"
    ]
    assert len(listings) >= 4
    assert all(has_form(text, schema) for text, schema in listings)


def test_a_check_shows_the_server(llamacpp: Served, command: CommandLine) -> None:
    """Model, context, rung and speed are those of the server, and a room that its context has not is told."""
    folder = made(command, pairs=4, syllabi=8_192)
    ended = checked(command, folder, f"llamacpp/{llamacpp.spec}")
    assert ended.code == 0, ended.words
    for line in (
        "nonsense (subjects, syllabi, questions, answers)",
        f"host         {llamacpp.host}",
        "key          none was sent",
        "model        listed by the server",
        "context      8,192 tokens",
        "cut prompts  none was seen",
        "structured   json_schema\n",
        " tokens a second, ",
        "A prompt of syllabi and its room in [max_tokens] take ",
        "Pair: question/",
    ):
        assert line in ended.words, line


def test_the_tokens_are_those_that_the_server_counted(tmp_path: Path, command: CommandLine) -> None:
    """Manifest and ledger have as many tokens of prompts and replies as the server's own counters."""
    with serving(LLAMACPP, tmp_path / "server") as served:
        folder = made(command, pairs=12)
        assert run(command, folder, served).code == 0
        status, told = served.get("/metrics")
    assert status == 200
    counted = {name: int(value) for name, value in re.findall(r"^llamacpp:(\w+_total) (\d+)$", told, re.MULTILINE)}
    spent = manifest_of(folder)["spent"]
    assert sum(each["completion_tokens"] for each in spent.values()) == counted["tokens_predicted_total"]
    prompts = counted["prompt_tokens_total"] + counted["prompt_tokens_cached_total"]
    assert sum(each["prompt_tokens"] for each in spent.values()) == prompts
    assert sum(each["cached_tokens"] for each in spent.values()) == counted["prompt_tokens_cached_total"]


def test_it_answers_to_any_name(llamacpp: Served, command: CommandLine) -> None:
    """A model that it does not list is answered by the one that it has: a check warns, and the ledger names it."""
    folder = made(command, pairs=2)
    ended = checked(command, folder, f"other@{llamacpp.base_url}")
    assert ended.code == 0, ended.words
    assert "not in the server's list; it may answer under another name" in ended.words
    assert {entry.reply.model for entry in entries_of(folder) if entry.reply is not None} == {"nonsense"}


def test_a_prompt_that_is_too_long_is_refused(llamacpp: Served, command: CommandLine) -> None:
    """A prompt beyond the context is a failure of its request with the same reason each time; a check has the words."""
    folder = made(command, pairs=2)
    text = (folder / "glan.toml").read_text(encoding="utf-8")
    text = text.replace("# system =", f'system = "{"word " * 3_000}"', 1)
    (folder / "glan.toml").write_text(text, encoding="utf-8")
    told = checked(command, folder, llamacpp.spec)
    assert told.code == 1
    assert "exceeds the available context size (8192 tokens)" in told.words
    assert replies_in(folder) == 0
    ended = run(command, folder, llamacpp)
    assert ended.code == 3, ended.words
    reason = "The server refused the request: status 400, exceed_context_size_error."
    assert accounted(folder) == {("failure", "subjects", reason): 6}
    assert {entry.failure for entry in entries_of(folder)} == {reason}


def test_a_key_is_asked_for_and_sent(tmp_path: Path, command: CommandLine) -> None:
    """Without its key, or with a wrong one, nothing is asked; with it in `.env` the check passes. It stands nowhere."""
    with serving(LLAMACPP, tmp_path / "server", "--key", KEY) as served:
        folder = made(command, pairs=2)
        ended = checked(command, folder, served.spec)
        assert ended.code == 1
        assert f"{served.host} wants a key (status 401), and none was sent." in ended.words
        text = (folder / "glan.toml").read_text(encoding="utf-8")
        named = text.replace("# api_key_env =", 'api_key_env = "THEIR_KEY"', 1)
        (folder / "glan.toml").write_text(named, encoding="utf-8")
        for key, code in ((f"{KEY}-not", 1), (KEY, 0)):
            (folder / ".env").write_text(f"THEIR_KEY={key}\n", encoding="utf-8")
            ended = checked(command, folder, served.spec)
            assert ended.code == code, ended.words
            assert ("does not accept the key in THEIR_KEY" in ended.words) is (code == 1)
    others = [path for path in folder.rglob("*") if path.is_file() and path.name != ".env"]
    assert all(KEY.encode() not in path.read_bytes() for path in others)


def test_a_server_that_crashes_is_quoted(tmp_path: Path, command: CommandLine) -> None:
    """Where every request ends in a status 500 the server's own words, which have the way out, are told and logged."""
    with serving(LLAMACPP, tmp_path / "server", "--no-jinja") as served:
        folder = made(command, pairs=2)
        ended = checked(command, folder, served.spec)
    assert ended.code == 1
    assert "/1: No reply after the last retry: status 500, server_error." in ended.words
    assert "The server said: this custom template is not supported, try using --jinja" in ended.words
    assert "this custom template is not supported" in (folder / "run.log").read_text(encoding="utf-8")
    assert replies_in(folder) == 0


def test_malformed_listings_are_sent_back_twice(llamacpp: Served, command: CommandLine) -> None:
    """JSON of another form is shown its error twice, then the draft has failed; without any a discipline is a reject.

    The form is set by a person here, so no rung is tried, and each discipline pays for its drafts and no more.
    """
    folder = made(command, pairs=4, subjects=64)
    set_in(folder, "drafts", "2")
    text = (folder / "glan.toml").read_text(encoding="utf-8")
    named = text.replace(
        "[teachers.curriculum]", '[teachers.curriculum]\nextra = {response_format = {type = "json_object"}}'
    )
    (folder / "glan.toml").write_text(named, encoding="utf-8")
    ended = run(command, folder, llamacpp)
    assert ended.code == 3, ended.words
    assert accounted(folder) == {("reject", "subjects", "malformed"): 6}
    listings: dict[str, set[int]] = {}
    for entry in entries_of(folder):
        if entry.request_id.startswith("listing/"):
            assert entry.reply is not None
            assert entry.reply.rung == "text"
            listings.setdefault(entry.request_id, set()).add(entry.attempt)
    assert len(listings) == 12
    assert all({0, 2, 4} <= attempts <= set(range(6)) for attempts in listings.values())


def test_a_server_that_dies_is_waited_for(tmp_path: Path, command: CommandLine) -> None:
    """A run lives through the death of its server: when that is up again at the same place the run comes to its end."""
    folder = made(command, pairs=60)
    with serving(LLAMACPP, tmp_path / "server") as served:
        begun = command.begin("run", "--project", folder, "--teacher", served.spec)
        until(lambda: (folder / "ledger.sqlite").exists() and replies_in(folder) >= 30)
    assert not begun.is_over
    with serving(LLAMACPP, tmp_path / "server", port=served.port):
        ended = begun.end()
    assert ended.code == 0, ended.words
    check_whole(folder, 60)
    assert manifest_of(folder)["slots"]["failures"] == 0


def test_two_servers_share_a_run_and_one_may_die(tmp_path: Path, command: CommandLine) -> None:
    """Both answer, and when one is killed the other has the rest; both together gave what the ledger has.

    But for the requests that were in flight at the one that died.
    """
    folder = made(command, pairs=40)
    with serving(LLAMACPP, tmp_path / "one") as one, serving(LLAMACPP, tmp_path / "other") as other:
        text = (folder / "glan.toml").read_text(encoding="utf-8")
        named = f'spec = "llamacpp/nonsense"\nbase_urls = ["{one.base_url}", "{other.base_url}"]'
        text = text.replace("base_urls = []", "", 1).replace("# spec =", named, 1)
        (folder / "glan.toml").write_text(text, encoding="utf-8")
        begun = command.begin("run", "--project", folder)
        until(lambda: min(one.replies(), other.replies()) >= 10)
        assert not begun.is_over
        one.kill()
        ended = begun.end()
        assert ended.code == 0, ended.words
        check_whole(folder, 40)
        assert manifest_of(folder)["slots"]["failures"] == 0
        until(lambda: one.replies() + other.replies() >= replies_in(folder))
        assert one.replies() + other.replies() <= replies_in(folder) + IN_FLIGHT
        endpoints = {entry.reply.endpoint for entry in entries_of(folder) if entry.reply is not None}
        assert len(endpoints) == 2
