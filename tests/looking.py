"""The viewer without a browser: its pages as a browser would take them apart."""

from html.parser import HTMLParser
from pathlib import Path

from asgi import get
from starlette.applications import Starlette

from glan.project import Project
from glan.view.viewer import Viewer


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def links(self) -> list[str]:
        return [attrs["href"] for tag, attrs in self.elements if tag == "a" and "href" in attrs]


def viewer_of(folder: Path) -> Viewer:
    found = Viewer.of(Project.open(folder))
    found.shelf.refresh()
    found.shelf.wait()
    assert found.shelf.error is None
    return found


def page(app: Starlette, address: str, status: int = 200) -> Page:
    response = get(app, address)
    assert response.status == status, response.text[:2_000]
    return Page(response.text)
