"""The forest of parameters, by ArviZ."""

from __future__ import annotations

from collections.abc import Sequence
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
from poolish.summaries.numbers import count_decimals, format_interval
from poolish.summaries.scalars import Scalars, collect_scalars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ROWS = 40
# Parameters that may lie on either side of zero.
_FREE = ("b[", "b_", "cor_")


def picture_forest(posterior: Posterior, *, ci_prob: float = CI_PROB, labels: Labels) -> Picture:
    """Return the forest of every parameter but the group effects, `az.plot_forest`.

    Parameters
    ----------
    posterior : Posterior
    ci_prob : float
    labels : Mapping
    """
    scalars = collect_scalars(posterior, at_most=_MOST_ROWS)
    frame = describe_rows(scalars.values, ci_prob=ci_prob)
    frame.insert(0, "parameter", list(scalars.labels))
    free = frame[[name.startswith(_FREE) for name in frame["parameter"]]]
    clear = int(((free["lower"] > 0) | (free["upper"] < 0)).sum())
    return Picture(
        frame=frame,
        title=f"{clear} of {len(free)} coefficients and correlations have intervals without zero",
        caption=f"Posterior mean, {INNER_PROB:.0%} (thick) and {ci_prob:.0%} (thin) equal-tailed "
        "intervals. Chains together.",
        alt="; ".join(f"{r.parameter} {r.mean:.3g} ({r.lower:.3g} to {r.upper:.3g})"
                      for r in frame.itertuples()),
        draw=partial(_finish, frame),
        make_axes=partial(_forest_axes, scalars, ci_prob),
        size=(WIDTH, 1.4 + 0.32 * len(frame)),
    )  # fmt: skip


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
    for y, row in zip(reversed(range(len(frame))), frame.itertuples(), strict=True):
        decimals = count_decimals(row.sd)
        text = f"{row.mean:,.{decimals}f}  {format_interval(row.lower, row.upper, decimals)}"
        ax.annotate(text, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=8)


def _axes_of(plots: object) -> list[Axes]:
    figure = plots.viz["figure"].item()  # type: ignore[attr-defined]
    return list(figure.axes)
