"""Rows that share all their levels, reduced to the span of their group predictors.

With q predictors a cell of n_c such rows has Z_c W_c^1/2 of rank at most q: an orthonormal Q_c of
that span carries all of Var(y) that is not the residual's. Repeated records of a trait become one
row an individual, Q_c' W_c^1/2 y_c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from poolish.design.arrays import GroupDesign
from poolish.engines.exact.residual import Residual

RANK_TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class ReducedRows:
    """The map from rows to reduced rows.

    Parameters
    ----------
    Q : sparse matrix, shape (row, obs)
        Orthonormal rows.
    Z : ndarray, shape (row, effect of all factors)
        Q W^1/2 Z.
    first : ndarray of int, shape (row,)
        A row of the data with the same levels.
    strata : ndarray of int, shape (row,)
    """

    Q: sparse.csr_matrix
    Z: np.ndarray
    first: np.ndarray
    strata: np.ndarray

    @property
    def n_rows(self) -> int:
        """Return the number of reduced rows."""
        return len(self.first)

    def counts(self, n_strata: int) -> np.ndarray:
        """Return the reduced rows of each stratum."""
        return np.bincount(self.strata, minlength=n_strata)

    def apply(self, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return Q W^1/2 B, shape (row, column)."""
        return np.asarray(self.Q @ (np.sqrt(weights)[:, None] * columns))


def reduce_rows(groups: Sequence[GroupDesign], residual: Residual) -> ReducedRows:
    """Return the reduced rows of the group effects of a predictor."""
    Z = np.column_stack([np.zeros((len(residual.strata), 0)), *(group.Z for group in groups)])
    Z = Z * np.sqrt(residual.weights)[:, None]
    keys = np.column_stack([residual.strata, *(group.codes for group in groups)])
    _, cell = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(cell.reshape(-1), kind="stable")
    cells = np.split(order, np.flatnonzero(np.diff(cell.reshape(-1)[order])) + 1)
    bases = [_span(Z[members]) for members in cells]
    sizes = [basis.shape[1] for basis in bases]
    values = np.concatenate([basis.T.ravel() for basis in bases])
    columns = np.concatenate(
        [np.tile(members, size) for members, size in zip(cells, sizes, strict=True)]
    )
    widths = np.repeat([len(members) for members in cells], sizes)
    starts = np.concatenate([[0], np.cumsum(widths)])
    Q = sparse.csr_matrix((values, columns, starts), shape=(len(widths), len(Z)))
    first = np.repeat([members[0] for members in cells], sizes)
    return ReducedRows(Q, np.asarray(Q @ Z), first, residual.strata[first])


def rest_of_rows(rows: ReducedRows, columns: np.ndarray, residual: Residual) -> np.ndarray:
    """Return B' W B less what the reduced rows hold of it, shape (stratum, column, column)."""
    held = rows.apply(columns, residual.weights)
    rest = np.empty((residual.n_strata, columns.shape[1], columns.shape[1]))
    weighted = np.sqrt(residual.weights)[:, None] * columns
    left = weighted - rows.Q.T @ held
    for h in range(residual.n_strata):
        here = left[residual.strata == h]
        rest[h] = here.T @ here
    return rest


def _span(Z: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the columns, shape (row, rank)."""
    if len(Z) == 1:
        return np.ones((1, 1))
    U, s, _ = np.linalg.svd(Z, full_matrices=False)
    return np.asarray(U[:, s > RANK_TOLERANCE * max(s.max(initial=0.0), 1e-300)])
