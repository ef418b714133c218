"""Deviations of the groups from the average, in order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.plots.groups import AT_MOST, describe_rows, height_of, open_rows, say_shown
from poolish.plots.marks import draw_intervals, name_rows, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import COMPLETE, PARTIAL
from poolish.plots.words import Labels, name_effect, name_group
from poolish.posterior import Posterior
from poolish.summaries.groups import count_rows, summarise_groups
from poolish.summaries.moments import CI_PROB

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def picture_caterpillar(
    posterior: Posterior,
    group: str | None = None,
    *,
    effect: str | None = None,
    selected: Sequence[str] = (),
    at_most: int = AT_MOST,
    ci_prob: float = CI_PROB,
    labels: Labels,
) -> Picture:
    """Return the picture of each group's deviation from the population, largest first.

    Parameters
    ----------
    posterior : Posterior
    group, effect : str, optional
        The first ones of the model when left out.
    selected : sequence of str
        Levels that are shown even where there are too many.
    at_most : int
        Rows; the smallest and the largest are kept.
    ci_prob : float
    labels : Mapping
    """
    rows = open_rows(posterior, group, effect=effect, selected=selected, at_most=at_most,
                     ci_prob=ci_prob)  # fmt: skip
    found, name = rows.found, rows.effect
    table = summarise_groups(posterior, found.group.name, ci_prob=ci_prob).frame
    every = table[table["effect"] == name]
    n_clear = int(((every["lower"] > 0) | (every["upper"] < 0)).sum())
    levels, skipped = rows.pick(every["deviation"].to_numpy())
    described = describe_rows(found.read(levels)[..., rows.k], ci_prob=ci_prob)
    frame = described.assign(
        level=[found.group.levels[i] for i in levels],
        effect=name,
        n=count_rows(found)[levels],
        is_clear=(described["lower"] > 0) | (described["upper"] < 0),
        skipped=skipped,
    )
    response = posterior.design.response.name
    axis = f"Deviation from the average. {name_effect(posterior.spec, response, name, labels)}"
    return Picture(
        frame=frame,
        title=f"{n_clear} of {found.n_levels:,} groups of "
        f"{shorten(name_group(labels, found.group.name))} clearly differ from the average",
        caption=f"Effect {name}. Filled: the {ci_prob:.0%} interval excludes zero; hollow: it "
        f"does not. Thick lines 66%, thin {ci_prob:.0%}." + say_shown(len(frame), found.n_levels),
        alt=_alt(frame, found.group.name, name, n_clear),
        draw=partial(_draw, frame, axis=axis),
        size=(WIDTH, height_of(len(frame))),
    )


def _draw(frame: pd.DataFrame, axes: Sequence[Axes], *, axis: str) -> None:
    ax, y = axes[0], np.arange(len(frame))
    ax.axvline(0.0, color=COMPLETE, linestyle="--", linewidth=1.3, zorder=1)
    draw_intervals(ax, y, frame, color=PARTIAL)
    unclear = ~frame["is_clear"].to_numpy()
    ax.plot(frame["mean"][unclear], y[unclear], "o", markersize=6, markerfacecolor="white",
            markeredgecolor=PARTIAL, markeredgewidth=1.8, zorder=5)  # fmt: skip
    name_rows(ax, [f"{shorten(r.level, 20)} (n = {r.n})" for r in frame.itertuples()],
              frame["skipped"])  # fmt: skip
    ax.set_xlabel(axis)


def _alt(frame: pd.DataFrame, group: str, effect: str, n_clear: int) -> str:
    first, last = frame.iloc[0], frame.iloc[-1]
    return (
        f"Deviations of {effect} by {group}, from {last['mean']:.3g} ({last['level']}) to "
        f"{first['mean']:.3g} ({first['level']}); {n_clear} groups have intervals without zero."
    )
