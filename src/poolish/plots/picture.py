"""What a picture is before it is drawn: its data, its words, and how to draw it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poolish.errors import UnknownNameError
from poolish.plots.style import poolish_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

WIDTH, HEIGHT = 7.0, 4.3
# Characters per inch: title at 11 points, caption at 8.
_TITLE_WIDTH, _CAPTION_WIDTH = 10.4, 15.5

type Draw = Callable[[Sequence[Axes]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture: the data that are drawn, and the function that draws them.

    Parameters
    ----------
    frame : pandas.DataFrame
        Tidy: exactly what is drawn.
    title : str
        What is found.
    caption : str
        How it was made.
    alt : str
        The picture in words, with its numbers.
    draw : callable
        `draw(axes)` draws on as many axes as `grid` has places.
    size : tuple of float
        Inches.
    grid : tuple of int
        Rows and columns of axes.
    shared : Mapping of str to (bool or str)
        `sharex`, `sharey` of the grid.
    make_axes : callable, optional
        For pictures that ArviZ makes, figure and all: returns the axes.
    """

    frame: pd.DataFrame
    title: str
    caption: str
    alt: str
    draw: Draw
    size: tuple[float, float] = (WIDTH, HEIGHT)
    grid: tuple[int, int] = (1, 1)
    shared: Mapping[str, Any] = field(default_factory=dict)
    make_axes: Callable[[], Sequence[Axes]] | None = None


def show_picture(picture: Picture, *, ax: Axes | None = None) -> Axes | np.ndarray:
    """Return the axes on which a picture was drawn: one, or an array of them.

    Parameters
    ----------
    picture : Picture
    ax : matplotlib Axes, optional
        Where to draw; a new figure of pyplot when left out.

    Raises
    ------
    UnknownNameError
        If one axes is given to a picture that needs several.
    """
    if ax is not None:
        return _draw_on(picture, ax)
    import matplotlib.pyplot as plt

    # Loads the backend, which may switch interaction on: within the style that would be undone, and
    # a notebook would show no second picture.
    plt.draw_if_interactive()  # type: ignore[no-untyped-call]  # matplotlib has no types here
    with poolish_style():
        figure = None if picture.make_axes else plt.figure()
        axes = fill_figure(picture, figure)
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def make_figure(picture: Picture) -> Figure:
    """Return a figure with the picture that no window and no pyplot knows of."""
    from matplotlib.figure import Figure

    with poolish_style():
        figure = None if picture.make_axes else Figure()
        axes = fill_figure(picture, figure)
    if picture.make_axes:
        import matplotlib.pyplot as plt

        plt.close(_figure_of(axes[0]))
    return _figure_of(axes[0])


def fill_figure(picture: Picture, figure: Figure | None) -> list[Axes]:
    """Return the axes of a figure after a picture with title and caption was drawn on it."""
    title = _fold(picture.title, picture.size[0] * _TITLE_WIDTH)
    caption = _fold(picture.caption, picture.size[0] * _CAPTION_WIDTH)
    heights = (_lines_high(title, 11), _lines_high(caption, 8))
    if figure is None:
        axes = _fill_arviz(picture, heights)
        figure = _figure_of(axes[0])
    else:
        figure.set_size_inches(picture.size[0], picture.size[1] + sum(heights))
        axes = _fill_panels(picture, figure, heights)
    # On the edges of the figure, the body between them: nothing can cover anything.
    figure.text(0.01, 0.995, title, va="top", fontsize=11, fontweight="bold")
    figure.text(0.01, 0.01, caption, va="bottom", fontsize=8, color="#444444")
    return axes


def _fold(text: str, width: float) -> str:
    return textwrap.fill(text, round(width), break_on_hyphens=False)


def _lines_high(text: str, points: float) -> float:
    """Return the height of a text in inches, with half a line of air."""
    return (text.count("\n") + 1.6) * points * 1.25 / 72


def _fill_panels(picture: Picture, figure: Figure, heights: tuple[float, float]) -> list[Axes]:
    figure.set_layout_engine("constrained")
    ratios = (heights[0], picture.size[1], heights[1])
    body: SubFigure = figure.subfigures(3, 1, height_ratios=ratios)[1]  # type: ignore[index]
    axes = list(body.subplots(*picture.grid, squeeze=False, **picture.shared).flat)
    picture.draw(axes)
    _wrap_labels(axes)
    body.savefig = figure.savefig  # type: ignore[attr-defined]  # people save `ax.figure`
    return axes


def _wrap_labels(axes: Sequence[Axes]) -> None:
    """Let titles of axes that are longer than the figure go on in a second line."""
    for ax in axes:
        for label in (ax.xaxis.label, ax.yaxis.label):
            label.set_wrap(True)


def _fill_arviz(picture: Picture, heights: tuple[float, float]) -> list[Axes]:
    assert picture.make_axes is not None
    axes = list(picture.make_axes())
    picture.draw(axes)
    _wrap_labels(axes)
    figure, height = _figure_of(axes[0]), picture.size[1] + sum(heights)
    figure.set_size_inches(picture.size[0], height)
    bottom = heights[1] / height
    rect = (0.0, bottom, 1.0, 1.0 - bottom - heights[0] / height)
    figure.set_layout_engine("constrained", rect=rect)
    return axes


def _figure_of(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _draw_on(picture: Picture, ax: Axes) -> Axes:
    if picture.grid != (1, 1) or picture.make_axes is not None:
        raise UnknownNameError(
            "this picture has several panels and makes its own figure",
            given="one axes, `ax=`",
            expected="no `ax`",
            fix="leave `ax` out and take the axes that are returned",
        )
    with poolish_style():
        picture.draw([ax])
        ax.set_title(picture.title, loc="left", wrap=True)
    return ax
