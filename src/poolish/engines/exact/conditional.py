"""Estimates given the covariances: b, its covariance, conditional modes and their variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from poolish.engines.exact.assembly import Blocks
from poolish.engines.exact.blocked import Blocked
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.reduction import reduce_groups, symmetric
from poolish.engines.exact.roots import inverse_from_root


@dataclass(frozen=True, slots=True)
class Conditional:
    """What the data say of the effects when the covariances are known and b has a flat prior.

    Parameters
    ----------
    b : ndarray, shape (coef,)
    vcov : ndarray, shape (coef, coef)
    modes, mode_sds : tuple of ndarray, shape (level, effect)
        By factor. The sds are given b as well, as lme4's.
    """

    b: np.ndarray
    vcov: np.ndarray
    modes: tuple[np.ndarray, ...]
    mode_sds: tuple[np.ndarray, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """The effects that stand in the dense matrix, at one value of the covariances.

    Parameters
    ----------
    b : ndarray, shape (coef,)
    vcov : ndarray, shape (coef, coef)
    modes, mode_sds : Mapping of int to ndarray, shape (level, effect)
        By factor.
    known : ndarray, shape (size,)
        (-u, -c, 1), so that F times it is Z' W (y - all that is known).
    covariance : ndarray, shape (placed, placed)
        Of the placed effects u given b.
    """

    b: np.ndarray
    vcov: np.ndarray
    modes: dict[int, np.ndarray]
    mode_sds: dict[int, np.ndarray]
    known: np.ndarray
    covariance: np.ndarray


def condition_blocked(likelihood: Blocked, at: Covariances) -> Conditional:
    """Return the effects' conditional means and variances at one value of the covariances."""
    blocks = likelihood.blocks
    placed = condition_placed(likelihood, at)
    modes, sds = dict(placed.modes), dict(placed.mode_sds)
    eliminated = blocks.layout.eliminated
    if eliminated is not None:
        modes[eliminated], sds[eliminated] = _eliminated(blocks, at, placed)
    return in_order(placed, modes, sds)


def in_order(
    placed: Placed, modes: dict[int, np.ndarray], sds: dict[int, np.ndarray]
) -> Conditional:
    """Return the estimates with the factors in the order of the design."""
    return Conditional(
        placed.b,
        placed.vcov,
        tuple(modes[f] for f in sorted(modes)),
        tuple(sds[f] for f in sorted(sds)),
    )


def condition_placed(likelihood: Blocked, at: Covariances) -> Placed:
    """Return what the dense matrix says of the coefficients and the effects in it."""
    blocks, layout = likelihood.blocks, likelihood.blocks.layout
    root = np.tril(likelihood.factor(at).roots[0])
    m, k = layout.n_placed, layout.n_unknowns
    w = solve_triangular(root[:k, :k], root[k, :k], lower=True, trans=1)
    of_c = inverse_from_root(root[m:k, m:k])
    basis = blocks.population.basis
    covariance = _placed_covariance(blocks, at, inverse_from_root(root[:m, :m]))
    modes: dict[int, np.ndarray] = {}
    sds: dict[int, np.ndarray] = {}
    for item in layout.placed:
        L = at.roots[item.factor][:, :, 0]
        span = slice(item.start, item.stop)
        modes[item.factor] = w[span].reshape(item.n_effects, item.n_levels).T @ L.T
        variance = np.diag(covariance)[span].reshape(item.n_effects, item.n_levels).T
        sds[item.factor] = np.sqrt(np.maximum(variance, 0.0))
    return Placed(
        blocks.population.coefficients(w[m:]),
        basis @ of_c @ basis.T,
        modes,
        sds,
        np.append(-_unwhitened(blocks, at, w), 1.0),
        covariance,
    )


def _lam(blocks: Blocks, at: Covariances) -> sparse.csr_matrix:
    """Return Lam of the placed factors, shape (placed, placed)."""
    parts = [
        sparse.kron(at.roots[item.factor][:, :, 0], sparse.identity(item.n_levels))
        for item in blocks.layout.placed
    ]
    return sparse.block_diag(parts).tocsr() if parts else sparse.csr_matrix((0, 0))


def _placed_covariance(blocks: Blocks, at: Covariances, whitened: np.ndarray) -> np.ndarray:
    """Return the covariance of the placed effects given b, from that of the whitened ones."""
    lam = _lam(blocks, at)
    return np.asarray(lam @ (lam @ whitened).T)


def _unwhitened(blocks: Blocks, at: Covariances, w: np.ndarray) -> np.ndarray:
    """Return (u_placed, c) of the whitened unknowns."""
    m = blocks.layout.n_placed
    return np.concatenate([_lam(blocks, at) @ w[:m], w[m:]])


def _eliminated(blocks: Blocks, at: Covariances, placed: Placed) -> tuple[np.ndarray, np.ndarray]:
    """Return modes and sds of the eliminated factor."""
    G, spread, modes = reduce_eliminated(blocks, at, placed)
    variance = np.stack([G[a, a] for a in range(len(G))], axis=1)
    for a, row in enumerate(spread):
        variance[:, a] += _quadratic_forms(row, placed.covariance)
    return modes, np.sqrt(variance)


def reduce_eliminated(
    blocks: Blocks, at: Covariances, placed: Placed
) -> tuple[np.ndarray, list[sparse.csr_matrix], np.ndarray]:
    """Return G, G F_placed by effect and the modes G f of the eliminated factor.

    f = Z' W (y - all that is known), Var(u_j) = G_j + G_j F_j Cov(u_placed) F_j' G_j.

    Returns
    -------
    tuple of ndarray, shape (effect, effect, level), list of sparse matrix, shape (level, placed),
    and ndarray, shape (level, effect)
    """
    sums = blocks.sums
    assert blocks.layout.eliminated is not None
    L = at.roots[blocks.layout.eliminated]
    q, tau = len(L), at.precision[:, 0]
    pairs, _ = reduce_groups(np.tensordot(sums.K, tau, axes=(0, 0))[:, :, None], L)
    G = symmetric(pairs[:, :, 0], q)
    F = [
        sum(t * sums.rows(h, a, slice(0, sums.n_levels)) for h, t in enumerate(tau))
        for a in range(q)
    ]
    modes = np.einsum("abj,bj->ja", G, np.stack([part @ placed.known for part in F]))
    left = [part[:, : blocks.layout.n_placed].tocsr() for part in F]
    spread = [sum(sparse.diags(G[a, b]) @ left[b] for b in range(q)).tocsr() for a in range(q)]
    return G, spread, modes


def _quadratic_forms(rows: sparse.csr_matrix, covariance: np.ndarray) -> np.ndarray:
    """Return r' C r for each sparse row r."""
    return np.asarray(rows.multiply(rows @ covariance).sum(axis=1)).ravel()
