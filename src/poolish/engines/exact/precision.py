"""The precision structure: sparse inverses of covariances, of pedigrees or of very many levels.

With C and B of the mixed-model equations and T = C^-1 B:
R = sum_h tau_h total_h - B' T, log p(y) = const + sum_h n_h/2 log tau_h
    - 1/2 (log|C| - log|Q|) + last stage
One sparse factor an evaluation; every unit of the relation is an unknown, with data or not.
Where one scalar effect is all there is, everything but tau depends on t = log(tau L^2) alone and
is interpolated (see `ratio_table`). Otherwise derivatives come from the inverse of C where C has
entries: with H of the last stage, d log p = -tr((C^-1 + T H T') dC) / 2 + tr(H T' dB) + ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poolish.design.arrays import PredictorDesign
from poolish.engines.exact import population as populations
from poolish.engines.exact.coefficient_stage import (
    draw_coefficients,
    factor_coefficients,
    log_coefficients,
    second_moment,
)
from poolish.engines.exact.marginal import Covariances, Gradient, JointDraw
from poolish.engines.exact.mixed_equations import (
    MixedEquations,
    build_equations,
    with_columns,
)
from poolish.engines.exact.population import Population
from poolish.engines.exact.ratio_table import RatioTable
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.sparse_elimination import factor_sparse

_LOG_2PI = np.log(2.0 * np.pi)
# Below, an evaluation takes a few milliseconds: less than a draw of the effects.
COSTLY_UNKNOWNS = 20_000
BATCH = 64


@dataclass(frozen=True, slots=True)
class FactoredPrecision:
    """The last stage at some parameter values; the sparse factors are made again for drawing.

    Parameters
    ----------
    covariances : Covariances
    last : ndarray, shape (value, size, size)
    log_likelihood : ndarray, shape (value,)
    """

    covariances: Covariances
    last: np.ndarray
    log_likelihood: np.ndarray

    @property
    def penalised(self) -> np.ndarray:
        """Return the penalised sum of squares at its smallest, times tau, shape (value,)."""
        return np.asarray(self.last[:, -1, -1] ** 2)

    def take(self, index: np.ndarray) -> FactoredPrecision:
        """Return some of the parameter values."""
        return FactoredPrecision(
            self.covariances.take(index), self.last[index], self.log_likelihood[index]
        )


@dataclass(frozen=True, slots=True)
class Precision:
    """The marginal likelihood of a Gaussian model with sparse precisions between levels.

    Independent levels are the sparsest: the identity.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    equations : MixedEquations
    table : RatioTable or None
        Given when one scalar effect and one residual variance are all there is.
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    draws_effects : bool
        Whether group effects are drawn; without, a draw of b needs no sparse factor.
    """

    predictor: PredictorDesign
    residual: Residual
    population: Population
    equations: MixedEquations
    table: RatioTable | None
    integrates_b: bool = True
    draws_effects: bool = True

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return self.predictor.n_obs

    @property
    def n_noise(self) -> int:
        """Return how many standard normals one joint draw takes."""
        n_effects = self.n_obs + self.equations.n_unknowns if self.draws_effects else 0
        return self.population.n_free + n_effects

    @property
    def batch(self) -> int:
        """Return how many parameter values are best evaluated at once."""
        return BATCH

    @property
    def is_cheap(self) -> bool:
        """Return False: every evaluation factors matrices as large as the data."""
        return False

    @property
    def is_costly(self) -> bool:
        """Return whether one evaluation costs so much that draws should share it."""
        is_direct = self.table is None or self.draws_effects
        return is_direct and self.equations.n_unknowns > COSTLY_UNKNOWNS

    @property
    def late_factor(self) -> int | None:
        """Return None: all effects are drawn together."""
        return None

    def value(self, covariances: Covariances) -> np.ndarray:
        """Return log p(y | covariances), shape (value,)."""
        return self.factor(covariances).log_likelihood

    def factor(self, covariances: Covariances) -> FactoredPrecision:
        """Return the likelihood at every parameter value."""
        with np.errstate(all="ignore"):  # overflow far out gives -inf below
            log_det, R = self._reduced(covariances)
            last = factor_coefficients(R, self.population)
            value = (
                self.log_constant
                + 0.5 * self.residual.counts @ np.log(covariances.precision)
                - 0.5 * log_det
                + log_coefficients(last, integrates_b=self.integrates_b)
            )
        return FactoredPrecision(covariances, last, np.where(np.isfinite(value), value, -np.inf))

    @property
    def log_constant(self) -> float:
        """Return the terms of the log likelihood that depend on no parameter."""
        known = 0.5 * np.log(self.residual.weights).sum() - 0.5 * self.n_obs * _LOG_2PI
        prior = self.population.log_constant if self.integrates_b else 0.0
        return float(known + prior + 0.5 * self.equations.log_determinant)

    def _reduced(self, at: Covariances) -> tuple[np.ndarray, np.ndarray]:
        """Return log|C|, shape (value,), and R, shape (value, size, size)."""
        if self.table is not None:
            tau = at.precision[0]
            log_det, R = self.table.at(np.log(tau * at.roots[0][0, 0] ** 2))
            return log_det, tau[:, None, None] * R
        found = [
            reduce_equations(self.equations, [L[:, :, i] for L in at.roots], at.precision[:, i])
            for i in range(at.n_values)
        ]
        return np.array([f[0] for f in found]), np.array([f[1] for f in found])

    def gradient(self, covariances: Covariances) -> Gradient:
        """Return the value and its derivatives at one parameter value."""
        found = self.factor(covariances)
        value, tau = float(found.log_likelihood[0]), covariances.precision[:, 0]
        roots = [L[:, :, 0] for L in covariances.roots]
        if not np.isfinite(value):
            return Gradient(-np.inf, tuple(np.zeros_like(L) for L in roots), np.zeros(len(tau)))
        H = second_moment(found.last[0], integrates_b=self.integrates_b)
        slopes = self._table_slopes if self.table is not None else self._direct_slopes
        by_root, by_precision = slopes(roots, tau, H)
        return Gradient(value, by_root, by_precision + 0.5 * self.residual.counts / tau)

    def _table_slopes(
        self, roots: list[np.ndarray], tau: np.ndarray, H: np.ndarray
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Return derivatives of -log|C| / 2 - <H, R> / 2 through t = log(tau L^2)."""
        assert self.table is not None
        L = float(roots[0][0, 0])
        with np.errstate(divide="ignore"):  # L = 0 is t = -inf, where nothing changes with t
            t = np.log(tau * L**2)
        _, R = self.table.at(t)
        log_det_slope, R_slope = self.table.slope(t)
        by_t = -0.5 * float(log_det_slope[0]) - 0.5 * tau[0] * np.vdot(H, R_slope[0])
        by_root = np.array([[0.0 if L == 0.0 else 2.0 * by_t / L]])
        return (by_root,), by_t / tau - 0.5 * np.vdot(H, R[0])

    def _direct_slopes(
        self, roots: list[np.ndarray], tau: np.ndarray, H: np.ndarray
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """Return derivatives of -log|C| / 2 - <H, R> / 2 from the inverse of C on its pattern."""
        equations = self.equations
        factor = factor_sparse(equations.elimination, equations.entries(roots, tau))
        T = factor.solve(equations.right_side(roots, tau))
        TH = T @ H
        rows, columns = equations.pattern.indices, equations.pattern.columns
        of_C = factor.selected_inverse()
        for left, right in zip(TH.T, T.T, strict=True):
            of_C += left[rows] * right[columns]
        by_root, by_precision = equations.slopes(roots, tau, -0.5 * of_C, TH)
        return tuple(by_root), by_precision - 0.5 * np.tensordot(equations.total, H, axes=2)

    def draw(self, factored: FactoredPrecision, index: np.ndarray, noise: np.ndarray) -> JointDraw:
        """Return one exact draw of (b, u) for each `index` into the factored values."""
        n_free = self.population.n_free
        b = self.population.coefficients(draw_coefficients(factored.last, index, noise[:, :n_free]))
        if not self.draws_effects:
            return JointDraw(b, {})
        at = factored.covariances
        return JointDraw(b, self.draw_effects(at, index, b, noise[:, n_free:]))

    def draw_effects(
        self, covariances: Covariances, index: np.ndarray, b: np.ndarray, noise: np.ndarray
    ) -> dict[int, np.ndarray]:
        """Return one exact draw of u given b for each `index` into the values, by factor.

        v = C^-1 (B (-c, 1) + x) with x ~ N(0, C) made of the noise of the rows and of the prior
        (Papandreou & Yuille 2010, Advances in Neural Information Processing Systems 23).

        Parameters
        ----------
        covariances : Covariances
        index : ndarray of int, shape (draw,)
        b : ndarray, shape (draw, coef)
        noise : ndarray, shape (draw, obs + group effect)
            Standard normal.
        """
        c = self.population.coordinates(b)
        effects = {
            f: np.empty((len(index), place.n_levels, place.n_effects))
            for f, place in enumerate(self.equations.places)
        }
        for one in np.unique(index):
            here = np.flatnonzero(index == one)
            at = covariances.take(np.array([one]))
            for f, u in self._effects_at(at, c[here], noise[here]).items():
                effects[f][here] = u
        return effects

    def _effects_at(
        self, at: Covariances, c: np.ndarray, noise: np.ndarray
    ) -> dict[int, np.ndarray]:
        roots, tau = [L[:, :, 0] for L in at.roots], at.precision[:, 0]
        equations = self.equations
        B = equations.right_side(roots, tau)
        scale = np.sqrt(tau[self.residual.strata] * self.residual.weights)
        factor = factor_sparse(equations.elimination, equations.entries(roots, tau))

        def solve(c: np.ndarray, noise: np.ndarray) -> np.ndarray:
            of_rows, of_prior = noise[:, : self.n_obs], noise[:, self.n_obs :]
            x = B[:, -1:] - B[:, :-1] @ c.T + equations.prior_noise(of_prior.T)
            return factor.solve(x + equations.row_noise(roots, (scale * of_rows).T))

        # One draw at a time: rounding must not depend on which others are made with it.
        columns = [solve(c[k : k + 1], noise[k : k + 1]) for k in range(len(c))]
        return equations.effects(np.concatenate(columns, axis=1), roots)

    def with_response(self, y: np.ndarray) -> Precision:
        """Return the same structure for another response: the factors' plan is kept."""
        weights = self.residual.weights
        population = populations.with_response(self.population, self.predictor, y, weights)
        equations = with_columns(self.equations, self.predictor.groups, self.residual, population)
        table = None if self.table is None else _table(equations)
        return replace(self, population=population, equations=equations, table=table)


def precision_obstacle(predictor: PredictorDesign) -> str | None:
    """Return why a model has no precision structure, None when it has."""
    known = ((g.name, g.relation) for g in predictor.groups if g.relation is not None)
    dense = [name for name, relation in known if relation.precision is None]
    return f"a dense covariance of `{dense[0]}`" if dense else None


def build_precision(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    *,
    integrates_b: bool = True,
    draws_effects: bool = True,
) -> Precision:
    """Return the marginal likelihood of a predictor that `precision_obstacle` finds none in.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    draws_effects : bool
        Whether group effects are drawn with b.
    """
    equations = build_equations(predictor.groups, residual, population)
    is_single = len(predictor.groups) == 1 and predictor.groups[0].n_effects == 1
    table = _table(equations) if is_single and residual.n_strata == 1 else None
    return Precision(predictor, residual, population, equations, table, integrates_b, draws_effects)


def reduce_equations(
    equations: MixedEquations, roots: list[np.ndarray], tau: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return log|C| and R at one value; NaN where C has no factor."""
    total = np.tensordot(tau, equations.total, axes=1)
    factor = factor_sparse(equations.elimination, equations.entries(roots, tau))
    if np.isnan(factor.log_determinant):
        return np.nan, np.full_like(total, np.nan)
    B = equations.right_side(roots, tau)
    return factor.log_determinant, total - B.T @ factor.solve(B)


def _table(equations: MixedEquations) -> RatioTable:
    def exact(t: float) -> tuple[float, np.ndarray]:
        return reduce_equations(equations, [np.array([[np.exp(0.5 * t)]])], np.ones(1))

    return RatioTable(exact, equations.total.shape[-1])
