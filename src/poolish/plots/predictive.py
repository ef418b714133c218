"""Replicated outcomes and quantile residuals of the fitted rows, or of some of very many."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poolish.frame import Column, FactorColumn, Table
from poolish.plots.outcome import divide_by
from poolish.posterior import Posterior
from poolish.predict import predict

# Evenly spaced rows beyond: 4,000 draws of so many take 80 MB.
MOST_ROWS = 2500


@dataclass(frozen=True, slots=True, eq=False)
class Replicates:
    """Observed outcomes with outcomes that the fitted model would produce for the same rows.

    Parameters
    ----------
    rows : ndarray of int, shape (obs,)
        Positions of the rows looked at.
    y : ndarray, shape (obs,)
    y_rep : ndarray, shape (sample, obs)
    fitted : ndarray, shape (obs,)
        Mean of the replicates.
    divisor : ndarray, shape (obs,)
        Trials or exposure, one elsewhere.
    """

    rows: np.ndarray
    y: np.ndarray
    y_rep: np.ndarray
    fitted: np.ndarray
    divisor: np.ndarray


def replicate(posterior: Posterior, *, seed: int = 0) -> Replicates:
    """Return replicates of the fitted rows, with the groups' own effects.

    Parameters
    ----------
    posterior : Posterior
    seed : int
    """
    n = posterior.design.n_obs
    rows = np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS)).round().astype(int))
    data = None if len(rows) == n else take_rows(posterior.table, rows)
    y_rep = predict(posterior, data, kind="response", groups="observed", seed=seed).values
    y_rep = y_rep.reshape(-1, y_rep.shape[2])
    response = posterior.design.response
    return Replicates(
        rows=rows,
        y=response.y[rows],
        y_rep=y_rep,
        fitted=y_rep.mean(axis=0),
        divisor=divide_by(response)[rows],
    )


def quantile_residuals(found: Replicates, *, seed: int = 0) -> np.ndarray:
    """Return where each outcome lies among its replicates, uniform when the model is right.

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
    doi:10.1080/10618600.1996.10474708
    """
    below = (found.y_rep < found.y).sum(axis=0)
    equal = (found.y_rep == found.y).sum(axis=0)
    u = np.random.default_rng(seed).uniform(size=len(found.y))
    return (below + u * (equal + 1)) / (len(found.y_rep) + 1)


def take_rows(table: Table, rows: np.ndarray) -> Table:
    """Return some rows of a table."""
    taken = {name: _take(column, rows) for name, column in table.columns.items()}
    return Table(taken, np.asarray(table.rows)[rows])


def _take(column: Column, rows: np.ndarray) -> Column:
    if isinstance(column, FactorColumn):
        return replace(column, codes=column.codes[rows])
    return replace(column, values=column.values[rows])
