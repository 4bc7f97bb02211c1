"""Sees that the built site needs nothing but itself: no font, script, picture or request from elsewhere.

python docs/check_site.py .site    ends with 1 where a page fetches something, or names what is not there
"""
# ruff: noqa: INP001, T201 - a script beside the pages; it says what it found

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHING = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
"""What a browser loads by itself; a link that a reader clicks may lead anywhere."""
_IN_STYLES = re.compile(r"""url\(\s*["']?((?:https?:)?//[^)"']+)|@import\s+["']((?:https?:)?//[^"']+)""")


class _Page(HTMLParser):
    """Collects what a page loads, where it leads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids.add(found.get("id", ""))
        if tag == "a" and "href" in found:
            self.leads.append(found["href"])
        if FETCHING.get(tag, "") in found and found.get("rel") not in {"canonical", "next", "prev", "index", "search"}:
            self.loads.append(found[FETCHING[tag]])


def findings(site: Path) -> Iterator[str]:
    """Yield what is wrong, a sentence each."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name} loads {url}." for url in page.loads if urlsplit(url).netloc)
        for link in [*page.loads, *page.leads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path.resolve()
            anchor = unquote(parts.fragment)
            if not target.exists():
                yield f"{name} leads to {link}, which is not there."
            elif anchor and target in pages and anchor not in pages[target].ids:
                yield f"{name} leads to {link}, and that page has no such heading."
    for style in sorted(site.rglob("*.css")):
        found = _IN_STYLES.findall(style.read_text(encoding="utf-8"))
        yield from (f"{style.relative_to(site)} loads {''.join(each)}." for each in found)


def main() -> int:
    """Say what is wrong."""
    site = Path(sys.argv[1]).resolve()
    found = list(findings(site))
    for each in found:
        print(each)
    print(f"{sum(1 for _ in site.rglob('*.html'))} pages, {len(found)} findings.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
