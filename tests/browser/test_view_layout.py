"""What is long or wide on the viewer's pages: nothing is cut, no word of a table is broken, a phone shows it all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from clicking import open_page, viewed
from commandline import ended_processes, until
from harness import project, run, small
from msgspec.structs import replace
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from glan.errors import RequestError
from glan.records import Reply, Request, Stage
from glan.teachers.base import Teacher

LONG = "x" * 300
TABLE = "\n\n| Kind | Width in millimetres | Cost | Material |\n|---|---|---|---|\n| bolt | 12.5 | 3% | `steel_304` |\n"
FORMULA = "\n\n$$" + " + ".join(f"\\binom{{n}}{{{k}}} a^{{{k}}}" for k in range(20)) + "$$\n"
LINES = """
const walker = document.createTreeWalker(document.querySelector(".text table"), NodeFilter.SHOW_TEXT);
const found = {};
while (walker.nextNode()) {
  const range = document.createRange();
  for (const word of walker.currentNode.data.matchAll(/\\S+/g)) {
    range.setStart(walker.currentNode, word.index);
    range.setEnd(walker.currentNode, word.index + word[0].length);
    if (range.getClientRects().length > 1) found[word[0]] = range.getClientRects().length;
  }
}
return found;
"""
"""Gives the words of the first table that stand on several lines."""


class Wide:
    """Gives answers with a table and a formula that are wider than a phone, and fails with one very long word."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher

    async def reply(self, request: Request) -> Reply:
        if request.stage is Stage.ANSWERS and request.id.endswith("/2"):
            raise RequestError(f"The server says {LONG}")
        reply = await self._teacher.reply(request)
        return replace(reply, text=reply.text + TABLE + FORMULA) if request.stage is Stage.ANSWERS else reply


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where `glan view` shows a project of such answers."""
    with project([{"name": "Science", "children": ["Physics"]}, "Law"], pairs=6) as folder, ended_processes():
        run(folder, Wide(small()))
        yield viewed(Path(folder))


@pytest.mark.parametrize("width", [390, 1200])
def test_no_page_is_wider_than_its_window(browser: WebDriver, address: str, width: int) -> None:
    """A long reason is broken into lines, and a wide formula or table moves by itself, with its words whole."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    open_page(browser, f"{address}/pairs")
    pair = browser.find_element(By.CSS_SELECTOR, ".row .head").get_attribute("href")
    open_page(browser, f"{address}/rejects?outcome==failure")
    failure = browser.find_element(By.CSS_SELECTOR, ".row .head").get_attribute("href")
    for page in (f"{address}/", f"{address}/rejects", f"{address}/failures", str(failure), str(pair)):
        open_page(browser, page)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), page
    assert browser.execute_script(LINES) == {}


def test_arrows_move_a_wide_table_that_has_the_focus(browser: WebDriver, address: str) -> None:
    """By keyboard a table is moved to its end, and the next pair is not opened instead."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    open_page(browser, f"{address}/pairs")
    browser.find_element(By.CSS_SELECTOR, ".row .head").click()
    table = browser.find_element(By.CSS_SELECTOR, ".text table")
    browser.execute_script("arguments[0].focus()", table)
    here = browser.current_url
    table.send_keys(Keys.ARROW_RIGHT)
    until(lambda: bool(browser.execute_script("return arguments[0].scrollLeft", table)))
    assert browser.current_url == here
    browser.execute_script("arguments[0].blur()", table)
    browser.find_element(By.CSS_SELECTOR, "body").send_keys(Keys.ARROW_RIGHT)
    until(lambda: browser.current_url != here)


def test_what_became_of_a_nodes_slots_stands_beside_its_bar(browser: WebDriver, address: str) -> None:
    """The numbers of pairs, rejects and failures of a field are one line at its end, and all bars are of one scale."""
    browser.set_window_size(1300, 900)
    open_page(browser, f"{address}/")
    lines = [
        (each.find_element(By.CSS_SELECTOR, ".bar"), each.find_elements(By.CSS_SELECTOR, ".count"))
        for each in browser.find_elements(By.CSS_SELECTOR, ".bars li")
    ]
    assert max(len(counts) for _, counts in lines) > 1
    assert len({bar.size["width"] for bar, _ in lines}) == 1
    for bar, counts in lines:
        assert len({count.location["y"] for count in counts}) == 1
        assert all(count.location["x"] > bar.location["x"] for count in counts)


def test_a_field_of_the_overview_opens_in_the_tree(browser: WebDriver) -> None:
    """In a tree of many fields, which are closed, the one that was chosen is open and in sight."""
    fields: list[object] = [{"name": f"Field {i}", "children": [f"Leaf {i}", f"Bud {i}"]} for i in range(30)]
    with project(fields, pairs=3) as folder, ended_processes():
        run(folder, small())
        address = viewed(Path(folder))
        open_page(browser, f"{address}/tree")
        open_page(browser, f"{address}/")
        browser.find_element(By.LINK_TEXT, "Field 20").click()
        until(lambda: bool(browser.find_elements(By.LINK_TEXT, "Leaf 20")))
        assert browser.find_elements(By.LINK_TEXT, "Leaf 19") == []
        place = browser.find_element(By.LINK_TEXT, "Leaf 20")
        assert browser.execute_script("return arguments[0].getBoundingClientRect().top", place) < 900
