"""A question and an answer in many languages, for the tests of curation."""

import tomllib
from pathlib import Path

SAYINGS: dict[str, tuple[str, str]] = {
    code: (found["question"], found["answer"])
    for code, found in tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")).items()
}
"""By the code of the language."""
