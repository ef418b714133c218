"""Replicated outcomes over the observed ones, by ArviZ."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from poolish.plots.outcome import name_outcome
from poolish.plots.picture import Picture
from poolish.plots.predictive import Replicates, replicate_rows
from poolish.plots.style import COMPLETE, PARTIAL
from poolish.plots.words import Labels
from poolish.posterior import Posterior

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_SAMPLES = 50


def picture_ppc(
    posterior: Posterior,
    *,
    num_samples: int = N_SAMPLES,
    seed: int = 0,
    replicates: Replicates | None = None,
    labels: Labels,
) -> Picture:
    """Return the picture of the outcomes' distribution with those of replicated data.

    Parameters
    ----------
    posterior : Posterior
    num_samples : int
        Replicated data sets that are drawn.
    seed : int
    replicates : Replicates, optional
        Those of `seed`, where they are made already.
    labels : Mapping
    """
    found = replicates or replicate_rows(posterior, seed=seed)
    chosen = _even(len(found.y_rep), num_samples)
    frame = tabulate_replicates(found, chosen)
    is_discrete = posterior.spec.family.is_discrete
    means = found.y_rep.mean(axis=1)
    sds = found.y_rep.std(axis=1)
    chance = [float((s >= o).mean()) for s, o in ((means, found.y.mean()), (sds, found.y.std()))]
    is_fine = all(0.01 < p < 0.99 for p in chance)
    outcome = name_outcome(posterior, labels).split(",")[0]
    return Picture(
        frame=frame,
        title="Replicated data look like the observed data" if is_fine
        else "Replicated data differ from the observed data",
        caption=f"Black: observed. Blue: {len(chosen)} data sets replicated by the fitted model, "
        f"groups kept. {'Cumulative shares' if is_discrete else 'Densities'}. Chance that a "
        f"replicate exceeds the observed mean {chance[0]:.2f}, sd {chance[1]:.2f}.",
        alt=f"Distribution of {outcome}: observed mean {found.y.mean():.4g} and sd "
        f"{found.y.std():.4g}; replicates exceed them with probability {chance[0]:.2f} and "
        f"{chance[1]:.2f}.",
        draw=partial(_finish, outcome=outcome, is_discrete=is_discrete),
        make_axes=partial(_arviz_axes, found, chosen, is_discrete=is_discrete),
    )  # fmt: skip


def tabulate_replicates(found: Replicates, chosen: np.ndarray) -> pd.DataFrame:
    """Return `sample` (-1 the observed data), `row` and `y`, of the data sets that are drawn."""
    values = np.concatenate([found.y[None], found.y_rep[chosen]])
    samples = np.concatenate([[-1], chosen])
    return pd.DataFrame(
        {
            "sample": np.repeat(samples, values.shape[1]),
            "row": np.tile(found.rows, len(values)),
            "y": values.ravel(),
        }
    )


def draw_replicates(ax: Axes, frame: pd.DataFrame, *, is_discrete: bool) -> None:
    """Draw the distribution of each data set: a density, or cumulative shares when discrete."""
    low, high = frame["y"].min(), frame["y"].max()
    grid = np.linspace(low, high, 200)
    for sample, part in frame.groupby("sample", sort=False):
        values = part["y"].to_numpy()
        look: dict[str, Any] = {"color": PARTIAL, "alpha": 0.25, "linewidth": 0.8}
        if sample == -1:
            look = {"color": COMPLETE, "linewidth": 2.0, "zorder": 5}
        if is_discrete or np.ptp(values) == 0:
            ax.step(np.sort(values), np.arange(1, len(values) + 1) / len(values), **look)
        else:
            ax.plot(grid, stats.gaussian_kde(values)(grid), **look)
    ax.set(xlabel="Outcome", ylabel="Cumulative share" if is_discrete else "Density")


def _even(n: int, at_most: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int))


def _arviz_axes(found: Replicates, chosen: np.ndarray, *, is_discrete: bool) -> list[Axes]:
    import arviz as az

    rep = xr.Dataset({"y": (("chain", "draw", "obs"), found.y_rep[None, chosen])})
    observed = xr.Dataset({"y": ("obs", found.y)})
    tree = xr.DataTree.from_dict({"posterior_predictive": rep, "observed_data": observed})
    with warnings.catch_warnings():
        # It advises another picture for binary outcomes.
        warnings.simplefilter("ignore", UserWarning)
        plots = az.plot_ppc_dist(
            tree,
            backend="matplotlib",
            kind="ecdf" if is_discrete else "kde",
            num_samples=len(chosen),
            visuals={
                "predictive_dist": {"color": PARTIAL, "alpha": 0.25},
                "observed_dist": {"color": COMPLETE, "width": 2.2},
                "title": False,
                "remove_axis": False,
            },
        )
    return list(np.ravel(plots.viz["plot"]["y"].values))


def _finish(axes: Sequence[Axes], *, outcome: str, is_discrete: bool) -> None:
    ax = axes[0]
    ax.set_xlabel(outcome)
    ax.set_ylabel("Cumulative share" if is_discrete else "Density")
    ax.set_ylim(bottom=0.0)
    ax.plot([], [], color=COMPLETE, linewidth=2.2, label="observed")
    ax.plot([], [], color=PARTIAL, alpha=0.5, label="replicated")
    ax.legend(loc="best")
