"""The forms as a person has them: opened from disk in a browser, filled in by clicks and keys, saved, and read."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from glan.reviews import hash_of
from glan.show.ballots import read_ballot, read_judgements
from glan.show.forms import Pair, pair_form, vote_form
from glan.taxonomy.tree import Taxonomy
from glan.taxonomy.votes import Vote, elements_of, tree_hash

HOSTILE = (
    '<script>document.title = "owned"</script><img src="http://127.0.0.1:9/x" onerror="document.title = \'owned\'">'
    "\" onerror='alert(1)' x=\"</textarea></script><!-- {{ 7 * 7 }} \u202egnp.exe\u202c \u2028 \x00"
)
TREE = """
taxonomy:
  - name: Science
    children:
      - Physics
      - name: Astrology
        notes: not a science
      - {name: Optics, subjects: [Lenses, Mirrors]}
  - name: "<b onmouseover=alert(1)>Crafts</b> \\" onerror=\\"x"
    children: ["</script><script>document.title='owned'</script>", Weaving]
"""
ELEMENTS = elements_of(Taxonomy.parse(TREE, "tree"))
PAIRS = [
    Pair(id=f"question/leaf/subject/{i}", sha256=hash_of(question, answer), node=node, question=question, answer=answer)
    for i, (node, question, answer) in enumerate(
        [
            ("Science / Physics", "How fast is light?", "3e8 km/s."),
            (
                "Science / Physics",
                "Why?\n```\ndef f(x):\n\treturn x  # <b>\n```\n\n|a|b|",
                "It returns  x.\n\n    indented",
            ),
            (HOSTILE, HOSTILE, HOSTILE),
        ]
    )
]


@pytest.fixture
def opened(browser: WebDriver, tmp_path: Path) -> Callable[[bytes], Path]:
    """Open a page from disk."""

    def opening(page: bytes) -> Path:
        path = tmp_path / "form.html"
        path.write_bytes(page)
        browser.get(path.as_uri())
        return path

    return opening


def on(browser: WebDriver, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def button(browser: WebDriver, id_: str, name: str) -> WebElement:
    return on(browser, f'[data-id="{id_}"] button.{name}')


def press(browser: WebDriver, *keys: str) -> None:
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def told(browser: WebDriver) -> str:
    return on(browser, "#message").text


def saved(folder: Path) -> Path:
    """Wait for the one file that the browser saves."""
    end_s = time.monotonic() + 60
    while not (found := [*folder.glob("*.json")]):
        assert time.monotonic() < end_s, "Nothing was saved."
        time.sleep(0.01)
    [path] = found
    return path


def is_warned_on_leaving(browser: WebDriver) -> bool:
    script = (
        "const e = new Event('beforeunload', {cancelable: true}); window.dispatchEvent(e); return e.defaultPrevented"
    )
    return bool(browser.execute_script(script))


def assert_harmless(browser: WebDriver, page: Path) -> None:
    """Nothing ran but the form's own script, nothing was asked of a network, and the browser complains of nothing."""
    assert "owned" not in browser.title
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's own
    logged = browser.get_log("performance")  # type: ignore[no-untyped-call]  # selenium's own
    events = [json.loads(entry["message"])["message"] for entry in logged]
    asked = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    by_page = {each["request"]["url"] for each in asked if each["documentURL"] == page.as_uri()}
    assert {url for url in by_page if not url.startswith("blob:")} == {page.as_uri()}


def test_votes_are_cast_by_clicks_and_keys_saved_and_read(
    browser: WebDriver, opened: Callable[[bytes], Path], downloads: Path
) -> None:
    """What a person clicks and types is what `glan` reads, and names with markup in them are shown as they are."""
    page = opened(vote_form(ELEMENTS, name="<i>mine</i>"))
    assert on(browser, "h1").text == "Vote on the topics of <i>mine</i>"
    assert on(browser, "#count").text == f"0 of {len(ELEMENTS)} voted on"
    assert "</script><script>document.title='owned'</script>" in on(browser, "#list").text
    button(browser, "/science/astrology", "remove").click()
    button(browser, "/science/physics", "keep").click()
    on(browser, '[data-id="/science/physics"]').click()
    press(browser, Keys.ARROW_DOWN, "c")
    press(browser, "No *evidence* =1+1", Keys.ENTER)
    press(browser, Keys.ARROW_DOWN, Keys.ARROW_DOWN, "r", "n")
    assert browser.switch_to.active_element.get_attribute("data-id") == "/science/optics:mirrors"
    press(browser, "k", "u")
    assert on(browser, "#count").text == f"3 of {len(ELEMENTS)} voted on"
    assert is_warned_on_leaving(browser)
    on(browser, "#save").click()
    assert "name first" in told(browser)
    on(browser, "#name").send_keys("Zoë ../../x")
    on(browser, "#save").click()
    path = saved(downloads)
    assert path.name == "ballot-zoë-x.json"
    assert path.name in told(browser)
    assert not is_warned_on_leaving(browser)
    ballot = read_ballot(path)
    assert (ballot.voter, ballot.kind, ballot.tree) == ("Zoë ../../x", "person", tree_hash(ELEMENTS))
    assert ballot.votes == {
        "/science/physics": Vote(choice="keep"),
        "/science/astrology": Vote(choice="remove", comment="No *evidence* =1+1"),
        "/science/optics:lenses": Vote(choice="remove"),
    }
    assert_harmless(browser, page)


def test_branches_fold_and_a_saved_ballot_goes_on(
    browser: WebDriver, opened: Callable[[bytes], Path], tmp_path: Path
) -> None:
    """The arrow keys fold a branch; a saved ballot fills the form, and what is not in this tree is told."""
    opened(vote_form(ELEMENTS, name="mine"))
    ballot = {
        "format": "glan ballot 1",
        "tree": "of another",
        "voter": "Ann",
        "votes": [
            {"id": "/science", "vote": "remove", "comment": "too wide"},
            {"id": "/science/alchemy", "vote": "keep", "comment": ""},
        ],
    }
    (tmp_path / "ann.json").write_text(json.dumps(ballot))
    on(browser, "#load").send_keys(str(tmp_path / "ann.json"))
    end_s = time.monotonic() + 60
    while "left out" not in told(browser):
        assert time.monotonic() < end_s, told(browser)
    assert "1 are on topics that are not here" in told(browser)
    assert on(browser, "#name").get_attribute("value") == "Ann"
    assert on(browser, "#count").text == f"1 of {len(ELEMENTS)} voted on"
    assert on(browser, '[data-id="/science"] .comment').get_attribute("value") == "too wide"
    on(browser, '[data-id="/science"] .title').click()
    press(browser, Keys.ARROW_LEFT)
    assert not on(browser, '[data-id="/science/physics"]').is_displayed()
    press(browser, Keys.ARROW_RIGHT)
    assert on(browser, '[data-id="/science/physics"]').is_displayed()


def test_pairs_are_judged_by_clicks_and_keys_saved_and_read(
    browser: WebDriver, opened: Callable[[bytes], Path], downloads: Path
) -> None:
    """Verdicts, reasons and corrected texts come back as they were given, and a hostile text does nothing."""
    page = opened(pair_form(PAIRS, name="mine"))
    shown = [each.get_attribute("textContent") for each in browser.find_elements(By.CSS_SELECTOR, ".text")]
    assert shown[2] == PAIRS[1].question
    assert shown[5] is not None
    assert shown[5].startswith("<script>document.title")
    assert "\u27e8U+202E\u27e9gnp.exe" in shown[5]
    press(browser, "n", "f")
    corrected = browser.switch_to.active_element
    corrected.clear()
    corrected.send_keys("3e8 m/s.\n</textarea><script>document.title = 'owned'</script>")
    press(browser, Keys.ESCAPE, "c")
    press(browser, "wrong unit", Keys.ESCAPE, "n", "k", "n", "d")
    assert on(browser, "#count").text == "3 of 3 judged"
    on(browser, "#name").send_keys("Ben")
    on(browser, "#save").click()
    path = saved(downloads)
    assert path.name == "judgements-ben.json"
    first, second, third = read_judgements(path)
    assert (first.verdict, first.reason, first.question) == ("fix", "wrong unit", None)
    assert first.answer == "3e8 m/s.\n</textarea><script>document.title = 'owned'</script>"
    assert [(each.id, each.sha256) for each in (first, second, third)] == [(pair.id, pair.sha256) for pair in PAIRS]
    assert (second.verdict, third.verdict, third.reviewer) == ("keep", "drop", "Ben")
    assert_harmless(browser, page)


def test_a_pair_is_not_saved_as_fixed_without_a_correction(browser: WebDriver, opened: Callable[[bytes], Path]) -> None:
    """Who says fix and corrects nothing is told which pair that is, and nothing is saved."""
    opened(pair_form(PAIRS, name="mine"))
    button(browser, PAIRS[1].id, "fix").click()
    on(browser, "#name").send_keys("Ben")
    on(browser, "#save").click()
    assert told(browser).startswith("Pair 2 is to be fixed")
    assert is_warned_on_leaving(browser)


def test_a_reason_without_a_verdict_is_not_left_out_in_silence(
    browser: WebDriver, opened: Callable[[bytes], Path], downloads: Path
) -> None:
    """Who writes why, and not what, is told which pair that is; with a verdict the reason is saved."""
    opened(pair_form(PAIRS, name="mine"))
    on(browser, f'[data-id="{PAIRS[1].id}"] .reason').send_keys("wrong unit")
    on(browser, "#name").send_keys("Ben")
    on(browser, "#save").click()
    assert told(browser).startswith("Pair 2 has a reason, but no verdict")
    assert list(downloads.iterdir()) == []
    button(browser, PAIRS[1].id, "drop").click()
    on(browser, "#save").click()
    [judged] = read_judgements(saved(downloads))
    assert (judged.id, judged.verdict, judged.reason) == (PAIRS[1].id, "drop", "wrong unit")


def test_the_policy_of_the_page_lets_nothing_else_run(browser: WebDriver, opened: Callable[[bytes], Path]) -> None:
    """A script, a handler or an image that got into the page after all is stopped by the browser."""
    owned = b"document.title = 'owned'"
    hostile = b'<script>%b</script><img src="http://127.0.0.1:9/x" onerror="%b"><noscript>' % (owned, owned)
    opened(vote_form(ELEMENTS, name="mine").replace(b"<noscript>", hostile))
    assert "owned" not in browser.title
    entries: list[Any] = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
    stopped = [entry["message"] for entry in entries if "Content Security Policy" in entry["message"]]
    assert len(stopped) == len(entries) >= 2
