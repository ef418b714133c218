"""Rows sorted by group, groups with the same data merged into one class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows in the order of their groups.

    Parameters
    ----------
    rows : ndarray of int, shape (row,)
        Which row of the data each row is.
    codes : ndarray of int, shape (row,)
        The group of each row, from 0, increasing.
    starts : ndarray of int, shape (group,)
        First row of each group; no group is empty.
    counts : ndarray, shape (group,)
        How many groups of the data each one stands for.
    """

    rows: np.ndarray
    codes: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @property
    def n_groups(self) -> int:
        """Return the number of groups."""
        return len(self.starts)

    @property
    def row_counts(self) -> np.ndarray:
        """Return how many rows of the data each row stands for, shape (row,)."""
        return self.counts[self.codes]

    def add(self, values: np.ndarray) -> np.ndarray:
        """Return sums over the rows of each group, shapes (row, value) -> (group, value)."""
        return np.add.reduceat(values, self.starts, axis=0)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return each row's group value, shapes (group, value) -> (row, value)."""
        return np.take(values, self.codes, axis=0)


def sort_groups(levels: np.ndarray) -> Groups:
    """Return the groups of the data, each standing for itself.

    Parameters
    ----------
    levels : ndarray of int, shape (row,)
    """
    order = np.argsort(levels, kind="stable")
    return _numbered(order, levels[order], np.ones(len(np.unique(levels))))


def merge_groups(levels: np.ndarray, content: np.ndarray) -> tuple[Groups, np.ndarray]:
    """Return one group for all that have the same rows, and the class of each sorted group.

    Parameters
    ----------
    levels : ndarray of int, shape (row,)
    content : ndarray, shape (row, column)
        Everything that the likelihood of a row depends on.
    """
    _, kind = np.unique(content, axis=0, return_inverse=True)
    kind = kind.reshape(-1)
    order = np.lexsort((kind, levels))
    _, starts = np.unique(levels[order], return_index=True)
    places: dict[bytes, int] = {}
    blocks = np.split(order, starts[1:])
    classes = np.array([places.setdefault(kind[block].tobytes(), len(places)) for block in blocks])
    _, first = np.unique(classes, return_index=True)
    kept = [blocks[group] for group in first]
    codes = np.repeat(np.arange(len(kept)), [len(block) for block in kept])
    counts = np.bincount(classes).astype(float)
    return _numbered(np.concatenate(kept), codes, counts), classes


def _numbered(rows: np.ndarray, sorted_codes: np.ndarray, counts: np.ndarray) -> Groups:
    _, starts, codes = np.unique(sorted_codes, return_index=True, return_inverse=True)
    return Groups(rows, codes.reshape(-1), starts, counts)
