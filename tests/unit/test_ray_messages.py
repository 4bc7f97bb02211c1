"""What a run and its workers say to each other comes over whole, in messages of a bounded length."""

from hypothesis import given
from hypothesis import strategies as st

from glan.records import Reply, TimedOut, Usage
from glan.teachers.kinds import Kind, Trouble
from glan.teachers.listing import Listing
from glan.teachers.rates import Allowance, Rates
from glan.teachers.ray_messages import (
    MOST_BYTES,
    Answer,
    Call,
    Site,
    Told,
    pack_site,
    packed,
    read_answers,
    read_calls,
    read_site,
)

SIZES = st.lists(st.integers(0, 3 * MOST_BYTES), max_size=20)


@given(SIZES)
def test_calls_arrive_in_their_order_in_bounded_messages(sizes: list[int]) -> None:
    """However long they are, all calls arrive, and a message is longer than allowed only if one call alone is."""
    calls = [Call(number=i, site=0, path="/p", body=b"x" * size) for i, size in enumerate(sizes)]
    messages = list(packed(calls))
    assert [call for _, message in messages for call in read_calls(message)] == calls
    assert sum(count for count, _ in messages) == len(calls)
    assert all(count == 1 or len(message) <= MOST_BYTES + 5 for count, message in messages)


def test_an_answer_keeps_all_that_came_of_a_call() -> None:
    """Replies with their counts, troubles with their words, rates, lists and errors are the same after the way."""
    reply = Reply(
        text="So.", reasoning="Hm.", finish_reason="stop", usage=Usage(prompt_tokens=1, cached_tokens=0),
        model="m", timed_out=TimedOut(tries=1, tokens=3, cost_usd=None),
    )  # fmt: skip
    trouble = Trouble(
        kind=Kind.SETTING, reason="status 400", status=400, told="No.", param="p", refused="top_p", retry_after_s=1.5
    )
    answers = [
        Answer(number=1, reply=reply, rates=Rates(Allowance(3, 5, None), None)),
        Answer(number=2, trouble=Told.of(trouble)),
        Answer(number=3, listing=Listing(host="h", has_key=True, context_tokens=9)),
        Answer(number=4, unusable=("It is broken.", "Mend it.")),
    ]
    [(_, message)] = packed(answers)
    read = read_answers(message)
    assert read == answers
    assert read[1].trouble is not None
    assert read[1].trouble.trouble == trouble


def test_a_trouble_loses_nothing_but_its_exception() -> None:
    """A field that is added to a trouble is carried too."""
    assert {*Told.__struct_fields__} == {*Trouble.__dataclass_fields__} - {"cause"}


def test_a_site_shows_no_key() -> None:
    """A server's key is in the message to a worker and in no repr of it."""
    site = Site(number=0, base_url="http://h/v1", host="h", timeout_s=1.0, key="sk-0123456789", key_header="bearer")
    assert read_site(pack_site(site)) == site
    assert "sk-0123456789" not in f"{site} {site!r}"
