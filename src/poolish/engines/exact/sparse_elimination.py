"""Factors of sparse symmetric positive definite matrices that keep one pattern.

Unknowns with few neighbours that are not each other's neighbours are eliminated together, round
after round, each round a few vector operations: in a pedigree these are the animals without
offspring (the reduced animal model of Quaas & Pollak 1980, Journal of Animal Science 51,
1277-1287), then their parents without other offspring, and so on. What is left is put once in a
minimum-degree order, in which the last columns fill up: SuperLU eliminates the first, LAPACK
factors the dense corner. Real or complex: a complex step, too small to change a real part,
differentiates log|C|.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.linalg import splu

MAX_NEIGHBOURS = 8
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
    coupling : ndarray of int, shape (entry,)
        Positions of the entries between kept rows and gone columns.
    indptr, indices : ndarray of int
        Their pattern, shape (kept, gone).
    retained, retained_at : ndarray of int
        Positions of the entries among kept unknowns, before and after.
    left, right, of, target : ndarray of int, shape (product,)
        Entry `target` loses coupling[left] coupling[right] / diagonal[of].
    n_entries : int
        Entries of the matrix after.
    """

    kept: np.ndarray
    gone: np.ndarray
    diagonal: np.ndarray
    coupling: np.ndarray
    indptr: np.ndarray
    indices: np.ndarray
    retained: np.ndarray
    retained_at: np.ndarray
    left: np.ndarray
    right: np.ndarray
    of: np.ndarray
    target: np.ndarray
    n_entries: int

    def reduce(self, data: np.ndarray) -> tuple[np.ndarray, Step]:
        """Return the entries of the Schur complement, and what solving needs."""
        coupling, diagonal = data[self.coupling], data[self.diagonal]
        taken = coupling[self.left] * coupling[self.right] / diagonal[self.of]
        after = np.zeros(self.n_entries, dtype=data.dtype)
        after[self.retained_at] = data[self.retained]
        after -= _sums(self.target, taken, self.n_entries)
        shape = (len(self.kept), len(self.gone))
        matrix = sparse.csc_matrix((coupling, self.indices, self.indptr), shape)
        return after, Step(self, diagonal, matrix)


@dataclass(frozen=True, slots=True)
class Step:
    """A round with its numbers."""

    round: Round
    diagonal: np.ndarray
    coupling: sparse.csc_matrix


def _sums(target: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    if np.iscomplexobj(values):
        return np.asarray(_sums(target, values.real, size) + 1j * _sums(target, values.imag, size))
    return np.bincount(target, values, size)


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
    border : Pattern
        Of M.
    entries : ndarray of int
        Positions of the entries of M before it was ordered, -1 for the ones of I.
    corner, corner_at : ndarray of int
        Positions of the entries of A22, before, and in its array.
    """

    order: np.ndarray
    n_corner: int
    border: Pattern
    entries: np.ndarray
    corner: np.ndarray
    corner_at: np.ndarray

    @property
    def size(self) -> int:
        """Return the number of unknowns."""
        return len(self.order)

    @property
    def n_sparse(self) -> int:
        """Return the number of unknowns outside the corner."""
        return self.size - self.n_corner

    def factor(self, data: np.ndarray) -> FactoredRest | None:
        """Return its factor, None where it is not positive definite."""
        border = _factor_border(self.border.matrix(np.append(data, 1.0)[self.entries]))
        if border is None:
            return None
        pivots = border.U.diagonal()[: self.n_sparse]
        if not (pivots.real > 0).all():
            return None
        coupling = border.L[self.n_sparse :, : self.n_sparse] @ sparse.diags_array(np.sqrt(pivots))
        coupling = coupling.tocsr()
        S = (coupling @ coupling.T).toarray()
        np.negative(S, out=S)
        S.ravel()[self.corner_at] += data[self.corner]
        slope = S.imag if np.iscomplexobj(S) else None
        root, failed = linalg.lapack.dpotrf(S.real.T, lower=True, overwrite_a=True)
        return None if failed else FactoredRest(self, border, pivots, root, slope)


@dataclass(frozen=True, slots=True)
class FactoredRest:
    """The factor of what the rounds leave.

    Parameters
    ----------
    rest : Rest
    border : SuperLU
    pivots : ndarray, shape (sparse unknown,)
    root : ndarray, shape (corner, corner)
        Cholesky factor of S, below the diagonal.
    slope : ndarray, shape (corner, corner), or None
        The imaginary part of S, when complex.
    """

    rest: Rest
    border: Any
    pivots: np.ndarray
    root: np.ndarray
    slope: np.ndarray | None

    @property
    def log_determinant(self) -> complex:
        """Return the logarithm of the determinant."""
        real = np.log(self.pivots).sum() + 2.0 * np.log(np.diagonal(self.root)).sum()
        if self.slope is None:
            return complex(real)
        inverse, _ = linalg.lapack.dpotri(self.root, lower=True)
        both = 2.0 * np.vdot(np.tril(inverse, -1), self.slope)
        return complex(real + 1j * (both + np.diagonal(inverse) @ np.diagonal(self.slope)))

    def solve(self, B: np.ndarray) -> np.ndarray:
        """Return the solution for right sides in the order of the unknowns as given."""
        found, n = np.empty_like(B), self.rest.n_sparse
        ordered = np.ascontiguousarray(B[self.rest.order])
        ahead = self.border.solve(ordered)
        ordered[n:] = self._solve_corner(ahead[n:])
        found[self.rest.order] = self.border.solve(ordered, trans="T")
        return found

    def _solve_corner(self, B: np.ndarray) -> np.ndarray:
        solved = linalg.cho_solve((self.root, True), B.real, check_finite=False)
        if self.slope is None:
            return np.asarray(solved)
        imaginary = B.imag - self.slope @ solved
        return solved + 1j * linalg.cho_solve((self.root, True), imaginary, check_finite=False)


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
    log_determinant : float or complex
        NaN when the matrix is not positive definite.
    """

    steps: tuple[Step, ...]
    rest: FactoredRest | None
    log_determinant: complex

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


def plan_elimination(pattern: Pattern, data: np.ndarray) -> Elimination:
    """Return the rounds and the order for matrices of one pattern.

    Parameters
    ----------
    pattern : Pattern
        With the whole diagonal.
    data : ndarray, shape (entry,)
        The entries of any positive definite matrix of this pattern.
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
    log_determinant = 0.0 + 0.0j
    for item in elimination.rounds:
        data, step = item.reduce(data)
        steps.append(step)
        log_determinant += _log_product(step.diagonal)
    if not elimination.rest.size:
        return SparseFactor(tuple(steps), None, log_determinant)
    rest = elimination.rest.factor(data) if np.isfinite(data).all() else None
    log_determinant += np.nan if rest is None else rest.log_determinant
    return SparseFactor(tuple(steps), rest, log_determinant)


def _log_product(pivots: np.ndarray) -> complex:
    """Return the logarithm of the product of pivots, NaN unless all are positive."""
    return complex(np.log(pivots).sum()) if (pivots.real > 0).all() else complex(np.nan)


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
        indptr=indptr,
        indices=indices,
        retained=retained,
        retained_at=after.find(kept_rows, kept_columns),
        left=left,
        right=right,
        of=of,
        target=after.find(indices[left], indices[right]),
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
        return Elimination(rounds, Rest(none, 0, pattern, none, none, none))
    first = splu(
        pattern.matrix(data),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options=_OPTIONS,
    )
    n_corner = _corner_size(np.diff(first.L.indptr))
    return Elimination(rounds, _rest(pattern, np.argsort(first.perm_c), n_corner))


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


def _rest(pattern: Pattern, order: np.ndarray, n_corner: int) -> Rest:
    n, n_sparse = pattern.size, pattern.size - n_corner
    number = np.empty(n, dtype=np.int64)
    number[order] = np.arange(n)
    rows, columns = number[pattern.indices], number[pattern.columns]
    in_corner = np.flatnonzero((rows >= n_sparse) & (columns >= n_sparse))
    in_border = np.flatnonzero(columns < n_sparse)
    identity = np.arange(n_sparse, n)
    border = pattern_of(
        np.append(rows[in_border], identity), np.append(columns[in_border], identity), n
    )
    entries = np.full(len(border.indices), -1)
    entries[border.find(rows[in_border], columns[in_border])] = in_border
    at = (rows[in_corner] - n_sparse) * n_corner + columns[in_corner] - n_sparse
    return Rest(order, n_corner, border, entries, in_corner, at)
