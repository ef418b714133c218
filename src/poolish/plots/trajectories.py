"""One small panel a group: its data, its own line, and the partially pooled one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.errors import DataError, UnsupportedError
from poolish.frame import Column, FactorColumn, Table
from poolish.plots.groups import find_group, level_position
from poolish.plots.marks import body_of, hide_unused, legend_below, shorten
from poolish.plots.outcome import first_level, name_outcome, number_levels
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.rows import (
    axis_labels,
    axis_values,
    column_length,
    find_predictor,
    grid_of,
    rows_at,
)
from poolish.plots.style import COMPLETE, NO_POOLING, PARTIAL
from poolish.plots.words import Labels, name_column, name_group
from poolish.posterior import Posterior
from poolish.predict import Policy, predict
from poolish.predict.response import divide_by, divide_rows
from poolish.spec.adapt import evaluate_adapted
from poolish.summaries.effects import GroupEffects, collect_effects
from poolish.summaries.moments import CI_PROB
from poolish.summaries.numbers import count_decimals
from poolish.summaries.own_estimates import complete_pooling, estimate_own

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AT_MOST = 20
_N_COLUMNS = 5
# Reaches that differ by less of the largest are the same.
_PARALLEL = 1e-6
_NO_OWN = (
    " No line from own data alone: that needs a Gaussian model whose groups differ in the "
    "predictor."
)


def picture_trajectories(
    posterior: Posterior,
    group: str | None = None,
    *,
    predictor: str | None = None,
    selected: Sequence[str] = (),
    at_most: int = AT_MOST,
    ci_prob: float = CI_PROB,
    labels: Labels,
) -> Picture:
    """Return the picture of the response along a predictor, one panel a group.

    Parameters
    ----------
    posterior : Posterior
    group, predictor : str, optional
        The first ones of the model when left out.
    selected : sequence of str
        The levels to show, with rows; evenly spaced ones of those when left out.
    at_most : int
        Panels.
    ci_prob : float
        Of the band of the group's mean.
    labels : Mapping

    Raises
    ------
    DataError
        If a selected level has no rows: a relative without records.
    UnsupportedError
        If the response is categorical.
    """
    if posterior.spec.family.response_kind == "category":
        raise UnsupportedError(
            "a categorical response has no mean that could run along a predictor",
            given=f"levels {', '.join(posterior.design.response.levels)}",
            expected="a numeric or ordered response",
            fix="draw the probability of each level with `plot.effects`",
        )
    found = find_group(posterior, group)
    name = find_predictor(posterior, predictor)
    levels = _pick(found, selected, at_most)
    frame = pd.concat([_data_rows(posterior, found, name, levels),
                       _curve_rows(posterior, found, name, levels, ci_prob)])  # fmt: skip
    frame = frame.reset_index(drop=True)
    column = posterior.table.columns[name]
    shown = [found.group.levels[i] for i in levels]
    n_levels = len(np.unique(found.design.codes))
    n_rows = -(-len(shown) // min(_N_COLUMNS, len(shown)))
    has_own = bool(frame["own"].notna().any())
    return Picture(
        frame=frame,
        title=_say_spread(frame, name_group(labels, found.group.name), name_column(labels, name)),
        caption=f"Points: data. Band: {ci_prob:.0%} interval of the group's mean; other predictors "
        "at the group's typical values, other groups that vary within it at zero."
        + ("" if has_own else _NO_OWN)
        + (f" {len(shown)} of {n_levels:,} groups, evenly spaced; `selected=` chooses."
           if len(shown) < n_levels else ""),
        alt=_alt(frame, found, name, shown),
        draw=partial(
            _draw,
            frame,
            shown=shown,
            ticks=axis_labels(column),
            words=(name_column(labels, name), name_outcome(posterior, labels)),
            first=first_level(posterior),
        ),
        size=(WIDTH + 1.0, 1.0 + 1.35 * n_rows),
        grid=(n_rows, min(_N_COLUMNS, len(shown))),
        shared={"sharex": True, "sharey": True},
    )  # fmt: skip


def _pick(found: GroupEffects, selected: Sequence[str], at_most: int) -> np.ndarray:
    with_rows = np.unique(found.design.codes)
    if not selected:
        n = min(at_most, len(with_rows))
        return with_rows[np.unique(np.linspace(0, len(with_rows) - 1, n).round().astype(int))]
    levels = np.array([level_position(found, label) for label in selected])
    for level in levels[~np.isin(levels, with_rows)]:
        raise DataError(
            f"`{found.group.levels[level]}` of `{found.group.name}` has no rows to draw",
            given=f"selected={list(selected)}",
            expected=f"levels with rows, {len(with_rows):,} of {found.n_levels:,}",
            fix=f'select others, or read `fit.groups("{found.group.name}")`',
        )
    return levels


def _data_rows(
    posterior: Posterior, found: GroupEffects, name: str, levels: np.ndarray
) -> pd.DataFrame:
    rows = np.flatnonzero(np.isin(found.design.codes, levels))
    response = posterior.design.response
    return pd.DataFrame(
        {
            "level": np.array(found.group.levels, dtype=object)[found.design.codes[rows]],
            "kind": "data",
            name: axis_values(posterior.table.columns[name])[rows],
            "y": (response.y / divide_by(response))[rows],
        }
    )


def _curve_rows(
    posterior: Posterior, found: GroupEffects, name: str, levels: np.ndarray, ci_prob: float
) -> pd.DataFrame:
    table = posterior.table
    own = estimate_own(posterior, found, ci_prob=ci_prob).estimate
    parts = [
        _one_curve(posterior, found, name, table, int(level), own[level], ci_prob)
        for level in levels
    ]
    return pd.concat(parts)


def _one_curve(
    posterior: Posterior,
    found: GroupEffects,
    name: str,
    table: Table,
    level: int,
    own: np.ndarray,
    ci_prob: float,
) -> pd.DataFrame:
    rows = np.flatnonzero(found.design.codes == level)
    grid = grid_of(table.columns[name])
    made = rows_at(table, {name: grid, **_group_columns(found, table, rows, grid)}, rows)
    divisor = divide_rows(posterior, made)
    mean = predict(posterior, made, kind="mean", groups=_policies(posterior, found)).values
    mean = mean.reshape(-1, mean.shape[2]) / divisor
    tails = (0.5 - ci_prob / 2, 0.5 + ci_prob / 2)
    lower, upper = np.quantile(mean, tails, axis=0)
    partial_ = mean.mean(axis=0)
    return pd.DataFrame(
        {
            "level": found.group.levels[level],
            "kind": "curve",
            name: axis_values(grid),
            "partial": partial_,
            "lower": lower,
            "upper": upper,
            "own": _own_line(posterior, found, made, own, level, partial_),
            "complete": _complete_line(posterior, found, made, divisor),
        }
    )


def _group_columns(
    found: GroupEffects, table: Table, rows: np.ndarray, grid: Column
) -> dict[str, Column]:
    """Return the columns that name the group, as in its first row."""
    n = column_length(grid)
    names = [name for name in found.group.name.split(":") if name in table.columns]
    return {name: _repeat(table.columns[name], int(rows[0]), n) for name in names if len(rows)}


def _repeat(column: Column, row: int, n: int) -> Column:
    if isinstance(column, FactorColumn):
        return FactorColumn(np.full(n, column.codes[row]), column.levels, column.is_ordered)
    return type(column)(np.full(n, column.values[row]), column.is_integer)


def _policies(posterior: Posterior, found: GroupEffects) -> dict[str, Policy]:
    """Return observed effects for the group and those it lies within, none for the others."""
    policies: dict[str, Policy] = {}
    for predictor in posterior.design.predictors.values():
        for group in predictor.groups:
            pairs = np.unique(np.stack([found.design.codes, group.codes]), axis=1)
            is_within = pairs.shape[1] == len(np.unique(found.design.codes))
            policies[group.name] = "observed" if is_within else "zero"
    return policies


def _own_line(
    posterior: Posterior,
    found: GroupEffects,
    made: Table,
    own: np.ndarray,
    level: int,
    partial_: np.ndarray,
) -> np.ndarray:
    """Return the partial line with the group's own least-squares coefficients in their place.

    NaN where the family is not Gaussian, or the predictor is none that the group differs in: a
    line with the common slope is no estimate from the group alone.
    """
    arrays = evaluate_adapted(posterior.recipe, found.predictor, made, groups=True)
    at = [group.name for group in arrays.groups].index(found.group.name)
    Z = arrays.groups[at].Z
    r = found.read(np.array([level]))[:, :, 0].mean(axis=(0, 1))
    pooled = found.population.mean(axis=(0, 1)) + r
    is_linear = posterior.spec.main.link.name == "identity"
    if Z.shape[1] == 1 or not is_linear or not np.isfinite(own).all():
        return np.full(len(partial_), np.nan)
    return partial_ + Z @ (own - pooled)


def _complete_line(
    posterior: Posterior, found: GroupEffects, made: Table, divisor: np.ndarray
) -> np.ndarray:
    """Return the least-squares line of all rows as one group, or else that of a typical group."""
    main = posterior.spec.main
    by_group = [complete_pooling(posterior, collect_effects(posterior, main, g))
                for g in main.groups]  # fmt: skip
    is_linear = main.link.name == "identity"
    if (
        is_linear
        and by_group
        and np.isfinite(by_group[0]).all()
        and set(main.coefs) <= set(found.group.effects)
    ):
        coefs = dict(zip(found.group.effects, complete_pooling(posterior, found), strict=True))
        arrays = evaluate_adapted(posterior.recipe, main, made, groups=False)
        return arrays.offset + arrays.X @ np.array([coefs[name] for name in main.coefs])
    mean = predict(posterior, made, kind="mean", groups="zero").values
    return mean.mean(axis=(0, 1)) / divisor


def _draw(
    frame: pd.DataFrame,
    axes: Sequence[Axes],
    *,
    shown: list[str],
    ticks: tuple[str, ...],
    words: tuple[str, str],
    first: int,
) -> None:
    name = frame.columns[2]
    by_level = {key: part for key, part in frame.groupby("level", sort=False)}
    for ax, level in zip(axes, shown, strict=False):
        _draw_panel(ax, by_level[level], name)
        ax.set_title(shorten(level, 18), fontsize=9, loc="left", pad=3)
        if ticks:
            ax.set_xticks(range(len(ticks)), [shorten(t, 8) for t in ticks])
    hide_unused(axes, len(shown), _N_COLUMNS)
    _set_limits(axes[0], frame)
    number_levels(axes[0].yaxis, first)
    body_of(axes[0]).supylabel(words[1], fontsize=10)
    legend_below(axes[0], columns=4, title=f"Across: {words[0]}")


def _set_limits(ax: Axes, frame: pd.DataFrame) -> None:
    """Let the data and the pooled lines choose the scale, not a wild line of one point."""
    values = frame[["y", "partial", "complete", "lower", "upper"]].to_numpy()
    low, high = np.nanmin(values), np.nanmax(values)
    pad = 0.06 * (high - low) or 1.0
    ax.set_ylim(low - pad, high + pad)


def _draw_panel(ax: Axes, part: pd.DataFrame, name: str) -> None:
    data, curve = part[part["kind"] == "data"], part[part["kind"] == "curve"]
    x = curve[name]
    ax.fill_between(x, curve["lower"], curve["upper"], color=PARTIAL, alpha=0.2, linewidth=0)
    ax.plot(x, curve["complete"], color=COMPLETE, linestyle=":", linewidth=1.3,
            label="complete pooling")  # fmt: skip
    if curve["own"].notna().any():
        ax.plot(x, curve["own"], color=NO_POOLING, linestyle="--", linewidth=1.3,
                zorder=4, label="no pooling")  # fmt: skip
    ax.plot(x, curve["partial"], color=PARTIAL, linewidth=2, label="partial pooling")
    ax.plot(data[name], data["y"], "o", color="#333333", markersize=3, label="data")


def _say_spread(frame: pd.DataFrame, group: str, predictor: str) -> str:
    """Return which group changes least and most along the predictor, or which lies where."""
    curves = frame[frame["kind"] == "curve"].groupby("level", sort=False)["partial"]
    reach, middle = curves.max() - curves.min(), curves.mean()
    if np.ptp(reach) > _PARALLEL * reach.max():
        decimals = count_decimals(float(np.ptp(reach)))
        return (
            f"{shorten(group)}: along {predictor.split(' (')[0]} the mean changes least for "
            f"{shorten(reach.idxmin(), 16)} ({reach.min():,.{decimals}f}), most for "
            f"{shorten(reach.idxmax(), 16)} ({reach.max():,.{decimals}f})"
        )
    return (
        f"{shorten(group)}: the same course for all, lowest for {shorten(middle.idxmin(), 16)}, "
        f"highest for {shorten(middle.idxmax(), 16)}"
    )


def _alt(frame: pd.DataFrame, found: GroupEffects, name: str, shown: list[str]) -> str:
    n_points = int((frame["kind"] == "data").sum())
    curve = frame[frame["kind"] == "curve"]
    return (
        f"{len(shown)} panels, one a group of {found.group.name}: {n_points} observations along "
        f"{name} with partially pooled means between {curve['partial'].min():.4g} and "
        f"{curve['partial'].max():.4g}."
    )
