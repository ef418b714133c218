"""The forest of parameters, by ArviZ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from poolish.plots.groups import describe_rows
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import COMPLETE, INNER_PROB
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.moments import CI_PROB
from poolish.summaries.numbers import count_decimals, format_interval, format_number
from poolish.summaries.scalars import Scalars, collect_scalars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ROWS = 40
# Parameters that may lie on either side of zero.
_FREE = ("b[", "b_", "cor_")
INTERCEPT = "b[Intercept]"


def picture_forest(posterior: Posterior, *, ci_prob: float = CI_PROB, labels: Labels) -> Picture:
    """Return the forest of every parameter but the group effects, `az.plot_forest`.

    The intercept of the response is told in the caption: on its scale the others would be points.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
    labels : Mapping
    """
    scalars, told = _set_apart(collect_scalars(posterior, at_most=_MOST_ROWS), ci_prob)
    frame = describe_rows(scalars.values, ci_prob=ci_prob)
    frame.insert(0, "parameter", list(scalars.labels))
    free = frame[[name.startswith(_FREE) for name in frame["parameter"]]]
    clear = int(((free["lower"] > 0) | (free["upper"] < 0)).sum())
    return Picture(
        frame=frame,
        title=f"{clear} of {len(free)} coefficients and correlations have intervals without zero"
        if len(free)
        else f"{frame['parameter'][frame['mean'].idxmax()]} is the largest of {len(frame)}",
        caption=f"Posterior mean, {INNER_PROB:.0%} (thick) and {ci_prob:.0%} (thin) equal-tailed "
        f"intervals, chains together.{told}",
        alt="; ".join(f"{r.parameter} {r.mean:.3g} ({r.lower:.3g} to {r.upper:.3g})"
                      for r in frame.itertuples()),
        draw=partial(_finish, frame),
        make_axes=partial(_forest_axes, scalars, ci_prob),
        size=(WIDTH, 1.4 + 0.32 * len(frame)),
    )  # fmt: skip


def _set_apart(scalars: Scalars, ci_prob: float) -> tuple[Scalars, str]:
    """Return the parameters but the intercept, and a sentence that tells it."""
    if INTERCEPT not in scalars.labels or len(scalars.labels) == 1:
        return scalars, ""
    k = scalars.labels.index(INTERCEPT)
    row = describe_rows(scalars.values[:, :, [k]], ci_prob=ci_prob).iloc[0]
    others = [i for i in range(len(scalars.labels)) if i != k]
    kept = replace(scalars, labels=tuple(scalars.labels[i] for i in others),
                   values=scalars.values[:, :, others])  # fmt: skip
    return kept, f" Not drawn: {INTERCEPT} {_say_row(row)}."


def _say_row(row: pd.Series) -> str:
    decimals = count_decimals(row["sd"])
    return (
        f"{format_number(row['mean'], decimals)} "
        f"({format_interval(row['lower'], row['upper'], decimals)})"
    )


def _dataset(scalars: Scalars, places: Sequence[int]) -> xr.Dataset:
    names = [scalars.labels[i].replace("/", "\N{DIVISION SLASH}") for i in places]
    return xr.Dataset(
        {
            n: (("chain", "draw"), scalars.values[:, :, i])
            for n, i in zip(names, places, strict=True)
        }
    )


def _forest_axes(scalars: Scalars, ci_prob: float) -> list[Axes]:
    import arviz as az

    dataset = _dataset(scalars, range(len(scalars.labels)))
    plots = az.plot_forest(
        xr.DataTree.from_dict({"posterior": dataset}),
        backend="matplotlib",
        combined=True,
        ci_probs=(INNER_PROB, ci_prob),
        ci_kind="eti",
        point_estimate="mean",
        labels=["__variable__"],
        figure_kwargs={"width_ratios": (1, 2)},
    )
    return _axes_of(plots)


def _finish(frame: pd.DataFrame, axes: Sequence[Axes]) -> None:
    # The left axes hold the names only.
    names, ax = axes[0], axes[1]
    names.set_xticks([])
    names.grid(visible=False)
    names.spines[:].set_visible(False)
    ax.axvline(0.0, color=COMPLETE, linestyle="--", linewidth=1, zorder=0)
    # Parameters of other scales look like points: the numbers say what they are.
    for y, (_, row) in zip(reversed(range(len(frame))), frame.iterrows(), strict=True):
        ax.annotate(
            _say_row(row), (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8
        )


def _axes_of(plots: object) -> list[Axes]:
    figure = plots.viz["figure"].item()  # type: ignore[attr-defined]
    return list(figure.axes)
