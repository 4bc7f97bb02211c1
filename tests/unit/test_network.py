"""What may be sent where: allowed hosts, headers and queries without keys, authorities of one's own."""

from pathlib import Path

import pytest
from misbehaving import CERTIFICATES, KEY, words

from glan.config import Config, parse_config
from glan.environment import Environment
from glan.errors import ConfigError
from glan.records import Stage
from glan.settings import Limits, Network, Teachers, TeacherSettings
from glan.teachers.network import check_allowed, check_settings, is_allowed, read_ca
from glan.teachers.panel import Host, Named, hosts_of, opened
from glan.teachers.specs import parse_spec


@pytest.mark.parametrize(
    ("base_url", "allow", "is_so"),
    [
        ("https://api.openai.com/v1", ["api.openai.com"], True),
        ("https://api.openai.com/v1", ["API.OpenAI.com "], True),
        ("https://api.openai.com/v1", ["api.openai.com:443"], True),
        ("https://api.openai.com:443/v1", ["api.openai.com"], True),
        ("https://api.openai.com/v1", ["api.openai.com:8443"], False),
        ("https://api.openai.com.evil.example/v1", ["api.openai.com"], False),
        ("https://evil.example/api.openai.com", ["api.openai.com"], False),
        ("https://openai.com/v1", ["api.openai.com"], False),
        ("https://api.openai.com./v1", ["api.openai.com"], False),
        ("http://localhost:8000/v1", ["localhost:8000"], True),
        ("http://localhost:8001/v1", ["localhost:8000"], False),
        ("http://localhost:8001/v1", ["localhost"], True),
        ("http://127.0.0.1:8000/v1", ["localhost:8000"], False),
        ("http://[::1]:8000/v1", ["[::1]:8000"], True),
        ("http://host/v1", ["host:80"], True),
        ("http://host/v1", [], False),
        ("http://host/v1", None, True),
    ],
)
def test_a_host_is_allowed_by_its_name_and_port(base_url: str, allow: list[str] | None, *, is_so: bool) -> None:
    """A host is allowed if it stands in the list, with its port where the entry has one; without a list all are."""
    network = Network(allow=None if allow is None else tuple(allow))
    assert is_allowed(base_url, network) is is_so


@pytest.mark.parametrize("entry", ["https://api.openai.com", "api.openai.com/v1", "*.openai.com", "", "a b", "h:x"])
def test_an_entry_that_is_no_host_is_named(entry: str) -> None:
    """What is no host in the list is an error: it would never match, and look as if it did."""
    with pytest.raises(ConfigError, match=r"is no host") as caught:
        check_allowed("https://api.openai.com/v1", "api.openai.com", Network(allow=(entry,)))
    assert repr(entry) in words(caught.value)


def config_of(spec: str, allow: tuple[str, ...] | None = None, **settings: object) -> Config:
    default = TeacherSettings(spec=spec, **settings)  # type: ignore[arg-type]  # settings have many types
    return Config(teachers=Teachers(default=default), network=Network(allow=allow), limits=Limits(max_retries=0))


async def refusal_of(config: Config, environment: Environment) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        async with opened(config, environment, Named(spec=None)):
            pass
    return caught.value


async def test_a_host_that_is_not_allowed_is_refused_before_anything_is_opened() -> None:
    """The refusal names the host, the setting and the way out, and needs neither key nor connection."""
    config = config_of("openai/m", allow=("localhost:8000",))
    error = await refusal_of(config, Environment(variables={}))
    assert str(error) == "The host api.openai.com is not in allow of [network], so nothing is sent to it."
    assert 'Add "api.openai.com" to allow in glan.toml' in error.hint


async def test_an_address_of_the_environment_is_no_way_around_the_list() -> None:
    """What OPENAI_BASE_URL names is held to the list like any other address."""
    environment = Environment(variables={"OPENAI_BASE_URL": "https://other.example/v1", "OPENAI_API_KEY": KEY})
    error = await refusal_of(config_of("openai/m", allow=("api.openai.com",)), environment)
    assert "other.example" in str(error)


async def test_every_role_is_held_to_the_list() -> None:
    """One role at a host that is not allowed ends the opening of all."""
    answers = TeacherSettings(spec="vllm/m@http://gpu-box:8000/v1")
    teachers = Teachers(default=TeacherSettings(spec="ollama/m"), answers=answers)
    config = Config(teachers=teachers, network=Network(allow=("127.0.0.1",)))
    assert "gpu-box:8000" in str(await refusal_of(config, Environment(variables={})))


def test_the_hosts_of_a_run_are_known_before_it() -> None:
    """Every host is listed with its stages, without a key; the textbook has none."""
    answers = TeacherSettings(spec="vllm/m@http://gpu-box:8000/v1")
    config = Config(teachers=Teachers(answers=answers), network=Network(allow=("api.groq.com",)))
    environment = Environment(variables={})
    others = (Stage.SUBJECTS, Stage.SYLLABI, Stage.QUESTIONS)
    box = Host(host="gpu-box:8000", stages=(Stage.ANSWERS,), is_allowed=False)
    assert hosts_of(config, environment, Named(spec="groq/m")) == (
        Host(host="api.groq.com", stages=others, is_allowed=True),
        box,
    )
    assert hosts_of(config, environment, Named(spec="offline")) == (box,)
    assert hosts_of(Config(), environment, Named(spec=parse_spec("offline"))) == ()
    assert hosts_of(Config(), environment, Named(spec=None)) == ()


KEYS = [
    ("headers", "Authorization", "x"),
    ("headers", "proxy-authorization", "x"),
    ("headers", "Api-Key", "x"),
    ("headers", "x-api-key", "x"),
    ("headers", "x-goog-api-key", "x"),
    ("headers", "Ocp-Apim-Subscription-Key", "x"),
    ("headers", "Cookie", "x"),
    ("headers", "X-Auth-Token", "x"),
    ("headers", "helicone-auth", "x"),
    ("headers", "x-team", f"Bearer {KEY}"),
    ("headers", "x-team", "sk-0123456789abcdef"),
    ("query", "key", "x"),
    ("query", "api_key", "x"),
    ("query", "subscription-key", "x"),
    ("query", "sig", "x"),
    ("query", "q", KEY),
]


@pytest.mark.parametrize(("setting", "name", "value"), KEYS, ids=[f"{setting} {name}" for setting, name, _ in KEYS])
def test_a_key_in_a_file_is_refused_and_not_shown(setting: str, name: str, value: str) -> None:
    """A header or a query that would keep a key in glan.toml is refused with the way out, without its value."""
    with pytest.raises(ConfigError, match=r"keep a key in glan\.toml") as caught:
        check_settings(TeacherSettings(**{setting: {name: value}}))  # type: ignore[arg-type]  # one of two tables
    assert "api_key_env" in caught.value.hint
    assert repr(name) in str(caught.value)
    assert value == "x" or value not in words(caught.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (TeacherSettings(headers={"X Team": "a"}), "no name of a header"),
        (TeacherSettings(headers={"X-Team\r\nHost": "a"}), "no name of a header"),
        (TeacherSettings(headers={"": "a"}), "no name of a header"),
        (TeacherSettings(headers={"X-Größe": "a"}), "no name of a header"),
        (TeacherSettings(headers={"Host": "other.example"}), "set by glan"),
        (TeacherSettings(headers={"Content-Length": "1"}), "set by glan"),
        (TeacherSettings(headers={"x-team": "a\r\nx-other: b"}), "line break"),
        (TeacherSettings(headers={"x-team": "größer"}), "cannot be sent"),
        (TeacherSettings(query={"a\nb": "c"}), "line break"),
        (TeacherSettings(api_key_header="x key"), "no name of a header"),
        (TeacherSettings(api_key_header="host"), "set by glan"),
    ],
)
def test_what_fits_into_no_request_is_refused(settings: TeacherSettings, told: str) -> None:
    """Names and values that would break a request, or change what it means, are errors before the first one."""
    with pytest.raises(ConfigError, match=told):
        check_settings(settings)


def test_ordinary_headers_and_queries_are_taken() -> None:
    """What gateways and providers ask for beside the key may stand in glan.toml."""
    headers = {
        "OpenAI-Organization": "org-1", "HTTP-Referer": "https://example.org", "X-Title": "A data set",
        "anthropic-workspace-id": "w", "x-keyboard": "monkey",
    }  # fmt: skip
    check_settings(TeacherSettings(headers=headers, query={"api-version": "2024-10-21"}, api_key_header="X-Api-Key"))


def test_headers_and_queries_are_read_from_the_settings() -> None:
    """They stand in glan.toml as tables of texts; a number is an error that names the setting."""
    text = '[teachers.default]\nheaders = {x-team = "a"}\nquery = {api-version = "2024-10-21"}\n'
    settings = parse_config(text, source="glan.toml").teachers.default
    assert (settings.headers, settings.query) == ({"x-team": "a"}, {"api-version": "2024-10-21"})
    with pytest.raises(ConfigError, match=r"teachers\.default\.query"):
        parse_config("[teachers.default]\nquery = {a = 1}\n", source="glan.toml")


async def test_headers_that_are_refused_stop_the_opening() -> None:
    """A key in a header is found before any server is asked."""
    config = config_of("ollama/m", headers={"authorization": "x"})
    assert "keep a key in glan.toml" in str(await refusal_of(config, Environment(variables={})))


def test_an_authority_is_read_from_the_projects_folder(tmp_path: Path) -> None:
    """`ca_file` begins at the project's folder, or anywhere with an absolute path."""
    pem = (CERTIFICATES / "authority.pem").read_bytes()
    (tmp_path / "ours.pem").write_bytes(pem)
    environment = Environment(tmp_path, variables={})
    assert read_ca(Network(), environment) is None
    for name in ("ours.pem", str(CERTIFICATES / "authority.pem")):
        assert read_ca(Network(ca_file=name), environment) == pem


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (None, "cannot be read"),
        (b"", "holds no certificate"),
        (b"hello", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate"),
        (b"\xff\xfe\x00", "holds no certificate"),
    ],
)
def test_a_file_without_a_certificate_is_named(tmp_path: Path, held: bytes | None, told: str) -> None:
    """A file that is missing or holds something else is an error with its path and the setting."""
    if held is not None:
        (tmp_path / "ours.pem").write_bytes(held)
    with pytest.raises(ConfigError, match=told) as caught:
        read_ca(Network(ca_file="ours.pem"), Environment(tmp_path, variables={}))
    assert "ca_file" in words(caught.value)
