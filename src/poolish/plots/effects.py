"""The mean of the response along one predictor, for a typical group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poolish.frame import Column, FactorColumn, NumericColumn
from poolish.plots.marks import shorten
from poolish.plots.outcome import divide_rows, name_outcome
from poolish.plots.picture import Picture
from poolish.plots.rows import (
    axis_labels,
    axis_values,
    column_length,
    find_predictor,
    grid_of,
    rows_at,
)
from poolish.plots.style import NEW_GROUP, NO_POOLING, PARTIAL, PRIOR
from poolish.plots.words import Labels, name_column
from poolish.posterior import Posterior
from poolish.predict import Groups, predict
from poolish.summaries.moments import CI_PROB

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colour, line and marker say the same.
_LOOKS = (
    {"color": PARTIAL, "linestyle": "-", "marker": "o"},
    {"color": NO_POOLING, "linestyle": "--", "marker": "s"},
    {"color": NEW_GROUP, "linestyle": "-.", "marker": "D"},
    {"color": PRIOR, "linestyle": ":", "marker": "^"},
    {"color": "#000000", "linestyle": (0, (5, 1, 1, 1)), "marker": "v"},
)


def picture_effects(
    posterior: Posterior,
    predictor: str | None = None,
    *,
    by: str | None = None,
    groups: Groups = "zero",
    ci_prob: float = CI_PROB,
    labels: Labels,
) -> Picture:
    """Return the picture of the mean of the response along a predictor.

    Parameters
    ----------
    posterior : Posterior
    predictor : str, optional
        The first of the model when left out.
    by : str, optional
        A second predictor: a factor, at most five levels of it, or a number, at its mean and one
        standard deviation either side.
    groups : str
        `zero`, a typical group, or `integrate`, the mean over the population of groups.
    ci_prob : float
    labels : Mapping
    """
    name = find_predictor(posterior, predictor)
    other = None if by is None else find_predictor(posterior, by)
    grid = grid_of(posterior.table.columns[name])
    frame = _tabulate(posterior, name, grid, other, groups, ci_prob)
    of = {"zero": "a typical group (effects zero)", "integrate": "the average over groups"}
    low, high = frame.loc[frame["mean"].idxmin()], frame.loc[frame["mean"].idxmax()]
    outcome = name_outcome(posterior, labels)
    return Picture(
        frame=frame,
        title=f"{_plain(outcome)} runs from {low['mean']:.3g} to {high['mean']:.3g} along "
        f"{_plain(name_column(labels, name))}",
        caption=f"Mean for {of.get(str(groups), str(groups))}; other predictors at the median "
        f"or the commonest level; {ci_prob:.0%} equal-tailed interval.",
        alt=f"Mean of {outcome} along {name}: {low['mean']:.4g} ({low['lower']:.4g} to "
        f"{low['upper']:.4g}) at its lowest, {high['mean']:.4g} ({high['lower']:.4g} to "
        f"{high['upper']:.4g}) at its highest.",
        draw=partial(
            _draw,
            frame,
            ticks=axis_labels(grid),
            words=(name_column(labels, name), outcome, other and name_column(labels, other)),
        ),
    )


def _plain(text: str) -> str:
    return text.split(" (")[0]


def _tabulate(
    posterior: Posterior, name: str, grid: Column, other: str | None, groups: Groups, ci_prob: float
) -> pd.DataFrame:
    values = [("", None)] if other is None else _values_of(posterior.table.columns[other])
    parts = []
    for label, column in values:
        n = column_length(grid)
        fixed = {} if column is None or other is None else {other: _repeated(column, n)}
        made = rows_at(posterior.table, {name: grid, **fixed})
        mean = predict(posterior, made, kind="mean", groups=groups).values
        mean = mean.reshape(-1, n) / divide_rows(posterior, made)
        lower, upper = np.quantile(mean, (0.5 - ci_prob / 2, 0.5 + ci_prob / 2), axis=0)
        curve = {"mean": mean.mean(axis=0), "lower": lower, "upper": upper}
        parts.append(pd.DataFrame({name: axis_values(grid), "by": label, **curve}))
    return pd.concat(parts, ignore_index=True)


def _values_of(column: Column) -> list[tuple[str, Column]]:
    if isinstance(column, FactorColumn):
        return [
            (column.levels[code], FactorColumn(np.array([code]), column.levels, column.is_ordered))
            for code in np.unique(column.codes)[: len(_LOOKS)]
        ]
    mean, sd = float(np.mean(column.values)), float(np.std(column.values))
    points = {"mean - sd": mean - sd, "mean": mean, "mean + sd": mean + sd}
    return [(f"{v:.3g} ({k})", NumericColumn(np.array([v]))) for k, v in points.items()]


def _repeated(column: Column, n: int) -> Column:
    if isinstance(column, FactorColumn):
        return FactorColumn(np.repeat(column.codes, n), column.levels, column.is_ordered)
    return NumericColumn(np.repeat(column.values, n))


def _draw(
    frame: pd.DataFrame,
    axes: Sequence[Axes],
    *,
    ticks: tuple[str, ...],
    words: tuple[str, str, str | None],
) -> None:
    ax, name = axes[0], frame.columns[0]
    parts = list(frame.groupby("by", sort=False))
    for k, (label, part) in enumerate(parts):
        draw = _draw_points if ticks else _draw_band
        # Side by side, so that intervals do not cover each other.
        draw(ax, part[name] + (0.12 * (k - (len(parts) - 1) / 2) if ticks else 0.0), part,
             look=_LOOKS[k], label=shorten(str(label)))  # fmt: skip
    if ticks:
        ax.set_xticks(range(len(ticks)), [shorten(tick, 14) for tick in ticks])
        ax.margins(x=0.15)
    ax.set(xlabel=words[0], ylabel=words[1])
    if words[2]:
        ax.legend(title=words[2], loc="best")


def _draw_band(
    ax: Axes, x: pd.Series, part: pd.DataFrame, *, look: Mapping[str, Any], label: str
) -> None:
    line = {key: value for key, value in look.items() if key != "marker"}
    ax.fill_between(x, part["lower"], part["upper"], color=look["color"], alpha=0.2, linewidth=0)
    ax.plot(x, part["mean"], label=label, **line)


def _draw_points(
    ax: Axes, x: pd.Series, part: pd.DataFrame, *, look: Mapping[str, Any], label: str
) -> None:
    ax.vlines(x, part["lower"], part["upper"], color=look["color"], linewidth=1.8)
    ax.plot(x, part["mean"], look["marker"], color=look["color"], markersize=8, label=label)
