"""The forest of parameters, by ArviZ."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import xarray as xr

from poolish.plots.groups import describe_rows
from poolish.plots.picture import WIDTH, Picture
from poolish.plots.style import INNER_PROB
from poolish.plots.words import Labels
from poolish.posterior import Posterior
from poolish.summaries.moments import CI_PROB
from poolish.summaries.scalars import Scalars, collect_scalars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ROWS = 40


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
    clear = int(((frame["lower"] > 0) | (frame["upper"] < 0)).sum())
    return Picture(
        frame=frame,
        title=f"{clear} of {len(frame)} parameters have intervals without zero",
        caption=f"Posterior mean, {INNER_PROB:.0%} (thick) and {ci_prob:.0%} (thin) equal-tailed "
        "intervals. Chains together.",
        alt="; ".join(f"{r.parameter} {r.mean:.3g} ({r.lower:.3g} to {r.upper:.3g})"
                      for r in frame.itertuples()),
        draw=_finish,
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


def _finish(axes: Sequence[Axes]) -> None:
    # The left axes hold the names only.
    axes[0].set_xticks([])
    axes[0].grid(visible=False)


def _axes_of(plots: object) -> list[Axes]:
    figure = plots.viz["figure"].item()  # type: ignore[attr-defined]
    return list(figure.axes)
