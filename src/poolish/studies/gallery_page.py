"""The page of the gallery, `models/README.md`, from the specs."""

from __future__ import annotations

from collections.abc import Sequence

from poolish.studies.gallery import GalleryModel

_HEAD = """\
# Models

Each folder holds one real model: `model.toml` (formula, family, priors, labels), `data.csv`,
`README.md` (question, source, what to notice, an exercise) and `expected.json`, the answers of a
long run. Fit one with `poolish fit models/NAME`; add `--verify` to hold the fit to those answers.

This page is written by `poolish models page`.
"""


def render_page(models: Sequence[GalleryModel]) -> str:
    """Return the Markdown page that lists the models."""
    rows = "\n".join(_render_row(model) for model in models)
    return f"{_HEAD}\n| model | what it shows | formula | family |\n|---|---|---|---|\n{rows}\n"


def _render_row(model: GalleryModel) -> str:
    # A bar separates the cells of a Markdown table, also inside backticks.
    texts = (model.formula,) if isinstance(model.formula, str) else model.formula
    formula = "<br>".join(f"`{text}`" for text in texts).replace("|", "\\|")
    shows = f"{model.title} ({', '.join(model.keywords)})"
    return f"| [{model.name}]({model.name}/README.md) | {shows} | {formula} | {model.family} |"
