"""The dense structure: any known covariances, by one Cholesky factor of Var(y) per evaluation.

V = sum_f sum_(a>=b) (L_f L_f')_ab B_fab + D, B_fab = sym(z_a z_b') o K_f[levels, levels], with
D = diag(1 / tau). Rows that share all their levels are first reduced to the span of their
predictors Z, where V is not diagonal; on the rest of their space it is 1 / tau.

log p(y) = const + sum_h n_h/2 log tau_h - 1/2 (log|V| + sum_h m_h log tau_h) + last stage,
with n_h rows and m_h reduced rows of stratum h, R = sum_h tau_h rest_h + [X r]' V^-1 [X r].
Gradient: d log p / dV = (Y H Y' - V^-1) / 2, Y = V^-1 [X r] and H of the last stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg

from poolish.design.arrays import GroupDesign, PredictorDesign
from poolish.engines.exact import population as populations
from poolish.engines.exact.coefficient_stage import (
    draw_coefficients,
    factor_coefficients,
    log_coefficients,
    second_moment,
)
from poolish.engines.exact.marginal import Covariances, Gradient, JointDraw
from poolish.engines.exact.population import Population
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.roots import inverse_from_root
from poolish.engines.exact.row_reduction import ReducedRows, reduce_rows, rest_of_rows
from poolish.engines.exact.small_dense import lower_pairs
from poolish.relations.relation import Relation, dense_covariance

_LOG_2PI = np.log(2.0 * np.pi)
COSTLY_ROWS = 400
MAX_BATCH, STACK_ELEMENTS = 64, 4_000_000


@dataclass(frozen=True, slots=True)
class KnownFactor:
    """One grouping factor on the reduced rows.

    Parameters
    ----------
    codes : ndarray of int, shape (row,)
    Z : ndarray, shape (row, effect)
    covariance : ndarray, shape (level, level), or None
        K; None for independent levels.
    root : ndarray, shape (level, rank), or None
        K = root root'.
    n_levels : int
    terms : ndarray, shape (pair, row, row)
        B of each pair of effects.
    """

    codes: np.ndarray
    Z: np.ndarray
    covariance: np.ndarray | None
    root: np.ndarray | None
    n_levels: int
    terms: np.ndarray

    @property
    def n_effects(self) -> int:
        """Return the number of effects per level."""
        return int(self.Z.shape[1])

    @property
    def n_noise(self) -> int:
        """Return how many standard normals one draw of all levels takes."""
        rank = self.n_levels if self.root is None else self.root.shape[1]
        return int(self.n_effects * rank)

    def prior_draw(self, L: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return draws from the prior, shape (draw, level, effect), L of shape (..., draw)."""
        white = noise.reshape(len(noise), self.n_noise // self.n_effects, self.n_effects)
        levels = white if self.root is None else np.matmul(self.root, white)
        return np.asarray(np.einsum("abd,dlb->dla", L, levels))

    def linear(self, u: np.ndarray) -> np.ndarray:
        """Return Z u, shape (draw, row)."""
        return np.asarray(np.einsum("dra,ra->dr", u[:, self.codes], self.Z))

    def spread(self, L: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        """Return Cov(u, y) alpha, shape (draw, level, effect), alpha of shape (draw, row)."""
        by_level = np.zeros((self.n_levels, len(alpha), self.n_effects))
        np.add.at(by_level, self.codes, np.swapaxes(alpha[:, :, None] * self.Z, 0, 1))
        sums = np.swapaxes(by_level, 0, 1)
        if self.covariance is not None:
            sums = np.matmul(self.covariance, sums)
        return np.asarray(np.einsum("abd,cbd,dlc->dla", L, L, sums, optimize=True))


@dataclass(frozen=True, slots=True)
class FactoredDense:
    """Cholesky factors at some parameter values.

    Parameters
    ----------
    covariances : Covariances
    roots : ndarray, shape (value, row, row)
        Lower triangles of the factors of V.
    last : ndarray, shape (value, size, size)
        Factors of the last stage.
    log_likelihood : ndarray, shape (value,)
    """

    covariances: Covariances
    roots: np.ndarray
    last: np.ndarray
    log_likelihood: np.ndarray

    @property
    def penalised(self) -> np.ndarray:
        """Return the penalised sum of squares at its smallest, times tau, shape (value,)."""
        return np.asarray(self.last[:, -1, -1] ** 2)

    def take(self, index: np.ndarray) -> FactoredDense:
        """Return some of the parameter values."""
        return FactoredDense(
            self.covariances.take(index),
            self.roots[index],
            self.last[index],
            self.log_likelihood[index],
        )


@dataclass(frozen=True, slots=True)
class Dense:
    """The marginal likelihood of a Gaussian model with known covariances of any form.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    factors : tuple of KnownFactor
    rows : ReducedRows
    columns : ndarray, shape (row, size)
        [X r] on the reduced rows.
    rest : ndarray, shape (stratum, size, size)
        [X r]' W [X r] on what the reduction leaves out.
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    """

    predictor: PredictorDesign
    residual: Residual
    population: Population
    factors: tuple[KnownFactor, ...]
    rows: ReducedRows
    columns: np.ndarray
    rest: np.ndarray
    integrates_b: bool = True

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return self.predictor.n_obs

    @property
    def n_noise(self) -> int:
        """Return how many standard normals one joint draw takes."""
        n_prior = sum(factor.n_noise for factor in self.factors)
        return self.population.n_free + n_prior + self.rows.n_rows

    @property
    def batch(self) -> int:
        """Return how many parameter values are best evaluated at once."""
        return int(np.clip(STACK_ELEMENTS // max(self.rows.n_rows, 1) ** 2, 1, MAX_BATCH))

    @property
    def is_cheap(self) -> bool:
        """Return False: every evaluation factors matrices as large as the data."""
        return False

    @property
    def is_costly(self) -> bool:
        """Return whether one evaluation costs so much that draws should share it."""
        return self.rows.n_rows > COSTLY_ROWS

    @property
    def late_factor(self) -> int | None:
        """Return None: all effects are drawn together."""
        return None

    def value(self, covariances: Covariances) -> np.ndarray:
        """Return log p(y | covariances), shape (value,)."""
        starts = range(0, covariances.n_values, self.batch)
        parts = [
            self.factor(covariances.take(slice(s, s + self.batch))).log_likelihood for s in starts
        ]
        return np.concatenate(parts)

    def factor(self, covariances: Covariances) -> FactoredDense:
        """Return the likelihood factored at every parameter value."""
        n_values, m = covariances.n_values, self.rows.n_rows
        roots, log_det = np.empty((n_values, m, m)), np.empty(n_values)
        R = np.tensordot(covariances.precision.T, self.rest, axes=1)
        with np.errstate(all="ignore"):  # overflow far out gives -inf below
            for i in range(n_values):
                roots[i] = self._root(covariances.take(slice(i, i + 1)))
                white = linalg.solve_triangular(
                    roots[i], self.columns, lower=True, check_finite=False
                )
                R[i] += white.T @ white
                log_det[i] = 2.0 * np.log(np.diag(roots[i])).sum()
            last = factor_coefficients(R, self.population)
            value = (
                self._precision_terms(covariances.precision)
                - 0.5 * log_det
                + log_coefficients(last, integrates_b=self.integrates_b)
            )
        value = np.where(np.isfinite(value), value, -np.inf)
        return FactoredDense(covariances, roots, last, value)

    def _root(self, at: Covariances) -> np.ndarray:
        """Return the lower Cholesky factor of V at one parameter value, NaN where it has none."""
        V = np.zeros((self.rows.n_rows, self.rows.n_rows))
        V[np.diag_indices_from(V)] = 1.0 / at.precision[self.rows.strata, 0]
        for factor, root in zip(self.factors, at.roots, strict=True):
            G = root[:, :, 0] @ root[:, :, 0].T
            for (a, b), term in zip(lower_pairs(factor.n_effects), factor.terms, strict=True):
                V += G[a, b] * term
        found, info = linalg.lapack.dpotrf(V.T, lower=1, clean=1, overwrite_a=1)
        return np.full_like(V, np.nan) if info else np.asarray(found)

    def _precision_terms(self, precision: np.ndarray) -> np.ndarray:
        known = 0.5 * np.log(self.residual.weights).sum() - 0.5 * self.n_obs * _LOG_2PI
        prior = self.population.log_constant if self.integrates_b else 0.0
        left = self.residual.counts - self.rows.counts(self.residual.n_strata)
        return np.asarray(known + prior + 0.5 * left @ np.log(precision))

    def gradient(self, covariances: Covariances) -> Gradient:
        """Return the value and its derivatives at one parameter value."""
        found = self.factor(covariances)
        value, tau = float(found.log_likelihood[0]), covariances.precision[:, 0]
        if not np.isfinite(value):
            zeros = tuple(np.zeros(root.shape[:2]) for root in covariances.roots)
            return Gradient(-np.inf, zeros, np.zeros(len(tau)))
        H = second_moment(found.last[0], integrates_b=self.integrates_b)
        Y = linalg.cho_solve((found.roots[0], True), self.columns, check_finite=False)
        slope = 0.5 * (Y @ H @ Y.T - inverse_from_root(found.roots[0]))  # d log p / dV
        roots = tuple(
            _root_slope(factor, root[:, :, 0], slope)
            for factor, root in zip(self.factors, covariances.roots, strict=True)
        )
        left = self.residual.counts - self.rows.counts(len(tau))
        by_stratum = np.bincount(self.rows.strata, np.diag(slope), len(tau))
        precision = (
            0.5 * left / tau - by_stratum / tau**2 - 0.5 * np.einsum("ij,hij->h", H, self.rest)
        )
        return Gradient(value, roots, precision)

    def draw(self, factored: FactoredDense, index: np.ndarray, noise: np.ndarray) -> JointDraw:
        """Return one exact draw of (b, u) for each `index` into the factored values.

        Given c, u = u* + Cov(u, y) V^-1 (r - X c - y*) with (u*, y*) from the prior is a draw
        from u | y (conditioning by kriging: Journel & Huijbregts 1978, Mining Geostatistics).
        """
        at = factored.covariances.take(index)
        ends = np.cumsum([self.population.n_free, *(factor.n_noise for factor in self.factors)])
        first, *parts, last = np.split(noise, ends, axis=1)
        c = draw_coefficients(factored.last, index, first)
        prior = [
            factor.prior_draw(root, part)
            for factor, root, part in zip(self.factors, at.roots, parts, strict=True)
        ]
        gap = self.columns[:, -1] - c @ self.columns[:, :-1].T
        gap -= last / np.sqrt(at.precision[self.rows.strata].T)
        for factor, u in zip(self.factors, prior, strict=True):
            gap -= factor.linear(u)
        alpha = _solve_each(factored.roots, index, gap)
        effects = {
            f: u + factor.spread(root, alpha)
            for f, (factor, root, u) in enumerate(zip(self.factors, at.roots, prior, strict=True))
        }
        return JointDraw(self.population.coefficients(c), effects)

    def with_response(self, y: np.ndarray) -> Dense:
        """Return the same structure for another response, sharing what does not depend on it."""
        weights = self.residual.weights
        population = populations.with_response(self.population, self.predictor, y, weights)
        columns, rest = _columns(population, self.residual, self.rows)
        return replace(self, population=population, columns=columns, rest=rest)


def build_dense(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    *,
    integrates_b: bool = True,
) -> Dense:
    """Return the marginal likelihood of a predictor with any known covariances.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    """
    rows = reduce_rows(predictor.groups, residual)
    columns, rest = _columns(population, residual, rows)
    factors, start = [], 0
    for group in predictor.groups:
        Z = rows.Z[:, start : start + group.n_effects]
        factors.append(_known_factor(group, group.codes[rows.first], Z))
        start += group.n_effects
    return Dense(predictor, residual, population, tuple(factors), rows, columns, rest, integrates_b)


def _columns(
    population: Population, residual: Residual, rows: ReducedRows
) -> tuple[np.ndarray, np.ndarray]:
    columns = np.column_stack([population.X, population.residual])
    return rows.apply(columns, residual.weights), rest_of_rows(rows, columns, residual)


def _known_factor(group: GroupDesign, codes: np.ndarray, Z: np.ndarray) -> KnownFactor:
    K, root = _covariance(group.relation)
    between = (
        (codes[:, None] == codes[None, :]).astype(float) if K is None else K[np.ix_(codes, codes)]
    )
    terms = np.empty((len(lower_pairs(group.n_effects)), len(codes), len(codes)))
    for term, (a, b) in zip(terms, lower_pairs(group.n_effects), strict=True):
        outer = np.outer(Z[:, a], Z[:, b])
        term[:] = between * (outer if a == b else outer + outer.T)
    return KnownFactor(codes, Z, K, root, group.n_levels, terms)


def _covariance(relation: Relation | None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return K and a root by its eigenvalues: K may be singular."""
    if relation is None:
        return None, None
    K = dense_covariance(relation)
    values, vectors = linalg.eigh(K, driver="evd")
    return K, vectors * np.sqrt(np.maximum(values, 0.0))


def _root_slope(factor: KnownFactor, L: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Return d log p / dL from d log p / dV: 2 S L with S the symmetric derivative by L L'."""
    S = np.zeros((factor.n_effects, factor.n_effects))
    for (a, b), term in zip(lower_pairs(factor.n_effects), factor.terms, strict=True):
        S[a, b] = S[b, a] = np.vdot(slope, term) * (1.0 if a == b else 0.5)
    return np.tril(2.0 * S @ L)


def _solve_each(roots: np.ndarray, index: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Return V^-1 B row by row, one factor for all its draws."""
    solved = np.empty_like(B)
    for one in np.unique(index):
        here: Sequence[bool] = index == one
        solved[here] = linalg.cho_solve((roots[one], True), B[here].T, check_finite=False).T
    return solved
