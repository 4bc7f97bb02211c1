"""What a person confirmed is remembered outside any project, for a host and a variable together."""

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.config import Config
from glan.environment import Environment
from glan.errors import ConfigError, UntrustedError
from glan.settings import Network, Teachers, TeacherSettings
from glan.teachers.panel import Named, opened, untrusted
from glan.teachers.trust import remember, trusted

KEY = "sk-0123456789abcdef"


def environment_of(home: Path, **variables: str) -> Environment:
    return Environment(variables={"XDG_CONFIG_HOME": str(home), "MINE": KEY, **variables})


def config_of(*specs: str, **settings: object) -> Config:
    """Return settings with a default teacher, and another one for answers if there are two."""
    teachers = [TeacherSettings(spec=spec, api_key_env="MINE", **settings) for spec in specs]  # type: ignore[arg-type]
    return Config(teachers=Teachers(default=teachers[0], answers=teachers[-1]))


def test_what_was_confirmed_is_remembered(tmp_path: Path) -> None:
    """It is there for the next process, beside what was there, in a file that its owner alone can read."""
    environment = environment_of(tmp_path / "new" / "folder")
    assert trusted(environment) == frozenset()
    remember(environment, [("gateway.example:8443", "MINE")])
    remember(environment, [("other.example", "YOURS"), ("gateway.example:8443", "MINE")])
    assert trusted(environment) == {("gateway.example:8443", "MINE"), ("other.example", "YOURS")}
    path = tmp_path / "new" / "folder" / "glan" / "hosts.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["hosts.toml"]
    assert KEY not in path.read_text(encoding="utf-8")


@settings(max_examples=50, deadline=None)
@given(pair=st.tuples(st.text(max_size=30), st.text(st.characters(exclude_categories=["Cs"]), max_size=30)))
def test_any_name_survives_the_file(tmp_path_factory: pytest.TempPathFactory, pair: tuple[str, str]) -> None:
    """A name of any letters is read back as it was, since a project may call a variable what it likes."""
    environment = environment_of(tmp_path_factory.mktemp("home"))
    host = pair[0].encode("utf-8", "ignore").decode()
    remember(environment, [(host, pair[1])])
    assert trusted(environment) == {(host, pair[1])}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, Path("/x")),
        ({"HOME": "/h"}, Path("/h/.config")),
        ({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}, Path("/h/.config")),
        ({}, None),
    ],
)
def test_the_place_is_the_users(variables: dict[str, str], expected: Path | None) -> None:
    """It follows the process's environment alone, and where that says nothing there is none."""
    environment = Environment(variables=variables)
    assert environment.config_path == expected
    if expected is None:
        assert trusted(environment) == frozenset()
        with pytest.raises(ConfigError, match="no place to remember it"):
            remember(environment, [("h", "V")])


def test_a_projects_own_file_moves_no_memory(tmp_path: Path) -> None:
    """A `.env` that names another place for the user's settings is not believed."""
    (tmp_path / ".env").write_text(f"XDG_CONFIG_HOME={tmp_path}\nHOME={tmp_path}\n", encoding="utf-8")
    assert Environment(tmp_path, variables={}).config_path is None


@pytest.mark.parametrize("text", ["[[allowed]", "[[allowed]]\nhost = 'h'\n", "allowed = 3\n", "\udcff"])
def test_a_memory_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    """Nothing is trusted by a file that is damaged, and the error says which one it is."""
    (tmp_path / "glan").mkdir()
    path = tmp_path / "glan" / "hosts.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"hosts\.toml") as caught:
        trusted(environment_of(tmp_path))
    assert "remove it" in caught.value.hint


def test_a_memory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file in the way of its folder is an error with its path."""
    (tmp_path / "glan").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"hosts\.toml"):
        remember(environment_of(tmp_path), [("h", "V")])


def test_each_host_and_key_is_asked_about_once(tmp_path: Path) -> None:
    """Two stages at one host are one question, two hosts are two; what is remembered or typed is none."""
    environment = environment_of(tmp_path)
    one, two = "m@https://one.example/v1", "n@https://two.example/v1"

    def asked(config: Config, trusted: frozenset[tuple[str, str]] = frozenset()) -> list[tuple[str, str]]:
        return [
            (error.host, error.variable) for error in untrusted(config, environment, Named(spec=None, trusted=trusted))
        ]

    assert asked(config_of(one, one)) == [("one.example", "MINE")]
    assert asked(config_of(one, two)) == [("one.example", "MINE"), ("two.example", "MINE")]
    assert asked(config_of(one), trusted=frozenset({("one.example", "MINE")})) == []
    remember(environment, [("one.example", "MINE"), ("two.example", "YOURS")])
    assert asked(config_of(one, two)) == [("two.example", "MINE")]
    assert asked(config_of("m@http://localhost:8000/v1")) == []
    assert asked(config_of("offline")) == []
    assert asked(Config()) == []


async def test_what_cannot_be_confirmed_is_an_error_at_once(tmp_path: Path) -> None:
    """Plain http and a host that is not allowed are refused, whatever a person would say."""
    environment = environment_of(tmp_path)
    with pytest.raises(ConfigError, match="plain http"):
        untrusted(config_of("m@http://one.example/v1"), environment, Named(spec=None))
    config = config_of("m@https://one.example/v1")
    closed = Config(teachers=config.teachers, network=Network(allow=("localhost",)))
    with pytest.raises(ConfigError, match="not in allow"):
        untrusted(closed, environment, Named(spec=None))
    with pytest.raises(UntrustedError):
        async with opened(config, environment, Named(spec=None)):
            pass
    remember(environment, [("one.example", "MINE")])
    async with opened(config, environment, Named(spec=None)) as panel:
        assert panel.hosts == ("one.example",)
