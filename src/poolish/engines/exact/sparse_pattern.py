"""Where the entries of sparse symmetric matrices stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


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
