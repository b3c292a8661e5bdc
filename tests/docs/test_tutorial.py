"""docs/tutorial.ipynb runs from its first cell to its last, and its stored outputs are those of today."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from notebooks import VERSION, run_notebook

FILE = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"
LARGEST = 300_000  # bytes of the file with its outputs


@pytest.fixture(scope="module")
def stored() -> NotebookNode:
    return nbformat.read(FILE, as_version=VERSION)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> NotebookNode:
    return run_notebook(FILE, tmp_path_factory.mktemp("tutorial"))


def kinds(notebook: NotebookNode) -> list[list[Any]]:
    """What each cell shows: the names of streams, and the types of data."""
    return [
        [sorted(output.data) if "data" in output else output.name for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def data_of(notebook: NotebookNode) -> list[NotebookNode]:
    return [output.data for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]


def test_each_cell_shows_what_is_stored(stored: NotebookNode, executed: NotebookNode) -> None:
    assert kinds(executed) == kinds(stored)


def test_the_table_has_the_stored_rows(stored: NotebookNode, executed: NotebookNode) -> None:
    def frames(notebook: NotebookNode) -> list[str]:
        texts = [shown["text/plain"] for shown in data_of(notebook)]
        return [" ".join(text.split()[:7]) for text in texts if "metric direction" in text]

    assert frames(executed) == frames(stored) != []


def test_a_run_and_its_samples_and_the_figure_are_shown(stored: NotebookNode) -> None:
    data = data_of(stored)
    assert any("<b>Run " in shown.get("text/html", "") and "<img" in shown["text/html"] for shown in data)
    assert any("Figure" in shown["text/plain"] and "image/png" in shown for shown in data)


def test_nothing_is_shown_as_an_error(executed: NotebookNode) -> None:
    outputs = [output for cell in executed.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"]


def test_the_notebook_is_small() -> None:
    assert FILE.stat().st_size < LARGEST
