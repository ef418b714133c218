"""The spectral structure: one known covariance K, diagonalised once.

Where every observed level has the same Gram matrix up to a factor, Z_j' W Z_j = c_j C0 (one
record a level is the common case, any number of records for an intercept), rescaled effects
sqrt(c_j) u_j have covariance K~ (x) G, K~ = c^1/2 K c^1/2 = U diag(s) U'. Along the eigenvectors
the effects t = U' c^1/2 u are independent, t_i = sqrt(s_i) L v_i, and their Gram matrices are all
C0: this is the blocked structure with eigenvectors for levels, K_i = s_i C0 and
F_i = sqrt(s_i) (U' c^-1/2 Z' W [Z_placed X r])_i. Nothing divides by s_i: K may be singular.

The rotation for one record a unit is that of Lippert et al. (2011), Nature Methods 8, 833-835,
doi:10.1038/nmeth.1681.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy import linalg

from poolish.design.arrays import GroupDesign, PredictorDesign
from poolish.engines.exact import population as populations
from poolish.engines.exact.assembly import Blocks
from poolish.engines.exact.blocked import Blocked, FactoredBlocks
from poolish.engines.exact.cross_products import CrossProducts
from poolish.engines.exact.layout import Layout, Placed, placed_columns
from poolish.engines.exact.marginal import Covariances, Gradient, JointDraw
from poolish.engines.exact.pair_map import build_cells, build_pair_map
from poolish.engines.exact.population import Population
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.roots import solve_transposed
from poolish.engines.exact.small_dense import (
    cholesky,
    identity_plus,
    lower_pairs,
    product,
    solve_lower,
    solve_lower_transposed,
    stack,
    transpose,
)
from poolish.relations.relation import dense_covariance

# Gram matrices are proportional to this relative accuracy.
GRAM_TOLERANCE = 1e-9
# Eigenvalues below this share of the largest count as zero.
RANK_TOLERANCE = 1e-10
# Other group effects per observed level: above, the dense structure is faster.
MAX_OTHERS = 0.25


@dataclass(frozen=True, slots=True)
class Rotation:
    """Known-covariance effects along the eigenvectors.

    Parameters
    ----------
    factor : int
        Position of the factor with the known covariance.
    observed, unobserved : ndarray of int
        Its levels with and without data.
    scale : ndarray, shape (observed,)
        c of each observed level.
    gram : ndarray, shape (effect, effect)
        C0.
    values : ndarray, shape (observed,)
        s, at least 0.
    vectors : ndarray, shape (observed, observed)
        U.
    regression : ndarray, shape (unobserved, observed)
        From t to the mean of the unobserved levels' effects.
    conditional : ndarray, shape (unobserved, unobserved)
        A root of their remaining covariance.
    """

    factor: int
    observed: np.ndarray
    unobserved: np.ndarray
    scale: np.ndarray
    gram: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    regression: np.ndarray
    conditional: np.ndarray

    @property
    def n_effects(self) -> int:
        """Return the number of effects per level."""
        return len(self.gram)

    @property
    def n_levels(self) -> int:
        """Return the number of levels."""
        return len(self.observed) + len(self.unobserved)

    def rotate(self, by_level: np.ndarray) -> np.ndarray:
        """Return sqrt(s) U' c^-1/2 B for rows B by level, shape (level, any)."""
        scaled = by_level[self.observed] / np.sqrt(self.scale)[:, None]
        return np.asarray(np.sqrt(self.values)[:, None] * (self.vectors.T @ scaled))

    def effects(self, t: np.ndarray, extra: np.ndarray) -> np.ndarray:
        """Return the effects of all levels, shape (draw, level, effect).

        Parameters
        ----------
        t : ndarray, shape (effect, draw, observed)
        extra : ndarray, shape (effect, draw, unobserved)
            Draws with covariance G for each unobserved level.
        """
        seen = t @ (self.vectors / np.sqrt(self.scale)[:, None]).T
        if not len(self.unobserved):
            return np.moveaxis(seen, 0, 2)
        u = np.empty((t.shape[1], self.n_levels, self.n_effects))
        u[:, self.observed] = np.moveaxis(seen, 0, 2)
        unseen = t @ self.regression.T + extra @ self.conditional.T
        u[:, self.unobserved] = np.moveaxis(unseen, 0, 2)
        return u


@dataclass(frozen=True, slots=True)
class Spectral:
    """The marginal likelihood of a Gaussian model with one known covariance, diagonalised.

    Parameters
    ----------
    blocked : Blocked
        The model along the eigenvectors.
    rotation : Rotation
    """

    blocked: Blocked
    rotation: Rotation

    @property
    def population(self) -> Population:
        """Return the population part."""
        return self.blocked.blocks.population

    @property
    def residual(self) -> Residual:
        """Return the residual part."""
        return self.blocked.residual

    @property
    def n_obs(self) -> int:
        """Return the number of rows."""
        return self.blocked.n_obs

    @property
    def n_noise(self) -> int:
        """Return how many standard normals one joint draw takes."""
        return self.blocked.n_noise + self.rotation.n_levels * self.rotation.n_effects

    @property
    def batch(self) -> int:
        """Return how many parameter values are best evaluated at once."""
        return self.blocked.batch

    @property
    def is_cheap(self) -> bool:
        """Return whether a batch of evaluations costs little more than the call."""
        return self.blocked.is_cheap

    @property
    def is_costly(self) -> bool:
        """Return whether one evaluation costs so much that draws should share it."""
        return self.blocked.is_costly

    @property
    def late_factor(self) -> int | None:
        """Return None: all effects are drawn together."""
        return None

    def value(self, covariances: Covariances) -> np.ndarray:
        """Return log p(y | covariances), shape (value,)."""
        return self.blocked.value(covariances)

    def gradient(self, covariances: Covariances) -> Gradient:
        """Return the value and its derivatives at one parameter value."""
        return self.blocked.gradient(covariances)

    def factor(self, covariances: Covariances) -> FactoredBlocks:
        """Return the likelihood factored at every parameter value."""
        return self.blocked.factor(covariances)

    def draw(self, factored: FactoredBlocks, index: np.ndarray, noise: np.ndarray) -> JointDraw:
        """Return one exact draw of (b, u) for each `index` into the factored values."""
        layout = self.blocked.blocks.layout
        at = factored.covariances.take(index)
        first = noise[:, : layout.n_unknowns]
        w = solve_transposed(factored.roots, index, factored.roots[index, -1, :-1] + first)
        effects: dict[int, np.ndarray] = {}
        coefficients = w.copy()  # u of the placed factors as the matrix orders them, then c
        for item in layout.placed:
            v = w[:, item.start : item.stop].reshape(len(w), item.n_effects, item.n_levels)
            u = np.einsum("abd,dbj->daj", at.roots[item.factor], v)
            coefficients[:, item.start : item.stop] = u.reshape(len(w), item.stop - item.start)
            effects[item.factor] = np.swapaxes(u, 1, 2)
        effects[self.rotation.factor] = self._known(at, coefficients, noise[:, layout.n_unknowns :])
        return JointDraw(self.population.coefficients(w[:, layout.n_placed :]), effects)

    def _known(self, at: Covariances, coefficients: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """Return draws of the effects with the known covariance, given all others.

        v_i ~ N(A_i^-1 tau L' f_i, A_i^-1), A_i = I + tau s_i L' C0 L, f_i = F_i (-w, 1).
        """
        rotation, sums = self.rotation, self.blocked.blocks.sums
        q, n = rotation.n_effects, len(rotation.observed)
        # Axes (effect, draw, level) below.
        L, tau = at.roots[rotation.factor], at.precision[0]
        L_, tau_, root = L[..., None], tau[:, None], np.sqrt(rotation.values)
        F = sums.F[0].reshape(q, n, sums.size)
        score = F[:, None, :, -1] - coefficients @ np.swapaxes(F[:, :, :-1], 1, 2)
        gram = tau * product(product(transpose(L), rotation.gram[:, :, None]), L)
        C = cholesky(identity_plus(gram[..., None] * rotation.values))
        own, rest = np.split(noise, [n * q], axis=1)
        pull = stack([_summed(tau_ * L_[b, a] * score[b] for b in range(a, q)) for a in range(q)])
        white = np.swapaxes(own.reshape(len(noise), q, n), 0, 1)
        v = solve_lower_transposed(C, solve_lower(C, pull) + white)
        t = stack([_summed(L_[a, b] * v[b] for b in range(a + 1)) for a in range(q)])
        t *= root
        extra = np.einsum("abd,dbm->adm", L, rest.reshape(len(noise), q, len(rotation.unobserved)))
        return rotation.effects(t, extra)

    def with_response(self, y: np.ndarray) -> Spectral:
        """Return the same structure for another response: the eigenvectors are kept."""
        blocked = self.blocked
        population = populations.with_response(
            self.population, blocked.predictor, y, self.residual.weights
        )
        return _assembled(
            blocked.predictor,
            blocked.residual,
            population,
            self.rotation,
            integrates_b=blocked.integrates_b,
        )


def _summed(parts: Iterable[np.ndarray]) -> np.ndarray:
    return reduce(np.add, parts)


def spectral_obstacle(predictor: PredictorDesign, residual: Residual) -> str | None:
    """Return why a model has no spectral structure, None when it has."""
    known = [f for f, group in enumerate(predictor.groups) if group.relation is not None]
    if len(known) != 1:
        return f"{len(known)} known covariances"
    if residual.n_strata > 1:
        return "several residual variances"
    group = predictor.groups[known[0]]
    if _common_gram(group, residual.weights) is None:
        return f"levels of `{group.name}` whose predictors differ"
    placed = sum(g.n_levels * g.n_effects for f, g in enumerate(predictor.groups) if f != known[0])
    if placed > MAX_OTHERS * len(np.unique(group.codes)):
        return f"{placed} other group effects"
    return None


def build_spectral(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    *,
    integrates_b: bool = True,
) -> Spectral:
    """Return the marginal likelihood of a predictor that `spectral_obstacle` finds none in.

    Parameters
    ----------
    predictor : PredictorDesign
    residual : Residual
    population : Population
    integrates_b : bool
        Whether population effects are integrated out or maximised over.
    """
    factor = next(f for f, group in enumerate(predictor.groups) if group.relation is not None)
    rotation = _rotation(factor, predictor.groups[factor], residual.weights)
    return _assembled(predictor, residual, population, rotation, integrates_b=integrates_b)


def _common_gram(group: GroupDesign, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return C0, with trace 1, and c of each level; None when they are not proportional."""
    q = group.n_effects
    grams = np.zeros((q, q, group.n_levels))
    for a, b in lower_pairs(q):
        product_ab = weights * group.Z[:, a] * group.Z[:, b]
        grams[a, b] = grams[b, a] = np.bincount(group.codes, product_ab, group.n_levels)
    scale = np.trace(grams)
    gram = grams.sum(axis=-1) / scale.sum()
    gap = np.abs(grams - gram[:, :, None] * scale)
    is_common = bool((gap <= GRAM_TOLERANCE * scale).all())
    return (gram, scale) if is_common else None


def _rotation(factor: int, group: GroupDesign, weights: np.ndarray) -> Rotation:
    common = _common_gram(group, weights)
    assert common is not None and group.relation is not None
    gram, scale = common
    K = dense_covariance(group.relation)
    observed, unobserved = np.flatnonzero(scale > 0), np.flatnonzero(scale <= 0)
    root_c = np.sqrt(scale[observed])
    values, vectors = linalg.eigh(
        root_c[:, None] * K[np.ix_(observed, observed)] * root_c,
        driver="evd",
        overwrite_a=True,
        check_finite=False,
    )
    values = np.maximum(values, 0.0)
    across = (K[np.ix_(unobserved, observed)] * root_c) @ vectors
    inverse = np.zeros_like(values)
    kept = values > RANK_TOLERANCE * values[-1]
    inverse[kept] = 1.0 / values[kept]
    regression = across * inverse
    remaining = K[np.ix_(unobserved, unobserved)] - regression @ across.T
    return Rotation(
        factor,
        observed,
        unobserved,
        scale[observed],
        gram,
        values,
        vectors,
        regression,
        _symmetric_root(remaining),
    )


def _symmetric_root(matrix: np.ndarray) -> np.ndarray:
    """Return R with R R' = matrix, negative rounding errors of a singular one set to 0."""
    if not len(matrix):
        return matrix
    values, vectors = linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _assembled(
    predictor: PredictorDesign,
    residual: Residual,
    population: Population,
    rotation: Rotation,
    *,
    integrates_b: bool,
) -> Spectral:
    layout = _layout(predictor.groups, rotation.factor, population.n_free)
    sums = _rotated_sums(predictor.groups, layout, population, residual.weights, rotation)
    cells = build_cells(sums.K)
    blocks = Blocks(layout, population, sums, cells, build_pair_map(sums, cells))
    return Spectral(Blocked(predictor, residual, blocks, integrates_b), rotation)


def _layout(groups: Sequence[GroupDesign], eliminated: int, n_free: int) -> Layout:
    placed: list[Placed] = []
    for factor, group in enumerate(groups):
        if factor != eliminated:
            start = placed[-1].stop if placed else 0
            placed.append(Placed(factor, start, group.n_levels, group.n_effects))
    return Layout(eliminated, tuple(placed), n_free)


def _rotated_sums(
    groups: Sequence[GroupDesign],
    layout: Layout,
    population: Population,
    weights: np.ndarray,
    rotation: Rotation,
) -> CrossProducts:
    columns = placed_columns(groups, layout, population.X, population.residual)
    R = columns if isinstance(columns, np.ndarray) else columns.toarray()
    group, n = groups[rotation.factor], len(rotation.observed)
    F = [rotation.rotate(_by_level(group, weights * z, R)).ravel() for z in group.Z.T]
    K = [rotation.values * rotation.gram[a, b] for a, b in lower_pairs(rotation.n_effects)]
    size = R.shape[1]
    return CrossProducts(
        K=np.array(K)[None],
        indptr=np.arange(n + 1) * size,
        indices=np.tile(np.arange(size), n),
        F=np.array(F)[None],
        total=(R.T @ (weights[:, None] * R))[None],
    )


def _by_level(group: GroupDesign, values: np.ndarray, R: np.ndarray) -> np.ndarray:
    """Return the sums of values times rows of R over each level, shape (level, column)."""
    sums = [np.bincount(group.codes, values * column, group.n_levels) for column in R.T]
    return np.column_stack(sums)
