"""The linear map from the groups' matrices to what they take from the dense matrix.

Eliminating group j subtracts F_j' G_j F_j from the matrix, with F_j = sum_h tau_h F_hj. That is
linear in t G_j, t = tau_h tau_h', so it is a constant table times numbers: its cost does not
depend on the number of rows, and groups with equal K_j share a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from scipy import sparse

from poolish.engines.exact.cross_products import CrossProducts
from poolish.engines.exact.small_dense import lower_pairs

type Table = np.ndarray | sparse.csr_matrix


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of the tables: classes of groups with equal K, by pair of residual strata.

    Parameters
    ----------
    member : ndarray of int, shape (level,)
        The class of each group.
    n_members : ndarray, shape (class,)
    K : ndarray, shape (stratum, pair, class)
    of_class, first, second : ndarray of int, shape (cell,)
        The class of each cell, in ascending order, and its strata first <= second.
    """

    member: np.ndarray
    n_members: np.ndarray
    K: np.ndarray
    of_class: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @property
    def n_classes(self) -> int:
        """Return the number of different K."""
        return len(self.n_members)

    @property
    def n_cells(self) -> int:
        """Return the number of columns of the tables."""
        return len(self.of_class)


def build_cells(K: np.ndarray) -> Cells:
    """Return the cells of the groups' K, shape (stratum, pair, level)."""
    n_strata, n_pairs, n_levels = K.shape
    keys = K.reshape(n_strata * n_pairs, n_levels).T
    if not n_levels:
        none = np.zeros(0, dtype=int)
        return Cells(none, np.zeros(0), K, none, none, none)
    distinct, member, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    classes = distinct.T.reshape(n_strata, n_pairs, -1)
    touched = (classes != 0).any(axis=1)
    both = np.triu(np.ones((n_strata, n_strata), dtype=bool))[None]
    of_class, first, second = np.nonzero(both & touched.T[:, :, None] & touched.T[:, None, :])
    return Cells(member.reshape(-1), counts.astype(float), classes, of_class, first, second)


@dataclass(frozen=True, slots=True)
class PairMap:
    """The tables, one per pair (a, b) of effects.

    Parameters
    ----------
    tables : tuple of ndarray or csr_matrix, shape (position, cell)
        Dense over the whole lower triangle, row by row; sparse over the positions that some
        group touches. The response's row is the last in both.
    positions : ndarray of int, shape (position,)
        Where they stand in the flattened matrix.
    size : int
        Order of the matrix.
    """

    tables: tuple[Table, ...]
    positions: np.ndarray
    size: int

    @property
    def is_dense(self) -> bool:
        """Return whether the tables are dense."""
        return all(isinstance(table, np.ndarray) for table in self.tables)

    @property
    def has_one_cell(self) -> bool:
        """Return whether the tables are dense, with one column."""
        return self.is_dense and all(table.shape[1] == 1 for table in self.tables)

    def subtracted(self, G: np.ndarray, cells: slice) -> np.ndarray:
        """Return the sum over some cells of t F' G F by position, shape (position, value).

        Parameters
        ----------
        G : ndarray, shape (pair, cell, value)
            t G of those cells.
        cells : slice
            All of them when the tables are sparse.
        """
        parts = (
            table[:, cells] * g
            if self.has_one_cell
            else np.asarray((table[:, cells] if isinstance(table, np.ndarray) else table) @ g)
            for table, g in zip(self.tables, G, strict=True)
        )
        return reduce(np.add, parts)

    def subtract_from(self, R: np.ndarray, values: np.ndarray) -> None:
        """Subtract values by position, shape (position, value), from the lower triangles of R."""
        matrices = np.moveaxis(R, 0, -1)
        if not self.is_dense:
            matrices[np.divmod(self.positions, self.size)] -= values
            return
        start = 0
        for i in range(self.size):
            matrices[i, : i + 1] -= values[start : start + i + 1]
            start += i + 1

    def adjoint(self, H: np.ndarray) -> np.ndarray:
        """Return <H, F' E_ab F> for every pair and cell, shape (pair, cell), H symmetric."""
        row, column = np.divmod(self.positions, self.size)
        at_positions = np.where(row == column, 1.0, 2.0) * H.ravel()[self.positions]
        return np.array([table.T @ at_positions for table in self.tables])


def build_pair_map(sums: CrossProducts, cells: Cells) -> PairMap:
    """Return the map of all groups."""
    build = _dense_rows if sums.is_dense else _sparse_rows
    return _stacked(build(sums, cells, is_response=False), build(sums, cells, is_response=True))


def with_response(pair_map: PairMap, sums: CrossProducts, cells: Cells) -> PairMap:
    """Return the map for another response: only the response's rows are computed."""
    build = _dense_rows if sums.is_dense else _sparse_rows
    n_design = int(np.searchsorted(pair_map.positions, sums.size * (sums.size - 1)))
    design = PairMap(
        tuple(table[:n_design] for table in pair_map.tables),
        pair_map.positions[:n_design],
        sums.size,
    )
    return _stacked(design, build(sums, cells, is_response=True))


def _stacked(design: PairMap, response: PairMap) -> PairMap:
    tables = tuple(
        np.concatenate([top, bottom])
        if isinstance(top, np.ndarray)
        else sparse.vstack([top, bottom]).tocsr()
        for top, bottom in zip(design.tables, response.tables, strict=True)
    )
    positions = np.concatenate([design.positions, response.positions])
    return PairMap(tables, positions, design.size)


def _products(
    F: np.ndarray, strata: tuple[int, int], effects: tuple[int, int], at: tuple[Any, Any]
) -> np.ndarray:
    """Return the coefficient of t G[a, b] in (F' G F)[i, j], `at` being the entries of i and j.

    The four terms are the two orders of the strata and of the effects; equal ones count once.
    """
    (h, g), (a, b), (i, j) = strata, effects, at
    value = F[h, a][i] * F[g, b][j]
    if h != g:
        value = value + F[g, a][i] * F[h, b][j]
    if a != b:
        value = value + F[h, b][i] * F[g, a][j]
    if h != g and a != b:
        value = value + F[g, b][i] * F[h, a][j]
    return np.asarray(value)


def _stratum_pairs(cells: Cells) -> list[tuple[tuple[int, int], np.ndarray]]:
    """Return the pairs of strata that occur, and for each class its cell there or -1."""
    found = []
    for h, g in sorted(set(zip(cells.first.tolist(), cells.second.tolist(), strict=True))):
        cell = np.full(cells.n_classes, -1)
        here = np.flatnonzero((cells.first == h) & (cells.second == g))
        cell[cells.of_class[here]] = here
        found.append(((h, g), cell))
    return found


def _n_effects(sums: CrossProducts) -> int:
    return sums.F.shape[1]


def _dense_rows(sums: CrossProducts, cells: Cells, *, is_response: bool) -> PairMap:
    """Return dense tables for the positions of the response's row, or of all rows above it."""
    rows = range(sums.size - 1, sums.size) if is_response else range(sums.size - 1)
    positions = np.array([i * sums.size + j for i in rows for j in range(i + 1)], dtype=int)
    n_levels = len(cells.member)
    F = sums.F.reshape(*sums.F.shape[:2], n_levels, sums.size)
    classes = sparse.csr_matrix(
        (np.ones(n_levels), (cells.member, np.arange(n_levels))), (cells.n_classes, n_levels)
    )
    tables: list[Table] = []
    for effects in lower_pairs(_n_effects(sums)):
        table = np.zeros((len(positions), cells.n_cells))
        for strata, cell in _stratum_pairs(cells):
            kept = cell >= 0
            found = [
                classes @ _products(F, strata, effects, (np.s_[:, i : i + 1], np.s_[:, : i + 1]))
                for i in rows
            ]
            if found:
                table[:, cell[kept]] = np.concatenate(found, axis=1)[kept].T
        tables.append(table)
    return PairMap(tuple(tables), positions, sums.size)


def _sparse_rows(sums: CrossProducts, cells: Cells, *, is_response: bool) -> PairMap:
    """Return sparse tables for the positions of the response's row, or of all rows above it."""
    i, j = _response_entries(sums) if is_response else _design_entries(sums)
    level = np.repeat(np.arange(sums.n_levels), np.diff(sums.indptr))[i]
    positions, position = np.unique(
        sums.indices[i] * sums.size + sums.indices[j], return_inverse=True
    )
    shape = (len(positions), cells.n_cells)
    tables: list[Table] = []
    for effects in lower_pairs(_n_effects(sums)):
        table = sparse.csr_matrix(shape)
        for strata, cell in _stratum_pairs(cells):
            column = cell[cells.member[level]]
            kept = column >= 0
            value = _products(sums.F, strata, effects, (i[kept], j[kept]))
            table = table + sparse.csr_matrix((value, (position[kept], column[kept])), shape=shape)
        tables.append(table.tocsr())
    return PairMap(tuple(tables), positions, sums.size)


def _response_entries(sums: CrossProducts) -> tuple[np.ndarray, np.ndarray]:
    """Return for each entry of F the entry of its group's response, and the entry itself."""
    counts = np.diff(sums.indptr)
    return np.repeat(sums.indptr[1:] - 1, counts), np.arange(len(sums.indices))


def _design_entries(sums: CrossProducts) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs (i, j), j <= i, of entries of the same group, its response left out."""
    counts = np.diff(sums.indptr) - 1
    within = np.concatenate([np.arange(c) for c in counts]) if len(counts) else counts
    start = np.repeat(sums.indptr[:-1], counts)
    i = np.repeat(start + within, within + 1)
    ends = np.cumsum(within + 1)
    offset = np.arange(len(i)) - np.repeat(ends - (within + 1), within + 1)
    return i, np.repeat(start, within + 1) + offset
