"""Notebooks run from their first cell to their last, in a kernel of their own.

`python tests/support/notebooks.py docs/tutorial.ipynb` runs one in an empty folder and stores its outputs in it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

VERSION = 4
SECONDS_FOR_A_CELL = 600


def run_notebook(file: Path, folder: Path) -> NotebookNode:
    """The notebook with the outputs of its cells, run with `folder` as the working directory.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raises an error.
    """
    notebook = nbformat.read(file, as_version=VERSION)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, timeout=SECONDS_FOR_A_CELL, kernel_name="python3", resources=resources)
    client.record_timing, client.coalesce_streams = False, True
    client.execute()
    return notebook


def main() -> None:
    """Store the outputs of the notebooks that are named."""
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            notebook = run_notebook(Path(name), Path(folder))
        notebook.metadata.pop("language_info", None)  # it names the version of Python
        nbformat.write(notebook, name)


if __name__ == "__main__":
    main()
