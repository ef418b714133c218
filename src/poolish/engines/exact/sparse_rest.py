"""Factors of what the rounds of elimination leave: a sparse part, then a dense corner.

It is put once in a minimum-degree order, in which the last columns fill up: SuperLU eliminates the
first, LAPACK factors the dense corner.

The inverse is found where the matrix has entries, which is what the derivatives of log|C| and the
variances of the unknowns need: with C = L D L', column j of the inverse is, below its diagonal,
-Z[s, s] L[s, j] for the rows s of column j of L, from the last column to the first (Takahashi,
Fagan & Chin 1973; Erisman & Tinney 1975, Communications of the ACM 18, 177-179,
doi:10.1145/360680.360704).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

from poolish.engines.exact.sparse_pattern import Pattern, pattern_of

# How many times longer a product of two numbers takes in sparse columns than in the dense corner.
SPARSE_COST = 20.0
_OPTIONS = {"SymmetricMode": True}


@dataclass(frozen=True, slots=True)
class Rest:
    """What the rounds leave: sparse unknowns, then those of the dense corner.

    With A = [[A11, A12], [A21, A22]], A11 the sparse part, one factor of the border matrix
    M = [[A11, 0], [A21, I]] has all that elimination needs: its L21 gives the Schur complement
    S = A22 - L21 D L21', and M^-1 and M'^-1 are the steps before and after solving with S.

    Parameters
    ----------
    order : ndarray of int
        The unknowns in elimination order.
    n_corner : int
    rows, columns : ndarray of int, shape (entry,)
        Where each entry of A stands in that order.
    border : Pattern
        Of M.
    entries : ndarray of int
        Positions of the entries of M before it was ordered, -1 for the ones of I.
    lower : Pattern
        Of the sparse columns of L, with all that fills in.
    """

    order: np.ndarray
    n_corner: int
    rows: np.ndarray
    columns: np.ndarray
    border: Pattern
    entries: np.ndarray
    lower: Pattern

    @property
    def size(self) -> int:
        """Return the number of unknowns."""
        return len(self.order)

    @property
    def n_sparse(self) -> int:
        """Return the number of unknowns outside the corner."""
        return self.size - self.n_corner

    @property
    def corner(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the entries of A22, before, and in its array."""
        n = self.n_sparse
        inside = np.flatnonzero((self.rows >= n) & (self.columns >= n))
        return inside, (self.rows[inside] - n) * self.n_corner + self.columns[inside] - n

    def factor(self, data: np.ndarray) -> FactoredRest | None:
        """Return its factor, None where it is not positive definite."""
        n = self.n_sparse
        border = _factor_border(self.border.matrix(np.append(data, 1.0)[self.entries]))
        if border is None:
            return None
        pivots = border.U.diagonal()[:n]
        if not (pivots > 0).all():
            return None
        coupling = (border.L[n:, :n] @ sparse.diags_array(np.sqrt(pivots))).tocsr()
        S = (coupling @ coupling.T).toarray()
        np.negative(S, out=S)
        inside, at = self.corner
        S.ravel()[at] += data[inside]
        root, failed = linalg.lapack.dpotrf(S.T, lower=True, overwrite_a=True)
        return None if failed else FactoredRest(self, border, pivots, root)


@dataclass(frozen=True, slots=True)
class FactoredRest:
    """The factor of what the rounds leave.

    Parameters
    ----------
    rest : Rest
    border : SuperLU
    pivots : ndarray, shape (sparse unknown,)
        D.
    root : ndarray, shape (corner, corner)
        Cholesky factor of S, below the diagonal.
    """

    rest: Rest
    border: Any
    pivots: np.ndarray
    root: np.ndarray

    @property
    def log_determinant(self) -> float:
        """Return the logarithm of the determinant."""
        return float(np.log(self.pivots).sum() + 2.0 * np.log(np.diagonal(self.root)).sum())

    def solve(self, B: np.ndarray) -> np.ndarray:
        """Return the solution for right sides in the order of the unknowns as given."""
        found, n = np.empty_like(B), self.rest.n_sparse
        ordered = np.ascontiguousarray(B[self.rest.order])
        ahead = self.border.solve(ordered)
        ordered[n:] = linalg.cho_solve((self.root, True), ahead[n:], check_finite=False)
        found[self.rest.order] = self.border.solve(ordered, trans="T")
        return found

    def selected_inverse(self) -> np.ndarray:
        """Return the entries of the inverse where A has entries."""
        rest, n = self.rest, self.rest.n_sparse
        corner, _ = linalg.lapack.dpotri(self.root, lower=True)
        corner = np.tril(corner) + np.tril(corner, -1).T
        sparse_columns = _takahashi(rest.lower, self._unit_lower(), self.pivots, corner)
        found = np.empty(len(rest.rows))
        inside, at = rest.corner
        found[inside] = corner.ravel()[at]
        lower, upper = np.maximum(rest.rows, rest.columns), np.minimum(rest.rows, rest.columns)
        others = np.flatnonzero(upper < n)
        found[others] = sparse_columns[rest.lower.find(lower[others], upper[others])]
        return found

    def _unit_lower(self) -> np.ndarray:
        """Return the entries of the sparse columns of L on their pattern; SuperLU drops zeros."""
        entries = self.border.L[:, : self.rest.n_sparse].tocoo()
        values = np.zeros(len(self.rest.lower.indices))
        values[self.rest.lower.find(entries.row, entries.col)] = entries.data
        return values


def _takahashi(lower: Pattern, L: np.ndarray, pivots: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Return the inverse on the pattern of the sparse columns of L.

    Parameters
    ----------
    lower : Pattern
        Columns with their diagonal first.
    L : ndarray, shape (entry,)
    pivots : ndarray, shape (sparse unknown,)
    corner : ndarray, shape (corner, corner)
        The inverse among the last unknowns.
    """
    found, n, starts = np.empty(len(L)), len(pivots), lower.indptr.tolist()
    for j in range(n - 1, -1, -1):
        below = slice(starts[j] + 1, starts[j + 1])
        rows, entries = lower.indices[below], L[below]
        n_sparse = int(np.searchsorted(rows, n))
        block = np.empty((len(rows), len(rows)))
        in_corner = rows[n_sparse:] - n
        block[n_sparse:, n_sparse:] = corner[in_corner[:, None], in_corner]
        for k, i in enumerate(rows[:n_sparse].tolist()):
            column = slice(starts[i], starts[i + 1])
            at = np.searchsorted(lower.indices[column], rows[k:])
            block[k, k:] = block[k:, k] = found[column][at]
        across = -(block @ entries)
        found[below] = across
        found[starts[j]] = 1.0 / pivots[j] - entries @ across
    return found


def plan_rest(pattern: Pattern, data: np.ndarray) -> Rest:
    """Return the plan in SuperLU's minimum-degree order, found on a matrix of the pattern."""
    if not pattern.size:
        none = np.zeros(0, dtype=np.intp)
        return Rest(none, 0, none, none, pattern, none, pattern)
    first = splu(
        pattern.matrix(data),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options=_OPTIONS,
    )
    n_sparse = pattern.size - _corner_size(np.diff(first.L.indptr))
    lower = first.L[:, :n_sparse].tocoo()
    filled = pattern_of(lower.row, lower.col, pattern.size)
    return _rest(pattern, np.argsort(first.perm_c), n_sparse, filled)


def _corner_size(counts: np.ndarray) -> int:
    """Return how many of the last columns are cheapest factored as a dense matrix.

    Parameters
    ----------
    counts : ndarray of int
        Entries of the columns of the sparse factor, in elimination order.
    """
    size = np.arange(len(counts), 0, -1.0)
    before = np.append(0.0, np.cumsum(counts[:-1].astype(float) ** 2))
    return int(size[np.argmin(size**3 / 3 + SPARSE_COST * before)])


def _rest(pattern: Pattern, order: np.ndarray, n_sparse: int, lower: Pattern) -> Rest:
    n = pattern.size
    number = np.empty(n, dtype=np.int64)
    number[order] = np.arange(n)
    rows, columns = number[pattern.indices], number[pattern.columns]
    inside = np.flatnonzero(columns < n_sparse)
    identity = np.arange(n_sparse, n)
    border = pattern_of(np.append(rows[inside], identity), np.append(columns[inside], identity), n)
    entries = np.full(len(border.indices), -1)
    entries[border.find(rows[inside], columns[inside])] = inside
    return Rest(order, n - n_sparse, rows, columns, border, entries, lower)


def _factor_border(matrix: sparse.csc_matrix) -> Any:  # noqa: ANN401 - SuperLU has no type
    """Return SuperLU's factor in the given order, None where there is none."""
    try:
        factor = splu(matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0, options=_OPTIONS)
    except RuntimeError:  # exactly singular
        return None
    is_in_order = np.array_equal(factor.perm_r, np.arange(matrix.shape[0]))
    return factor if is_in_order else None
