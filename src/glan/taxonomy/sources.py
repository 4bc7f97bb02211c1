"""A tree by its name: a shipped one, a file, or an outline that is read into one."""

from pathlib import Path

from glan.errors import ProjectError
from glan.taxonomy.outlines import is_outline, read_outline
from glan.taxonomy.tree import read_text, shipped_names, shipped_text
from glan.taxonomy.writing import document


def taxonomy_text(name: str) -> str:
    """Return the text of a shipped taxonomy, of a file, or of a file that is an outline: Markdown, text, CSV.

    Raises:
        ProjectError: there is no such file.
        TaxonomyError: the file cannot be read.

    """
    if name in shipped_names():
        return shipped_text(name)
    path = Path(name)
    if not path.exists():
        raise ProjectError(
            f"There is no taxonomy and no file {name!r}.",
            hint="Give `builtin`, `paper`, `example` or the path of a YAML file or an outline.",
        )
    text = read_text(path)
    return document(read_outline(text, name).nodes) if is_outline(name) else text
