"""The blocked structure: independent levels, any number of factors, nested or crossed.

y = X b + sum_f Z_f u_f + e, u_fj ~ N(0, L_f L_f'), e_i ~ N(0, 1 / (tau_h w_i)). The factor with
most effects is eliminated group by group, so that the dense matrix has only the others:

R = sum_h tau_h total_h - sum_j F_j' G_j F_j          (its rows: placed effects, c, response)
S = Lam' R Lam + diag(I, P0, 0), C C' = S, k = number of unknowns
log p(y) = const + sum_h n_h/2 log tau_h - 1/2 sum_j log|A_j| - sum_(i<=k) log C_ii - C_kk^2 / 2

Bates, Maechler, Bolker & Walker (2015), J. Statistical Software 67(1), section 5, give the same
steps with one sparse factor. doi:10.18637/jss.v067.i01
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poolish.design.arrays import PredictorDesign
from poolish.engines.exact import cross_products, pair_map, population
from poolish.engines.exact.assembly import Blocks, reduced_matrix, whiten
from poolish.engines.exact.blocked_gradient import block_gradient
from poolish.engines.exact.cross_products import build_cross_products
from poolish.engines.exact.layout import build_layout
from poolish.engines.exact.marginal import Covariances, Gradient, JointDraw
from poolish.engines.exact.pair_map import build_cells, build_pair_map
from poolish.engines.exact.population import Population
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.roots import SMALL_SIZE, cholesky_roots, solve_transposed

_LOG_2PI = np.log(2.0 * np.pi)
COSTLY_SIZE = 400
# Elements of a stack of dense matrices, and values in one batch: flat optimum when measured.
STACK_ELEMENTS = 500_000
MAX_BATCH = 128
# The same for small matrices, whose values are neighbours in memory; a batch costs calls, and
# memory that is taken and given back.
SMALL_STACK_ELEMENTS = 400_000
CHEAP_CELLS = 300


@dataclass(frozen=True, slots=True)
class FactoredBlocks:
    """Cholesky factors of the dense matrix at some parameter values.

    Parameters
    ----------
    covariances : Covariances
    roots : ndarray, shape (value, size, size)
        Lower triangles; what stands above the diagonal is undefined.
    log_likelihood : ndarray, shape (value,)
        -inf where the matrix is not positive definite.
    """

    covariances: Covariances
    roots: np.ndarray
    log_likelihood: np.ndarray

    @property
    def penalised(self) -> np.ndarray:
        """Return the penalised sum of squares at its smallest, times tau, shape (value,)."""
        return np.asarray(self.roots[:, -1, -1] ** 2)

    def take(self, index: np.ndarray) -> FactoredBlocks:
        """Return some of the parameter values."""
        return FactoredBlocks(
            self.covariances.take(index), self.roots[index], self.log_likelihood[index]
        )


@dataclass(frozen=True, slots=True)
class Blocked:
    """The marginal likelihood of a Gaussian model with independent levels.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    blocks : Blocks
    integrates_b : bool
        True integrates the population effects out (with their prior, or flat: restricted
        likelihood); False maximises over them (profile likelihood).
    """

    predictor: PredictorDesign
    residual: Residual
    blocks: Blocks
    integrates_b: bool = True

    @property
    def population(self) -> Population:
        """Return the population part."""
        return self.blocks.population

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return self.predictor.n_obs

    @property
    def n_noise(self) -> int:
        """Return how many standard normals one joint draw takes."""
        return self.blocks.layout.n_unknowns

    @property
    def batch(self) -> int:
        """Return how many parameter values are best evaluated at once."""
        size = self.blocks.layout.size
        if size <= SMALL_SIZE:
            n_elements = size * (size + 1) // 2 + self.blocks.cells.n_cells
            return max(SMALL_STACK_ELEMENTS // n_elements, MAX_BATCH)
        return int(np.clip(STACK_ELEMENTS // size**2, 1, MAX_BATCH))

    @property
    def is_cheap(self) -> bool:
        """Return whether a batch of evaluations costs little more than the call."""
        return self.blocks.layout.size <= SMALL_SIZE and self.blocks.cells.n_cells <= CHEAP_CELLS

    @property
    def is_costly(self) -> bool:
        """Return whether one evaluation costs so much that draws should share it."""
        return self.blocks.layout.size > COSTLY_SIZE

    @property
    def late_factor(self) -> int | None:
        """Return the eliminated factor."""
        return self.blocks.layout.eliminated

    def value(self, covariances: Covariances) -> np.ndarray:
        """Return log p(y | covariances), shape (value,)."""
        starts = range(0, covariances.n_values, self.batch)
        parts = [
            self.factor(covariances.take(slice(s, s + self.batch))).log_likelihood for s in starts
        ]
        return np.concatenate(parts)

    def factor(self, covariances: Covariances) -> FactoredBlocks:
        """Return the likelihood factored at every parameter value."""
        with np.errstate(all="ignore"):  # overflow far out gives -inf below
            R, log_det_A = reduced_matrix(self.blocks, covariances)
            roots = cholesky_roots(whiten(self.blocks, covariances, R))
            diagonal = np.diagonal(roots, axis1=1, axis2=2)
            log_det_S = 2.0 * np.log(diagonal[:, : self.n_log_det]).sum(axis=1)
            value = (
                self.log_constant
                + 0.5 * self.residual.counts @ np.log(covariances.precision)
                - 0.5 * (log_det_A + log_det_S + diagonal[:, -1] ** 2)
            )
        return FactoredBlocks(covariances, roots, np.where(np.isfinite(value), value, -np.inf))

    @property
    def n_log_det(self) -> int:
        """Return how many leading unknowns are integrated out (the others are maximised over)."""
        layout = self.blocks.layout
        return layout.n_unknowns if self.integrates_b else layout.n_placed

    @property
    def log_constant(self) -> float:
        """Return the terms of the log likelihood that depend on no parameter."""
        known = 0.5 * np.log(self.residual.weights).sum() - 0.5 * self.n_obs * _LOG_2PI
        prior = self.blocks.population.log_constant if self.integrates_b else 0.0
        return float(known + prior)

    def gradient(self, covariances: Covariances) -> Gradient:
        """Return the value and its derivatives at one parameter value."""
        constant = self.log_constant + 0.5 * float(
            self.residual.counts @ np.log(covariances.precision[:, 0])
        )
        found = block_gradient(self.blocks, covariances, self.n_log_det)
        own = 0.5 * self.residual.counts / covariances.precision[:, 0]
        return replace(found, value=found.value + constant, precision=found.precision + own)

    def draw(self, factored: FactoredBlocks, index: np.ndarray, noise: np.ndarray) -> JointDraw:
        """Return one exact draw of (b, placed u) for each `index` into the factored values."""
        layout = self.blocks.layout
        at = factored.covariances.take(index)
        mean = factored.roots[index, -1, :-1]
        w = solve_transposed(factored.roots, index, mean + noise)
        effects = {}
        for item in layout.placed:
            v = w[:, item.start : item.stop].reshape(len(w), item.n_effects, item.n_levels)
            effects[item.factor] = np.einsum("abd,dbj->dja", at.roots[item.factor], v)
        return JointDraw(self.blocks.population.coefficients(w[:, layout.n_placed :]), effects)

    def with_response(self, y: np.ndarray) -> Blocked:
        """Return the same structure for another response, sharing what does not depend on it."""
        blocks, weights = self.blocks, self.residual.weights
        centred = population.with_response(blocks.population, self.predictor, y, weights)
        sums = cross_products.with_response(
            blocks.sums, self.predictor.groups, blocks.layout, centred, self.residual
        )
        pairs = pair_map.with_response(blocks.pairs, sums, blocks.cells)
        return replace(self, blocks=replace(blocks, population=centred, sums=sums, pairs=pairs))


def build_blocked(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    *,
    integrates_b: bool = True,
) -> Blocked:
    """Return the marginal likelihood of a predictor with independent levels.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    """
    layout = build_layout(predictor.groups, population.n_free)
    sums = build_cross_products(predictor.groups, layout, population, residual)
    cells = build_cells(sums.K)
    pairs = build_pair_map(sums, cells)
    blocks = Blocks(layout, population, sums, cells, pairs)
    return Blocked(predictor, residual, blocks, integrates_b)
