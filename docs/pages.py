"""MkDocs hook: the pages of the gallery and of the notebooks, from their own sources."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jupytext
from jupyter_client import AsyncKernelManager
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbformat import NotebookNode

from poolish.spec.families.table import FAMILIES

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of `docs`, less this one, and the pages made from elsewhere."""
    files.remove(files.src_uris["pages.py"])
    for uri, text in (*_models(), *_notebooks(), _families()):
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return a page whose tables hold bars in code as this Markdown wants them: not escaped."""
    return re.sub(r"`[^`\n]*`", lambda code: code[0].replace("\\|", "|"), markdown)


def _models() -> Iterator[tuple[str, str]]:
    folder = ROOT / "models"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    yield "models/README.md", listed
    for page in sorted(folder.glob("*/README.md")):
        if f"]({page.parent.name}/README.md)" in listed:
            yield f"models/{page.parent.name}/README.md", page.read_text(encoding="utf-8")


def _notebooks() -> Iterator[tuple[str, str]]:
    links = ["# Notebooks", "Stories that run; the sources are in `notebooks/`."]
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.py")):
        notebook = jupytext.read(path)
        title = notebook.cells[0].source.splitlines()[0].removeprefix("# ")
        links.append(f"- [{title}]({path.stem}.md)")
        if os.environ.get("POOLISH_RUN_NOTEBOOKS"):
            _run(notebook, path.parent)
        parts = (part for cell in notebook.cells for part in _cell(cell))
        yield f"notebooks/{path.stem}.md", "\n\n".join(parts) + "\n"
    yield "notebooks/README.md", "\n\n".join(links[:2]) + "\n\n" + "\n".join(links[2:]) + "\n"


def _run(notebook: NotebookNode, folder: Path) -> None:
    """Execute a notebook; sockets are in the file system, so that no port is opened."""
    with tempfile.TemporaryDirectory() as sockets:
        kernel = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/k")
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(notebook, km=kernel, timeout=300, resources=resources)
        client.owns_km = True  # ends the kernel with the notebook
        client.execute()


def _cell(cell: NotebookNode) -> Iterator[str]:
    """Yield the Markdown of a cell and of what it printed or drew."""
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for output in cell.get("outputs", ()):
        data = output.get("data", {"text/plain": output.get("text", "")})
        if "image/png" in data:
            yield f"![What the cell drew](data:image/png;base64,{data['image/png'].strip()})"
        elif data.get("text/plain", "").strip():
            yield f"```text\n{data['text/plain'].rstrip()}\n```"


def _families() -> tuple[str, str]:
    """Return the page of response families, from the table that the package itself reads."""
    lines = [
        "# Families",
        "",
        '`po.fit(..., family="poisson")`; another link by `po.family("poisson", link="sqrt")`. '
        'Every parameter can have a formula of its own, `["y ~ x + (1 | g)", "shape ~ x"]`.',
        "",
        "| family | response | parameters, with their links |",
        "|---|---|---|",
    ]
    for name, family in FAMILIES.items():
        links = [f"`{p.name}` ({', '.join(p.links)})" for p in family.parameters]
        lines.append(f"| `{name}` | {family.response_kind} | {'; '.join(links)} |")
    return "families.md", "\n".join((*lines, "", "The first link is the default.", ""))
