"""Replicated outcomes and quantile residuals of the fitted rows, or of some of very many."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from poolish.posterior import Posterior
from poolish.predict.replicates import replicate, replicate_densities
from poolish.predict.response import divide_by
from poolish.summaries.loo import smooth_weights
from poolish.summaries.quantile_residuals import censor_replicates, rank_among

# Evenly spaced rows and draws beyond: replicates take 40 MB.
MOST_ROWS = 2500
_MOST_DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Replicates:
    """Observed outcomes with outcomes that the fitted model would produce for the same rows.

    Parameters
    ----------
    rows : ndarray of int, shape (obs,)
        Positions of the rows looked at.
    y : ndarray, shape (obs,)
    y_rep : ndarray, shape (draw, obs)
    seen : ndarray, shape (draw, obs)
        The same as they would have been recorded: censored where the row is.
    log_density : ndarray, shape (draw, obs)
        Of the observed outcomes.
    divisor : ndarray, shape (obs,)
        Trials or exposure, one elsewhere.
    is_event : ndarray of bool, shape (obs,)
        False where the outcome is right-censored: at least `y`.
    """

    rows: np.ndarray
    y: np.ndarray
    y_rep: np.ndarray
    seen: np.ndarray
    log_density: np.ndarray
    divisor: np.ndarray
    is_event: np.ndarray

    @property
    def is_censored(self) -> bool:
        """Return whether some outcome is known by its lower limit only."""
        return not self.is_event.all()

    @cached_property
    def smoothed(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the weights of draws that had not seen the row, (draw, obs), and Pareto k."""
        log_weights, khat = smooth_weights(self.log_density)
        return np.exp(log_weights), khat

    @property
    def expected(self) -> np.ndarray:
        """Return the mean of each row as the other rows predict it, shape (obs,)."""
        return np.asarray((self.smoothed[0] * self.y_rep).sum(axis=0))


def replicate_rows(posterior: Posterior, *, seed: int = 0) -> Replicates:
    """Return replicates of the fitted rows, with the groups' own effects.

    Parameters
    ----------
    posterior : Posterior
    seed : int
    """
    n = posterior.design.n_obs
    rows = np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS)).round().astype(int))
    some = None if len(rows) == n else rows
    response = posterior.design.response
    y_rep = replicate(posterior, n_draws=_MOST_DRAWS, seed=seed, rows=some)
    return Replicates(
        rows=rows,
        y=response.y[rows],
        y_rep=y_rep,
        seen=censor_replicates(response, y_rep, rows),
        log_density=replicate_densities(posterior, n_draws=_MOST_DRAWS, rows=some),
        divisor=divide_by(response)[rows],
        is_event=np.ones(len(rows), bool)
        if response.censoring is None
        else response.censoring[rows] != 1,
    )


def quantile_residuals(found: Replicates, *, seed: int = 0) -> np.ndarray:
    """Return where each outcome lies among its replicates, uniform when the model is right.

    The draws are weighted as if they had not seen the row: in those that have, outcomes lie too
    near the middle, and groups with a row or two of their own drift along the fitted mean.

    Parameters
    ----------
    found : Replicates
    seed : int
        Ties, which discrete outcomes have, are broken at random.

    Returns
    -------
    ndarray, shape (obs,)
        In (0, 1).

    References
    ----------
    Dunn & Smyth (1996), J. Computational and Graphical Statistics 5(3), 236-244.
    doi:10.1080/10618600.1996.10474708; Gelfand, Dey & Chang (1992), Bayesian Statistics 4,
    147-167, for leaving the row out.
    """
    return rank_among(found.y, found.seen, np.random.default_rng(seed), found.smoothed[0])
