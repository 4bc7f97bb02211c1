"""The viewer in a browser that is driven: begun as a person begins it, its pages opened and read."""

from pathlib import Path

from commandline import CommandLine, until
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement


def viewed(folder: Path) -> str:
    """Begin to show a project, and return the address that is printed."""
    begun = CommandLine(home=folder.parent, key=None).begin("view", "--project", folder, "--port", 0)
    assert begun.process.stdout is not None
    return begun.process.stdout.readline().split(" on ")[-1].strip().rstrip("/")


def on(browser: WebDriver, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def all_on(browser: WebDriver, selector: str) -> list[str]:
    return [each.text for each in browser.find_elements(By.CSS_SELECTOR, selector)]


def open_page(browser: WebDriver, address: str) -> None:
    """Open a page, and wait until what it needs is made."""
    browser.get(address)
    until(lambda: on_heading(browser) not in {"", "One moment"})


def on_heading(browser: WebDriver) -> str:
    try:
        return next(iter(all_on(browser, "h1")), "")
    except StaleElementReferenceException:  # the page has just come anew
        return ""
