"""Restricted and ordinary maximum likelihood, from the marginal likelihood with flat b.

Bates, Maechler, Bolker & Walker (2015), J. Statistical Software 67(1), section 3.4: with one
sigma the criterion is a function of the relative factors L / sigma only. doi:10.18637/jss.v067.i01
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from poolish.design.arrays import Design, PredictorDesign
from poolish.engines.exact.conditional import Conditional
from poolish.engines.exact.conditional_known import condition
from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.maximise import hessian, maximise
from poolish.engines.exact.point_fit import (
    SINGULAR_TOLERANCE,
    GroupEstimate,
    Heritability,
    PointFit,
)
from poolish.engines.exact.population import build_population, flat_prior
from poolish.engines.exact.reach import can_estimate
from poolish.engines.exact.residual import build_residual
from poolish.engines.exact.structure import Structure, build_structure
from poolish.errors import EngineError
from poolish.relations import mean_variance
from poolish.spec.model import GroupSpec, ModelSpec


@dataclass(frozen=True, slots=True)
class Criterion:
    """The log likelihood as a function of free numbers x, lme4's theta first.

    x holds, factor by factor and block by block, the lower triangles of the factors L, divided by
    sigma when there is one (it is then profiled out), times the scales of the predictors Z; then
    the coefficients of log sigma when it has a formula.

    Parameters
    ----------
    predictor : PredictorDesign
    likelihood : Structure
    entries : tuple of (int, int, int)
        Factor, row and column of each entry of the factors.
    scales : ndarray, shape (entry,)
    has_sigma : bool
    reml : bool
        Whether the coefficients are integrated out.
    """

    predictor: PredictorDesign
    likelihood: Structure
    entries: tuple[tuple[int, int, int], ...]
    scales: np.ndarray
    has_sigma: bool
    reml: bool

    @property
    def is_diagonal(self) -> np.ndarray:
        """Return which elements of x are bounded below by 0."""
        diagonal = [row == column for _, row, column in self.entries]
        return np.array(diagonal + [False] * self.n_sigma, dtype=bool)

    @property
    def n_sigma(self) -> int:
        """Return the number of coefficients of log sigma."""
        return self.likelihood.residual.X.shape[1]

    @property
    def blocks(self) -> tuple[np.ndarray, ...]:
        """Return where the entries of each block of correlated effects stand in x."""
        sizes = [
            len(block) * (len(block) + 1) // 2
            for group in self.predictor.groups
            for block in group.blocks
        ]
        ends = np.cumsum([0, *sizes])
        return tuple(np.arange(a, b) for a, b in pairwise(ends))

    def start(self) -> np.ndarray:
        """Return lme4's start: relative factors 1; log sigma from the residuals."""
        r = self.likelihood.population.residual
        x = self.is_diagonal.astype(float)
        spread = float(np.std(r)) or 1.0
        if not self.has_sigma:
            x *= 0.5 * spread
        if self.n_sigma:
            strata = self.likelihood.residual
            level = np.full(strata.n_strata, np.log(0.7 * spread)) - strata.offset
            x[len(self.entries) :] = np.linalg.lstsq(strata.X, level, rcond=None)[0]
        return x

    def covariances(self, x: np.ndarray) -> Covariances:
        """Return the covariances of x, sigma at its best value."""
        relative = self._relative(x)
        if not self.has_sigma:
            return relative
        variance = self._residual_variance(relative)
        roots = tuple(root * np.sqrt(variance) for root in relative.roots)
        return Covariances(roots, relative.precision / variance)

    def _residual_variance(self, relative: Covariances) -> float:
        return float(self.likelihood.factor(relative).penalised[0]) / self.n_residuals

    @property
    def n_residuals(self) -> int:
        """Return the divisor of sigma^2: the rows, less the coefficients under REML."""
        return self.likelihood.n_obs - self.likelihood.population.n_free * self.reml

    def _relative(self, x: np.ndarray) -> Covariances:
        groups = self.predictor.groups
        roots = tuple(np.zeros((g.n_effects, g.n_effects, 1)) for g in groups)
        values = x[: len(self.entries)] / self.scales
        for (factor, row, column), value in zip(self.entries, values, strict=True):
            roots[factor][row, column, 0] = value
        strata = self.likelihood.residual
        log_sigma = strata.X @ x[len(self.entries) :] + strata.offset
        return Covariances(roots, np.exp(-2.0 * log_sigma)[:, None])

    def value(self, x: np.ndarray) -> float:
        """Return the log likelihood."""
        return float(self.likelihood.value(self.covariances(x))[0])

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log likelihood and its gradient; sigma, at its best, adds nothing to it."""
        at = self.covariances(x)
        found = self.likelihood.gradient(at)
        sigma = float(at.precision[0, 0]) ** -0.5 if self.has_sigma else 1.0
        slopes = [found.roots[factor][row, column] for factor, row, column in self.entries]
        of_roots = np.array(slopes) * sigma / self.scales
        of_log_sigma = -2.0 * at.precision[:, 0] * found.precision
        return found.value, np.concatenate([of_roots, self.likelihood.residual.X.T @ of_log_sigma])


def mle(spec: ModelSpec, design: Design, *, reml: bool = True) -> PointFit:
    """Return point estimates by restricted or ordinary maximum likelihood; priors are ignored.

    Parameters
    ----------
    spec : ModelSpec
        A Gaussian model.
    design : Design
    reml : bool
        True integrates the population effects out before maximising; False maximises over all.

    Raises
    ------
    EngineError
        If the model is not one whose likelihood the exact engine computes.
    """
    obstacle = can_estimate(spec, design)
    if obstacle is not None:
        raise EngineError(
            f"this model has no maximum likelihood fit here: {obstacle}",
            given=f"{spec.formula}, family {spec.family.name}",
            expected="a gaussian model with group terms and identity link",
            fix="use `fit`, which samples the posterior of any model",
        )
    criterion = build_criterion(design, reml=reml, has_sigma="sigma" in spec.auxiliary)
    x = maximise(criterion)
    at = criterion.covariances(x)
    conditional = condition(criterion.likelihood, at)
    return _point_fit(spec, design, criterion, x, conditional)


def build_criterion(design: Design, *, reml: bool, has_sigma: bool) -> Criterion:
    """Return the criterion to maximise."""
    residual = build_residual(design)
    y, main = design.response.y, design.main
    population = build_population(main, y, residual.weights, flat_prior(main.X.shape[1]))
    likelihood = build_structure(main, residual, population, integrates_b=reml)
    entries = tuple(
        (factor, row, column)
        for factor, group in enumerate(main.groups)
        for block in group.blocks
        for position, column in enumerate(block)
        for row in block[position:]
    )
    sizes = [np.sqrt(np.mean(group.Z**2, axis=0)) for group in main.groups]
    scales = np.array([sizes[factor][row] or 1.0 for factor, row, _ in entries])
    return Criterion(main, likelihood, entries, scales, has_sigma, reml)


def _point_fit(
    spec: ModelSpec,
    design: Design,
    criterion: Criterion,
    x: np.ndarray,
    conditional: Conditional,
) -> PointFit:
    at = criterion.covariances(x)
    sigma = float(at.precision[0, 0]) ** -0.5 if criterion.has_sigma else None
    groups = tuple(
        _group_estimate(group, at.roots[f][:, :, 0], conditional.modes[f], conditional.mode_sds[f])
        for f, group in enumerate(spec.main.groups)
    )
    theta = x[: len(criterion.entries)] / criterion.scales
    diagonal = theta[criterion.is_diagonal[: len(theta)]]
    return PointFit(
        formula=str(spec.formula),
        reml=criterion.reml,
        coefs=spec.main.coefs,
        b=conditional.b,
        se=np.sqrt(np.diag(conditional.vcov)),
        vcov=conditional.vcov,
        groups=groups,
        sigma=sigma,
        sigma_coefs=spec.predictors["sigma"].coefs if "sigma" in spec.predictors else (),
        b_sigma=x[len(criterion.entries) :],
        heritabilities=_heritabilities(spec, criterion, x),
        log_likelihood=criterion.value(x),
        df=len(spec.main.coefs) + len(x) + criterion.has_sigma,
        n_obs=design.n_obs,
        is_singular=bool((diagonal < SINGULAR_TOLERANCE).any()),
        y=design.response.y,
        X=design.main.X,
        scaled_residuals=_scaled_residuals(design, criterion, at, conditional),
    )


def _heritabilities(
    spec: ModelSpec, criterion: Criterion, x: np.ndarray
) -> tuple[Heritability, ...]:
    """Return h2 = v_f / (1 + sum of v), v_f the relative variance at K's mean diagonal."""
    groups = criterion.predictor.groups
    is_plain = criterion.has_sigma and all(group.effects == ("Intercept",) for group in groups)
    if not is_plain:
        return ()
    relations = [group.relation for group in groups]
    units = np.array([1.0 if K is None else mean_variance(K) for K in relations])
    variances = units * (x / criterion.scales) ** 2
    shares = variances / (1.0 + variances.sum())
    free = np.flatnonzero(x > 0)
    information = -hessian(criterion, x, free)
    # d share_f / d x_g, with d log v_g / d x_g = 2 / x_g
    slopes = (np.diag(shares) - np.outer(shares, shares))[:, free] * (2.0 / x[free])
    variance = np.diag(slopes @ np.linalg.pinv(information) @ slopes.T)
    return tuple(
        Heritability(group.name, float(share), float(np.sqrt(v)) if v > 0 else np.nan)
        for group, K, share, v in zip(spec.main.groups, relations, shares, variance, strict=True)
        if K is not None
    )


def _scaled_residuals(
    design: Design, criterion: Criterion, at: Covariances, conditional: Conditional
) -> np.ndarray:
    main, residual = design.main, criterion.likelihood.residual
    mean = main.offset + main.X @ conditional.b
    for group, modes in zip(main.groups, conditional.modes, strict=True):
        mean = mean + np.einsum("oe,oe->o", group.Z, modes[group.codes])
    precision = at.precision[residual.strata, 0] * residual.weights
    return np.asarray(np.sqrt(precision) * (design.response.y - mean))


def _group_estimate(
    group: GroupSpec, L: np.ndarray, modes: np.ndarray, mode_sds: np.ndarray
) -> GroupEstimate:
    covariance = L @ L.T
    sd = np.sqrt(np.diag(covariance))
    product = np.outer(sd, sd)
    correlation = np.full_like(covariance, np.nan)
    np.divide(covariance, product, out=correlation, where=product > 0)
    return GroupEstimate(
        group.name, group.effects, group.levels, group.blocks, sd, correlation, modes, mode_sds
    )
