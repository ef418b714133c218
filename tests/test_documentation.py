"""The Python of the README and of the documentation runs, block after block, from the root."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
PAGES = [p for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
         if BLOCK.search(p.read_text(encoding="utf-8"))]  # fmt: skip


# The README builds the PyMC model, and the import alone takes ten seconds; kinship fits thousands
# of animals.
SLOW = ("README", "kinship")
# The blue tits of the kinship page are not ours to hand on.
FOLDERS = {"kinship": ROOT.parent / "shared" / "external"}


@pytest.mark.parametrize(
    "page",
    [pytest.param(p, marks=[pytest.mark.slow] * (p.stem in SLOW), id=p.stem) for p in PAGES],
)
def test_the_python_of_a_page_runs(page, monkeypatch, tmp_path):
    folder = FOLDERS.get(page.stem, ROOT)
    if not folder.exists():
        pytest.skip(f"the data of this page are not in {folder}")
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    matplotlib.use("Agg")
    namespace: dict[str, object] = {}

    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(compile(textwrap.dedent(block), str(page), "exec"), namespace)  # our own pages

    assert "po" in namespace
