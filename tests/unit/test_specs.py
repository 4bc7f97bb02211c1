"""Teacher specs, and where a key may go."""

import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from glan.environment import Environment
from glan.errors import ConfigError, UntrustedError
from glan.settings import TeacherSettings
from glan.teachers import ollama, openai, server, textbook, vllm
from glan.teachers.keys import Secret
from glan.teachers.opening import text_of
from glan.teachers.providers import providers
from glan.teachers.specs import (
    OFFLINE_MODEL,
    Endpoint,
    Spec,
    endpoint,
    parse_base_url,
    parse_spec,
    where,
)

KEY = "sk-0123456789abcdef"
UNSET = TeacherSettings()


class FromFiles(Environment):
    """An environment whose variables split into those of the process and those of the project's file."""

    def __init__(self, process: dict[str, str], file: dict[str, str]) -> None:
        super().__init__(variables=process)
        self._file = file


@pytest.mark.parametrize(
    ("text", "provider", "model", "base_url"),
    [
        pytest.param("offline", "offline", OFFLINE_MODEL, None, id="offline"),
        pytest.param(" Offline ", "offline", OFFLINE_MODEL, None, id="offline, spelt freely"),
        pytest.param("openai/gpt-5-mini", "openai", "gpt-5-mini", None, id="provider"),
        pytest.param("OpenAI/gpt-5-mini", "openai", "gpt-5-mini", None, id="provider in capitals"),
        pytest.param("ollama/qwen3:8b", "ollama", "qwen3:8b", None, id="colon in the model"),
        pytest.param(
            "openrouter/meta-llama/llama-3", "openrouter", "meta-llama/llama-3", None, id="slash in the model"
        ),
        pytest.param("openrouter/openai/o3", "openrouter", "openai/o3", None, id="provider in the model"),
        pytest.param("vllm/m@http://host:8000/v1", "vllm", "m", "http://host:8000/v1", id="provider at an address"),
        pytest.param("vllm/m@HTTP://Host:8000/v1/", "vllm", "m", "http://host:8000/v1", id="address in capitals"),
        pytest.param("org/m@https://h/v1", "server", "org/m", "https://h/v1", id="model at an address"),
        pytest.param("@cf/org/m@https://h/v1", "server", "@cf/org/m", "https://h/v1", id="at sign in the model"),
        pytest.param("m@http://[::1]:80/v1", "server", "m", "http://[::1]:80/v1", id="IPv6"),
        pytest.param("m@https://h/v1/chat/completions", "server", "m", "https://h/v1", id="whole address of the API"),
        pytest.param("m@https://h", "server", "m", "https://h", id="no path"),
    ],
)
def test_a_spec_names_provider_model_and_address(text: str, provider: str, model: str, base_url: str | None) -> None:
    """Each form of a spec is read as it is meant."""
    assert parse_spec(text) == Spec(provider=provider, model=model, base_url=base_url)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "one line of text", id="empty"),
        pytest.param("openai/a\nb", "one line of text", id="two lines"),
        pytest.param("openai/\ud800", "one line of text", id="lone surrogate"),
        pytest.param("openai/" + "x" * 2_000, "one line of text", id="endless"),
        pytest.param("openai/", "write openai/MODEL", id="no model"),
        pytest.param("openai", "write openai/MODEL", id="provider alone"),
        pytest.param("gpt-5-mini", "openai/gpt-5-mini", id="model alone"),
        pytest.param("opnai/gpt-5", "'openai'", id="misspelt provider"),
        pytest.param("zzz/gpt-5", "Unknown provider 'zzz'", id="unknown provider"),
        pytest.param("http://localhost:8000/v1", "without a model", id="bare address"),
        pytest.param("@http://localhost:8000/v1", "no model before its address", id="address after nothing"),
        pytest.param("vllm/m@gpu-box:8000/v1", "not whole", id="address without a scheme"),
        pytest.param("m@localhost", "not whole", id="host without a scheme"),
        pytest.param("m@ftp://h/v1", "not whole", id="another scheme"),
        pytest.param("m@http://h:99999/v1", "no base URL", id="port out of range"),
        pytest.param("m@http:///v1", "no base URL", id="no host"),
        pytest.param("m@http://h\\@other/v1", "no base URL", id="backslash"),
        pytest.param("m@http://h%2eother/v1", "no base URL", id="percent sign in the host"),
        pytest.param("m@http://hôst/v1", "no base URL", id="host that is not ASCII"),
    ],
)
def test_a_bad_spec_says_how_to_write_it(text: str, told: str) -> None:
    """What cannot be read is refused with the way out."""
    with pytest.raises(ConfigError) as caught:
        parse_spec(text)
    assert told in f"{caught.value} {caught.value.hint}"


def test_an_unknown_provider_lists_the_known_ones() -> None:
    """The hint lists every provider."""
    with pytest.raises(ConfigError) as caught:
        parse_spec("nobody/gpt-5")
    assert all(name in caught.value.hint for name in ["offline", *providers()])


@pytest.mark.parametrize(
    "url",
    [
        f"https://user:{KEY}@host/v1",
        f"https://{KEY}@host/v1",
        f"https://host/v1?api_key={KEY}",
        f"https://host/v1#{KEY}",
        f"https://host\\@{KEY}/v1",
    ],
)
def test_a_key_in_an_address_is_refused_and_not_shown(url: str) -> None:
    """An address with a key in it is an error that keeps the key to itself."""
    for text in (f"m@{url}", f"openai/m@{url}", url):
        with pytest.raises(ConfigError) as caught:
            parse_spec(text)
        assert KEY not in f"{caught.value} {caught.value.hint}"


@given(st.text(max_size=40))
@example("@")
@example("a/b@http://")
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_spec_or_an_error(text: str) -> None:
    """Whatever is typed, there is a spec with a model, or a ConfigError."""
    try:
        spec = parse_spec(text)
    except ConfigError:
        return
    assert spec.model.strip()


@given(st.from_regex(r"https?://[a-z0-9.-]{1,12}(:[1-9][0-9]{0,3})?(/[a-z0-9]{1,5}){0,2}/?", fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_a_base_url_is_read_once(url: str) -> None:
    """Reading a base URL that was read already changes nothing."""
    found = parse_base_url(url, source="a test")
    assert parse_base_url(found, source="a test") == found


def test_a_secret_is_shown_by_nothing() -> None:
    """No usual way of printing shows a key; only `reveal` does."""
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {[secret]}"
    assert KEY not in shown
    assert secret.reveal() == KEY
    assert pickle.loads(pickle.dumps(secret)).reveal() == KEY  # noqa: S301 - our own bytes


def test_a_secret_hides_itself_in_texts() -> None:
    """A key that was echoed is blotted out; a placeholder such as EMPTY is an ordinary word."""
    assert Secret(KEY).hide(f"bad key {KEY}, sorry") == "bad key [key], sorry"
    assert Secret("EMPTY").hide("The set is EMPTY.") == "The set is EMPTY."


def find(
    text: str, process: dict[str, str], file: dict[str, str] | None = None, *, api_key_env: str | None = None
) -> Endpoint:
    """Return the endpoint of a spec that the project's settings name."""
    return endpoint(parse_spec(text), TeacherSettings(api_key_env=api_key_env), FromFiles(process, file or {}))


def key_of(found: Endpoint) -> str | None:
    return None if found.key is None else found.key.reveal()


def test_a_provider_is_asked_at_its_address_with_its_key() -> None:
    """A provider's own variable holds its key."""
    found = find("groq/m", {"GROQ_API_KEY": KEY, "OPENAI_API_KEY": "sk-of-somebody-else"})
    assert (found.name, found.host, found.key_variable) == ("groq", "api.groq.com", "GROQ_API_KEY")
    assert found.base_url == "https://api.groq.com/openai/v1"
    assert key_of(found) == KEY
    assert KEY not in repr(found)


@pytest.mark.parametrize("text", ["openai/m", "openai/m@https://api.openai.com/v1"])
def test_a_missing_key_is_named(text: str) -> None:
    """Without a key for a provider that wants one, the error names the variable."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY is not set"):
        find(text, {"OPENAI_API_KEY": ""})


@pytest.mark.parametrize("text", ["server-model@https://host/v1", "vllm/m@https://host/v1"])
def test_a_server_without_a_provider_gets_no_key_by_itself(text: str) -> None:
    """A server of which nobody said which key is its own gets none, whatever the environment holds."""
    environment = {provider.key: KEY for provider in providers().values() if provider.key}
    found = endpoint(parse_spec(text), UNSET, Environment(variables=environment), from_command_line=True)
    assert (found.key, found.key_variable) == (None, "")


HOMES = [(name, provider.key) for name, provider in providers().items() if provider.key and provider.base_url]


@pytest.mark.parametrize(("name", "variable"), HOMES, ids=[name for name, _ in HOMES])
@pytest.mark.parametrize("url", ["https://other.example/v1", "https://api.openai.com.other.example/v1"])
def test_a_providers_key_goes_to_nobody_else(name: str, variable: str, url: str) -> None:
    """Who types another address still sends no provider's key there, wherever it is from and whoever names it."""
    named = TeacherSettings(api_key_env=variable)
    for environment in (Environment(variables={variable: KEY}), FromFiles({}, {variable: KEY})):
        for text, wanted in ((f"{name}/m@{url}", UNSET), (f"{name}/m@{url}", named), (f"m@{url}", named)):
            with pytest.raises(ConfigError, match="belongs to its provider") as caught:
                endpoint(parse_spec(text), wanted, environment, from_command_line=True)
            assert KEY not in f"{caught.value} {caught.value.hint}"
        assert endpoint(parse_spec(f"m@{url}"), UNSET, environment, from_command_line=True).key is None


def test_a_providers_key_goes_to_its_own_host_however_it_is_named() -> None:
    """Another path of the provider's host is still that provider, also where only the project's files name it."""
    found = find("deepseek/m@https://api.deepseek.com/v1", {"DEEPSEEK_API_KEY": KEY})
    assert key_of(found) == KEY


def test_the_openai_key_goes_to_the_address_of_the_environment() -> None:
    """OPENAI_BASE_URL of the environment takes the key with it, and the key goes on to OpenAI too."""
    environment = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://gateway.example/v1"}
    found = find("openai/m", environment)
    assert (key_of(found), found.host) == (KEY, "gateway.example")
    assert key_of(find("openai/m@https://api.openai.com/v1", environment)) == KEY


def test_azure_is_asked_at_an_address_of_ones_own() -> None:
    """Azure takes its key in a header of its own, at the address in the spec or in the environment."""
    url = "https://mine.openai.azure.com/openai/v1"
    environment = {"AZURE_OPENAI_API_KEY": KEY}
    spec = parse_spec(f"azure/my-deployment@{url}")
    typed = endpoint(spec, UNSET, Environment(variables=environment), from_command_line=True)
    assert (typed.base_url, typed.key_header, key_of(typed)) == (url, "api-key", KEY)
    named = find("azure/my-deployment", {**environment, "AZURE_OPENAI_BASE_URL": f"{url}/"})
    assert (named.base_url, named.key_header, key_of(named)) == (url, "api-key", KEY)
    with pytest.raises(ConfigError, match="no address that is the same for all") as caught:
        find("azure/my-deployment", environment)
    assert "AZURE_OPENAI_BASE_URL" in caught.value.hint
    with pytest.raises(ConfigError, match=r"mine\.openai\.azure\.com"):
        find(f"azure/my-deployment@{url}", environment)


def test_what_is_known_of_a_provider_holds_at_its_own_address() -> None:
    """A gateway is asked as a server of which nothing is known; a kind of server is asked alike everywhere."""
    environment = {"OPENAI_API_KEY": KEY}
    assert find("openai/m", environment).limit_name == "max_completion_tokens"
    moved = find("openai/m", {**environment, "OPENAI_BASE_URL": "https://gateway.example/v1"})
    assert (moved.limit_name, moved.rung, moved.key_header) == ("max_tokens", "json_schema", "authorization")
    assert find("anthropic/m", {"ANTHROPIC_API_KEY": KEY}).rung == "text"


def test_a_key_can_have_a_header_of_its_own() -> None:
    """`api_key_header` names the header for a gateway that has one of its own."""
    settings = TeacherSettings(api_key_env="MINE", api_key_header="X-Gateway-Key")
    spec = parse_spec("m@https://gateway.example/v1")
    found = endpoint(spec, settings, Environment(variables={"MINE": KEY}), from_command_line=True)
    assert (found.key_header, key_of(found)) == ("x-gateway-key", KEY)


@pytest.mark.parametrize(
    "text",
    [
        "ollama/m",
        "vllm/m",
        "m@http://localhost:1/v1",
        "m@http://127.3.2.1/v1",
        "m@http://[::1]:9/v1",
        "m@http://0.0.0.0:8000/v1",
    ],
)
def test_this_machine_needs_no_key_and_gets_none(text: str) -> None:
    """A key that nobody named for a server on this machine stays at home."""
    found = find(text, {"OPENAI_API_KEY": KEY})
    assert found.key is None
    assert found.is_loopback


def test_this_machine_gets_a_key_that_is_asked_for() -> None:
    """`api_key_env` sends a key to a server on this machine, when its host is trusted; unset, none is needed."""
    settings = TeacherSettings(api_key_env="MINE")
    spec = parse_spec("vllm/m")
    assert key_of(endpoint(spec, settings, Environment(variables={"MINE": KEY}))) == KEY
    assert endpoint(spec, settings, Environment(variables={})).key is None


def test_a_server_of_the_environment_on_this_machine_gets_the_key() -> None:
    """The user who sets both variables gets what they say."""
    found = find("openai/m", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://localhost:8000/v1/"})
    assert (key_of(found), found.name, found.base_url) == (KEY, "localhost:8000", "http://localhost:8000/v1")


def test_no_key_goes_over_plain_http() -> None:
    """To another machine over plain http goes no key: silently none by default, an error where one is asked for."""
    assert find("vllm/m@http://gpu-box:8000/v1", {"OPENAI_API_KEY": KEY}).key is None
    assert find("openai/m", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://gpu-box/v1"}).key is None
    assert find("vllm/m@http://gpu-box:8000/v1", {}).key is None
    with pytest.raises(ConfigError, match="plain http") as caught:
        find("vllm/m@http://gpu-box:8000/v1", {"MINE": KEY}, api_key_env="MINE")
    assert KEY not in f"{caught.value} {caught.value.hint}"


MINE = TeacherSettings(api_key_env="MINE")


@pytest.mark.parametrize(
    ("text", "settings", "file"),
    [
        pytest.param("m@https://evil.example/v1", MINE, {}, id="host in the settings"),
        pytest.param("openai/m@https://evil.example/v1", MINE, {}, id="provider's name at another host"),
        pytest.param("openai/m", UNSET, {"OPENAI_BASE_URL": "https://evil.example/v1"}, id="host in .env"),
        pytest.param("azure/m@https://evil.openai.azure.com/openai/v1", UNSET, {}, id="a stranger's resource"),
    ],
)
def test_a_key_of_the_environment_goes_to_no_host_of_the_project(
    text: str, settings: TeacherSettings, file: dict[str, str]
) -> None:
    """A host that only the project's files name gets no key from the environment until it is confirmed."""
    environment = FromFiles({"OPENAI_API_KEY": KEY, "AZURE_OPENAI_API_KEY": KEY, "MINE": KEY}, file)
    spec = parse_spec(text)
    with pytest.raises(ConfigError, match="evil") as caught:
        endpoint(spec, settings, environment)
    assert KEY not in f"{caught.value} {caught.value.hint}"
    assert all(way in caught.value.hint for way in ("--yes", "--teacher", "OPENAI_BASE_URL", ".env"))
    _, host = where(spec, environment)
    assert isinstance(caught.value, UntrustedError)
    assert caught.value.host == host
    trusted = frozenset({(host, caught.value.variable)})
    assert key_of(endpoint(spec, settings, environment, trusted=trusted)) == KEY


def test_a_host_is_confirmed_with_its_port_and_for_one_key() -> None:
    """Trust in a host is for the port and the variable that were shown, and for no other."""
    spec = parse_spec("m@https://host.example:8443/v1")
    environment = Environment(variables={"MINE": KEY})
    assert where(spec, environment) == ("https://host.example:8443/v1", "host.example:8443")
    assert key_of(endpoint(spec, MINE, environment, trusted=frozenset({("host.example:8443", "MINE")}))) == KEY
    others = {("host.example", "MINE"), ("host.example:1", "MINE"), ("host.example:8443", "YOURS")}
    with pytest.raises(UntrustedError):
        endpoint(spec, MINE, environment, trusted=frozenset(others))


def test_what_the_user_typed_is_trusted() -> None:
    """A host on the command line gets the key that is named; one in `.env` does not become trusted by it."""
    environment = FromFiles({"OPENAI_API_KEY": KEY, "MINE": KEY}, {"OPENAI_BASE_URL": "https://evil.example/v1"})
    typed = endpoint(parse_spec("m@https://mine.example/v1"), MINE, environment, from_command_line=True)
    assert key_of(typed) == KEY
    with pytest.raises(ConfigError, match=r"evil\.example"):
        endpoint(parse_spec("openai/m"), UNSET, environment, from_command_line=True)


def test_the_projects_own_key_goes_to_the_projects_host() -> None:
    """A key from `.env` may go to a host that the project's files name."""
    file = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://host.example/v1"}
    assert key_of(find("openai/m", {}, file)) == KEY
    named = find(
        "m@https://host.example/v1", {"OPENAI_API_KEY": "sk-of-the-user"}, {"HOST_KEY": KEY}, api_key_env="HOST_KEY"
    )
    assert key_of(named) == KEY


def test_a_host_on_this_machine_needs_no_confirmation() -> None:
    """A port of this machine that only the project names gets the key that is asked for, and no other unasked."""
    assert find("openai/m", {"OPENAI_API_KEY": KEY}, {"OPENAI_BASE_URL": "http://localhost:1/v1"}).key is None
    assert key_of(find("m@http://localhost:1/v1", {"MINE": KEY}, api_key_env="MINE")) == KEY


@pytest.mark.parametrize("key", ["sk-1234 5678", "sk-1234\n5678", "sk-größe-12345"])
def test_a_key_that_cannot_be_one_is_refused(key: str) -> None:
    """A key with a space, a line break or a foreign letter was pasted wrongly, and is not shown."""
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        find("openai/m", {"OPENAI_API_KEY": key})
    assert key not in str(caught.value)


def test_a_bad_address_in_the_environment_is_named() -> None:
    """An address that cannot be used is an error that names the variable."""
    with pytest.raises(ConfigError, match="OPENAI_BASE_URL"):
        find("openai/m", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "host:8000"})


def test_the_offline_teacher_has_no_endpoint() -> None:
    """Nobody is asked for the offline teacher."""
    with pytest.raises(ConfigError, match="offline"):
        find("offline", {})


@pytest.mark.parametrize(
    "spec",
    [textbook(), openai("gpt-5-mini"), ollama("qwen3:8b"), vllm("a/b"), server("a/b", "http://localhost:1/v1")],
    ids=lambda spec: spec.provider,
)
def test_a_teacher_of_python_is_the_same_on_the_command_line(spec: Spec) -> None:
    """The next run finds the teacher that Python code has named by the text that the ledger keeps of it."""
    assert parse_spec(text_of(spec)) == spec
