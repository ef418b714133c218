"""Between unconstrained numbers and standard deviations or correlations.

Every function is analytic, so a complex step passes through and gives the exact derivative
(Squire & Trapp 1998, SIAM Review 40(1), 110-112. doi:10.1137/S003614459631241X).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from poolish.spec.distributions import DISTRIBUTIONS
from poolish.spec.prior import Prior

# How far the scale of a standard deviation is linear, in units of its resolution: with less and
# with more the weights of the proposals vary more, on sleepstudy, Penicillin, Dyestuff, Dyestuff2,
# Pastes and groups of three.
LINEAR_REACH = 6.0


@dataclass(frozen=True, slots=True)
class Transform:
    """A smooth increasing map from the real line onto the support of a prior.

    Parameters
    ----------
    forward : callable
        theta -> (x, log dx/dtheta).
    inverse : callable
        x -> theta, for starting values.
    """

    forward: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    inverse: Callable[[float], float]


def _exponential(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.exp(theta), theta


def _identity(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return theta, 0.0 * theta


def _between(low: float, high: float) -> Transform:
    width = high - low

    def forward(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = _modulus(theta)
        log_slope = -size - 2.0 * np.log1p(np.exp(-size))  # log p (1 - p), p = expit(theta)
        return low + width * (0.5 + 0.5 * np.tanh(0.5 * theta)), np.log(width) + log_slope

    def inverse(x: float) -> float:
        return float(special.logit(np.clip((x - low) / width, 0.02, 0.98)))

    return Transform(forward, inverse)


def resolved(resolution: float) -> Transform:
    """Return a scale on which sds look normal: r k sinh(s / k), s = log(1 + exp(theta)).

    Below its resolution r the data cannot tell a standard deviation from 0: the likelihood is
    flat there and the density of log sd falls as slowly as exp(theta), over many of its widths.
    Here that tail is as short as elsewhere on the line; from r to k r the scale is linear, and
    above it logarithmic, so that sds known to a percentage look normal too.
    """
    r, k = resolution, LINEAR_REACH

    def forward(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        s = np.log1p(np.exp(theta))
        log_slope = np.log(r) + np.log(np.cosh(s / k)) + theta - s
        return r * k * np.sinh(s / k), log_slope

    def inverse(x: float) -> float:
        s = k * np.arcsinh(max(x, 1e-3 * r) / (r * k))
        return float(s + np.log(-np.expm1(-s)))

    return Transform(forward, inverse)


POSITIVE = Transform(_exponential, lambda x: float(np.log(x)))
REAL = Transform(_identity, lambda x: x)


def prior_transform(prior: Prior, *, lower: float, positive: Transform = POSITIVE) -> Transform:
    """Return the transform onto the support of a prior that is cut off at `lower`."""
    bounds = {"interval": prior.arguments, "unit": (0.0, 1.0)}
    support = DISTRIBUTIONS[prior.distribution].support
    if support in bounds:
        low, high = bounds[support]
        return _between(max(low, lower), high)
    return positive if support == "positive" or lower == 0.0 else REAL


def correlation_root(theta: np.ndarray, q: int, eta: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Cholesky factors of correlation matrices and their log prior density in theta.

    Parameters
    ----------
    theta : ndarray, shape (q (q - 1) / 2, value)
        Inverse hyperbolic tangents of canonical partial correlations, row by row.
    q : int
        Number of effects.
    eta : float
        Shape of the LKJ prior.

    Returns
    -------
    tuple of ndarray, shapes (q, q, value) and (value,)

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100, 1989-2001, section 2.4:
    under LKJ(eta) the partial correlation of rows i and j < i (from 0) given the rows before j
    is, on (-1, 1), Beta(c, c) with c = eta + (q - 2 - j) / 2. doi:10.1016/j.jmva.2009.04.008
    """
    R = np.zeros((q, q, *theta.shape[1:]), dtype=theta.dtype)
    log_density = np.zeros(theta.shape[1:], dtype=theta.dtype)
    R[0, 0] = 1.0
    at = 0
    for i in range(1, q):
        rest = np.ones(theta.shape[1:], dtype=theta.dtype)
        for j in range(i):
            z = np.tanh(theta[at])
            shape = eta + (q - 2 - j) / 2
            normaliser = (2 * shape - 1) * np.log(2.0) + special.betaln(shape, shape)
            # (1 - z^2)^(shape - 1) and dz/dtheta = 1 - z^2
            log_density = log_density + shape * _log_one_minus_square(theta[at]) - normaliser
            R[i, j] = z * np.sqrt(rest)
            rest = rest * (1.0 - z * z)
            at += 1
        R[i, i] = np.sqrt(rest)
    return R, log_density


def _log_one_minus_square(theta: np.ndarray) -> np.ndarray:
    """Return log(1 - tanh(theta)^2) = -2 log cosh(theta), without overflow or cancellation."""
    size = _modulus(theta)
    return np.asarray(2.0 * (np.log(2.0) - size - np.log1p(np.exp(-2.0 * size))))


def _modulus(theta: np.ndarray) -> np.ndarray:
    """Return |theta| as a function that keeps a complex step; theta 0 is fine in even functions."""
    return np.asarray(np.sqrt(theta * theta))
