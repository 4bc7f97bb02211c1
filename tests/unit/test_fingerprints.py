"""Fingerprints: the same for the same meaning, another for another, and blind to how a request is sent."""

import json
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from glan.errors import ConfigError
from glan.records import Message, Request, Sampling, Stage
from glan.teachers.fingerprints import SIZE_BYTES, fingerprint

_TEXTS = st.text(alphabet='a1" :,\n\0é\ud83d\ude00\U0001f600', max_size=3)
"""Few characters, and those that framing could trip over: collisions are found among small texts."""
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.sampled_from([0.5, 1.0]) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=3,
)
_SAMPLINGS = st.builds(
    Sampling,
    model=_TEXTS,
    max_tokens=st.integers(1, 3),
    temperature=st.sampled_from([None, 0.0, -0.0, 0.5, 1]),
    top_p=st.sampled_from([None, 0.0, 0.5]),
    extra=st.dictionaries(_TEXTS, _JSON, max_size=2),
)
_REQUESTS = st.builds(
    Request,
    id=_TEXTS,
    stage=st.sampled_from(Stage),
    messages=st.lists(st.builds(Message, role=_TEXTS, content=_TEXTS), max_size=3).map(tuple),
    sampling=_SAMPLINGS,
    schema=st.none() | _TEXTS,
    sample=st.integers(0, 2),
    attempt=st.integers(0, 2),
    rank=st.integers(0, 2),
)


def meaning(request: Request) -> tuple[object, ...]:
    """Return what a request meant, in a form that Python compares."""
    sampling = request.sampling
    return (
        sampling.model,
        request.messages,
        request.schema,
        sampling.temperature,
        sampling.top_p,
        json.dumps(sampling.extra, sort_keys=True, ensure_ascii=False),
        request.sample,
        request.attempt,
    )


_SAMPLING = Sampling(model="gpt-5-mini", max_tokens=1_024, temperature=0.7, extra={"seed": 1, "a": [True]})


def a_request(text: str = "Why is the sky blue?", sampling: Sampling = _SAMPLING) -> Request:
    return Request(
        id="question/physics/optics/0",
        stage=Stage.QUESTIONS,
        messages=(Message(role="system", content="Be brief."), Message(role="user", content=text)),
        sampling=sampling,
        schema="subjects",
    )


@settings(max_examples=200, deadline=None)
@given(one=_REQUESTS, other=_REQUESTS)
def test_fingerprints_are_equal_exactly_when_meanings_are(one: Request, other: Request) -> None:
    """Two requests have one fingerprint if they mean the same, and only then."""
    assert (fingerprint(one) == fingerprint(other)) == (meaning(one) == meaning(other))


@settings(max_examples=100, deadline=None)
@given(request=_REQUESTS, other=_REQUESTS, field=st.sampled_from(["messages", "schema", "sample", "attempt"]))
def test_each_field_of_a_request_counts(request: Request, other: Request, field: str) -> None:
    """Changing one field that means something changes the fingerprint, and setting it to itself does not."""
    changed = replace(request, **{field: getattr(other, field)})
    assert (fingerprint(changed) == fingerprint(request)) == (getattr(other, field) == getattr(request, field))


@settings(max_examples=100, deadline=None)
@given(request=_REQUESTS, other=_REQUESTS)
def test_how_it_is_sent_does_not_count(request: Request, other: Request) -> None:
    """Id, stage, rank and `max_tokens` are no part of the fingerprint."""
    sampling = replace(request.sampling, max_tokens=other.sampling.max_tokens)
    sent = replace(request, id=other.id, stage=other.stage, rank=other.rank, sampling=sampling)
    assert fingerprint(sent) == fingerprint(request)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(_SAMPLING, model="gpt-5"), id="model"),
        pytest.param(replace(_SAMPLING, temperature=None), id="temperature"),
        pytest.param(replace(_SAMPLING, top_p=0.7), id="top_p"),
        pytest.param(replace(_SAMPLING, extra={"seed": 2, "a": [True]}), id="extra"),
        pytest.param(replace(_SAMPLING, extra={"seed": 1, "a": [1]}), id="true-is-not-one"),
    ],
)
def test_each_field_of_the_sampling_counts(changed: Sampling) -> None:
    """Another model, temperature, top-p or extra is another meaning."""
    assert fingerprint(a_request(sampling=changed)) != fingerprint(a_request())


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"a": [True], "seed": 1}, id="order-of-keys"),
        pytest.param({"a": (True,), "seed": 1}, id="tuple"),
        pytest.param(MappingProxyType({"a": [True], "seed": 1}), id="mapping"),
    ],
)
def test_what_is_sent_alike_means_the_same(extra: Mapping[str, object]) -> None:
    """The same JSON has the same fingerprint, whatever Python holds it."""
    assert fingerprint(a_request(sampling=replace(_SAMPLING, extra=extra))) == fingerprint(a_request())


def test_a_fingerprint_never_changes_between_versions() -> None:
    """One request has had this fingerprint from the start: if it changes, every ledger is asked anew."""
    assert fingerprint(a_request()).hex() == "0f90e69422bd2e896f920ba7ba37debc"
    assert len(fingerprint(a_request())) == SIZE_BYTES


def test_role_and_content_cannot_be_traded() -> None:
    """Where one text ends and the next begins is a part of the fingerprint."""
    one = replace(a_request(), messages=(Message(role="user", content="ab"),))
    other = replace(a_request(), messages=(Message(role="usera", content="b"),))
    assert fingerprint(one) != fingerprint(other)


def test_lone_surrogates_are_hashed_like_other_characters() -> None:
    """Text that no encoding takes has a fingerprint of its own, also in the settings."""
    found = {
        fingerprint(a_request("\ud800")),
        fingerprint(a_request("\udfff")),
        fingerprint(a_request("?")),
        fingerprint(a_request(sampling=replace(_SAMPLING, extra={"stop": "\ud800"}))),
    }
    assert len(found) == 4


def test_short_lived_samplings_are_never_confused() -> None:
    """A sampling that takes the place of a forgotten one in memory gets its own fingerprint."""
    found = [fingerprint(a_request(sampling=replace(_SAMPLING, model=f"model-{i}"))) for i in range(1_000)]
    assert len(set(found)) == 1_000


@pytest.mark.parametrize(
    "extra",
    [pytest.param({"stop": {1, 2}}, id="set"), pytest.param({"when": object()}, id="object")],
)
def test_extra_that_is_no_json_is_refused(extra: dict[str, object]) -> None:
    """What could not be sent is an error that names the model."""
    with pytest.raises(ConfigError, match="gpt-5-mini"):
        fingerprint(a_request(sampling=replace(_SAMPLING, extra=extra)))


def test_extra_without_end_is_refused() -> None:
    """Settings that hold themselves are refused like any that JSON cannot hold."""
    extra: dict[str, object] = {}
    extra["self"] = extra
    with pytest.raises(ConfigError, match="cannot be sent as JSON"):
        fingerprint(a_request(sampling=replace(_SAMPLING, extra=extra)))
