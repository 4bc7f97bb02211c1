"""Lines of batches: written as providers want them, read as providers and vLLM write them, and never a crash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glan.records import Reply
from glan.teachers.batch import read_batch, read_list
from glan.teachers.batch_lines import read_line, render_line
from glan.teachers.kinds import Kind, Trouble

BODY = {"choices": [{"message": {"content": "So."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9}}


def test_a_line_holds_the_body_byte_for_byte() -> None:
    """What is sent in a batch is what would be sent live."""
    body = b'{"model":"m",  "messages":[]}'
    raw = render_line("abc", body)
    assert body in raw
    assert raw.endswith(b"\n")
    found = json.loads(raw)
    assert (found["custom_id"], found["method"], found["url"]) == ("abc", "POST", "/v1/chat/completions")


@pytest.mark.parametrize(
    ("response", "error", "kind"),
    [
        pytest.param({"status_code": 200, "request_id": "r", "body": BODY}, None, None, id="reply"),
        pytest.param({"status_code": 200, "body": BODY}, {}, None, id="reply with an empty error"),
        pytest.param(None, {"code": "batch_expired", "message": "Late."}, Kind.LATER, id="expired"),
        pytest.param(None, {"code": "batch_cancelled", "message": "Gone."}, Kind.LATER, id="cancelled"),
        pytest.param(None, None, Kind.LATER, id="nothing"),
        pytest.param(
            {"status_code": 400, "body": {"error": {"code": "content_filter", "message": "No."}}},
            None,
            Kind.REFUSED,
            id="refused",
        ),
        pytest.param({"status_code": 500, "body": {"error": {"message": "Oh."}}}, None, Kind.LATER, id="server error"),
        pytest.param(
            {"status_code": 400, "request_id": "vllm-1", "body": None},
            {"error": {"message": "This model's maximum context length is 4096 tokens.", "code": 400}},
            Kind.REFUSED,
            id="as vllm says it",
        ),
        pytest.param({"status_code": 401, "body": {"error": {"message": "Bad key."}}}, None, Kind.KEY, id="key"),
    ],
)
def test_a_line_of_output_is_judged_as_a_live_answer(
    response: dict[str, object] | None, error: dict[str, object] | None, kind: Kind | None
) -> None:
    """A reply is a reply, and each error is the trouble that it would be live."""
    line = read_line(json.dumps({"id": "x", "custom_id": "abc", "response": response, "error": error}).encode())
    assert line is not None
    assert line.custom_id == "abc"
    if kind is None:
        assert isinstance(line.found, Reply)
        assert line.found.text == "So."
    else:
        assert isinstance(line.found, Trouble)
        assert line.found.kind is kind


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_what_is_no_line_is_none(raw: bytes) -> None:
    """Whatever bytes a file holds, they are a line or they are none."""
    line = read_line(raw)
    assert line is None or isinstance(line.custom_id, str)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each))
)
def test_a_provider_may_say_anything_of_a_batch(found: object) -> None:
    """What is no batch is none, whatever it is; a list that is no list is none."""
    assert read_batch(found) is None
    read_list(json.dumps(found).encode())


def test_a_batch_is_read_with_its_tag_its_files_and_its_errors() -> None:
    """Counts, files, metadata and errors are found where OpenAI puts them; unknown words for a state are under way."""
    batch = read_batch(
        {
            "id": "batch_1",
            "status": "failed",
            "input_file_id": "file-1",
            "output_file_id": None,
            "error_file_id": "file-3",
            "request_counts": {"total": 9, "completed": 5, "failed": 2},
            "metadata": {"glan": "glan-0123"},
            "errors": {"data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]},
        }
    )
    assert batch is not None
    assert (batch.tag, batch.done, batch.output_file_id, batch.error_file_id) == ("glan-0123", 7, None, "file-3")
    assert batch.is_over
    assert batch.is_full
    queued = read_batch({"id": "batch_1", "status": "queued"})
    assert queued is not None
    assert not queued.is_over
