"""The population effects: priors, and the coordinates in which they are integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from poolish.design.arrays import PredictorDesign
from poolish.spec.prior import Prior

_LOG_2PI = np.log(2.0 * np.pi)
RANK_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True)
class Population:
    """b = shift + basis c, with c integrated out.

    The columns of `X = X_typed basis` are orthonormal for the known weights, so that neither
    scales nor collinearity of the predictors cost digits; `shift` is the least-squares fit, so
    that `residual = y - X_typed shift` has no large common part.

    Parameters
    ----------
    X : ndarray, shape (obs, free coef)
    shift : ndarray, shape (coef,)
    basis : ndarray, shape (coef, free coef)
    precision, pull : ndarray, shapes (free coef, free coef) and (free coef,)
        The prior of c is exp(-c' precision c / 2 + pull' c - constant): zero where flat.
    pull_norm : float
        Twice that constant: how far `shift` lies from the prior mean.
    log_constant : float
        Log normaliser of the prior with its change of variables.
    residual : ndarray, shape (obs,)
    prior : WorkingPrior
    """

    X: np.ndarray
    shift: np.ndarray
    basis: np.ndarray
    precision: np.ndarray
    pull: np.ndarray
    pull_norm: float
    log_constant: float
    residual: np.ndarray
    prior: WorkingPrior

    @property
    def n_free(self) -> int:
        """Return the number of coefficients that are integrated out."""
        return self.X.shape[1]

    def coefficients(self, c: np.ndarray) -> np.ndarray:
        """Return b on the predictors as typed, shapes (..., free coef) -> (..., coef)."""
        return self.shift + c @ self.basis.T

    def coordinates(self, b: np.ndarray) -> np.ndarray:
        """Return c of b, the inverse of `coefficients`."""
        return (b - self.shift) @ np.linalg.pinv(self.basis).T


@dataclass(frozen=True, slots=True)
class WorkingPrior:
    """Independent priors of w, b = to_typed w: normal, flat or constant in each coordinate.

    Parameters
    ----------
    to_typed : ndarray, shape (coef, coef)
        The identity, or, when the intercept's prior applies at average predictors, its shift.
    free : ndarray of bool, shape (coef,)
        Not constant.
    mean : ndarray, shape (coef,)
        Prior mean; the value of constants; 0 where flat.
    precision : ndarray, shape (coef,)
        1 / sd^2; 0 where flat or constant.
    """

    to_typed: np.ndarray
    free: np.ndarray
    mean: np.ndarray
    precision: np.ndarray


def working_prior(
    priors: Sequence[Prior], average: np.ndarray, *, at_average: bool
) -> WorkingPrior:
    """Return coefficient priors in coordinates where they are independent.

    Parameters
    ----------
    priors : sequence of Prior
        One per coefficient: `normal`, `flat` or `constant`.
    average : ndarray, shape (coef,)
        Column means of X; used when `at_average`.
    at_average : bool
        Whether the first coefficient's prior is on `b[0] + average[1:] b[1:]`.
    """
    to_typed = np.eye(len(priors))
    if at_average:
        to_typed[0, 1:] = -average[1:]
    free = np.array([prior.distribution != "constant" for prior in priors], dtype=bool)
    mean = np.array([(*prior.arguments, 0.0)[0] for prior in priors])
    precision = np.array(
        [p.arguments[1] ** -2.0 if p.distribution == "normal" else 0.0 for p in priors]
    )
    return WorkingPrior(to_typed, free, mean, precision)


def flat_prior(n_coefs: int) -> WorkingPrior:
    """Return flat priors for every coefficient, as restricted maximum likelihood has them."""
    ones = np.ones(n_coefs)
    return WorkingPrior(np.eye(n_coefs), ones.astype(bool), 0 * ones, 0 * ones)


def build_population(
    predictor: PredictorDesign, y: np.ndarray, weights: np.ndarray, prior: WorkingPrior
) -> Population:
    """Return the population part of a predictor for a response, shape (obs,)."""
    X = predictor.X @ prior.to_typed
    basis = _orthonormal_basis(X[:, prior.free] * np.sqrt(weights)[:, None])
    identity = np.eye(len(prior.free))[:, prior.free]
    empty = np.zeros(0)
    free = Population(
        X=X[:, prior.free] @ basis,
        shift=empty,
        basis=prior.to_typed @ identity @ basis,
        precision=basis.T @ (prior.precision[prior.free, None] * basis),
        pull=empty,
        pull_norm=0.0,
        log_constant=_log_constant(prior, basis),
        residual=empty,
        prior=prior,
    )
    return with_response(free, predictor, y, weights)


def with_response(
    population: Population, predictor: PredictorDesign, y: np.ndarray, weights: np.ndarray
) -> Population:
    """Return the same population part, centred anew for another response."""
    prior = population.prior
    constants = prior.to_typed @ np.where(prior.free, 0.0, prior.mean)
    shift, residual = constants, y - predictor.offset - predictor.X @ constants
    for _ in range(2):  # the second pass removes the rounding error of the first
        step = population.basis @ _least_squares(population.X, residual, weights)
        shift, residual = shift + step, residual - predictor.X @ step
    # In working coordinates the typed shift is solve(to_typed, shift); its distance to the mean.
    distance = np.linalg.solve(prior.to_typed, shift) - prior.mean if len(shift) else shift
    weighted = prior.precision * distance
    to_working = np.linalg.solve(prior.to_typed, population.basis)
    return replace(
        population,
        shift=shift,
        residual=residual,
        pull=-to_working.T @ weighted,
        pull_norm=float(weighted @ distance),
    )


def _orthonormal_basis(X: np.ndarray) -> np.ndarray:
    """Return T with orthonormal X T; only scaled columns where X has not full rank."""
    norm = np.sqrt(np.einsum("ij,ij->j", X, X))
    norm = np.where(norm > 0, norm, 1.0)
    R = np.linalg.qr(X / norm, mode="r")
    if len(R) < X.shape[1] or (np.abs(np.diag(R)) < RANK_TOLERANCE).any():
        return np.diag(1.0 / norm)
    return np.asarray(solve_triangular(R, np.eye(len(R)))) / norm[:, None]


def _least_squares(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    gram = X.T @ (weights[:, None] * X)
    return np.asarray(np.linalg.lstsq(gram, X.T @ (weights * y), rcond=None)[0])


def _log_constant(prior: WorkingPrior, basis: np.ndarray) -> float:
    """Return sum over normal priors of log(1 / (sd sqrt(2 pi))), + log|basis| + k/2 log(2 pi)."""
    proper = prior.precision[prior.precision > 0]
    normal = 0.5 * np.log(proper).sum() - 0.5 * len(proper) * _LOG_2PI
    return float(normal + np.linalg.slogdet(basis)[1] + 0.5 * len(basis) * _LOG_2PI)
