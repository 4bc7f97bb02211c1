"""What people install: the wheel has everything that the package reads, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import glan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the names of the files in a wheel that was just built."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stdout + built.stderr
    [wheel] = out.glob("*.whl")
    assert wheel.name == f"glan-{glan.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def test_the_wheel_has_every_file_of_the_package(names: set[str]) -> None:
    """Modules and the data beside them are in the wheel: no more, no less."""
    source = ROOT / "src"
    files = (path for path in (source / "glan").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert names == {path.relative_to(source).as_posix() for path in files}


@pytest.mark.parametrize(
    ("folder", "suffix", "least"),
    [
        ("prompts", ".md.j2", 7),
        ("recipes", ".toml", 3),
        ("taxonomy", ".yaml", 1),
        ("teachers/offline/textbook", ".toml", 5),
    ],
)
def test_the_wheel_has_the_words_that_glan_reads(names: set[str], folder: str, suffix: str, least: int) -> None:
    """Prompts, recipes, trees and the textbook travel with the code."""
    assert sum(name.startswith(f"glan/{folder}/") and name.endswith(suffix) for name in names) >= least


def test_the_wheel_says_that_it_is_typed_and_has_no_tests(names: set[str]) -> None:
    """Type checkers find the types, providers are there, and nothing of the tests is."""
    assert {"glan/py.typed", "glan/teachers/providers.toml", "glan/__main__.py"} <= names
    assert not any("test" in Path(name).parts[0] or name.startswith(("tests/", "benchmarks/")) for name in names)
