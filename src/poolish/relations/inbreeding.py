"""Inbreeding coefficients of large pedigrees, generation by generation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sparse

# Entries of T kept in memory (12 bytes each) before turning to the indirect method.
MAX_ENTRIES = 40_000_000
_ENTRIES_AT_ONCE = 4_000_000
_COLUMNS_AT_ONCE = 32


def inbreeding_coefficients(parents: np.ndarray, *, max_entries: int = MAX_ENTRIES) -> np.ndarray:
    """Return the inbreeding coefficient of each animal.

    Parameters
    ----------
    parents : ndarray of int, shape (2, animal)
        Positions of sire and dam, -1 where unknown; without loops.
    max_entries : int
        Entries of T kept in memory before turning to the indirect method.

    Returns
    -------
    ndarray, shape (animal,)
        In [0, 1]; 0 where a parent is unknown.

    Notes
    -----
    A = T D T' with T_i = (T_sire + T_dam) / 2 + e_i (Henderson 1976), so F_i = A_sd / 2 = sum over
    ancestors a of T_sa D_a T_da / 2 (Meuwissen & Luo 1992). Full sibs share the work, a founder
    with one offspring is the same as an unknown parent, and only animals that still breed keep
    their row of T. Where the rows fill (a closed population over many generations), A_sd comes
    from A e_s = T D T' e_s: two sweeps over the generations for a block of sires at once (Colleau
    2002; Sargolzaei, Iwaisaki & Colleau 2005).

    References
    ----------
    Henderson (1976), Biometrics 32, 69-83. doi:10.2307/2529339
    Meuwissen & Luo (1992), Genetics Selection Evolution 24, 305-313. doi:10.1186/1297-9686-24-4-305
    Colleau (2002), Genetics Selection Evolution 34, 409-421. doi:10.1186/1297-9686-34-4-409
    Sargolzaei, Iwaisaki & Colleau (2005), Journal of Animal Breeding and Genetics 122, 325-331.
    doi:10.1111/j.1439-0388.2005.00538.x

    Examples
    --------
    >>> inbreeding_coefficients(np.array([[-1, -1, 0, 2], [-1, -1, 1, 1]]))
    array([0.  , 0.  , 0.  , 0.25])
    """
    line = _Line.of(_without_single_founders(parents))
    inbreeding = np.zeros(parents.shape[1])
    rows: _Rows | None = _Rows.none(parents.shape[1])
    for number in range(int(line.generation.max(initial=0)) + 1):
        members = line.members(number)
        families = _Families.of(line.parents, members)
        variance = mendelian_variance(line.parents, inbreeding)
        within = (
            _indirect(line, families, variance)
            if rows is None
            else _direct(rows, families, variance)
        )
        inbreeding[members] = within[families.of_member]
        if rows is not None:
            rows = rows.after(line, families, number, max_entries)
    return inbreeding


def mendelian_variance(parents: np.ndarray, inbreeding: np.ndarray) -> np.ndarray:
    """Return D, the variance of each animal that its parents do not explain.

    Parameters
    ----------
    parents : ndarray of int, shape (2, animal)
        Positions of sire and dam, -1 where unknown.
    inbreeding : ndarray, shape (animal,)

    Notes
    -----
    D_i = 1/2 - (F_s + F_d) / 4 with F = -1 for an unknown parent (Quaas 1976, Biometrics 32,
    949-953, doi:10.2307/2529279).
    """
    padded = np.append(inbreeding, -1.0)
    return np.asarray(0.5 - 0.25 * (padded[parents[0]] + padded[parents[1]]))


def generation_numbers(parents: np.ndarray) -> np.ndarray:
    """Return the length of the longest line from each animal back to a founder; -1 in a loop.

    Parameters
    ----------
    parents : ndarray of int, shape (2, animal)
        Positions of sire and dam, -1 where unknown.
    """
    n = parents.shape[1]
    generation = np.full(n, -1)
    waiting = (parents >= 0).sum(axis=0)
    children, starts = _children(parents)
    ready, number = np.flatnonzero(waiting == 0), 0
    while len(ready):
        generation[ready] = number
        offspring = children[_ranges(starts[ready], starts[ready + 1])]
        np.subtract.at(waiting, offspring, 1)
        ready, number = np.unique(offspring[waiting[offspring] == 0]), number + 1
    return generation


def _children(parents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the children sorted by parent, and where each parent's begin."""
    n = parents.shape[1]
    child = np.tile(np.arange(n), 2)[parents.ravel() >= 0]
    parent = parents.ravel()[parents.ravel() >= 0]
    order = np.argsort(parent, kind="stable")
    return child[order], np.searchsorted(parent[order], np.arange(n + 1))


def _ranges(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Return the concatenated ranges `start, ..., stop - 1`."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(starts - ends + lengths, lengths))


def _without_single_founders(parents: np.ndarray) -> np.ndarray:
    """Return the parents with founders of one offspring as unknown, which leaves A_sd alone."""
    parents = parents.copy()
    while True:
        known = parents >= 0
        n_children = np.bincount(parents[known], minlength=parents.shape[1])
        prunable = (n_children == 1) & ~known.any(axis=0)
        gone = known & prunable[parents]
        if not gone.any():
            return parents
        parents[gone] = -1


@dataclass(frozen=True, slots=True)
class _Line:
    """The pruned pedigree by generation."""

    parents: np.ndarray
    generation: np.ndarray
    order: np.ndarray
    starts: np.ndarray
    last_use: np.ndarray

    @staticmethod
    def of(parents: np.ndarray) -> _Line:
        generation = generation_numbers(parents)
        order = np.argsort(generation, kind="stable")
        starts = np.searchsorted(generation[order], np.arange(generation.max(initial=0) + 2))
        last_use = np.full(parents.shape[1], -1)
        for side in parents:
            np.maximum.at(last_use, side[side >= 0], generation[side >= 0])
        return _Line(parents, generation, order, starts, last_use)

    def members(self, number: int) -> np.ndarray:
        """Return the animals of a generation."""
        return self.order[self.starts[number] : self.starts[number + 1]]


@dataclass(frozen=True, slots=True)
class _Families:
    """The distinct pairs of parents of some animals; -1 for unknown parents."""

    members: np.ndarray
    sire: np.ndarray
    dam: np.ndarray
    of_member: np.ndarray

    @staticmethod
    def of(parents: np.ndarray, members: np.ndarray) -> _Families:
        n = parents.shape[1] + 1
        codes = (parents[0, members] + 1).astype(np.int64) * n + parents[1, members] + 1
        pairs, of_member = np.unique(codes, return_inverse=True)
        return _Families(members, pairs // n - 1, pairs % n - 1, of_member)

    @property
    def complete(self) -> np.ndarray:
        """Return the families with both parents known."""
        return np.flatnonzero((self.sire >= 0) & (self.dam >= 0))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of T of the animals that still breed; row 0 is empty, for unknown parents."""

    matrix: sparse.csr_matrix
    slot: np.ndarray

    @staticmethod
    def none(n: int) -> _Rows:
        return _Rows(sparse.csr_matrix((1, n)), np.zeros(n + 1, dtype=np.intp))

    def of(self, animals: np.ndarray) -> sparse.csr_matrix:
        """Return the rows of animals; -1 has an empty one."""
        return self.matrix[self.slot[animals]]

    def after(
        self, line: _Line, families: _Families, number: int, max_entries: int
    ) -> _Rows | None:
        """Return the rows needed after a generation, None when they are too many."""
        n = line.parents.shape[1]
        breeding = line.last_use[families.members] > number
        new, of_new = families.members[breeding], families.of_member[breeding]
        old = np.flatnonzero((self.slot[:n] > 0) & (line.last_use > number))
        used, at = np.unique(of_new, return_inverse=True)
        sizes = np.diff(self.matrix.indptr)
        halves = sizes[self.slot[families.sire[used]]] + sizes[self.slot[families.dam[used]]]
        if halves[at].sum() + sizes[self.slot[old]].sum() > max_entries:
            return None
        half = 0.5 * (self.of(families.sire[used]) + self.of(families.dam[used]))
        own = sparse.csr_matrix((np.ones(len(new)), (np.arange(len(new)), new)), (len(new), n))
        matrix = sparse.vstack(
            [sparse.csr_matrix((1, n)), self.of(old), half[at] + own], format="csr"
        )
        slot = np.zeros(n + 1, dtype=np.intp)
        slot[np.concatenate([old, new])] = np.arange(1, matrix.shape[0])
        return _Rows(matrix, slot)


def _direct(rows: _Rows, families: _Families, variance: np.ndarray) -> np.ndarray:
    """Return F of each family from the rows of T of its parents."""
    within = np.zeros(len(families.sire))
    complete = families.complete
    sizes = np.diff(rows.matrix.indptr)[rows.slot[families.sire[complete]]]
    for part in _parts(sizes):
        at = complete[part]
        shared = rows.of(families.sire[at]).multiply(rows.of(families.dam[at]))
        within[at] = 0.5 * (shared @ variance)
    return within


def _parts(sizes: np.ndarray) -> Iterator[slice]:
    """Yield slices whose sizes sum to about the entries handled at once."""
    edges = np.flatnonzero(np.diff(np.cumsum(sizes) // _ENTRIES_AT_ONCE)) + 1
    bounds = [0, *edges.tolist(), len(sizes)]
    yield from (slice(a, b) for a, b in pairwise(bounds) if b > a)


def _indirect(line: _Line, families: _Families, variance: np.ndarray) -> np.ndarray:
    """Return F of each family from A e_s for the parents s of the sex with fewer of them."""
    within = np.zeros(len(families.sire))
    complete = families.complete
    few, many = families.sire[complete], families.dam[complete]
    if len(np.unique(few)) > len(np.unique(many)):
        few, many = many, few
    sweeps = _Sweeps.of(line)
    chosen, column = np.unique(few, return_inverse=True)
    by_column = np.argsort(column, kind="stable")
    edges = np.searchsorted(column[by_column], np.arange(0, len(chosen), _COLUMNS_AT_ONCE))
    for number, at in enumerate(np.split(by_column, edges[1:])):
        first = number * _COLUMNS_AT_ONCE
        columns = sweeps.relationship(line, chosen[first : first + _COLUMNS_AT_ONCE], variance)
        rows = sweeps.position[many[at]]
        within[complete[at]] = 0.5 * columns[rows, column[at] - first]
    return within


@dataclass(frozen=True, slots=True)
class _Sweeps:
    """The breeding animals by generation, and each generation's half-and-half step to parents."""

    position: np.ndarray
    animals: np.ndarray
    ranges: tuple[slice, ...]
    steps: tuple[tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix], ...]

    @staticmethod
    def of(line: _Line) -> _Sweeps:
        animals = line.order[line.last_use[line.order] >= 0]
        position = np.full(line.parents.shape[1], -1)
        position[animals] = np.arange(len(animals))
        generation = line.generation[animals]
        starts = np.searchsorted(generation, np.arange(generation.max(initial=0) + 2))
        ranges = tuple(slice(a, b) for a, b in pairwise(starts))
        steps = tuple(_step(line.parents[:, animals[span]], position) for span in ranges)
        return _Sweeps(position, animals, ranges, steps)

    def relationship(self, line: _Line, chosen: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Return the columns of A for the chosen animals, for the breeding animals' rows."""
        sums = np.zeros((len(self.animals), len(chosen)))
        sums[self.position[chosen], np.arange(len(chosen))] = 1.0
        youngest = int(line.generation[chosen].max())
        for span, (parents, _, backward) in reversed(
            list(zip(self.ranges[1 : youngest + 1], self.steps[1 : youngest + 1], strict=True))
        ):
            sums[parents] += backward @ sums[span]
        sums *= variance[self.animals][:, None]
        for span, (parents, forward, _) in zip(self.ranges[1:], self.steps[1:], strict=True):
            sums[span] += forward @ sums[parents]
        return sums


def _step(
    parents: np.ndarray, position: np.ndarray
) -> tuple[np.ndarray, sparse.csr_matrix, sparse.csr_matrix]:
    """Return the parents of a generation, and the matrix of halves with its transpose."""
    child = np.tile(np.arange(parents.shape[1]), 2)[parents.ravel() >= 0]
    distinct, column = np.unique(parents[parents >= 0], return_inverse=True)
    shape = (parents.shape[1], len(distinct))
    forward = sparse.csr_matrix((np.full(len(child), 0.5), (child, column)), shape)
    return position[distinct], forward, forward.T.tocsr()
