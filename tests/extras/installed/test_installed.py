"""What a stranger gets: the sdist makes the wheel, the wheel makes an environment of its own, and that makes data."""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import glan

ROOT = Path(__file__).parents[3]
_MOST_DISTRIBUTIONS = 35
_MOST_BYTES = 100_000_000
"""What the core may take beside pyarrow and numpy; docs/dependencies.md has what takes it."""
_BESIDE = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence", "pyarrow", "numpy")


def _done(*command: object, cwd: Path, timeout_s: float = 400) -> str:
    variables = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "LANG": "C.UTF-8"}
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=variables,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return an sdist and the wheel that was made from it, as `python -m build` does it."""
    out = tmp_path_factory.mktemp("dist")
    _done(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    [sdist], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def environment(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an environment that has the wheel and what it asks for."""
    home = tmp_path_factory.mktemp("installed")
    _done(sys.executable, "-m", "venv", home / "env", cwd=home)
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    _done(home / "env/bin/python", *pip, built[1], cwd=home)
    return home / "env"


def test_the_sdist_has_what_the_wheel_is_made_of(built: tuple[Path, Path]) -> None:
    """The sdist has sources, docs and licence, and neither archive names a folder of the machine that made it."""
    sdist, wheel = built
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        texts = [file.read() for member in archive if (file := archive.extractfile(member)) is not None]
    assert {"LICENSE", "README.md", "SECURITY.md", "pyproject.toml", "docs/teachers.md"} <= names
    files = (path for path in (ROOT / "src/glan").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert {path.relative_to(ROOT).as_posix() for path in files} <= names
    with zipfile.ZipFile(wheel) as archive_of_wheel:
        texts += [archive_of_wheel.read(name) for name in archive_of_wheel.namelist()]
    assert not [text[:80] for text in texts if str(ROOT).encode() in text]


def test_the_installed_program_makes_a_data_set(environment: Path, tmp_path: Path) -> None:
    """A fresh environment and the README's first lines make 200 pairs, and a project of one's own 20 more."""
    program = environment / "bin" / "glan"
    assert _done(program, "--version", cwd=tmp_path) == f"glan, version {glan.__version__}\n"
    _done(program, "demo", cwd=tmp_path)
    assert json.loads((tmp_path / "glan-demo/manifest.json").read_bytes())["slots"]["pairs"] == 200
    _done(program, "init", "mine", "--pairs", "20", "--disciplines", "Astronomy", cwd=tmp_path)
    _done(program, "run", "--project", "mine", "--teacher", "offline", cwd=tmp_path)
    assert json.loads((tmp_path / "mine/manifest.json").read_bytes())["slots"]["pairs"] == 20


def test_what_is_installed_fits_together_and_stays_small(environment: Path, tmp_path: Path) -> None:
    """What the wheel asks for has no conflicts, is few, and takes little beside pyarrow and numpy."""
    python = environment / "bin" / "python"
    _done(python, "-m", "pip", "check", cwd=tmp_path)
    listed = json.loads(_done(python, "-m", "pip", "list", "--format", "json", cwd=tmp_path))
    assert len({each["name"] for each in listed} - {"pip", "setuptools"}) < _MOST_DISTRIBUTIONS
    [packages] = (environment / "lib").glob("python3*/site-packages")
    kept = (path for path in packages.iterdir() if not path.name.startswith(_BESIDE))
    files = (file for path in kept for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
    assert sum(file.stat().st_size for file in files) < _MOST_BYTES


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (("train", "--base", "nobody/nothing"), "train"),
        (("leakage", "nobody/nothing", "--train", "a.jsonl", "--test", "a.jsonl"), "eval"),
        (("push", "nobody/nothing"), "hub"),
        (("benchmarks", "fetch", "gsm8k"), "benchmarks"),
    ],
)
def test_what_is_not_installed_is_named(
    environment: Path, tmp_path: Path, command: tuple[str, ...], extra: str
) -> None:
    """A command of an extra says in one line what to install, and shows no traceback."""
    program = environment / "bin" / "glan"
    (tmp_path / "a.jsonl").write_text('{"question": "What?", "answer": "That."}\n')
    _done(program, "demo", "made", "--pairs", "20", cwd=tmp_path)
    project = () if command[0] == "leakage" else ("--project", "made")
    ended = subprocess.run(
        [program, *command, *project], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=200
    )
    assert ended.returncode == 1
    assert f"pip install 'glan[{extra}]'" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
