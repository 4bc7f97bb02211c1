"""How Sphinx makes the site of the Markdown files, which stay as a code host shows them.

sphinx-build -W -n -c docs . .site    (`make site` does it, and `make check` with it)

The files are plain CommonMark. What Sphinx needs beyond, a tree of the pages, is read from the lists of links in
docs/README.md. Every link is followed, also to a heading; one that leads nowhere is an error. What is no page, such as
a test, can be downloaded.
"""
# ruff: noqa: INP001 - Sphinx reads it by its place

import re
from collections.abc import Sequence

from sphinx.application import Sphinx

project = "glan"
author = "the authors of glan"
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = [
    "*.md",
    "docs/*.md",
    "docs/*/*.md",
    "benchmarks/*.md",
    "benchmarks/*/*.md",
    "src/glan/recipes/*/*.md",
]
exclude_patterns = [".*", "**/.*", "demo", "dist", "node_modules", "tests"]
nitpicky = True

myst_heading_anchors = 4
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "glan"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_extra_path = ["site/index.html"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

_TREES = {"docs/README", "docs/decisions/README", "benchmarks/README"}
"""Pages whose lists of links are the tree of what stands below them."""
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"^- \[([^\]]+)\]\(([^)#\s]+)\.md\)(?:: (.+)\.$)?", re.MULTILINE)


def with_tree(app: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page a hidden tree of the pages that its lists name, a part for each heading."""
    del app
    if name not in _TREES:
        return
    first, *parts = _HEADING.split(source[0])
    trees = [("", first), *zip(parts[::2], parts[1::2], strict=True)]
    source[0] = "\n\n".join([source[0], *(_tree(title, _LINK.findall(body)) for title, body in trees), ""])


def _tree(title: str, links: Sequence[tuple[str, str, str]]) -> str:
    """Return a tree of pages, each called as the list calls it."""
    if not links:
        return ""
    caption = [f":caption: {title}"] if title else []
    pages = [f"{label}{f': {told}' if told else ''} <{page}>" for label, page, told in links]
    return "\n".join(["```{toctree}", ":hidden:", *caption, "", *pages, "```"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Let the trees be made."""
    app.connect("source-read", with_tree)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
