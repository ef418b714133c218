"""MkDocs hook: the pages of the gallery and of the notebooks, from their own sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jupytext
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of `docs`, less this one, and the pages made from elsewhere."""
    files.remove(files.src_uris["pages.py"])
    for uri, text in (*_models(), *_notebooks()):
        files.append(File.generated(config, uri, content=text))
    return files


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
        text = "\n\n".join(
            each.source if each.cell_type == "markdown" else f"```python\n{each.source}\n```"
            for each in notebook.cells
        )
        yield f"notebooks/{path.stem}.md", text + "\n"
    yield "notebooks/README.md", "\n\n".join(links[:2]) + "\n\n" + "\n".join(links[2:]) + "\n"
