"""How Sphinx makes the site of the Markdown files, which stay as a code host shows them.

sphinx-build -W -n -c docs . .site    (`make site` does it, and `make check` with it)

The files are plain CommonMark. What Sphinx needs beyond, a tree of the pages, is read from the lists of links in
docs/README.md. Every link is followed, also to a heading; one that leads nowhere is an error.
"""
# ruff: noqa: INP001 - Sphinx reads it by its place

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
"""Where links to files that are no pages lead: they can be downloaded."""

project = "glan"
author = "the authors of glan"
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = ["*.md", "docs/*.md", "docs/*/*.md", "benchmarks/*.md", "benchmarks/*/*.md"]
exclude_patterns = [".*", "**/.*", "demo", "dist", "node_modules", "src", "tests"]
nitpicky = True

myst_heading_anchors = 4
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "glan"
html_static_path = ["site"]
html_css_files = ["site.css"]
html_extra_path = ["site/index.html"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"^- \[[^\]]+\]\(([^)#\s]+)\.md\)", re.MULTILINE)


def with_tree(app: Sphinx, name: str, source: list[str]) -> None:
    """Add to the first page a hidden tree of the pages that its lists name, a part for each heading."""
    del app
    if name != root_doc:
        return
    parts = _HEADING.split(source[0])[1:]
    trees = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {title}", "", *_LINK.findall(body), "```"])
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    source[0] = "\n\n".join([source[0], *trees, ""])


def setup(app: Sphinx) -> dict[str, Any]:
    """Let the tree be made."""
    app.connect("source-read", with_tree)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
