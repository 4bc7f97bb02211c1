"""The words for a step on the way of a pair: what was asked for, and what the ledger knows of the reply."""

from collections.abc import Iterator, Mapping
from typing import Final

from glan.teachers.ledger import Entry

_TITLES: Final[Mapping[str, str]] = {
    "draft": "Subjects of the discipline",
    "listing": "The subjects as a list",
    "syllabus": "Syllabus of the subject",
    "sessions": "Its class sessions and key concepts",
    "question": "Question",
    "embedding": "The question as a vector",
    "rating": "Rating of the question",
    "answer": "Answer",
    "score": "Scores of the pair",
    "safety": "Safety of the pair",
}


def title_of(request_id: str) -> str:
    """Return what was asked for; of a test set it is called the same."""
    kind = "question" if request_id.startswith("test/") else request_id.partition("/")[0].removeprefix("test-")
    return _TITLES.get(kind, kind)


def facts_of(entry: Entry) -> Iterator[str]:
    """Give how long a reply is, how long it took and what it cost, as far as that is known."""
    if entry.reply is None:
        yield "failed"
        return
    reply, usage = entry.reply, entry.reply.usage
    if usage.prompt_tokens is not None and usage.completion_tokens is not None:
        yield f"{usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens"
    if reply.latency_s is not None:
        yield f"{reply.latency_s:,.1f} s"
    yield "price not known" if reply.cost_usd is None else f"${reply.cost_usd:,.6f}"
    if reply.finish_reason not in {None, "stop"}:
        yield f"ended by {reply.finish_reason}"
