"""Pictures as bytes that are the same every time."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

from poolish.plots import Picture, make_figure
from poolish.plots.style import poolish_style
from poolish.report.blocks import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

# An SVG beyond, of many points, becomes a PNG.
LARGEST_SVG = 300_000
_PNG_DPI = 130


def as_figure(picture: Picture) -> Figure:
    """Return a picture as SVG, or as PNG where the SVG would be large."""
    figure = make_figure(picture)
    with poolish_style():
        _settle(figure)
        # No date and no version of the program: the same picture has the same bytes.
        svg = _number_clips(_save(figure, "svg", {"Date": None, "Creator": None}))
        is_large = len(svg) > LARGEST_SVG
        content = _save(figure, "png", {"Software": None}) if is_large else svg
    figure.clear()
    return Figure("png" if is_large else "svg", content, picture.alt)


def _settle(figure: MatplotlibFigure) -> None:
    """Fix the layout, rounded: the solver's last digits are not the same every time."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ax in figure.axes:
        left, bottom, width, height = (round(edge, 5) for edge in ax.get_position().bounds)
        ax.set_position((left, bottom, width, height))


def _number_clips(svg: bytes) -> bytes:
    """Return an SVG with its clip paths numbered: their names hash all digits of their corners."""
    names = dict.fromkeys(re.findall(rb"url\(#(p[0-9a-f]{10})\)", svg))
    numbers = {name: b"clip%d" % k for k, name in enumerate(names)}
    return re.sub(rb"\bp[0-9a-f]{10}\b", lambda m: numbers.get(m[0], m[0]), svg)


def _save(figure: MatplotlibFigure, kind: str, metadata: dict[str, None]) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata, dpi=_PNG_DPI)
    return buffer.getvalue()
