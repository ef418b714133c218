"""The parameters that are sampled: theta, a vector of unconstrained numbers, and its prior.

Its parts in order: for each factor the standard deviations that are not constant, then the
partial correlations of each block; then sigma, or the coefficients of the predictor of sigma.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poolish.engines.exact.marginal import Covariances
from poolish.engines.exact.residual import Residual
from poolish.engines.exact.transforms import (
    POSITIVE,
    Transform,
    correlation_root,
    prior_transform,
    resolved,
)
from poolish.spec.distributions import log_density
from poolish.spec.model import GroupSpec, ModelSpec, PredictorSpec
from poolish.spec.prior import Prior


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number with a prior of its own: a standard deviation, or a coefficient of log sigma.

    Parameters
    ----------
    prior : Prior
    transform : Transform
    lower : float
        Where the prior is cut off: 0 for standard deviations, -inf for coefficients.
    """

    prior: Prior
    transform: Transform
    lower: float

    @property
    def n_theta(self) -> int:
        """Return 1, or 0 for a constant."""
        return int(self.prior.distribution != "constant")

    def evaluate(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number and its log prior density in theta, theta (n_theta, value)."""
        if not self.n_theta:
            zero = np.zeros(theta.shape[1:], dtype=theta.dtype)
            return zero + self.prior.arguments[0], zero
        x, log_jacobian = self.transform.forward(theta[0])
        return x, log_density(self.prior, x, lower=self.lower) + log_jacobian

    def start(self, guess: float) -> list[float]:
        """Return theta for a guess on the natural scale."""
        return [self.transform.inverse(guess)] if self.n_theta else []


def standard_deviation(prior: Prior, scale: Transform = POSITIVE) -> Scalar:
    """Return the parameter for a standard deviation, on the scale of its logarithm or another."""
    return Scalar(prior, prior_transform(prior, lower=0.0, positive=scale), 0.0)


def coefficient(prior: Prior) -> Scalar:
    """Return the parameter for a coefficient."""
    return Scalar(prior, prior_transform(prior, lower=-np.inf), -np.inf)


@dataclass(frozen=True, slots=True)
class Natural:
    """Parameters as people know them, one column per value of theta.

    Parameters
    ----------
    sds : tuple of ndarray, shape (effect, value)
    correlations : tuple of ndarray, shape (effect, effect, value)
        Lower Cholesky factors of the correlation matrices.
    residual : ndarray, shape (1 or coef, value)
        sigma, or the coefficients of the predictor of sigma; no rows with known standard errors.
    """

    sds: tuple[np.ndarray, ...]
    correlations: tuple[np.ndarray, ...]
    residual: np.ndarray


@dataclass(frozen=True, slots=True)
class Parameters:
    """The map from theta to covariances, with the prior.

    Parameters
    ----------
    groups : tuple of GroupSpec
    sds : tuple of tuple of Scalar
        By factor and effect.
    residual : tuple of Scalar
        One sigma, or one per coefficient of its predictor, or none with known standard errors.
    strata : Residual
    has_sigma : bool
        True when `residual` is sigma itself.
    at_average : bool
        Whether the prior of the first coefficient of sigma is at average predictors.
    """

    groups: tuple[GroupSpec, ...]
    sds: tuple[tuple[Scalar, ...], ...]
    residual: tuple[Scalar, ...]
    strata: Residual
    has_sigma: bool
    at_average: bool

    @property
    def size(self) -> int:
        """Return the number of parameters."""
        return len(self.start(tuple(np.ones(len(s)) for s in self.sds), 1.0))

    def at_resolution(self, resolutions: Sequence[np.ndarray]) -> Parameters:
        """Return the same parameters, with the sds of groups on scales of a known resolution.

        Parameters
        ----------
        resolutions : sequence of ndarray, shape (effect,), > 0
            By factor: below it the data cannot tell a standard deviation from 0.
        """
        sds = tuple(
            tuple(
                standard_deviation(scalar.prior, resolved(float(r)))
                for scalar, r in zip(scalars, of_factor, strict=True)
            )
            for scalars, of_factor in zip(self.sds, resolutions, strict=True)
        )
        return replace(self, sds=sds)

    def natural(self, theta: np.ndarray) -> tuple[Natural, np.ndarray]:
        """Return natural parameters and the log prior density in theta.

        Parameters
        ----------
        theta : ndarray, shape (parameter, value)
            Real or complex.
        """
        taken = _Taker(theta)
        sds, correlations = [], []
        for group, scalars in zip(self.groups, self.sds, strict=True):
            sds.append(taken.scalars(scalars))
            correlations.append(taken.correlations(group))
        residual = taken.scalars(self.residual)
        if self.at_average and len(residual):
            residual = residual.copy()
            residual[0] = residual[0] - self.strata.average[1:] @ residual[1:]
        return Natural(tuple(sds), tuple(correlations), residual), taken.log_prior

    def covariances(self, natural: Natural) -> Covariances:
        """Return the covariances of natural parameters."""
        pairs = zip(natural.sds, natural.correlations, strict=True)
        roots = tuple(sd[:, None] * R for sd, R in pairs)
        return Covariances(roots, self._precision(natural.residual))

    def _precision(self, residual: np.ndarray) -> np.ndarray:
        if self.has_sigma:
            return residual**-2.0
        log_sigma = self.strata.X @ residual + self.strata.offset[:, None]
        return np.asarray(np.exp(-2.0 * log_sigma))

    def start(self, group_sds: Sequence[np.ndarray], sigma: float) -> np.ndarray:
        """Return theta for guesses of the standard deviations; correlations start at 0."""
        theta: list[float] = []
        for group, scalars, guesses in zip(self.groups, self.sds, group_sds, strict=True):
            for scalar, guess in zip(scalars, guesses, strict=True):
                theta += scalar.start(float(guess))
            theta += [0.0] * sum(len(block) * (len(block) - 1) // 2 for block in group.blocks)
        for position, scalar in enumerate(self.residual):
            theta += scalar.start(sigma if self.has_sigma else np.log(sigma) * (position == 0))
        return np.array(theta)


class _Taker:
    """Reads theta from its beginning, part by part, and adds up the log prior density."""

    def __init__(self, theta: np.ndarray) -> None:
        self._theta = theta
        self._at = 0
        self.log_prior = np.zeros(theta.shape[1:], dtype=theta.dtype)

    def _next(self, count: int) -> np.ndarray:
        self._at += count
        return self._theta[self._at - count : self._at]

    def scalars(self, scalars: Sequence[Scalar]) -> np.ndarray:
        """Return the next numbers, shape (scalar, value)."""
        found = np.zeros((len(scalars), *self._theta.shape[1:]), dtype=self._theta.dtype)
        for row, scalar in enumerate(scalars):
            found[row], log_prior = scalar.evaluate(self._next(scalar.n_theta))
            self.log_prior = self.log_prior + log_prior
        return found

    def correlations(self, group: GroupSpec) -> np.ndarray:
        """Return the next Cholesky factor, block by block, shape (effect, effect, value)."""
        q = len(group.effects)
        R = np.zeros((q, q, *self._theta.shape[1:]), dtype=self._theta.dtype)
        for block, prior in zip(group.blocks, group.cor_priors, strict=True):
            size = len(block)
            eta = prior.arguments[0] if size > 1 else 1.0
            R[np.ix_(block, block)], log_prior = correlation_root(
                self._next(size * (size - 1) // 2), size, eta
            )
            self.log_prior = self.log_prior + log_prior
        return R


def build_parameters(spec: ModelSpec, strata: Residual) -> Parameters:
    """Return the parameters of a model that the exact engine can fit."""
    groups = spec.main.groups
    sds = tuple(tuple(standard_deviation(prior) for prior in g.sd_priors) for g in groups)
    predictor = spec.predictors.get("sigma")
    has_sigma = predictor is None and "sigma" in spec.auxiliary
    if has_sigma:
        residual: tuple[Scalar, ...] = (standard_deviation(spec.auxiliary["sigma"]),)
    else:
        priors = () if predictor is None else predictor.priors
        residual = tuple(coefficient(prior) for prior in priors)
    return Parameters(groups, sds, residual, strata, has_sigma, _is_average(predictor))


def _is_average(predictor: PredictorSpec | None) -> bool:
    return predictor is not None and predictor.has_intercept and predictor.intercept_at == "average"
