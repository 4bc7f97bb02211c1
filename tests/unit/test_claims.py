"""What a data set may claim follows from its settings: each line stands only while it is true."""

from pathlib import Path

import pytest

from glan import claims
from glan.against import Against
from glan.benchmarks.store import Benchmarks
from glan.config import Config, parse_config

NOT_DONE = {
    "No model judged the pairs.": "[curation.critic]\nenabled = true",
    "Each question was answered once": "[curation.agreement]\nsamples = 3",
    "No model rated beforehand": "[questions.rating]\nenabled = true",
    "Copies in meaning were not looked for": "[curation.embeddings]\nenabled = true",
    "No guard model looked": "[curation.safety]\nenabled = true",
    "Personal data was not looked for.": '[curation]\npii = "mark"',
}
"""The beginning of each line that stands there by default, and the setting that makes it untrue."""
DONE = {
    "Near copies were not looked for.": "[curation]\nnear_duplicates = 0",
    "The language of the texts was not checked.": 'language = "Klingon"',
    "Replies were kept although the server had cut their prompt.": '[curation]\ncut_prompts = "keep"',
}
"""Lines that stand there only where a setting makes them true."""


def not_done(settings: str, folder: Path) -> list[str]:
    config = parse_config(settings, source="here")
    return [*claims.not_done(config, Against(Benchmarks(folder)), has_idle_rules=False)]


@pytest.mark.parametrize(("line", "settings"), NOT_DONE.items())
def test_a_line_goes_when_it_is_done(line: str, settings: str, tmp_path: Path) -> None:
    """What was not done stands there by default, and is gone with the setting that does it."""
    assert any(each.startswith(line) for each in not_done("", tmp_path))
    assert not any(each.startswith(line) for each in not_done(settings, tmp_path))


@pytest.mark.parametrize(("line", "settings"), DONE.items())
def test_a_line_comes_when_it_is_left_out(line: str, settings: str, tmp_path: Path) -> None:
    """What is done by default is denied where a setting leaves it out."""
    assert line not in not_done("", tmp_path)
    assert line in not_done(settings, tmp_path)


def test_nobody_verified_anything(tmp_path: Path) -> None:
    """No setting makes answers true, and benchmarks that are not there are named."""
    found = not_done("\n".join(NOT_DONE.values()), tmp_path)
    assert found[0].startswith("Not checked against: HumanEval, ")
    assert "The answers were not verified: some will be wrong." in found


def test_what_was_checked_is_claimed_once(tmp_path: Path) -> None:
    """Personal data, copies, language and the project's own rules are claimed where they were looked at."""
    against = Against(Benchmarks(tmp_path))
    assert len(claims.checked(Config(), against, None)) == 4
    settings = 'language = "Klingon"\n[curation]\npii = "reject"\nnear_duplicates = 0'
    found = claims.checked(parse_config(settings, source="here"), against, (2, 1))
    assert found[2].startswith("Personal data, rejected: ")
    assert found[3] == "The project's own rules.py: 2 rules on questions, 1 on answers."
