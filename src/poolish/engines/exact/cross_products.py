"""Sums over the rows of each group, computed once: all that the likelihood needs of the data.

For group j of the eliminated factor and residual stratum h (Z, W, R restricted to their rows):
K_hj = Z' W Z, F_hj = Z' W R with R = [Z_placed X residual], and total_h = R' W R over all groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from poolish.design.arrays import GroupDesign
from poolish.engines.exact.layout import Layout, effect_columns, placed_columns
from poolish.engines.exact.population import Population
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.small_dense import lower_pairs


@dataclass(frozen=True, slots=True)
class CrossProducts:
    """Sums over rows by group and stratum.

    Parameters
    ----------
    K : ndarray, shape (stratum, pair, level)
        Lower triangle of K_hj, pairs in the order of `lower_pairs`.
    indptr, indices : ndarray of int
        Compressed rows: the columns of R that group j touches, the response last.
    F : ndarray, shape (stratum, effect, entry)
        Values of F_hj at those columns.
    total : ndarray, shape (stratum, size, size)
    """

    K: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    F: np.ndarray
    total: np.ndarray

    @property
    def n_levels(self) -> int:
        """Return the number of groups of the eliminated factor."""
        return len(self.indptr) - 1

    @property
    def size(self) -> int:
        """Return the order of the matrix."""
        return self.total.shape[1]

    @property
    def is_dense(self) -> bool:
        """Return whether every group touches every column."""
        return len(self.indices) == self.n_levels * self.size

    def rows(self, stratum: int, effect: int, levels: slice) -> sparse.csr_matrix:
        """Return F of some groups as a sparse matrix, shape (levels, size)."""
        start, stop, _ = levels.indices(self.n_levels)
        indptr = self.indptr[start : stop + 1]
        entries = slice(indptr[0], indptr[-1])
        parts = (self.F[stratum, effect, entries], self.indices[entries], indptr - indptr[0])
        return sparse.csr_matrix(parts, shape=(stop - start, self.size))

    def times(self, stratum: int, effect: int, levels: slice, B: np.ndarray) -> np.ndarray:
        """Return F B for some groups, B of shape (size, column)."""
        if self.is_dense:
            return self.F[stratum, effect].reshape(self.n_levels, self.size)[levels] @ B
        return np.asarray(self.rows(stratum, effect, levels) @ B)


def build_cross_products(
    groups: Sequence[GroupDesign], layout: Layout, population: Population, residual: Residual
) -> CrossProducts:
    """Return the sums over rows of a design and its response."""
    R = placed_columns(groups, layout, population.X, population.residual)
    masks = [residual.where(h) for h in range(residual.n_strata)]
    total = np.ascontiguousarray([_gram(R, mask) for mask in masks])
    if layout.eliminated is None:
        none = np.zeros(1, dtype=np.intp)
        shape = (len(masks), 0, 0)
        return CrossProducts(np.zeros(shape), none, none[:0], np.zeros(shape), total)
    group = groups[layout.eliminated]
    indptr, indices, F = _by_level(group, R, masks)
    return CrossProducts(_level_grams(group, masks), indptr, indices, F, total)


def with_response(
    sums: CrossProducts,
    groups: Sequence[GroupDesign],
    layout: Layout,
    population: Population,
    residual: Residual,
) -> CrossProducts:
    """Return the sums for another response: only the last column is computed."""
    R = placed_columns(groups, layout, population.X, population.residual)
    r = population.residual
    masks = [residual.where(h) for h in range(residual.n_strata)]
    total, F = sums.total.copy(), sums.F.copy()
    for h, mask in enumerate(masks):
        total[h, -1] = total[h, :, -1] = R.T @ (mask * r)
        for a, column in enumerate(_eliminated_columns(groups, layout)):
            F[h, a, sums.indptr[1:] - 1] = column.T @ (mask * r)
    return replace(sums, total=total, F=F)


def _eliminated_columns(groups: Sequence[GroupDesign], layout: Layout) -> list[sparse.csr_matrix]:
    return [] if layout.eliminated is None else effect_columns(groups[layout.eliminated])


def _gram(R: sparse.csr_matrix | np.ndarray, weights: np.ndarray) -> np.ndarray:
    if isinstance(R, np.ndarray):
        return np.asarray(R.T @ (weights[:, None] * R))
    return np.asarray((R.T @ R.multiply(weights[:, None]).tocsr()).todense())


def _level_grams(group: GroupDesign, masks: Sequence[np.ndarray]) -> np.ndarray:
    """Return K_hj for every stratum, pair of effects and level."""
    return np.array(
        [
            [
                np.bincount(group.codes, mask * group.Z[:, a] * group.Z[:, b], group.n_levels)
                for a, b in lower_pairs(group.n_effects)
            ]
            for mask in masks
        ]
    )


def _by_level(
    group: GroupDesign, R: sparse.csr_matrix | np.ndarray, masks: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return F_hj over one common pattern: row starts, columns, values."""
    sums = [[column.T @ R for column in effect_columns(group, mask)] for mask in masks]
    if isinstance(R, np.ndarray):
        n_levels, size = group.n_levels, R.shape[1]
        values = np.array(sums).reshape(len(masks), group.n_effects, n_levels * size)
        return np.arange(n_levels + 1) * size, np.tile(np.arange(size), n_levels), values
    pattern = _pattern(effect_columns(group)[0], R)
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    values = np.array(
        [[np.asarray(F.tocsr()[rows, pattern.indices]).ravel() for F in row] for row in sums]
    )
    return pattern.indptr.astype(np.intp), pattern.indices.astype(np.intp), values


def _pattern(column: sparse.csr_matrix, R: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the columns of R that share a row with each level, the response always among them."""
    n_levels = column.shape[1]
    last = np.full(n_levels, R.shape[1] - 1)
    response = _ones(last, np.arange(n_levels + 1), (n_levels, R.shape[1]))
    touched = _ones(column.indices, column.indptr, column.shape).T @ _ones(
        R.indices, R.indptr, R.shape
    )
    pattern = (touched + response).tocsr()
    pattern.sort_indices()
    return pattern


def _ones(indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(len(indices)), indices, indptr), shape=shape)
