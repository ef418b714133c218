"""The contact sheet: every picture of several models, for people to look at.

`python -m poolish.plots.sheet FITS FOLDER` draws every saved fit (`*.nc`) of the folder FITS.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

from poolish.errors import UnknownNameError, UnsupportedError
from poolish.plots.kinds import PLOTS, make_picture
from poolish.plots.picture import Picture, make_figure
from poolish.posterior import Posterior, load


def draw_sheet(posteriors: dict[str, Posterior], folder: Path) -> Path:
    """Return the page that shows every picture that applies to each fit.

    Parameters
    ----------
    posteriors : dict of str to Posterior
        By name.
    folder : Path
        Where the pictures and the page `index.html` go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["<!doctype html><meta charset='utf-8'><title>Pictures</title>"]
    for name, posterior in posteriors.items():
        lines.append(f"<h1>{escape(name)}</h1>")
        for kind, picture in list_pictures(posterior):
            file = f"{name}_{kind}.png"
            make_figure(picture).savefig(folder / file, dpi=90)
            lines.append(f"<img src='{escape(file)}' alt='{escape(picture.alt)}'>")
    page = folder / "index.html"
    page.write_text("\n".join(lines), encoding="utf-8")
    return page


def list_pictures(posterior: Posterior) -> Iterator[tuple[str, Picture]]:
    """Yield the kind and the picture of every kind that applies to a fit."""
    for kind in PLOTS:
        try:
            yield kind, make_picture(posterior, kind)
        except (UnsupportedError, UnknownNameError):
            continue  # a picture that this model has no use for


if __name__ == "__main__":
    fits = sorted(Path(sys.argv[1]).glob("*.nc"))
    print(draw_sheet({file.stem: load(file) for file in fits}, Path(sys.argv[2])))
