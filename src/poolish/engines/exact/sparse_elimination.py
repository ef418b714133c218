"""Factors of sparse symmetric positive definite matrices that keep one pattern.

Unknowns with few neighbours that are not each other's neighbours are eliminated together, round
after round, each round a few vector operations: in a pedigree these are the animals without
offspring (the reduced animal model of Quaas & Pollak 1980, Journal of Animal Science 51,
1277-1287), then their parents without other offspring, and so on; in nested factors the finest
levels, then the next. What is left is factored as `sparse_rest` says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from poolish.engines.exact.sparse_pattern import Pattern, pattern_of
from poolish.engines.exact.sparse_rest import FactoredRest, Rest, plan_rest

MAX_NEIGHBOURS = 32
MAX_ROUNDS = 8
# A round that eliminates less than this share of what is left is not worth its overhead.
WORTHWHILE = 0.1


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
    return Elimination(tuple(rounds), plan_rest(pattern, data))


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
