"""The report as a person has it: opened from disk, its charts there and right, its tree walked by click and key."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from harness import CONTENT, manifest, project, run, small
from hostile import hostile
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from glan.cli.reports import write_report
from glan.project import Project
from glan.teachers.faults import Faulty

AXE = Path(__file__).parent / "axe" / "axe.min.js"
CHARTS = ("tree", "coverage", "mix", "questions", "answers", "reasons", "spent")
LEAVES = [{"name": "Science", "children": ["Physics", "Law"]}, {"name": "Arts", "children": ["Music"]}]
PAIRS = 40
_DRAWN = """
    return [...document.querySelectorAll("canvas")].filter((canvas) => {
        const blank = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
        return canvas.toDataURL() !== blank.toDataURL();
    }).map((canvas) => canvas.closest(".chart").id.slice(6));
"""
"""The charts on which something is drawn."""
_AXES = """
    return Object.fromEntries(Object.entries(options).map(([name, make]) => {
        const { xAxis, yAxis } = make();
        return [name, [xAxis, yAxis].filter((each) => each && each.type === "value")];
    }));
"""
"""Of each chart its axes of numbers."""


_PAINTED = """
    const cells = options.tree().series[0].data.flatMap((each) => each.children || [each]);
    const bars = options.mix().series;
    return [
        ...cells.map((each) => [each.itemStyle.color, each.label.color]),
        ...bars.map((each) => [each.itemStyle.color, each.label.color]),
    ];
"""
"""The colours of what bears names, each with that of the name."""


def rgb_of(colour: str) -> list[int]:
    if colour.startswith("#"):
        return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return [int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]


def contrast(one: list[int], other: list[int]) -> float:
    """Return the contrast of two colours as WCAG has it."""
    weights = (0.2126, 0.7152, 0.0722)
    linear = [
        sum(
            weight * (part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4)
            for weight, part in zip(weights, rgb, strict=True)
        )
        for rgb in (one, other)
    ]
    return (max(linear) + 0.05) / (min(linear) + 0.05)


@pytest.fixture(scope="module")
def reports() -> Iterator[tuple[Path, Path]]:
    """Two projects with a report each: one that is rich, and one in which everybody is hostile."""
    with ExitStack() as stack:
        rich = stack.enter_context(project(LEAVES, pairs=PAIRS, critic_enabled=True))
        run(rich, Faulty(small(near_copies=0.2), seed=1, rates=CONTENT))
        folders = rich, stack.enter_context(hostile())
        for folder in folders:
            opened = Project.open(folder)
            write_report(opened, opened.report_path)
        yield folders


def texts(browser: WebDriver, selector: str) -> list[str]:
    return [found.text for found in browser.find_elements(By.CSS_SELECTOR, selector)]


def events(browser: WebDriver) -> list[dict[str, Any]]:
    logged = browser.get_log("performance")  # type: ignore[no-untyped-call]  # selenium's own
    return [json.loads(entry["message"])["message"] for entry in logged]


def assert_quiet(browser: WebDriver, page: Path) -> None:
    """The browser complains of nothing, and nothing but the page was asked for."""
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]  # selenium's own
    asked = [each["params"] for each in events(browser) if each["method"] == "Network.requestWillBeSent"]
    assert {each["request"]["url"] for each in asked if each["documentURL"] == page.as_uri()} == {page.as_uri()}


def serious(browser: WebDriver) -> list[str]:
    """Return what axe-core finds that is serious or critical."""
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = browser.execute_async_script("axe.run().then(arguments[0])")
    return [
        f"{each['id']}: {[node['html'][:200] for node in each['nodes'][:3]]}"
        for each in found["violations"]
        if each["impact"] in {"serious", "critical"}
    ]


def test_a_report_is_looked_at(browser: WebDriver, reports: tuple[Path, Path]) -> None:
    """Every chart is drawn, the numbers are the manifest's, the tree opens by key and click, in both themes."""
    folder, page = reports[0], reports[0] / "report.html"
    told = manifest(folder)
    browser.get(page.as_uri())
    assert texts(browser, ".tiles b")[0] == str(PAIRS)
    shares = {each["title"]: [str(each["pairs"]), str(each["rejects"])] for each in told["quantities"]["by_field"]}
    listed = [line.text.split() for line in browser.find_elements(By.CSS_SELECTOR, "#branches tbody tr")]
    assert {cells[0]: cells[1:3] for cells in listed} == shares
    for theme in ("light", "dark"):
        Select(browser.find_element(By.ID, "theme")).select_by_value(theme)
        assert serious(browser) == []
        assert sorted(browser.execute_script(_DRAWN)) == sorted(CHARTS)
    browser.find_element(By.CSS_SELECTOR, "#branches button").send_keys(Keys.ENTER)
    assert texts(browser, "#crumbs button") == ["All", "Science"]
    assert {line.split()[0] for line in texts(browser, "#branches tbody tr")} == {"Physics", "Law"}
    assert browser.switch_to.active_element.text == "Science"
    browser.find_element(By.ID, "chart-tree").click()
    assert len(texts(browser, "#crumbs button")) == 3
    Select(browser.find_element(By.ID, "mode")).select_by_visible_text("pairs")
    browser.find_element(By.CSS_SELECTOR, "#crumbs button").click()
    assert len(texts(browser, "#branches tbody tr")) == 2
    assert_quiet(browser, page)


def test_every_axis_of_numbers_says_what_it_counts(browser: WebDriver, reports: tuple[Path, Path]) -> None:
    """No chart has an axis of numbers without a name, and what is counted in whole things has no tick between them."""
    browser.get((reports[0] / "report.html").as_uri())
    axes: dict[str, list[dict[str, Any]]] = browser.execute_script(_AXES)
    assert {name for name, found in axes.items() if found} == {*CHARTS} - {"tree"}
    assert [name for name, found in axes.items() for each in found if not each.get("name")] == []
    whole = {"coverage": 2, "questions": 1, "answers": 1, "reasons": 1}
    assert {name: sum(each.get("minInterval") == 1 for each in axes[name]) for name in whole} == whole


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_stands_on_a_colour_can_be_read(browser: WebDriver, reports: tuple[Path, Path], theme: str) -> None:
    """Names in the tree and in the mix have a contrast of 4.5 to what they stand on, whatever the colour."""
    browser.get((reports[0] / "report.html").as_uri())
    Select(browser.find_element(By.ID, "theme")).select_by_value(theme)
    for part in range(0, 256, 5):
        for rgb in ([part] * 3, [part, 60, 60], [60, part, 60], [80, 60, part]):
            assert contrast(rgb, rgb_of(browser.execute_script("return inkOn(arguments[0])", rgb))) >= 4.5
    painted: list[tuple[str, str]] = browser.execute_script(_PAINTED)
    assert len(painted) > 5
    for below, ink in painted:
        assert contrast(rgb_of(below), rgb_of(ink)) >= 4.5, (below, ink)


def test_a_phone_shows_a_hostile_report(browser: WebDriver, reports: tuple[Path, Path]) -> None:
    """On 390 pixels nothing is wider than the screen, nothing of what others wrote runs, and all of it is readable."""
    page = reports[1] / "report.html"
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.execute_script("return document.documentElement.scrollWidth") == 390
    assert browser.title.startswith("Report on mine")
    assert serious(browser) == []
    for _ in range(2):
        browser.find_element(By.CSS_SELECTOR, "#branches button").click()
    assert len(texts(browser, "#crumbs button")) == 3
    assert_quiet(browser, page)
