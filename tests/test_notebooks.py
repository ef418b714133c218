"""Every notebook runs from its first cell to its last, in fast mode."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import nbclient
import pytest
from jupyter_client import AsyncKernelManager

ROOT = Path(__file__).parents[1]

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
MAX_CELLS = 25


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("POOLISH_FAST", "1")
    notebook = jupytext.read(path)

    # Sockets in the file system: no port is opened.
    kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=str(tmp_path / "k"))
    client = nbclient.NotebookClient(
        notebook, km=kernel, timeout=60, resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()

    assert len(notebook.cells) <= MAX_CELLS
    for cell in notebook.cells:
        if re.search(r"\.plot\.\w+\(.*\);$", cell.source):
            kinds = [kind for output in cell.outputs for kind in output.get("data", {})]
            assert "image/png" in kinds, f"{cell.source} shows no picture"


def test_notebooks_keep_no_outputs_in_the_repository():
    assert not list((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS
