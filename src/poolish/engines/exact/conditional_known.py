"""Estimates given the covariances, for factors with a known covariance between levels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from poolish.engines.exact.blocked import Blocked
from poolish.engines.exact.conditional import (
    Conditional,
    condition_blocked,
    condition_placed,
    in_order,
    reduce_eliminated,
)
from poolish.engines.exact.dense import Dense, KnownFactor
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.mixed_equations import MixedEquations, Place
from poolish.engines.exact.population import Population
from poolish.engines.exact.precision import Precision
from poolish.engines.exact.roots import inverse_from_root
from poolish.engines.exact.sparse_elimination import factor_sparse
from poolish.engines.exact.spectral import Spectral
from poolish.engines.exact.structure import Structure


def condition(likelihood: Structure, at: Covariances) -> Conditional:
    """Return the effects' conditional means and variances at one value of the covariances."""
    return _CONDITIONS[type(likelihood)](likelihood, at)


def _spectral(likelihood: Spectral, at: Covariances) -> Conditional:
    """Condition along the eigenvectors, u = B t, t_i = sqrt(s_i) L v_i."""
    rotation, blocks = likelihood.rotation, likelihood.blocked.blocks
    placed = condition_placed(likelihood.blocked, at)
    G, spread, v = reduce_eliminated(blocks, at, placed)
    root, f = np.sqrt(rotation.values), rotation.factor
    t = root[:, None] * v
    extra = np.zeros((rotation.n_effects, 1, len(rotation.unobserved)))
    L = at.roots[f][:, :, 0]
    prior = np.sum(L**2, axis=1)
    variance = np.empty((rotation.n_levels, rotation.n_effects))
    parts = (
        (rotation.observed, rotation.vectors / np.sqrt(rotation.scale)[:, None]),
        (rotation.unobserved, rotation.regression),
    )
    for levels, back in parts:
        scaled = back * root
        for a in range(rotation.n_effects):
            across = scaled @ spread[a].toarray()
            variance[levels, a] = scaled**2 @ G[a, a]
            variance[levels, a] += np.sum(across * (across @ placed.covariance), axis=1)
    own = np.sum(rotation.conditional**2, axis=1)
    variance[rotation.unobserved] += own[:, None] * prior
    modes = {**placed.modes, f: rotation.effects(t.T[:, None, :], extra)[0]}
    return in_order(placed, modes, {**placed.mode_sds, f: np.sqrt(variance)})


def _precision(likelihood: Precision, at: Covariances) -> Conditional:
    """Condition by the mixed-model equations: v = C^-1 B (-c, 1), Var(v) = C^-1."""
    equations, roots = likelihood.equations, [L[:, :, 0] for L in at.roots]
    c, b, vcov = _coefficients(likelihood.factor(at).last[0], likelihood.population)
    tau = at.precision[:, 0]
    factor = factor_sparse(equations.elimination, equations.entries(roots, tau))
    v = factor.solve(equations.right_side(roots, tau) @ np.append(-c, 1.0)[:, None])
    inverse = factor.selected_inverse()
    sds = tuple(
        np.sqrt(_variances(equations, inverse, place, L))
        for place, L in zip(equations.places, roots, strict=True)
    )
    modes = equations.effects(v, roots)
    return Conditional(b, vcov, tuple(modes[f][0] for f in range(len(roots))), sds)


def _variances(
    equations: MixedEquations, inverse: np.ndarray, place: Place, L: np.ndarray
) -> np.ndarray:
    """Return diag(L C^-1_jj L') of each level j, shape (level, effect)."""
    q, levels = place.n_effects, np.arange(place.n_levels)
    block = np.empty((q, q, place.n_levels))
    for i in range(q):
        for k in range(q):
            rows, columns = (place.effect(e).start + levels for e in (i, k))
            block[i, k] = inverse[equations.pattern.find(rows, columns)]
    return np.einsum("ai,ikj,ak->ja", L, block, L)


def _dense(likelihood: Dense, at: Covariances) -> Conditional:
    """Condition the joint normal: u = Cov(u, y) V^-1 (r - X c)."""
    found = likelihood.factor(at)
    c, b, vcov = _coefficients(found.last[0], likelihood.population)
    gap = likelihood.columns @ np.append(-c, 1.0)
    alpha = cho_solve((found.roots[0], True), gap, check_finite=False)
    modes = tuple(
        factor.spread(L, alpha[None])[0]
        for factor, L in zip(likelihood.factors, at.roots, strict=True)
    )
    sds = tuple(
        np.sqrt(np.maximum(_remaining(factor, L[:, :, 0], found.roots[0]), 0.0))
        for factor, L in zip(likelihood.factors, at.roots, strict=True)
    )
    return Conditional(b, vcov, modes, sds)


def _remaining(factor: KnownFactor, L: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return Var(u) - Cov(u, y) V^-1 Cov(y, u) of each level, shape (level, effect)."""
    G, K = L @ L.T, factor.covariance
    K = np.eye(factor.n_levels) if K is None else K
    variance = np.outer(np.diagonal(K), np.diagonal(G))
    for a in range(factor.n_effects):
        across = K[:, factor.codes] * (factor.Z @ G[a])
        white = solve_triangular(root, across.T, lower=True, check_finite=False)
        variance[:, a] -= np.sum(white**2, axis=0)
    return variance


def _coefficients(
    root: np.ndarray, population: Population
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return c, b and the covariance of b from the factor of the last stage."""
    p = population.n_free
    c = solve_triangular(root[:p, :p], root[p, :p], lower=True, trans=1)
    basis = population.basis
    return c, population.coefficients(c), basis @ inverse_from_root(root[:p, :p]) @ basis.T


_CONDITIONS: dict[type, Callable[[Any, Covariances], Conditional]] = {
    Blocked: condition_blocked,
    Spectral: _spectral,
    Precision: _precision,
    Dense: _dense,
}
