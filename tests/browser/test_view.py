"""The viewer as a person has it: pages clicked through in a browser, a run watched, and nothing hostile that runs."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clicking import all_on, on, on_heading, open_page, viewed
from commandline import ended_processes, until
from harness import project, run, small
from hostile import hostile
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from glan.project import Project
from glan.teachers.ledger_file import Lock

PAIRS = 60
AXE = Path(__file__).parent / "axe" / "axe.min.js"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished project."""
    leaves = [{"name": "Science", "children": ["Physics", "Biology"]}, "Law"]
    with project(leaves, pairs=PAIRS) as made:
        run(made, small())
        yield Path(shutil.copytree(made, tmp_path_factory.mktemp("viewed") / "data"))


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Where `glan view` shows it."""
    with ended_processes():
        yield viewed(folder)


def assert_quiet(browser: WebDriver, address: str) -> None:
    """Nothing ran but our script, nothing was asked of anybody else, and the browser complains of nothing."""
    assert browser.title != "owned"
    entries: list[Any] = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
    assert entries == []
    fetched = browser.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert all(str(each).startswith(address) for each in fetched)


def test_a_person_walks_the_tree_and_turns_pages(browser: WebDriver, address: str) -> None:
    """From the tree to a subject and its questions, and through the pages of a list by click and by key."""
    open_page(browser, f"{address}/tree")
    assert all_on(browser, ".tree > li > details > summary .title") == ["Science"]
    browser.find_element(By.LINK_TEXT, "Biology").click()
    browser.find_element(By.CSS_SELECTOR, ".bars a").click()
    on(browser, ".sessions summary").click()
    on(browser, ".sessions details[open] a").click()
    assert all("Biology" in each for each in all_on(browser, ".row .about"))

    open_page(browser, f"{address}/pairs")
    assert on(browser, "h1").text == f"Pairs 1-25 of {PAIRS}"
    first = all_on(browser, ".row .head")
    on(browser, "a[rel=next]").click()
    until(lambda: on_heading(browser) == f"Pairs 26-50 of {PAIRS}")
    assert not set(first) & set(all_on(browser, ".row .head"))
    on(browser, "body").send_keys(Keys.ARROW_LEFT)
    until(lambda: on_heading(browser) == f"Pairs 1-25 of {PAIRS}")
    assert all_on(browser, ".row .head") == first
    assert_quiet(browser, address)


def test_a_person_filters_searches_and_reads(browser: WebDriver, address: str) -> None:
    """A filter leaves just what has it, full text finds what holds a word, and a pair shows what was sent for it."""
    browser.set_window_size(1400, 900)
    open_page(browser, f"{address}/pairs")
    choice = Select(on(browser, "select[name=discipline]"))
    [law] = [option.text for option in choice.options if option.text.startswith("Law")]
    choice.select_by_visible_text(law)
    until(lambda: "discipline" in browser.current_url)
    assert law == f"Law ({on(browser, 'h1').text.split()[-1]})"
    assert all(each.startswith("Law") for each in all_on(browser, ".row .about"))
    assert "subject=" not in browser.current_url

    word = all_on(browser, ".row .head")[0].split()[1].strip(",.")
    open_page(browser, f"{address}/")
    on(browser, "body").send_keys("/", word, Keys.ENTER)
    until(lambda: on_heading(browser).startswith("Pairs"))
    marked = all_on(browser, "mark")
    assert marked
    assert {each.casefold() for each in marked if each} == {word.casefold()}
    on(browser, ".row .head").click()
    assert len(all_on(browser, ".step .good")) == 6
    on(browser, ".step:last-of-type summary").click()
    assert on(browser, ".step:last-of-type pre").text in on(browser, ".question").text + on(browser, ".answer").text
    assert_quiet(browser, address)


@pytest.mark.parametrize(("width", "theme"), [(1400, "light"), (500, "dark")])
def test_pages_are_for_everybody(browser: WebDriver, address: str, width: int, theme: str) -> None:
    """At both widths and in both themes axe-core finds nothing serious, and no page is wider than its window."""
    browser.set_window_size(width, 900)
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )
    open_page(browser, f"{address}/pairs?q=when")
    pair = on(browser, ".row .head").get_attribute("href")
    for page in (pair, *(f"{address}{path}" for path in ("/", "/tree", "/pairs?q=when", "/rejects", "/reviews"))):
        open_page(browser, str(page))
        for each in browser.find_elements(By.CSS_SELECTOR, "details"):
            browser.execute_script("arguments[0].open = true", each)
        browser.execute_script(AXE.read_text(encoding="utf-8"))
        found = browser.execute_async_script("axe.run().then(arguments[0])")
        assert [each for each in found["violations"] if each["impact"] in {"serious", "critical"}] == []
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_a_run_in_another_terminal_moves_on_the_page(browser: WebDriver, address: str, folder: Path) -> None:
    """The numbers of the overview follow status.json, also after they could not be had for a while, until the end."""
    opened = Project.open(folder)
    status = {"state": "running", "pairs": 12, "wanted": 99, "in_flight": 5, "asked": {"answers": 12}}
    ended = opened.status() or {}
    lock = Lock(opened.ledger_path)
    try:
        opened.write_status(status)
        open_page(browser, f"{address}/")
        assert on(browser, "#live-h").text == "A run goes on"
        browser.execute_script("window.isTheSame = true")
        opened.write_status({**status, "pairs": 34, "in_flight": 6})
        until(lambda: on(browser, "[data-text=pairs]").text == "34 of 99")
        assert on(browser, "[data-text=in-flight]").text == "6"
        browser.execute_script("window.kept = fetch; window.fetch = () => Promise.reject(new Error('away'))")
        until(lambda: bool(all_on(browser, ".live.away")))
        browser.execute_script("window.fetch = window.kept")
        until(lambda: not all_on(browser, ".live.away"))
        assert float(on(browser, "#share").get_attribute("value") or 0) == pytest.approx(34 / 99)
        assert browser.execute_script("return window.isTheSame")
    finally:
        lock.release()
    opened.write_status(ended)
    until(lambda: "The last run has ended" in browser.page_source)
    assert_quiet(browser, address)


def test_hostile_text_does_nothing_in_a_browser(browser: WebDriver) -> None:
    """On the pages of a project whose every text is harmful nothing runs, and the browser has nothing to refuse."""
    with hostile() as folder, ended_processes():
        address = viewed(folder)
        for path in ("/", "/tree", "/pairs", "/rejects", "/failures", "/reviews", "/pairs?q=gnp.exe"):
            open_page(browser, f"{address}{path}")
            assert "owned" in browser.page_source
            assert_quiet(browser, address)
        open_page(browser, f"{address}/pairs")
        on(browser, ".row .head").click()
        for each in browser.find_elements(By.CSS_SELECTOR, "details"):
            browser.execute_script("arguments[0].open = true", each)
        assert "<script>" in on(browser, ".answer").text
        browser.set_window_size(500, 900)
        assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
        assert_quiet(browser, address)
        on(browser, ".crumbs a[href^='/subject']").click()
        assert_quiet(browser, address)
