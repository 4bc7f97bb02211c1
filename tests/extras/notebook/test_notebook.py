"""The notebook does what it shows."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[3] / "docs" / "notebooks"


def _shown(cell: Any) -> str:  # noqa: ANN401 - a cell is a document
    return "".join(output.get("text", "") for output in cell.get("outputs", []))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")  # Jupyter's own
def test_a_notebook_runs_and_shows_what_is_written_in_it(path: Path, tmp_path: Path) -> None:
    """Each cell runs in a kernel, and prints what stands below it."""
    written = nbformat.read(path, as_version=4)
    run = nbformat.read(path, as_version=4)
    NotebookClient(run, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = [(old, new) for old, new in zip(written.cells, run.cells, strict=True) if old.cell_type == "code"]
    assert len(cells) > 5
    assert [_shown(new) for _, new in cells] == [_shown(old) for old, _ in cells]
