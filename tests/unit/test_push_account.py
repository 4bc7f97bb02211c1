"""Which hub a data set goes to, and where a token may go."""

from pathlib import Path

import pytest

from glan.environment import Environment
from glan.errors import ConfigError, UntrustedError
from glan.push.account import account_of
from glan.push.pushing import checked_name
from glan.settings import Network

MINE, THEIRS = "hf_mineFromTheEnvironment1", "hf_theirsFromTheirDotEnv12"


def environment(folder: Path, process: dict[str, str], file: dict[str, str] | None = None) -> Environment:
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in (file or {}).items()))
    return Environment(folder, process)


def test_the_hub_is_hugging_faces_own_unless_another_is_named(tmp_path: Path) -> None:
    """Without HF_ENDPOINT the token goes to huggingface.co, else to the address that the environment names."""
    found = account_of(environment(tmp_path, {"HF_TOKEN": MINE}), Network(), lambda: None)
    assert (found.base_url, found.host, found.token.reveal()) == ("https://huggingface.co", "huggingface.co", MINE)
    named = {"HF_TOKEN": MINE, "HF_ENDPOINT": "https://Hub.example:443/"}
    assert account_of(environment(tmp_path, named), Network(), lambda: None).host == "hub.example"
    assert MINE not in repr(found)


def test_the_token_is_the_environments_then_the_projects_then_the_logins(tmp_path: Path) -> None:
    """What stands nearest to the user goes first."""
    both = environment(tmp_path, {"HF_TOKEN": MINE}, {"HF_TOKEN": THEIRS})
    assert account_of(both, Network(), lambda: "hf_login").token.reveal() == MINE
    one = environment(tmp_path, {}, {"HF_TOKEN": THEIRS})
    assert account_of(one, Network(), lambda: "hf_login").token.reveal() == THEIRS
    assert account_of(environment(tmp_path, {}), Network(), lambda: "hf_login\n").token.reveal() == "hf_login"


@pytest.mark.parametrize("endpoint", ["https://evil.example", "http://127.0.0.1:9"])
def test_a_token_does_not_go_to_a_hub_that_only_the_project_names(tmp_path: Path, endpoint: str) -> None:
    """A project from a stranger cannot send it anywhere; what the user confirms, or the stranger's own token, goes."""
    file = {"HF_ENDPOINT": endpoint}
    host = endpoint.partition("://")[2]
    for process, login in (({"HF_TOKEN": MINE}, None), ({}, MINE)):
        theirs = environment(tmp_path, process, file)
        with pytest.raises(UntrustedError, match=host) as caught:
            account_of(theirs, Network(), lambda login=login: login)  # type: ignore[misc]  # bound at once
        assert (caught.value.host, caught.value.variable) == (host, "HF_TOKEN")
        assert MINE not in f"{caught.value} {caught.value.hint}"
        confirmed = frozenset({(host, "HF_TOKEN")})
        assert account_of(theirs, Network(), lambda: MINE, confirmed).host == host
    own = environment(tmp_path, {}, {**file, "HF_TOKEN": THEIRS})
    assert account_of(own, Network(), lambda: MINE).token.reveal() == THEIRS
    safe = environment(tmp_path, {"HF_TOKEN": MINE}, {"HF_ENDPOINT": "https://huggingface.co"})
    assert account_of(safe, Network(), lambda: None).host == "huggingface.co"


@pytest.mark.parametrize(
    ("process", "network", "expected"),
    [
        ({}, Network(), "no token for huggingface.co"),
        ({"HF_TOKEN": "hf_with a space"}, Network(), "a space"),
        ({"HF_TOKEN": MINE, "HF_ENDPOINT": "http://hub.example"}, Network(), "plain http"),
        ({"HF_TOKEN": MINE, "HF_ENDPOINT": f"https://jane:{MINE}@hub.example"}, Network(), "has a user name or a key"),
        ({"HF_TOKEN": MINE}, Network(allow=("api.openai.com",)), "not in allow"),
    ],
    ids=["none", "broken", "readable on its way", "key in the address", "not allowed"],
)
def test_a_token_that_cannot_be_sent_is_told(
    tmp_path: Path, process: dict[str, str], network: Network, expected: str
) -> None:
    """Each case has a sentence with a way out, and shows no token."""
    with pytest.raises(ConfigError, match=expected) as caught:
        account_of(environment(tmp_path, process), network, lambda: None)
    assert MINE not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("name", ["data", "jane/data", "jane/my-data_2.0", "a/b"])
def test_names_of_repositories_are_taken(name: str) -> None:
    """A name alone, or with its owner."""
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "a b",
        "a--b",
        "a..b",
        "-a",
        "a.",
        "data.git",
        "https://huggingface.co/a/b",
        "é",
        "a" * 97,
    ],
)
def test_what_is_no_name_of_a_repository_is_told(name: str) -> None:
    """The error shows it, and says how a name looks."""
    with pytest.raises(ConfigError, match="no name of a repository") as caught:
        checked_name(name)
    assert "jane/my-data" in caught.value.hint


@pytest.mark.parametrize(("text", "url"), [("/srv/my data", "file:///srv/my%20data"), ("/srv/./x", "file:///srv/x")])
def test_a_folder_in_place_of_a_repository_is_told_its_address(text: str, url: str) -> None:
    """What is meant for a folder can be typed as it stands in the hint."""
    with pytest.raises(ConfigError) as caught:
        checked_name(text)
    assert f" A folder is {url}." in caught.value.hint
