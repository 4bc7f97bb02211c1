"""Every provider has what a provider must have: an entry by our rules, a reply, an error, and a line in the docs."""

import json
from pathlib import Path
from typing import Any

import pytest

from glan.environment import Environment
from glan.errors import ConfigError
from glan.records import Message, Reply, Request, Sampling, Stage
from glan.settings import Network, TeacherSettings
from glan.teachers.kinds import Trouble
from glan.teachers.manners import Manners
from glan.teachers.network import check_settings, is_allowed
from glan.teachers.providers import Provider, providers
from glan.teachers.specs import endpoint, parse_base_url, parse_spec
from glan.teachers.wire import LIMIT_NAMES, Rung, read_response, render_body

ROOT = Path(__file__).parents[2]
REPLIES = Path(__file__).parent / "replies"
KEY = "sk-0123456789abcdef"
ENTRIES = pytest.mark.parametrize(("name", "provider"), providers().items(), ids=providers())


def recorded(name: str) -> Any:  # noqa: ANN401 - what a provider says has any form
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def response(said: dict[str, Any]) -> Reply | Trouble:
    return read_response(said["status"], json.dumps(said["body"]).encode())


def test_every_provider_has_a_recorded_reply() -> None:
    """There is a file for each provider, and none for anybody else."""
    assert sorted(path.stem for path in REPLIES.glob("*.json")) == sorted(providers())


@pytest.mark.parametrize("name", providers())
def test_a_reply_is_read_into_the_right_fields(name: str) -> None:
    """Text, thoughts, end, model and counts of tokens come from where that provider puts them."""
    found = recorded(name)
    reply = response(found["reply"])
    assert isinstance(reply, Reply)
    wanted = found["reads"]
    counts = wanted.pop("usage")
    assert {field: getattr(reply, field) for field in wanted} == wanted
    assert {field: getattr(reply.usage, field) for field in counts} == counts
    assert {"text", "reasoning", "finish_reason", "model", "system_fingerprint"} == set(wanted)
    assert {"prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"} == set(counts)


@pytest.mark.parametrize("name", providers())
def test_an_error_is_read_as_what_it_means(name: str) -> None:
    """The form of that provider's errors is understood: what is wrong, and a reason that is the same each time."""
    found = recorded(name)
    trouble = response(found["error"])
    assert isinstance(trouble, Trouble)
    wanted = found["tells"]
    assert {field: str(getattr(trouble, field)) for field in wanted} == wanted
    assert trouble.told


@ENTRIES
def test_an_entry_keeps_our_own_rules(name: str, provider: Provider) -> None:
    """Addresses are base URLs, with https where a key goes; headers, forms and limits are ones that we know."""
    assert name == name.casefold()
    assert provider.page.startswith("https://")
    assert provider.limit in LIMIT_NAMES
    assert provider.rung in set(Rung)
    check_settings(TeacherSettings(api_key_header=provider.key_header))
    if provider.base_url is not None:
        assert parse_base_url(provider.base_url, source="providers.toml") == provider.base_url
        assert provider.base_url.startswith("https://" if provider.key else "http://127.0.0.1:")
    else:
        assert provider.key
        assert provider.base_url_env


def test_no_two_providers_share_an_address_or_a_key() -> None:
    """An address has one provider, and so has a key's variable: the rules on where a key goes rest on it."""
    for values in (
        [provider.base_url for provider in providers().values() if provider.base_url],
        [provider.key for provider in providers().values() if provider.key],
        [provider.base_url_env for provider in providers().values() if provider.base_url_env],
    ):
        assert len(set(values)) == len(values)


@ENTRIES
def test_a_provider_is_asked_by_name(name: str, provider: Provider) -> None:
    """With its key, and for Azure its address, in the environment every provider can be asked, as its entry says."""
    variables = {provider.key: KEY} if provider.key else {}
    if provider.base_url is None and provider.base_url_env is not None:
        variables[provider.base_url_env] = "https://mine.openai.azure.com/openai/v1"
    found = endpoint(parse_spec(f"{name}/m"), TeacherSettings(), Environment(variables=variables))
    assert (found.limit_name, found.rung, found.key_header) == (provider.limit, provider.rung, provider.key_header)
    assert (found.key is not None) is (provider.key is not None)
    assert is_allowed(found.base_url, Network(allow=(found.host,)))
    sampling = Sampling(model="m", max_tokens=9)
    messages = (Message(role="user", content="Why?"),)
    asked = Request(id="q/a/b/0", stage=Stage.SUBJECTS, messages=messages, sampling=sampling, schema="subjects")
    course = Manners(found.limit_name, Rung(found.rung)).begin(asked)
    body = json.loads(render_body(asked, course.rung, limit_name=course.limit_name))
    assert body[provider.limit] == 9
    assert body.get("response_format", {"type": "text"})["type"] == provider.rung
    assert (
        {"model", "messages", provider.limit} <= set(body) <= {"model", "messages", provider.limit, "response_format"}
    )


@ENTRIES
def test_no_provider_gets_the_key_of_another(name: str, provider: Provider) -> None:
    """With every other provider's key in the environment, a provider gets none of them."""
    variables = {other.key: KEY for other in providers().values() if other.key and other.key != provider.key}
    variables |= {provider.base_url_env: "https://mine.example/v1"} if provider.base_url_env else {}
    spec, environment = parse_spec(f"{name}/m"), Environment(variables=variables)
    if provider.key is None:
        assert endpoint(spec, TeacherSettings(), environment).key is None
        return
    with pytest.raises(ConfigError, match=f"{provider.key} is not set"):
        endpoint(spec, TeacherSettings(), environment)


@ENTRIES
def test_every_provider_has_a_line_in_the_docs(name: str, provider: Provider) -> None:
    """docs/teachers.md has a row for it, with its documentation."""
    page = (ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    assert f"| [`{name}`]({provider.page}) | {provider.base_url or 'your own'} |" in page
