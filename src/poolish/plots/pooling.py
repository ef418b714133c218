"""No, partial and complete pooling of each group on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.plots.groups import AT_MOST, GroupRows, describe_rows, height_of, open_rows, say_shown
from poolish.plots.marks import draw_arrows, draw_intervals, legend_below, name_rows, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import COMPLETE, NEW_GROUP, NO_POOLING, PARTIAL
from poolish.plots.words import Labels, name_effect, name_group
from poolish.posterior import Posterior
from poolish.summaries.effects import GroupEffects
from poolish.summaries.moments import CI_PROB
from poolish.summaries.pooling import average_pooling, summarise_pooling

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In words, what an average pooling factor of at most so much means.
_STRENGTHS = (
    (0.1, "hardly borrow from each other"),
    (0.35, "borrow a little from each other"),
    (0.8, "borrow much from each other"),
    (1.0, "borrow almost everything from each other"),
)


def picture_pooling(
    posterior: Posterior,
    group: str | None = None,
    *,
    effect: str | None = None,
    selected: Sequence[str] = (),
    at_most: int = AT_MOST,
    new_group: bool = True,
    ci_prob: float = CI_PROB,
    labels: Labels,
) -> Picture:
    """Return the picture of each group's own, partially and completely pooled estimate.

    Parameters
    ----------
    posterior : Posterior
    group, effect : str, optional
        The first ones of the model when left out.
    selected : sequence of str
        Levels that are shown even where there are too many.
    at_most : int
        Rows; the smallest and the largest are kept.
    new_group : bool
        Whether the last row is a group with no data.
    ci_prob : float
    labels : Mapping
    """
    rows = open_rows(posterior, group, effect=effect, selected=selected, at_most=at_most,
                     ci_prob=ci_prob)  # fmt: skip
    found, name = rows.found, rows.effect
    frame = _tabulate(rows)
    n_shown = len(frame)
    if new_group and found.group.relation is None:
        frame = pd.concat([frame, _new_row(found, rows.k, ci_prob)], ignore_index=True)
    pooling = average_pooling(found)[name]
    strength = next((words for limit, words in _STRENGTHS if pooling <= limit), "borrow all")
    response = posterior.design.response.name
    return Picture(
        frame=frame,
        title=f"{shorten(name_group(labels, found.group.name))}: groups {strength} "
        f"(average pooling {pooling:.2f})",
        caption=(
            f"{name} of each group. Pooling 0 = own data only, 1 = fully pooled (Gelman & Pardoe "
            f"2006). Thick lines 66%, thin {ci_prob:.0%}."
            + _say_missing(frame)
            + say_shown(n_shown, found.n_levels)
        ),
        alt=_alt(frame, found, name, pooling),
        draw=partial(
            _draw,
            frame,
            axis=name_effect(posterior.spec, response, name, labels),
            ci_prob=ci_prob,
        ),
        size=(WIDTH, height_of(len(frame))),
    )


def _tabulate(rows: GroupRows) -> pd.DataFrame:
    """Return one row a level: `n`, `own`, `mean` and intervals of partial pooling, `complete`."""
    found = rows.found
    table = summarise_pooling(rows.posterior, found.group.name, ci_prob=rows.ci_prob).frame
    every = table[table["effect"] == rows.effect].reset_index(drop=True)
    levels, skipped = rows.pick(every["partial"].to_numpy())
    population = found.population[..., None, rows.k]
    draws = found.read(levels)[..., rows.k] + population
    kept = every.loc[levels, ["level", "effect", "n", "own", "complete", "pooling"]]
    frame = pd.concat(
        [kept.reset_index(drop=True), describe_rows(draws, ci_prob=rows.ci_prob)], axis=1
    )
    # Without least squares the mean of the population stands for complete pooling.
    frame["complete"] = frame["complete"].fillna(float(found.population[..., rows.k].mean()))
    return frame.assign(is_new=False, skipped=skipped)


def _new_row(found: GroupEffects, k: int, ci_prob: float) -> pd.DataFrame:
    z = np.random.default_rng(0).standard_normal(found.sd.shape[:2])
    draws = found.population[..., k] + found.sd[..., k] * z
    row = describe_rows(draws[..., None], ci_prob=ci_prob)
    # The mean of a new group is that of the population: no Monte Carlo error of z in it.
    row["mean"] = found.population[..., k].mean()
    return row.assign(level=f"a new {found.group.name}", effect=found.group.effects[k], n=0,
                      pooling=1.0, is_new=True, skipped=0)  # fmt: skip


def _draw(frame: pd.DataFrame, axes: Sequence[Axes], *, axis: str, ci_prob: float) -> None:
    ax, y = axes[0], np.arange(len(frame))
    new = frame["is_new"].to_numpy()
    old = frame[~new]
    ax.axvline(
        float(frame["complete"].iloc[0]),
        color=COMPLETE,
        linestyle="--",
        linewidth=1.3,
        zorder=1,
        label="complete pooling: one estimate for all",
    )
    draw_intervals(ax, y[~new], old, color=PARTIAL, label=f"partial pooling, 66% and {ci_prob:.0%}")
    if old["own"].notna().any():
        _draw_own(ax, y[~new], old)
    if new.any():
        _draw_new(ax, y[new], frame[new])
    name_rows(ax, [_row_label(row) for row in frame.to_dict("records")], frame["skipped"])
    ax.set_xlabel(axis)
    legend_below(ax)


def _draw_own(ax: Axes, y: np.ndarray, rows: pd.DataFrame) -> None:
    ax.plot(
        rows["own"],
        y,
        "o",
        markersize=8,
        markerfacecolor="white",
        markeredgecolor=NO_POOLING,
        markeredgewidth=2,
        zorder=3.5,
        label="no pooling: own data only",
    )
    ends = (np.column_stack([rows[name], y]) for name in ("own", "mean"))
    draw_arrows(ax, *ends)


def _draw_new(ax: Axes, y: np.ndarray, rows: pd.DataFrame) -> None:
    ax.hlines(y, rows["lower"], rows["upper"], color=NEW_GROUP, linewidth=1.5)
    ax.hlines(y, rows["inner_lower"], rows["inner_upper"], color=NEW_GROUP, linewidth=4)
    ax.plot(rows["mean"], y, "D", color=NEW_GROUP, markersize=8, label="a new group, no data")


def _say_missing(frame: pd.DataFrame) -> str:
    n_without = int(frame.loc[~frame["is_new"], "own"].isna().sum())
    if not n_without:
        return ""
    if n_without == (~frame["is_new"]).sum():
        return " No estimates from own data alone for this model."
    return " Rows without a hollow circle have no finite estimate from own data alone."


def _row_label(row: dict[str, object]) -> str:
    level = shorten(str(row["level"]), 20)
    return level if row["is_new"] else f"{level} (n = {row['n']}, {row['pooling']:.0%} pooled)"


def _alt(frame: pd.DataFrame, found: GroupEffects, effect: str, pooling: float) -> str:
    old = frame[~frame["is_new"]]
    first, last = old.iloc[0], old.iloc[-1]
    return (
        f"{effect} by {found.group.name}: partially pooled estimates of {len(old)} groups run from "
        f"{last['mean']:.4g} ({last['level']}) to {first['mean']:.4g} ({first['level']}); complete "
        f"pooling gives {first['complete']:.4g}; the average pooling factor is {pooling:.2f}."
    )
