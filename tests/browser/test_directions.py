"""Texts from right to left, as a person sees them in the viewer, the report and the forms."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import CommandLine, ended_processes, until
from harness import project, run, small
from msgspec.structs import replace
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By

from glan.cli.reports import write_report
from glan.places import seed_of
from glan.project import Project
from glan.records import Reply, Request, Stage
from glan.reviews import hash_of
from glan.show.forms import Pair, pair_form

SAID = """מה מאירים הכוכבים, ומדוע?

In one sentence of English.

- مرحبا بالعالم
- a second item

```
x = 1
```
"""
_SIDE = """
    const walker = document.createTreeWalker(arguments[0], NodeFilter.SHOW_TEXT);
    let node;
    do { node = walker.nextNode(); } while (node && !node.textContent.trim());
    const range = document.createRange();
    const first = node.textContent.search(/\\S/);
    range.setStart(node, first);
    range.setEnd(node, first + 1);
    const letter = range.getBoundingClientRect(), box = arguments[0].getBoundingClientRect();
    return (letter.left + letter.right) / 2 > (box.left + box.right) / 2 ? "right" : "left";
"""
"""On which side of its block the first letter of a text stands."""


class Writing:
    """A teacher that writes in Hebrew, English and Arabic by turns."""

    model = "filler"

    def __init__(self) -> None:
        self._filler = small()

    async def reply(self, request: Request) -> Reply:
        reply = await self._filler.reply(request)
        if request.stage not in {Stage.QUESTIONS, Stage.ANSWERS}:
            return reply
        return replace(reply, text=f"{SAID}\n{seed_of(request.id)}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished project with a report."""
    settings = {"languages": {"he": 1}, "curation_near_duplicates": 0, "curation_wrong_language": "keep"}
    with project(["Astronomy"], pairs=3, plan_drafts=1, **settings) as made:
        run(made, Writing())
        opened = Project.open(made)
        write_report(opened, opened.report_path)
        yield Path(shutil.copytree(made, tmp_path_factory.mktemp("viewed") / "data"))


def sides(browser: WebDriver, within: str) -> list[str]:
    """Return where the paragraphs, the items and the code of a text begin."""
    blocks = browser.find_elements(By.CSS_SELECTOR, f"{within} :is(p, li, pre)")
    return [browser.execute_script(_SIDE, block) for block in blocks][:5]


BY_SCRIPT = ["right", "left", "right", "left", "left"]


def test_the_viewer_begins_each_block_where_its_script_does(browser: WebDriver, folder: Path) -> None:
    """Hebrew begins at the right, a sentence of English and code in it at the left; what is typed likewise."""
    with ended_processes():
        begun = CommandLine(home=folder.parent, key=None).begin("view", "--project", folder, "--port", 0)
        assert begun.process.stdout is not None
        address = begun.process.stdout.readline().split(" on ")[-1].strip().rstrip("/")
        browser.get(f"{address}/pairs?q=כוכבים")
        until(lambda: bool(browser.find_elements(By.CSS_SELECTOR, ".row .head")))
        found = browser.find_element(By.CSS_SELECTOR, ".row .snippet")
        assert browser.execute_script("return getComputedStyle(arguments[0]).direction", found) == "rtl"
        typed = browser.find_element(By.CSS_SELECTOR, "[name=q]")
        assert browser.execute_script("return getComputedStyle(arguments[0]).direction", typed) == "rtl"
        browser.find_element(By.CSS_SELECTOR, ".row .head").click()
        until(lambda: bool(browser.find_elements(By.CSS_SELECTOR, ".question .text")))
        assert sides(browser, ".question .text") == BY_SCRIPT
        assert sides(browser, ".answer .text") == BY_SCRIPT


def test_the_report_begins_each_block_where_its_script_does(browser: WebDriver, folder: Path) -> None:
    """The same on the page that is opened from disk."""
    browser.get((folder / "report.html").as_uri())
    assert sides(browser, ".said.question") == BY_SCRIPT


def test_the_form_begins_each_line_where_its_script_does(browser: WebDriver, tmp_path: Path) -> None:
    """A pair to be judged has its Hebrew at the right and its code at the left, and so has the reason that is typed."""
    pair = Pair(id="question/a/b/0", sha256=hash_of(SAID, SAID), node="Astronomy", question=SAID, answer=SAID)
    (tmp_path / "form.html").write_bytes(pair_form([pair], name="mine"))
    browser.get((tmp_path / "form.html").as_uri())
    text = browser.find_element(By.CSS_SELECTOR, ".text")
    assert browser.execute_script(_SIDE, text) == "right"
    code = text.find_element(By.CSS_SELECTOR, ".code")
    assert browser.execute_script("return getComputedStyle(arguments[0]).direction", code) == "ltr"
    reason = browser.find_element(By.CSS_SELECTOR, "input.reason")
    reason.send_keys("שגוי")
    assert browser.execute_script("return getComputedStyle(arguments[0]).direction", reason) == "rtl"
