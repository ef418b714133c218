"""Where each group stands among the others, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from poolish.plots.groups import AT_MOST, describe_rows, height_of, open_rows, say_shown
from poolish.plots.marks import draw_intervals, name_rows, shorten
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.words import Labels, name_group
from poolish.posterior import Posterior
from poolish.summaries.effects import GroupEffects
from poolish.summaries.moments import CI_PROB
from poolish.summaries.ranks import rank_draws

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Values that are ranked at once; beyond, every so many draws are taken.
_MOST_VALUES = 20_000_000


def picture_ranks(
    posterior: Posterior,
    group: str | None = None,
    *,
    effect: str | None = None,
    selected: Sequence[str] = (),
    at_most: int = AT_MOST,
    ci_prob: float = CI_PROB,
    labels: Labels,
) -> Picture:
    """Return the picture of the posterior of each group's rank, 1 the largest.

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
    found = rows.found
    ranks = rank_draws(_thinned(found, rows.k), is_high_good=True)
    levels, skipped = rows.pick(-ranks.mean(axis=0))
    frame = describe_rows(ranks[None][..., levels], ci_prob=ci_prob).assign(
        level=[found.group.levels[i] for i in levels],
        effect=rows.effect,
        prob_first=(ranks[:, levels] == 1).mean(axis=0),
        prob_last=(ranks[:, levels] == found.n_levels).mean(axis=0),
        skipped=skipped,
    )
    first = frame.iloc[0]
    return Picture(
        frame=frame,
        title=f"{shorten(name_group(labels, found.group.name))}: {shorten(first['level'])} ranks "
        f"{_say_places(first)} of {found.n_levels:,}, first with "
        f"probability {first['prob_first']:.2f}",
        caption=f"Posterior of the rank of {rows.effect}, 1 the largest: mean, 66% (thick) and "
        f"{ci_prob:.0%} (thin) intervals." + say_shown(len(frame), found.n_levels),
        alt=f"Ranks of {len(frame)} groups of {found.group.name}: {first['level']} is the largest "
        f"with probability {first['prob_first']:.2f}; the median width of a {ci_prob:.0%} interval "
        f"is {(frame['upper'] - frame['lower']).median():.0f} places.",
        draw=partial(_draw, frame, n_levels=found.n_levels),
        size=(WIDTH, height_of(len(frame))),
    )


def _say_places(row: pd.Series) -> str:
    low, high = f"{row['lower']:.0f}", f"{row['upper']:.0f}"
    return low if low == high else f"{low} to {high}"


def _thinned(found: GroupEffects, k: int) -> np.ndarray:
    """Return an effect of every level in evenly spaced draws, shape (sample, level)."""
    n_samples = found.sd.shape[0] * found.sd.shape[1]
    step = -(-n_samples * found.n_levels // _MOST_VALUES)
    parts = [r[..., k].reshape(n_samples, len(levels))[::step] for levels, r in found.chunks()]
    return np.concatenate(parts, axis=1)


def _draw(frame: pd.DataFrame, axes: Sequence[Axes], *, n_levels: int) -> None:
    ax = axes[0]
    draw_intervals(ax, np.arange(len(frame)), frame)
    name_rows(ax, [shorten(level) for level in frame["level"]], frame["skipped"])
    ax.set_xlim(0.5, n_levels + 0.5)
    ax.set_xlabel(f"Rank, 1 (largest) to {n_levels:,}")
