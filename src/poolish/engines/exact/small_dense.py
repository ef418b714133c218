"""Algebra of many small matrices at once: axes (row, column, ...), one step per row and column.

A loop over the few effects of a group, each step a vector operation over all groups and all
parameter values, is faster than any call per group.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np


def cholesky(A: np.ndarray) -> np.ndarray:
    """Return lower-triangular C with C C' = A for each positive definite A, shape (q, q, ...)."""
    if len(A) == 1:
        return np.sqrt(A)
    C = np.zeros_like(A)
    for j in range(len(A)):
        C[j, j] = np.sqrt(_less(A[j, j], (C[j, k] ** 2 for k in range(j))))
        for i in range(j + 1, len(A)):
            C[i, j] = _less(A[i, j], (C[i, k] * C[j, k] for k in range(j))) / C[j, j]
    return C


def solve_lower(C: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return C^-1 B for lower-triangular C, shapes (q, q, ...) and (q, ...)."""
    rows: list[np.ndarray] = []
    for i in range(len(C)):
        rows.append(_less(B[i], (C[i, k] * rows[k] for k in range(i))) / C[i, i])
    return stack(rows)


def solve_lower_transposed(C: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return C'^-1 B for lower-triangular C, shapes (q, q, ...) and (q, ...)."""
    q = len(C)
    rows: list[np.ndarray] = [B[0]] * q
    for i in reversed(range(q)):
        rows[i] = _less(B[i], (C[k, i] * rows[k] for k in range(i + 1, q))) / C[i, i]
    return stack(rows)


def stack(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return the rows as one array; a single one is not copied."""
    return rows[0][None] if len(rows) == 1 else np.stack(rows)


def _less(first: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray:
    """Return the first minus all others; without others nothing is computed."""
    return reduce(np.subtract, others, first)


def product(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return A B, shapes (q, q, ...) with trailing axes that broadcast."""
    q = range(len(A))
    return np.stack([np.stack([sum(A[i, k] * B[k, j] for k in q) for j in q]) for i in q])


def transpose(A: np.ndarray) -> np.ndarray:
    """Return A', shape (q, q, ...)."""
    return np.swapaxes(A, 0, 1)


def identity_plus(A: np.ndarray) -> np.ndarray:
    """Return I + A, shape (q, q, ...)."""
    return A + np.eye(len(A)).reshape((len(A), len(A)) + (1,) * (A.ndim - 2))


def lower_pairs(q: int) -> tuple[tuple[int, int], ...]:
    """Return the index pairs (a, b), a >= b, of a symmetric q x q matrix, row by row."""
    return tuple((a, b) for a in range(q) for b in range(a + 1))
