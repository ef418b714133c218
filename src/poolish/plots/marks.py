"""Marks that several pictures share: intervals, arrows, ellipses, shortened labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.plots.style import COMPLETE, PARTIAL, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.text import Text

_LONGEST_LABEL = 28


def draw_intervals(
    ax: Axes, y: np.ndarray, rows: pd.DataFrame, *, color: str = PARTIAL, label: str | None = None
) -> None:
    """Draw, for each row, a thin outer and a thick inner interval and a filled point."""
    ax.hlines(y, rows["lower"], rows["upper"], color=color, linewidth=1.5, zorder=2)
    ax.hlines(y, rows["inner_lower"], rows["inner_upper"], color=color, linewidth=4, zorder=2)
    ax.plot(
        rows["mean"],
        y,
        "o",
        color=color,
        markersize=7.5,
        markeredgecolor="white",
        markeredgewidth=0.8,
        zorder=4,
        label=label,
    )


def draw_arrows(ax: Axes, start: np.ndarray, end: np.ndarray) -> None:
    """Draw arrows between points, shape (point, 2) each; those with an absent end are left out."""
    for a, b in zip(start, end, strict=True):
        if np.isfinite([*a, *b]).all():
            arrow = {"arrowstyle": "-|>", "color": COMPLETE, "linewidth": 1.0}
            arrow |= {"shrinkA": 4, "shrinkB": 4}
            note = ax.annotate("", xy=b, xytext=a, arrowprops=arrow, zorder=3)
            assert note.arrow_patch is not None
            # Arrows that start outside end at the frame.
            note.set_annotation_clip(False)
            note.arrow_patch.set_clip_on(True)
            note.arrow_patch.set_clip_box(ax.bbox)


def name_rows(ax: Axes, labels: Sequence[str], skipped: Sequence[int] = ()) -> None:
    """Write one label a row, the first row at the top, and a line where rows were left out.

    Parameters
    ----------
    labels : sequence of str
    skipped : sequence of int
        Rows left out just before each one.
    """
    ax.set_yticks(range(len(labels)), labels)
    for y, n in enumerate(skipped):
        if n:
            ax.axhline(y - 0.5, color=QUIET, linestyle=(0, (1, 3)), linewidth=1.2, zorder=0)
            ax.annotate(f"{n:,} not shown", (1.0, y - 0.5), xycoords=("axes fraction", "data"),
                        ha="right", va="center", fontsize=8, color="#444444",
                        backgroundcolor="white")  # fmt: skip
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0)


def outline_text(text: Text) -> None:
    """Set a text off from the lines it stands on."""
    from matplotlib.patheffects import withStroke

    text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def shorten(text: str, longest: int = _LONGEST_LABEL) -> str:
    """Return a label that fits, its middle left out when it is long.

    Examples
    --------
    >>> shorten("a" * 20 + "b" * 20, 9)
    'aaaa…bbbb'
    """
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def hide_unused(axes: Sequence[Axes], n_used: int, n_columns: int) -> None:
    """Hide the places of a grid that stay empty; those above them get ticks of their own."""
    for ax in axes[n_used:]:
        ax.set_visible(False)
    for ax in axes[max(n_used - n_columns, 0) : n_used]:
        ax.xaxis.set_tick_params(labelbottom=True)


def body_of(ax: Axes) -> Figure | SubFigure:
    """Return the part of the figure that holds the axes of a picture."""
    body = ax.get_figure(root=False)
    assert body is not None
    return body


def legend_below(ax: Axes, *, columns: int = 2, title: str | None = None) -> None:
    """Put the legend under all axes, where it covers nothing."""
    handles, texts = ax.get_legend_handles_labels()
    body_of(ax).legend(
        handles,
        texts,
        loc="outside lower left",
        ncols=columns,
        title=title,
        alignment="left",
        title_fontsize=10,
    )
