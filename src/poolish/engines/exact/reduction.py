"""What remains of each group after its effects are integrated out: G and log|A|.

A = I + L' K L and G = L A^-1 L' = (K + Sigma^-1)^-1 with Sigma = L L', written so that nothing
divides by a standard deviation. Axes (effect, effect, class, value).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.engines.exact.small_dense import (
    cholesky,
    identity_plus,
    lower_pairs,
    product,
    solve_lower,
    transpose,
)

type Reduction = tuple[np.ndarray, np.ndarray]


def reduce_groups(K: np.ndarray, L: np.ndarray) -> Reduction:
    """Return G by pair of effects, and log|A|.

    Parameters
    ----------
    K : ndarray, shape (pair, class, value)
        Lower triangles of the precision-weighted K.
    L : ndarray, shape (effect, effect, value)

    Returns
    -------
    tuple of ndarray, shapes (pair, class, value) and (class, value)
    """
    return _REDUCTIONS.get(len(L), _any)(K, L[:, :, None, :])


def symmetric(pairs: np.ndarray, q: int) -> np.ndarray:
    """Return full symmetric matrices from their lower triangles, shape (q, q, ...)."""
    full = np.empty((q, q, *pairs.shape[1:]), dtype=pairs.dtype)
    for (a, b), value in zip(lower_pairs(q), pairs, strict=True):
        full[a, b] = full[b, a] = value
    return full


def _one(K: np.ndarray, L: np.ndarray) -> Reduction:
    variance = L[0, 0] ** 2
    A = 1.0 + variance * K[0]
    return (variance / A)[None], np.log(A)


def _two(K: np.ndarray, L: np.ndarray) -> Reduction:
    # G = (Sigma + |Sigma| adj K) / |I + K Sigma|, |I + K Sigma| = 1 + tr K Sigma + |K| |Sigma|.
    k00, k10, k11 = K
    s00, s10, s11 = L[0, 0] ** 2, L[0, 0] * L[1, 0], L[1, 0] ** 2 + L[1, 1] ** 2
    det = (L[0, 0] * L[1, 1]) ** 2
    A = 1.0 + s00 * k00 + 2 * s10 * k10 + s11 * k11 + det * (k00 * k11 - k10**2)
    inverse = 1.0 / A
    G = ((s00 + det * k11) * inverse, (s10 - det * k10) * inverse, (s11 + det * k00) * inverse)
    return np.stack(G), np.log(A)


def _any(K: np.ndarray, L: np.ndarray) -> Reduction:
    q = len(L)
    C = cholesky(identity_plus(product(transpose(L), product(symmetric(K, q), L))))
    Y = solve_lower(C, np.broadcast_to(transpose(L), C.shape))
    G = np.stack([sum(Y[i, a] * Y[i, b] for i in range(q)) for a, b in lower_pairs(q)])
    return G, 2.0 * sum(np.log(C[i, i]) for i in range(q))


_REDUCTIONS: dict[int, Callable[[np.ndarray, np.ndarray], Reduction]] = {1: _one, 2: _two}
