"""Every notebook runs from its first cell to its last, in fast mode."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbclient
import pytest

ROOT = Path(__file__).parents[1]

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
MAX_CELLS = 25


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, monkeypatch):
    monkeypatch.setenv("POOLISH_FAST", "1")
    notebook = jupytext.read(path)

    client = nbclient.NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()

    assert len(notebook.cells) <= MAX_CELLS


def test_notebooks_keep_no_outputs_in_the_repository():
    assert not list((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS
