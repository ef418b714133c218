"""Factors of sparse symmetric positive definite matrices that keep one pattern.

Unknowns with few neighbours that are not each other's neighbours are eliminated together, round
after round, each round a few vector operations: in a pedigree these are the animals without
offspring (the reduced animal model of Quaas & Pollak 1980, Journal of Animal Science 51,
1277-1287), then their parents without other offspring, and so on. SuperLU factors what is left,
in an order that is found once. Real or complex: a complex step differentiates log|C|.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

MAX_NEIGHBOURS = 8
MAX_ROUNDS = 8
# A round that eliminates less than this share of what is left is not worth its overhead.
WORTHWHILE = 0.1
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
class Elimination:
    """The rounds and the order of the rest: all that depends on the pattern alone.

    Parameters
    ----------
    rounds : tuple of Round
    rest : Pattern
        Of what is left, in elimination order.
    entries : ndarray of int
        Positions of its entries before it was ordered.
    order : ndarray of int
        Its unknowns in elimination order.
    """

    rounds: tuple[Round, ...]
    rest: Pattern
    entries: np.ndarray
    order: np.ndarray


@dataclass(frozen=True, slots=True)
class SparseFactor:
    """A factored matrix.

    Parameters
    ----------
    elimination : Elimination
    steps : tuple of Step
    rest : SuperLU or None
        None when nothing is left.
    log_determinant : float or complex
        NaN when the matrix is not positive definite.
    """

    elimination: Elimination
    steps: tuple[Step, ...]
    rest: Any
    log_determinant: complex

    def solve(self, B: np.ndarray) -> np.ndarray:
        """Return C^-1 B, shape (unknown, column)."""
        saved = []
        for step in self.steps:
            own = B[step.round.gone] / step.diagonal[:, None]
            saved.append(own)
            B = B[step.round.kept] - step.coupling @ own
        order = self.elimination.order
        found = np.empty_like(B)
        if len(order):
            found[order] = self.rest.solve(np.ascontiguousarray(B[order]))
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
    log_determinant, steps = 0.0 + 0.0j, []
    pivots: list[np.ndarray] = []
    for item in elimination.rounds:
        data, step = item.reduce(data)
        steps.append(step)
        pivots.append(step.diagonal)
    rest = _factor_rest(elimination.rest, data[elimination.entries])
    if rest is not None:
        pivots.append(rest.U.diagonal())
    all_pivots = np.concatenate([*pivots, np.ones(0)])
    if (elimination.rest.size and rest is None) or not (all_pivots.real > 0).all():
        log_determinant = complex(np.nan)
    else:
        log_determinant = complex(np.log(all_pivots).sum())
    return SparseFactor(elimination, tuple(steps), rest, log_determinant)


def _factor_rest(pattern: Pattern, data: np.ndarray) -> Any:  # noqa: ANN401 - SuperLU has no type
    """Return SuperLU's factor in the given order, None where there is none."""
    if not pattern.size or not np.isfinite(data).all():
        return None
    try:
        return splu(
            pattern.matrix(data),
            permc_spec="NATURAL",
            diag_pivot_thresh=0.0,
            relax=1,
            panel_size=1,
            options=_OPTIONS,
        )
    except RuntimeError:  # exactly singular: the log determinant says so
        return None


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
        return Elimination(rounds, pattern, none, none)
    first = splu(
        pattern.matrix(data),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options=_OPTIONS,
    )
    order = np.argsort(first.perm_c)
    number = np.empty(pattern.size, dtype=np.int64)
    number[order] = np.arange(pattern.size)
    rows, columns = number[pattern.indices], number[pattern.columns]
    entries = np.lexsort((rows, columns))
    indptr = np.searchsorted(columns[entries], np.arange(pattern.size + 1))
    return Elimination(rounds, Pattern(indptr, rows[entries]), entries, order)
