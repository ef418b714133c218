"""Quantile residuals: where each outcome lies among what the model predicts for its row."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from poolish.design.arrays import ResponseDesign
from poolish.posterior import Posterior
from poolish.predict.policies import Groups
from poolish.predict.replicates import fitted_means, replicate
from poolish.summaries.numbers import Format
from poolish.summaries.table import TableResult

_FORMATS: dict[str, Format] = {"quantile": "share", "score": "share"}
_FORMATS |= {"observed": "range", "mean": "range"}


def tabulate_residuals(
    posterior: Posterior, *, groups: Groups = "observed", n_draws: int = 1000, seed: int = 0
) -> TableResult:
    """Return, for each fitted row, its randomised quantile residual.

    Parameters
    ----------
    posterior : Posterior
    groups : str or Mapping of str to str
        Whether outcomes are replicated for the `observed` groups or for `new` ones.
    n_draws : int
        Replicates of each row.
    seed : int

    Returns
    -------
    TableResult
        Columns `obs`, `observed`, `mean`, `quantile` (uniform under the model) and `score` (its
        normal score: standard normal under the model, outliers beyond 3).

    References
    ----------
    Dunn & Smyth (1996), Randomized quantile residuals, J. Computational and Graphical Statistics
    5(3), 236-244. doi:10.1080/10618600.1996.10474708
    """
    quantiles = quantile_residuals(posterior, groups=groups, n_draws=n_draws, seed=seed)
    mean, _ = fitted_means(posterior, n_draws=n_draws, groups=groups)
    frame = pd.DataFrame(
        {
            "obs": posterior.table.rows,
            "observed": posterior.design.response.y,
            "mean": mean,
            "quantile": quantiles,
            "score": ndtri(quantiles),
        }
    )
    return TableResult(
        frame,
        "Quantile residuals",
        "quantile: share of replicated outcomes below the observed one, ties broken at random; "
        "uniform when the model is right (a little narrower, the rows having been fitted)",
        _FORMATS,
    )


def quantile_residuals(
    posterior: Posterior, *, groups: Groups = "observed", n_draws: int = 1000, seed: int = 0
) -> np.ndarray:
    """Return randomised quantile residuals between 0 and 1, shape (obs,)."""
    response = posterior.design.response
    replicates = replicate(posterior, n_draws=n_draws, groups=groups, seed=seed)
    seen = censor_replicates(response, replicates)
    return rank_among(response.y, seen, np.random.default_rng([seed, 2]))


def censor_replicates(
    response: ResponseDesign, replicates: np.ndarray, rows: np.ndarray | None = None
) -> np.ndarray:
    """Return replicates as they would have been recorded: those a censored row hides are its `y`.

    Their ties with `y` are then broken at random, so that the residual of a time censored at c is
    uniform between F(c) and 1 (Dunn & Smyth 1996, section 3, for any outcome that is not exact).

    Parameters
    ----------
    response : ResponseDesign
    replicates : ndarray, shape (draw, obs)
    rows : ndarray of int, shape (obs,), optional
        Rows of the response that were replicated; all when left out.
    """
    if response.censoring is None:
        return replicates
    chosen = slice(None) if rows is None else rows
    status, y = response.censoring[chosen], response.y[chosen]
    upper = y if response.upper is None else response.upper[chosen]
    hidden = (
        ((status == 1) & (replicates > y))
        | ((status == -1) & (replicates < y))
        | ((status == 2) & (replicates > y) & (replicates <= upper))
    )
    return np.where(hidden, y, replicates)


def rank_among(
    y: np.ndarray,
    replicates: np.ndarray,
    rng: np.random.Generator,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Return the place of each outcome among its replicates, uniform when it is one of them.

    Of n replicates, k below and t equal, the place is uniform on (k, k + t + 1) / (n + 1). With
    weights w that leave the row out, k and t are n times the weight of those below and equal.

    Parameters
    ----------
    y : ndarray, shape (obs,)
    replicates : ndarray, shape (draw, obs)
    rng : numpy.random.Generator
    weights : ndarray, shape (draw, obs), optional
        They sum to one over the draws; equal ones when left out.
    """
    n = len(replicates)
    w = np.full((1, 1), 1.0 / n) if weights is None else weights
    below = n * (w * (replicates < y)).sum(axis=0)
    equal = n * (w * (replicates == y)).sum(axis=0)
    place = below + rng.uniform(size=len(y)) * (equal + 1)
    return np.asarray(place / (n + 1))
