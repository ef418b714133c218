"""The mean of the response along one predictor, for a typical group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from poolish.errors import UnsupportedError
from poolish.formula.terms import Name
from poolish.frame import Column, FactorColumn, NumericColumn
from poolish.plots.marks import hide_unused, legend_below, shorten
from poolish.plots.outcome import first_level, name_outcome, number_levels
from poolish.plots.picture import HEIGHT, WIDTH, Picture
from poolish.plots.rows import (
    axis_labels,
    axis_values,
    column_length,
    find_predictor,
    grid_of,
    predictor_columns,
    rows_at,
)
from poolish.plots.style import NEW_GROUP, NO_POOLING, PARTIAL, PRIOR
from poolish.plots.words import Labels, name_column, say_range
from poolish.posterior import Posterior
from poolish.predict import Groups, predict
from poolish.predict.levels import level_indicators
from poolish.predict.response import divide_rows
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


_N_COLUMNS = 3
_MOST_PANELS = 9
# Panels whose reach differs by more have each an axis of their own.
_MOST_UNEVEN = 5.0


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows: along `name`, by the values of `by`, others `fixed`."""

    name: str
    by: str | None
    fixed: Mapping[str, Column] = field(default_factory=dict)
    title: str = ""


def picture_effects(
    posterior: Posterior,
    predictor: str | None = None,
    *,
    by: str | None = None,
    facet: str | None = None,
    condition: Sequence[str] = (),
    groups: Groups = "zero",
    ci_prob: float = CI_PROB,
    labels: Labels,
) -> Picture:
    """Return the picture of the mean of the response along predictors.

    Of an ordinal or categorical response: the probability of each level, one curve a level.

    Parameters
    ----------
    posterior : Posterior
    predictor : str, optional
        When left out: one panel for each predictor and each interaction of two.
    by : str, optional
        A second predictor, by colour: a factor, at most five levels of it, or a number, at its mean
        and one standard deviation either side.
    facet : str, optional
        A third predictor, one panel a value.
    condition : sequence of str
        The same three in order: `["age", "urban", "livch"]`.
    groups : str
        `zero`, a typical group, or `integrate`, the mean over the population of groups.
    ci_prob : float
    labels : Mapping

    Raises
    ------
    UnsupportedError
        If `by` is asked for and the response is categorical: its levels have the colours.
    """
    names = [*condition, *(name for name in (predictor, by, facet) if name is not None)]
    panels = _panels(posterior, [find_predictor(posterior, name) for name in names], labels)
    levels = _find_levels(posterior, panels[0])
    frames = [
        _tabulate(posterior, panel, levels, groups, ci_prob) for panel in panels[:_MOST_PANELS]
    ]
    frame = frames[0] if len(frames) == 1 else _stack(panels, frames)
    of = {"zero": "a typical group (effects zero)", "integrate": "the average over groups"}
    curves = [part for f in frames for _, part in f.groupby("by")] if levels else frames
    largest = max(curves, key=lambda part: np.ptp(part["mean"]))
    low, high = largest.loc[largest["mean"].idxmin()], largest.loc[largest["mean"].idxmax()]
    name = str(largest.columns[0])
    response = name_column(labels, posterior.design.response.name)
    outcome = "Probability" if levels else name_outcome(posterior, labels)
    first = 0 if levels else first_level(posterior)
    what = f"{_plain(response)}: level {low['by']}" if levels else _plain(outcome)
    n_left = len(panels) - len(frames)
    n_columns = 2 if len(frames) == 4 else min(_N_COLUMNS, len(frames))
    n_rows = -(-len(frames) // n_columns)
    return Picture(
        frame=frame,
        title=f"{what} runs from {say_range(low['mean'] + first, high['mean'] + first)} along "
        f"{_plain(name_column(labels, name))}",
        caption=f"{'Probability of each level' if levels else 'Mean'} for "
        f"{of.get(str(groups), str(groups))}; other predictors at the median "
        f"or the commonest level; {ci_prob:.0%} equal-tailed interval."
        + (f" {n_left} more panels are not shown; name a predictor." if n_left else ""),
        alt=f"{outcome} along {name}: {what} is {low['mean'] + first:.4g} "
        f"({low['lower'] + first:.4g} to {low['upper'] + first:.4g}) at its lowest, "
        f"{high['mean'] + first:.4g} ({high['lower'] + first:.4g} to "
        f"{high['upper'] + first:.4g}) at its highest.",
        draw=partial(
            _draw,
            list(zip(panels, frames, strict=False)),
            columns=posterior.table.columns,
            labels=labels,
            outcome=outcome,
            legend=_plain(response) if levels else "",
            first=first,
            n_columns=n_columns,
        ),
        size=(WIDTH, HEIGHT) if len(frames) == 1 else (WIDTH + 1, 0.4 + 2.9 * n_rows),
        grid=(n_rows, n_columns),
        shared={"sharey": _is_comparable(frames)},
    )


def _find_levels(posterior: Posterior, panel: Panel) -> dict[str, Posterior]:
    """Return the fits of the levels of the response where these have the colours."""
    if panel.by is None:
        return level_indicators(posterior)
    if posterior.spec.family.response_kind == "category":
        raise UnsupportedError(
            "colours tell the levels of a categorical response apart, and nothing else can",
            given=f"by={panel.by!r}",
            expected="one predictor",
            fix=f"leave `by` out: `plot.effects({panel.name!r})`",
        )
    return {}


def _is_comparable(frames: Sequence[pd.DataFrame]) -> bool:
    """Return whether one axis for all panels leaves none of them flat."""
    reach = [frame["upper"].max() - frame["lower"].min() for frame in frames]
    return bool(max(reach) <= _MOST_UNEVEN * min(reach))


def _panels(posterior: Posterior, names: Sequence[str], labels: Labels) -> list[Panel]:
    """Return the panels asked for, or one a predictor and one an interaction of two."""
    if len(names) > 2:
        column = posterior.table.columns[names[2]]
        values = _values_of(column)
        name = name_column(labels, names[2])
        return [
            Panel(names[0], names[1], {names[2]: value}, f"{name}: {label}")
            for label, value in values
        ]
    if names:
        return [Panel(names[0], names[1] if len(names) > 1 else None)]
    alone = [Panel(name, None, title=name) for name in predictor_columns(posterior)]
    find_predictor(posterior, None)  # says so when there is none
    pairs = [
        Panel(pair[0], pair[1], title=str(term))
        for term in posterior.spec.formula.main.terms
        if len(pair := [v.name for v in term.variables if isinstance(v, Name)]) == 2
        and len(term.variables) == 2
    ]
    found = [*alone, *pairs]
    return [replace(found[0], title="")] if len(found) == 1 else found


def _stack(panels: Sequence[Panel], frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the frames of all panels below each other: `panel`, `predictor`, `x`, `by`, ..."""
    return pd.concat(
        [
            frame.rename(columns={panel.name: "x"}).assign(panel=panel.title, predictor=panel.name)
            for panel, frame in zip(panels, frames, strict=False)
        ],
        ignore_index=True,
    )


def _check_levels(posterior: Posterior, panels: Sequence[Panel]) -> None:
    by = next((panel.by for panel in panels if panel.by), None)
    if by is not None and posterior.spec.family.response_kind == "category":
        raise UnsupportedError(
            "colours tell the levels of a categorical response apart, so nothing else can",
            given=f"by={by!r}",
            expected="one predictor",
            fix=f"leave `by` out: `plot.effects({panels[0].name!r})`",
        )


def _plain(text: str) -> str:
    return text.split(" (")[0]


def _tabulate(
    posterior: Posterior,
    panel: Panel,
    levels: Mapping[str, Posterior],
    groups: Groups,
    ci_prob: float,
) -> pd.DataFrame:
    columns = posterior.table.columns
    grid = grid_of(columns[panel.name])
    values = [("", None)] if panel.by is None else _values_of(columns[panel.by])
    fits = levels or {"": posterior}
    parts = []
    for (label, column), (level, fit) in product(values, fits.items()):
        n = column_length(grid)
        stated = {} if column is None or panel.by is None else {panel.by: column}
        asked = {**panel.fixed, **stated}
        fixed = {name: _repeated(value, n) for name, value in asked.items()}
        made = rows_at(posterior.table, {panel.name: grid, **fixed})
        mean = predict(fit, made, kind="mean", groups=groups).values
        mean = mean.reshape(-1, n) / divide_rows(posterior, made)
        lower, upper = np.quantile(mean, (0.5 - ci_prob / 2, 0.5 + ci_prob / 2), axis=0)
        curve = {"mean": mean.mean(axis=0), "lower": lower, "upper": upper}
        parts.append(pd.DataFrame({panel.name: axis_values(grid), "by": label or level, **curve}))
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
    drawn: Sequence[tuple[Panel, pd.DataFrame]],
    axes: Sequence[Axes],
    *,
    columns: Mapping[str, Column],
    labels: Labels,
    outcome: str,
    legend: str,
    first: int,
    n_columns: int,
) -> None:
    for ax, (panel, frame) in zip(axes, drawn, strict=False):
        _draw_panel(ax, panel, frame, axis_labels(grid_of(columns[panel.name])), labels)
        if panel.by and not (panel.fixed and panel is not drawn[0][0]):
            ax.legend(title=name_column(labels, panel.by), loc="best")
        ax.set_title(panel.title if panel.by else "", fontsize=9, loc="left")
        number_levels(ax.yaxis, first)
    for ax in axes[::n_columns]:
        ax.set_ylabel(outcome)
    if legend:
        legend_below(axes[0], columns=len(_LOOKS), title=legend)
    hide_unused(axes, len(drawn), n_columns)


def _draw_panel(
    ax: Axes, panel: Panel, frame: pd.DataFrame, ticks: tuple[str, ...], labels: Labels
) -> None:
    parts = list(frame.groupby("by", sort=False))
    values = frame[panel.name].unique()
    # Two values have nothing between them to draw a line through.
    is_apart = bool(ticks) or len(values) <= 2
    step = 0.12 * (1.0 if ticks else np.ptp(values))
    for k, (label, part) in enumerate(parts):
        draw = _draw_points if is_apart else _draw_band
        # Side by side, so that intervals do not cover each other.
        shift = step * (k - (len(parts) - 1) / 2) if is_apart else 0.0
        draw(ax, part[panel.name] + shift, part, look=_LOOKS[k % len(_LOOKS)],
             label=shorten(str(label)))  # fmt: skip
    if is_apart:
        places = range(len(ticks)) if ticks else values
        ax.set_xticks(places, [shorten(tick, 14) for tick in ticks or map("{:g}".format, values)])
        ax.margins(x=0.15 if len(values) > 2 else 0.4)
    ax.set_xlabel(name_column(labels, panel.name))


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
