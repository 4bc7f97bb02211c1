"""The examiner in a process of its own: the same verdicts, and an end that is heard of on either side."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glan.curate.beside import WORTH_PAIRS, Beside, examining
from glan.curate.examiner import Examiner, Here
from glan.curate.quality import Text
from glan.errors import CurationError
from glan.settings import Curation

ALWAYS = Curation(beside="always", max_question_length=200)
WORDS = [
    "light",
    "bends",
    "when",
    "it",
    "enters",
    "glass",
    "why",
    "\udcff",
    "\u00e9",
    "I'm sorry, but I can't help you.",
]
TEXTS = st.builds(
    Text,
    text=st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join),
    finish_reason=st.sampled_from(["stop", "length", None]),
    max_length=st.sampled_from([None, 40]),
    question=st.sampled_from([None, "why light bends", "\udcff"]),
    language=st.sampled_from([None, "en"]),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.lists(TEXTS, max_size=6)), max_size=5))
def test_verdicts_are_those_of_the_examiner_in_this_process(groups: list[tuple[bool, list[Text]]]) -> None:
    """Whatever is asked, and in whatever order, the other process finds what this one would."""

    async def found() -> list[object]:
        async with examining(ALWAYS, pairs=1) as examiner:
            assert isinstance(examiner, Beside)
            asked = [examiner.questions(texts) if are_q else examiner.answers(texts) for are_q, texts in groups]
            return [*await asyncio.gather(*asked)]

    here = Examiner(ALWAYS)
    assert asyncio.run(found()) == [here.questions(texts) if are_q else here.answers(texts) for are_q, texts in groups]


@pytest.mark.parametrize(
    ("curation", "pairs", "expected"),
    [
        pytest.param(Curation(), WORTH_PAIRS - 1, {Here}, id="few pairs"),
        pytest.param(Curation(), WORTH_PAIRS, {Beside} if len(os.sched_getaffinity(0)) > 1 else {Here}, id="many"),
        pytest.param(Curation(beside="never"), 10**9, {Here}, id="never"),
        pytest.param(Curation(beside="always"), 1, {Beside}, id="always"),
    ],
)
async def test_a_process_is_started_where_it_is_worth_it(curation: Curation, pairs: int, expected: set[type]) -> None:
    """By itself only for many pairs and where there is a second core; a setting says always or never."""
    async with examining(curation, pairs=pairs) as examiner:
        assert {type(examiner)} == expected


async def test_whoever_waits_hears_that_the_process_was_killed() -> None:
    """A killed examiner is an error for who waits and for who comes later, with the way out."""
    others = set(psutil.Process().children())  # such as what Python keeps for other tests that start processes
    async with examining(ALWAYS, pairs=1) as examiner:
        (child,) = set(psutil.Process().children()) - others
        child.send_signal(signal.SIGSTOP)  # so that it cannot answer before it is killed
        waiting = asyncio.create_task(examiner.answers([Text(text="x")]))
        await asyncio.sleep(0.01)
        child.kill()
        with pytest.raises(CurationError, match="has ended") as caught:
            await waiting
        assert "glan run" in caught.value.hint
        with pytest.raises(CurationError, match="has ended"):
            await examiner.questions([Text(text="x")])


async def test_nothing_is_left_when_it_is_no_longer_needed() -> None:
    """The process ends with the block, also where that ends by an error."""
    others = set(psutil.Process().children())
    with contextlib.suppress(ZeroDivisionError):
        async with examining(ALWAYS, pairs=1):
            assert set(psutil.Process().children()) - others
            raise ZeroDivisionError
    assert set(psutil.Process().children()) <= others


def test_it_ends_when_the_run_is_killed() -> None:
    """No process stays behind a run that had no time to say goodbye."""
    program = (
        "import asyncio\nfrom glan.config import Curation\nfrom glan.curate.beside import examining\n"
        "async def main():\n    async with examining(Curation(beside='always'), pairs=1):\n"
        "        print('ready', flush=True)\n        await asyncio.sleep(60)\nasyncio.run(main())\n"
    )
    run = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"ready\n"
        (child,) = psutil.Process(run.pid).children()
        run.kill()
    deadline = time.monotonic() + 20
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_the_current_folder_is_no_place_for_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module in a stranger's folder is not loaded, whatever its name."""
    for name in ("numpy", "msgspec", "glan"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('loaded from the current folder')")
    monkeypatch.chdir(tmp_path)
    async with examining(ALWAYS, pairs=1) as examiner:
        assert isinstance(examiner, Beside)
        assert await examiner.answers([Text(text="Light bends.")]) == [None]
