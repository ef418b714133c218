"""Factors of sparse symmetric positive definite matrices that keep one pattern.

Unknowns with few neighbours that are not each other's neighbours are eliminated together, round
after round, each round a few vector operations: in a pedigree these are the animals without
offspring (the reduced animal model of Quaas & Pollak 1980, Journal of Animal Science 51,
1277-1287), then their parents without other offspring, and so on; in nested factors the finest
levels, then the next. What is left is put once in a minimum-degree order, in which the last columns
fill up: SuperLU eliminates the first, LAPACK factors the dense corner.

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

MAX_NEIGHBOURS = 32
MAX_ROUNDS = 8
# A round that eliminates less than this share of what is left is not worth its overhead.
WORTHWHILE = 0.1
# How many times longer a product of two numbers takes in sparse columns than in the dense corner.
SPARSE_COST = 20.0
_OPTIONS = {"SymmetricMode": True}


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where the entries of a symmetric matrix stand, in compressed columns with sorted rows."""

    indptr: np.ndarray
    indices: np.ndarray

    @property
    def size(self) -> int:
        """Return the order of the matrix."""
        return len(self.indptr) - 1

    @property
    def columns(self) -> np.ndarray:
        """Return the column of each entry."""
        return np.repeat(np.arange(self.size), np.diff(self.indptr))

    def matrix(self, data: np.ndarray) -> sparse.csc_matrix:
        """Return the matrix with these entries."""
        return sparse.csc_matrix((data, self.indices, self.indptr), (self.size, self.size))

    def find(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the positions of entries that are part of the pattern."""
        keys = self.columns * self.size + self.indices
        return np.asarray(np.searchsorted(keys, columns.astype(np.int64) * self.size + rows))


def pattern_of(rows: np.ndarray, columns: np.ndarray, size: int) -> Pattern:
    """Return the pattern with these entries, each once."""
    keys = np.unique(columns.astype(np.int64) * size + rows)
    return Pattern(np.searchsorted(keys, np.arange(size + 1) * size), keys % size)


@dataclass(frozen=True, slots=True)
class Round:
    """One set of unknowns eliminated together.

    Parameters
    ----------
    kept, gone : ndarray of int
    diagonal : ndarray of int, shape (gone,)
        Positions of their diagonal entries.
    coupling, mirror : ndarray of int, shape (entry,)
        Positions of the entries between kept rows and gone columns, and of their mirror images.
    indptr, indices : ndarray of int
        Their pattern, shape (kept, gone).
    retained, retained_at : ndarray of int
        Positions of the entries among kept unknowns, before and after.
    left, right, of, target : ndarray of int, shape (product,)
        Entry `target` loses coupling[left] coupling[right] / diagonal[of].
    n_before, n_entries : int
        Entries of the matrix before and after.
    """

    kept: np.ndarray
    gone: np.ndarray
    diagonal: np.ndarray
    coupling: np.ndarray
    mirror: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    retained: np.ndarray
    retained_at: np.ndarray
    left: np.ndarray
    right: np.ndarray
    of: np.ndarray
    target: np.ndarray
    n_before: int
    n_entries: int

    def reduce(self, data: np.ndarray) -> tuple[np.ndarray, Step]:
        """Return the entries of the Schur complement, and what solving needs."""
        coupling, diagonal = data[self.coupling], data[self.diagonal]
        taken = coupling[self.left] * coupling[self.right] / diagonal[self.of]
        after = np.zeros(self.n_entries)
        after[self.retained_at] = data[self.retained]
        after -= np.bincount(self.target, taken, self.n_entries)
        shape = (len(self.kept), len(self.gone))
        matrix = sparse.csc_matrix((coupling, self.indices, self.indptr), shape)
        return after, Step(self, diagonal, matrix)


@dataclass(frozen=True, slots=True)
class Step:
    """A round with its numbers."""

    round: Round
    diagonal: np.ndarray
    coupling: sparse.csc_matrix

    def selected_inverse(self, after: np.ndarray) -> np.ndarray:
        """Return the entries of the inverse before the round from those after it."""
        item = self.round
        of_gone = np.repeat(np.arange(len(self.diagonal)), np.diff(self.coupling.indptr))
        ratio = self.coupling.data / self.diagonal[of_gone]
        products = after[item.target] * ratio[item.right]
        across = -np.bincount(item.left, products, len(ratio))
        before = np.empty(item.n_before)
        before[item.retained] = after[item.retained_at]
        before[item.coupling] = before[item.mirror] = across
        own = np.bincount(of_gone, ratio * across, len(self.diagonal))
        before[item.diagonal] = 1.0 / self.diagonal - own
        return before


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


@dataclass(frozen=True, slots=True)
class Elimination:
    """The rounds and the rest: all that depends on the pattern alone."""

    rounds: tuple[Round, ...]
    rest: Rest


@dataclass(frozen=True, slots=True)
class SparseFactor:
    """A factored matrix.

    Parameters
    ----------
    steps : tuple of Step
    rest : FactoredRest or None
        None when nothing is left, or the matrix is not positive definite.
    log_determinant : float
        NaN when the matrix is not positive definite.
    """

    steps: tuple[Step, ...]
    rest: FactoredRest | None
    log_determinant: float

    def solve(self, B: np.ndarray) -> np.ndarray:
        """Return C^-1 B, shape (unknown, column)."""
        saved = []
        for step in self.steps:
            own = B[step.round.gone] / step.diagonal[:, None]
            saved.append(own)
            B = B[step.round.kept] - step.coupling @ own
        found = B if self.rest is None else self.rest.solve(B)
        for step, own in zip(reversed(self.steps), reversed(saved), strict=True):
            whole = np.empty((len(found) + len(own), found.shape[1]), dtype=found.dtype)
            whole[step.round.kept] = found
            whole[step.round.gone] = own - (step.coupling.T @ found) / step.diagonal[:, None]
            found = whole
        return found

    def selected_inverse(self) -> np.ndarray:
        """Return the entries of C^-1 where C has entries, in their order."""
        found = np.zeros(0) if self.rest is None else self.rest.selected_inverse()
        for step in reversed(self.steps):
            found = step.selected_inverse(found)
        return found


def plan_elimination(pattern: Pattern, data: np.ndarray) -> Elimination:
    """Return the rounds and the order for matrices of one pattern.

    Parameters
    ----------
    pattern : Pattern
        With the whole diagonal.
    data : ndarray, shape (entry,)
        The entries of a positive definite matrix of this pattern without positive entries off the
        diagonal: its factor has none that cancel.
    """
    rounds: list[Round] = []
    while len(rounds) < MAX_ROUNDS and pattern.size:
        gone = _independent(pattern)
        if gone.sum() < WORTHWHILE * pattern.size:
            break
        done, pattern = _plan_round(pattern, gone)
        rounds.append(done)
        data, _ = done.reduce(data)
    return _ordered(tuple(rounds), pattern, data)


def factor_sparse(elimination: Elimination, data: np.ndarray) -> SparseFactor:
    """Return the factor of the matrix with these entries."""
    steps: list[Step] = []
    log_determinant = 0.0
    for item in elimination.rounds:
        data, step = item.reduce(data)
        steps.append(step)
        log_determinant += _log_product(step.diagonal)
    if not elimination.rest.size:
        return SparseFactor(tuple(steps), None, log_determinant)
    rest = elimination.rest.factor(data) if np.isfinite(data).all() else None
    log_determinant += np.nan if rest is None else rest.log_determinant
    return SparseFactor(tuple(steps), rest, log_determinant)


def _log_product(pivots: np.ndarray) -> float:
    """Return the logarithm of the product of pivots, NaN unless all are positive."""
    return float(np.log(pivots).sum()) if (pivots > 0).all() else np.nan


def _factor_border(matrix: sparse.csc_matrix) -> Any:  # noqa: ANN401 - SuperLU has no type
    """Return SuperLU's factor in the given order, None where there is none."""
    try:
        factor = splu(matrix, permc_spec="NATURAL", diag_pivot_thresh=0.0, options=_OPTIONS)
    except RuntimeError:  # exactly singular
        return None
    is_in_order = np.array_equal(factor.perm_r, np.arange(matrix.shape[0]))
    return factor if is_in_order else None


def _independent(pattern: Pattern) -> np.ndarray:
    """Return unknowns with few neighbours, each with fewer than all of its neighbours."""
    rows, columns = pattern.indices, pattern.columns
    degree = np.diff(pattern.indptr) - 1
    rank = np.empty(pattern.size, dtype=np.int64)
    rank[np.lexsort((np.arange(pattern.size), degree))] = np.arange(pattern.size)
    beaten = np.zeros(pattern.size, dtype=bool)
    beaten[columns[rank[rows] < rank[columns]]] = True
    return ~beaten & (degree <= MAX_NEIGHBOURS)


def _plan_round(pattern: Pattern, is_gone: np.ndarray) -> tuple[Round, Pattern]:
    rows, columns = pattern.indices, pattern.columns
    kept, gone = np.flatnonzero(~is_gone), np.flatnonzero(is_gone)
    number = np.empty(pattern.size, dtype=np.int64)
    number[kept], number[gone] = np.arange(len(kept)), np.arange(len(gone))
    coupling = np.flatnonzero(is_gone[columns] & ~is_gone[rows])
    indices = number[rows[coupling]]
    indptr = np.searchsorted(number[columns[coupling]], np.arange(len(gone) + 1))
    left, right, of = _pairs(indptr)
    retained = np.flatnonzero(~is_gone[columns] & ~is_gone[rows])
    kept_rows, kept_columns = number[rows[retained]], number[columns[retained]]
    after = pattern_of(
        np.concatenate([kept_rows, indices[left]]),
        np.concatenate([kept_columns, indices[right]]),
        len(kept),
    )
    done = Round(
        kept=kept,
        gone=gone,
        diagonal=pattern.find(gone, gone),
        coupling=coupling,
        mirror=pattern.find(columns[coupling], rows[coupling]),
        indptr=indptr,
        indices=indices,
        retained=retained,
        retained_at=after.find(kept_rows, kept_columns),
        left=left,
        right=right,
        of=of,
        target=after.find(indices[left], indices[right]),
        n_before=len(pattern.indices),
        n_entries=len(after.indices),
    )
    return done, after


def _pairs(indptr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return all pairs of entries in the same column, and the column."""
    counts = np.diff(indptr)
    repeats = np.repeat(counts, counts)  # each entry meets every entry of its column
    left = np.repeat(np.arange(indptr[-1]), repeats)
    starts = np.repeat(np.repeat(indptr[:-1], counts), repeats)
    within = np.arange(len(left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    column = np.repeat(np.repeat(np.arange(len(counts)), counts), repeats)
    return left, starts + within, column


def _ordered(rounds: tuple[Round, ...], pattern: Pattern, data: np.ndarray) -> Elimination:
    """Return the plan with what is left in SuperLU's minimum-degree order."""
    if not pattern.size:
        none = np.zeros(0, dtype=np.intp)
        return Elimination(rounds, Rest(none, 0, none, none, pattern, none, pattern))
    first = splu(
        pattern.matrix(data),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options=_OPTIONS,
    )
    n_sparse = pattern.size - _corner_size(np.diff(first.L.indptr))
    lower = first.L[:, :n_sparse].tocoo()
    filled = pattern_of(lower.row, lower.col, pattern.size)
    return Elimination(rounds, _rest(pattern, np.argsort(first.perm_c), n_sparse, filled))


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
