"""The whole chain against each of the servers: what holds whatever their models say."""

import signal
from pathlib import Path

import pytest
from commandline import CommandLine, check_whole, gone, manifest_of, replies_in, until
from extras.chain import IN_FLIGHT, accounted, checked, entries_of, made, run
from extras.servers import LLAMACPP, Served

from glan.teachers.ledger_rows import Entry

PAIRS = 8
MANY = 300
"""So many that a run is stopped long before its end."""


def given_since(served: Served, before: int, wanted: int) -> bool:
    """Wait until a server's log tells of so many replies more, and see that it tells of no other."""
    until(lambda: served.replies() - before >= wanted)
    return served.replies() - before == wanted


def test_a_run_comes_to_its_pairs(served: Served, command: CommandLine) -> None:
    """From `init` to a whole data set; what a check was given is not asked for again, and the server counts the same.

    The rejects that its nonsense makes on the way are accounted for, and a second run asks for nothing.
    """
    folder, before = made(command, pairs=PAIRS), served.replies()
    assert checked(command, folder, served.spec).code == 0
    assert replies_in(folder) >= 6
    ended = run(command, folder, served)
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)
    accounted(folder)
    assert given_since(served, before, replies_in(folder))
    assert run(command, folder, served).code == 0
    assert run(command, folder, served, "--rebuild").code == 0
    assert given_since(served, before, replies_in(folder))


def test_every_reply_is_read_into_the_ledger(served: Served, command: CommandLine) -> None:
    """Text, end, counts, model, rung, name and time stand where they should; what is not counted is unknown."""
    folder = made(command, pairs=PAIRS, questions=8)
    assert run(command, folder, served).code == 0
    entries = entries_of(folder)
    assert {entry.failure for entry in entries} == {None}
    for entry in entries:
        check_entry(entry, served)
    ends = {entry.reply.finish_reason for entry in entries if entry.reply is not None}
    assert ends == {"stop", "length"}


def check_entry(entry: Entry, served: Served) -> None:
    reply = entry.reply
    assert reply is not None
    is_listing = entry.request_id.startswith(("listing/", "sessions/"))
    assert reply.rung == ("json_schema" if is_listing else None)
    assert reply.model in {served.model, f"{served.model}@main"}
    assert reply.endpoint
    assert reply.latency_s is not None
    assert reply.latency_s > 0
    usage = reply.usage
    if not served.kind.counts:
        assert (usage.prompt_tokens, usage.completion_tokens) == (None, None)
        return
    assert usage.prompt_tokens is not None
    assert usage.completion_tokens is not None
    assert usage.prompt_tokens > 0
    assert 0 < usage.completion_tokens <= entry.max_tokens
    assert reply.finish_reason == "stop" or usage.completion_tokens == entry.max_tokens


def test_a_run_that_is_stopped_goes_on_where_it_was(served: Served, command: CommandLine) -> None:
    """An interrupt waits for what is in flight, and the next run asks for nothing that was given before."""
    folder, before = made(command, pairs=MANY), served.replies()
    begun = command.begin("run", "--project", folder, "--teacher", served.spec)
    until(lambda: has_replies(folder, 100))
    begun.send(signal.SIGINT)
    stopped = begun.end()
    assert stopped.code == 130, stopped.words
    assert given_since(served, before, replies_in(folder))
    manifest = manifest_of(folder)
    assert not manifest["complete"]
    pairs = manifest["slots"]["pairs"]
    ended = run(command, folder, served, "--pairs", pairs + PAIRS)
    assert ended.code == 0, ended.words
    check_whole(folder, pairs + PAIRS)
    assert given_since(served, before, replies_in(folder))


def test_a_run_that_is_killed_pays_again_for_what_was_in_flight_at_most(served: Served, command: CommandLine) -> None:
    """After a kill the server has given no more replies than the ledger has, but for the requests in flight."""
    folder, before = made(command, pairs=MANY), served.replies()
    begun = command.begin("run", "--project", folder, "--teacher", served.spec)
    until(lambda: has_replies(folder, 100))
    gone(begun)
    ended = run(command, folder, served, "--pairs", PAIRS)
    assert ended.code == 0, ended.words
    check_whole(folder, PAIRS)
    until(lambda: served.replies() - before >= replies_in(folder))
    assert served.replies() - before <= replies_in(folder) + IN_FLIGHT


def has_replies(folder: Path, count: int) -> bool:
    return (folder / "ledger.sqlite").exists() and replies_in(folder) >= count


def test_an_answer_that_is_cut_off_is_asked_for_with_more_room(served: Served, command: CommandLine) -> None:
    """The end for want of room is understood: asked once more with twice the room, then a reject with its reason."""
    folder = made(command, pairs=20, answers=8)
    ended = run(command, folder, served)
    assert ended.code == 0, ended.words
    found = accounted(folder)
    assert found["reject", "answers", "cut off"] >= 1
    answers = [entry for entry in entries_of(folder) if entry.stage == "answers" and entry.reply is not None]
    first = {entry.request_id: entry for entry in answers if entry.attempt == 0}
    for entry in answers:
        assert entry.max_tokens == (8 if entry.attempt % 2 == 0 else 16)
    for entry in (entry for entry in answers if entry.attempt == 1):
        before = first[entry.request_id].reply
        assert before is not None
        assert before.finish_reason == "length"


def test_a_budget_in_tokens_ends_a_run(served: Served, command: CommandLine) -> None:
    """A run ends before its next calls would go over; of a server that counts none each is taken to have used all."""
    folder = made(command, pairs=MANY)
    ended = run(command, folder, served, "--budget-tokens", 60_000)
    assert ended.code == 4, ended.words
    accounted(folder)
    usages = [entry.reply.usage for entry in entries_of(folder) if entry.reply is not None]
    assert usages
    # A budget reckons with two bytes of a prompt a token, and a token of the one model is a single letter.
    beyond = 2_000 * IN_FLIGHT if served.kind is LLAMACPP else 0
    assert sum((usage.prompt_tokens or 0) + (usage.completion_tokens or 0) for usage in usages) <= 60_000 + beyond


def test_a_wrong_path_is_told(served: Served, command: CommandLine) -> None:
    """A 404 for every request is a wrong address: a run ends at once with the way out, and no failure is recorded."""
    folder = made(command, pairs=PAIRS)
    wrong = served.spec.replace("/v1", "/nope/v1")
    ended = command("run", "--project", folder, "--teacher", wrong)
    assert ended.code == 1
    assert "/nope/v1/chat/completions does not exist" in ended.words
    assert "Check the address" in ended.words
    assert replies_in(folder) == 0


@pytest.mark.parametrize("reasoning", ["off", "low"])
def test_thinking_can_be_asked_for(served: Served, command: CommandLine, reasoning: str) -> None:
    """With a setting for thinking every server answers: it takes the words for it, or does without, and says so."""
    folder = made(command, pairs=2)
    text = (folder / "glan.toml").read_text(encoding="utf-8")
    text = text.replace('reasoning = "server"', f'reasoning = "{reasoning}"', 1)
    (folder / "glan.toml").write_text(text, encoding="utf-8")
    before = served.told().count(" 422")
    ended = run(command, folder, served)
    assert ended.code == 0, ended.words
    not_taken = manifest_of(folder)["not_taken"]
    if served.kind.counts:
        assert not_taken == []
        return
    told = f"The model {served.model!r} at {served.host} does not take chat_template_kwargs"
    assert not_taken == [f"{told}: it is left out, and the server decides."]
    assert not_taken[0] in ended.words
    assert 1 <= served.told().count(" 422") - before <= IN_FLIGHT
