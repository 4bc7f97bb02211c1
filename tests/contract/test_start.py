"""A command line starts at once, and the package loads nothing heavy before it is needed."""

import subprocess
import sys

import pytest

HEAVY = (
    "pyarrow", "numpy", "torch", "pyreqwest", "starlette", "uvicorn", "rich", "genai_prices", "jinja2", "pydantic",
    "huggingface_hub",
)  # fmt: skip


@pytest.mark.parametrize("code", ["import glan", "from glan.cli import cli; cli(['--help'], standalone_mode=False)"])
def test_nothing_heavy_is_loaded(code: str) -> None:
    """Neither `import glan` nor `glan --help` loads an HTTP client, pyarrow, numpy or torch."""
    script = f"import sys; {code}; print('LOADED', *sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]
