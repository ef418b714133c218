"""The gradient of the blocked marginal likelihood, in reverse mode.

With w ~ N(w_hat, S^-1), ct = (-Lam w, 1) and H = E[ct ct']: d log p / dR = -H / 2, and R is
linear in every G_j, G = (K + Sigma^-1)^-1. Sums over the groups are all that is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from poolish.engines.exact.assembly import Blocks, reduced_matrix, scale_rows, whiten
from poolish.engines.exact.layout import Placed
from poolish.engines.exact.marginal import Covariances, Gradient
from poolish.engines.exact.reduction import symmetric
from poolish.engines.exact.roots import cholesky_roots, inverse_from_root
from poolish.engines.exact.small_dense import (
    cholesky,
    identity_plus,
    lower_pairs,
    product,
    solve_lower,
    solve_lower_transposed,
    transpose,
)


def block_gradient(blocks: Blocks, at: Covariances, n_log_det: int) -> Gradient:
    """Return the value, without its constants and n_h/2 log tau_h, and its derivatives.

    Parameters
    ----------
    blocks : Blocks
    at : Covariances
        One parameter value.
    n_log_det : int
        How many leading unknowns are integrated out; the others are maximised over.
    """
    with np.errstate(all="ignore"):
        R, log_det_A = reduced_matrix(blocks, at)
        lower = np.tril(R[0])
        root = cholesky_roots(whiten(blocks, at, R))[0]
        value = _value(root, float(log_det_A[0]), n_log_det)
    roots = [np.zeros(L.shape[:2]) for L in at.roots]
    if not np.isfinite(value):
        return Gradient(-np.inf, tuple(roots), np.zeros(len(at.precision)))
    dense = _dense_part(blocks, at, lower + np.tril(lower, -1).T, root, n_log_det)
    for item, found in zip(blocks.layout.placed, dense.roots, strict=True):
        roots[item.factor] = found
    precision = -0.5 * np.einsum("ij,hij->h", dense.H, blocks.sums.total)
    if blocks.layout.eliminated is not None:
        roots[blocks.layout.eliminated], more = _eliminated_part(blocks, at, dense.H)
        precision = precision + more
    return Gradient(value, tuple(roots), precision)


def _value(root: np.ndarray, log_det_A: float, n_log_det: int) -> float:
    diagonal = np.diag(root)
    return float(-0.5 * (log_det_A + diagonal[-1] ** 2) - np.log(diagonal[:n_log_det]).sum())


@dataclass(frozen=True, slots=True)
class _DensePart:
    """H = E[ct ct'], and the derivatives by the L of the placed factors."""

    H: np.ndarray
    roots: tuple[np.ndarray, ...]


def _dense_part(
    blocks: Blocks, at: Covariances, R: np.ndarray, root: np.ndarray, n_log_det: int
) -> _DensePart:
    layout = blocks.layout
    k = layout.n_unknowns
    w_hat = solve_triangular(root[:k, :k], root[k, :k], lower=True, trans=1, check_finite=False)
    S_inverse = np.zeros((k, k))
    S_inverse[:n_log_det, :n_log_det] = inverse_from_root(root[:n_log_det, :n_log_det])
    ct = np.append(-_times_lam(blocks, at, w_hat[None, :, None])[0, :, 0], 1.0)
    # Rows of M are those of S^-1, columns multiplied by Lam'; E = Lam S^-1 Lam'.
    M = np.swapaxes(_times_lam(blocks, at, S_inverse[None]), 1, 2)[0]
    residual = R[:k] @ ct
    roots = tuple(_placed_root(item, R[:k, :k], M, residual, w_hat) for item in layout.placed)
    H = np.outer(ct, ct)
    H[:k, :k] += _times_lam(blocks, at, M[None])[0]
    return _DensePart(H, roots)


def _placed_root(
    item: Placed, R: np.ndarray, M: np.ndarray, residual: np.ndarray, w_hat: np.ndarray
) -> np.ndarray:
    """Return the blocks of E[(R ct) w'] that belong to the entries of L: (a, b), a >= b."""
    found = np.zeros((item.n_effects, item.n_effects))
    for a, b in lower_pairs(item.n_effects):
        rows, columns = item.effect(a), item.effect(b)
        found[a, b] = residual[rows] @ w_hat[columns] - np.sum(R[rows] * M[columns])
    return found


def _times_lam(blocks: Blocks, at: Covariances, B: np.ndarray) -> np.ndarray:
    """Return Lam B, shape (1, unknown, any)."""
    B = B.copy()
    for item in blocks.layout.placed:
        scale_rows(B, item, transpose(at.roots[item.factor]))
    return B


def _eliminated_part(
    blocks: Blocks, at: Covariances, H: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives by the eliminated factor's L, and by the precisions through it."""
    cells, tau = blocks.cells, at.precision[:, 0]
    assert blocks.layout.eliminated is not None
    L = at.roots[blocks.layout.eliminated]
    q = len(L)
    K = symmetric(np.tensordot(tau, cells.K, axes=1), q)
    C = cholesky(identity_plus(product(product(transpose(L), K), L)))
    A_inverse_Lt = solve_lower_transposed(C, solve_lower(C, np.broadcast_to(transpose(L), C.shape)))
    LA, G = transpose(A_inverse_Lt), product(L, A_inverse_Lt)

    n = blocks.pairs.adjoint(H)  # (pair, cell): derivative of -log p by -t G / 2
    t = tau[cells.first] * tau[cells.second]
    halves = [
        np.bincount(cells.of_class, (0.25 if a != b else 0.5) * t * n[i], cells.n_classes)
        for i, (a, b) in enumerate(lower_pairs(q))
    ]
    G_bar = symmetric(np.array(halves), q)
    G_bar_LA = product(G_bar, LA)
    members = cells.n_members
    L_bar = 2.0 * (G_bar_LA - product(K, product(G, G_bar_LA))) - members * product(K, LA)
    K_bar = -product(G, product(G_bar, G)) - 0.5 * members * G

    by_pair = np.array([(1.0 if a == b else 2.0) * K_bar[a, b] for a, b in lower_pairs(q)])
    precision = np.einsum("hpc,pc->h", cells.K, by_pair)
    G_pairs = np.array([G[a, b] for a, b in lower_pairs(q)])
    t_bar = 0.5 * (n * G_pairs[:, cells.of_class]).sum(axis=0)
    precision += np.bincount(cells.first, t_bar * tau[cells.second], len(tau))
    precision += np.bincount(cells.second, t_bar * tau[cells.first], len(tau))
    return np.tril(L_bar.sum(axis=-1)), precision
