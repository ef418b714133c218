"""Replicated outcomes over the observed ones, densities and cumulative shares by ArviZ."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from poolish.plots.distributions import Shape, choose_shape, tabulate_replicates
from poolish.plots.outcome import name_outcome
from poolish.plots.picture import Picture
from poolish.plots.predictive import Replicates, replicate_rows
from poolish.plots.style import COMPLETE, PARTIAL
from poolish.plots.words import Labels, join_words
from poolish.posterior import Posterior
from poolish.summaries.quantile_residuals import rank_among

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_SAMPLES = 50
_MOST_COMPARED = 500
_FINDING_P = 0.01


def picture_ppc(
    posterior: Posterior,
    *,
    num_samples: int = N_SAMPLES,
    seed: int = 0,
    replicates: Replicates | None = None,
    labels: Labels,
) -> Picture:
    """Return the picture of the outcomes' distribution with those of replicated data.

    A density; of counts with few values the share of each; of other counts cumulative shares; of
    times that are censored the share without the event, by Kaplan and Meier.

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
    shape = choose_shape(posterior, found)
    outcome = name_outcome(posterior, labels).split(",")[0]
    differs, chances = _compare(found)
    return Picture(
        frame=frame,
        title=f"Replicated data differ from the observed data in their {join_words(differs)}"
        if differs
        else "Replicated data look like the observed data",
        caption=f"Black: observed. Blue: {shape.of_replicates.format(n=len(chosen))} replicated by "
        f"the fitted model, groups kept. {shape.what}. {chances}",
        alt=f"{shape.what} of {outcome}, observed and replicated. {chances}",
        draw=partial(_finish, frame, shape=shape, outcome=outcome),
        make_axes=partial(_arviz_axes, found, chosen, shape.arviz) if shape.arviz else None,
    )


def _compare(found: Replicates) -> tuple[list[str], str]:
    """Return in what the replicates differ from the data, and the chances that say so."""
    if found.is_censored:
        places = rank_among(found.y, found.seen, np.random.default_rng(0))
        p = float(stats.kstest(places, "uniform").pvalue)
        text = f"Kolmogorov-Smirnov p of the outcomes among their replicates {p:.2g}."
        return (["distribution"] if p < _FINDING_P else []), text
    above = {
        "mean": float((found.y_rep.mean(axis=1) >= found.y.mean()).mean()),
        "spread": float((found.y_rep.std(axis=1) >= found.y.std()).mean()),
    }
    p = shape_p(found.y, found.y_rep[_even(len(found.y_rep), _MOST_COMPARED)])
    differs = [n for n, chance in above.items() if not _FINDING_P < chance < 1 - _FINDING_P]
    text = (
        f"Chance that a replicate exceeds the observed mean {above['mean']:.2f}, sd "
        f"{above['spread']:.2f}, and is as far from the others in shape {p:.2g}."
    )
    return differs + (["shape"] if p < _FINDING_P else []), text


def shape_p(y: np.ndarray, y_rep: np.ndarray) -> float:
    """Return the chance that a replicate lies as far from the average one as the data do.

    Distance: the largest difference between cumulative shares, as Kolmogorov and Smirnov's.

    Parameters
    ----------
    y : ndarray, shape (obs,)
    y_rep : ndarray, shape (draw, obs)
    """
    every = np.concatenate([y[None], y_rep])
    grid = np.quantile(every, np.linspace(0, 1, 200), method="inverted_cdf")
    below = np.stack([np.searchsorted(np.sort(row), grid, side="right") for row in every])
    distance = np.abs(below - below[1:].mean(axis=0)).max(axis=1)
    return float((1 + (distance[1:] >= distance[0]).sum()) / len(every))


def _even(n: int, at_most: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int))


def _arviz_axes(found: Replicates, chosen: np.ndarray, kind: str) -> list[Axes]:
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
            kind=kind,
            num_samples=len(chosen),
            visuals={
                "predictive_dist": {"color": PARTIAL, "alpha": 0.25},
                "observed_dist": {"color": COMPLETE, "width": 2.2},
                "title": False,
                "remove_axis": False,
            },
        )
    return list(np.ravel(plots.viz["plot"]["y"].values))


def _finish(frame: pd.DataFrame, axes: Sequence[Axes], *, shape: Shape, outcome: str) -> None:
    ax = axes[0]
    if not shape.arviz:
        shape.draw(ax, frame)
    shape.frame_axes(ax, frame)
    ax.set_xlabel(outcome)
    ax.plot([], [], color=COMPLETE, linewidth=2.2, label="observed")
    ax.plot([], [], color=PARTIAL, alpha=0.5, label="replicated")
    ax.legend(loc="best")
