"""Log densities of rows as functions of the linear predictor, with two derivatives.

One builder per family, at any link of `spec/links`; binary and count rows at their canonical links
have faster forms of their own. Likelihood weights and `rate()` are part of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from poolish.spec.links import ArrayFunction, Link

type RowFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Means are kept this far inside their range where a link can leave it; the value there is -inf.
_EDGE = 1e-12
_STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of each row, all of shape (row, 1).

    Parameters
    ----------
    y, trials, rate, weights : ndarray
        Ones where the model has no such term.
    """

    y: np.ndarray
    trials: np.ndarray
    rate: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, slots=True)
class Kernel:
    """The log density of each row, `value(eta, auxiliary) + constant(auxiliary)`.

    `eta` has shape (row, value) and `auxiliary`, the family's shape or precision, (value,).

    Parameters
    ----------
    value, score : callable
        The part that depends on eta, and its derivative; -inf or NaN outside the range of mu.
    information : callable
        Expected information about eta: positive.
    curvature : callable
        Minus the second derivative.
    constant : callable
        `constant(auxiliary)`, shape (row, value).
    """

    value: RowFunction
    score: RowFunction
    information: RowFunction
    curvature: RowFunction
    constant: ArrayFunction


type Builder = Callable[[Outcome, Link], Kernel]


def build_kernel(family: str, link: Link, outcome: Outcome) -> Kernel:
    """Return the kernel of a family (a key of `BUILDERS`) at a link."""
    canonical = _CANONICAL.get((family, link.name))
    return BUILDERS[family](outcome, link) if canonical is None else canonical(outcome, link)


def _differenced(score: RowFunction) -> RowFunction:
    """Return minus the derivative of a score by central differences."""

    def curvature(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        above, below = score(eta + _STEP, auxiliary), score(eta - _STEP, auxiliary)
        return (below - above) / (2.0 * _STEP)

    return curvature


def _log_chances(link: Link) -> tuple[ArrayFunction, ArrayFunction]:
    """Return log mu and log(1 - mu) as functions of eta, keeping the digits of either tail."""
    symmetric: dict[str, ArrayFunction] = {
        "logit": special.log_expit,
        "probit": special.log_ndtr,
        "cauchit": lambda eta: np.log(link.inverse(eta)),
    }
    if link.name in symmetric:
        log_mu = symmetric[link.name]
        return log_mu, lambda eta: log_mu(-eta)
    if link.name == "cloglog":
        return lambda eta: np.log(link.inverse(eta)), lambda eta: -np.exp(eta)
    return lambda eta: np.log(link.inverse(eta)), lambda eta: np.log1p(-link.inverse(eta))


# --- binomial and bernoulli: weighted successes and failures of each row ---


def _binomial_constant(outcome: Outcome) -> ArrayFunction:
    y, n = outcome.y, outcome.trials
    log_ways = special.gammaln(n + 1) - special.gammaln(y + 1) - special.gammaln(n - y + 1)
    return lambda auxiliary: outcome.weights * log_ways + 0.0 * auxiliary


def _binomial(outcome: Outcome, link: Link) -> Kernel:
    successes = outcome.weights * outcome.y
    failures = outcome.weights * (outcome.trials - outcome.y)
    log_mu, log_not = _log_chances(link)

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        # A count of zero takes its term away even where the logarithm is -inf.
        won = np.where(successes > 0, successes * log_mu(eta), 0.0)
        return won + np.where(failures > 0, failures * log_not(eta), 0.0)

    def score(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        mu, slope = np.clip(link.inverse(eta), _EDGE, 1.0 - _EDGE), link.slope(eta)
        return slope * (successes / mu - failures / (1.0 - mu))

    def information(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        mu, slope = np.clip(link.inverse(eta), _EDGE, 1.0 - _EDGE), link.slope(eta)
        return (successes + failures) * slope**2 / (mu * (1.0 - mu))

    return Kernel(value, score, information, _differenced(score), _binomial_constant(outcome))


def _binomial_logit(outcome: Outcome, link: Link) -> Kernel:
    successes, trials = outcome.weights * outcome.y, outcome.weights * outcome.trials

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        softplus = np.log(1.0 + np.exp(-np.abs(eta))) + np.maximum(eta, 0.0)
        return successes * eta - trials * softplus

    def score(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return successes - trials * special.expit(eta)

    def information(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        mu = special.expit(eta)
        return trials * mu * (1.0 - mu)

    return Kernel(value, score, information, information, _binomial_constant(outcome))


# --- poisson: mean rate mu ---


def _poisson_constant(outcome: Outcome) -> ArrayFunction:
    y = outcome.y
    constant = outcome.weights * (y * np.log(outcome.rate) - special.gammaln(y + 1.0))
    return lambda auxiliary: constant + 0.0 * auxiliary


def _poisson(outcome: Outcome, link: Link) -> Kernel:
    y, rate, weights = outcome.y, outcome.rate, outcome.weights

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        mu = link.inverse(eta)
        return np.where(mu < 0, -np.inf, weights * (special.xlogy(y, mu) - rate * mu))

    def score(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        mu = np.maximum(link.inverse(eta), _EDGE)
        return weights * link.slope(eta) * (y / mu - rate)

    def information(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        mu = np.maximum(link.inverse(eta), _EDGE)
        return weights * rate * link.slope(eta) ** 2 / mu

    return Kernel(value, score, information, _differenced(score), _poisson_constant(outcome))


def _poisson_log(outcome: Outcome, link: Link) -> Kernel:
    counts, rate = outcome.weights * outcome.y, outcome.weights * outcome.rate

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return counts * eta - rate * np.exp(eta)

    def score(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return counts - rate * np.exp(eta)

    def information(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return rate * np.exp(eta)

    return Kernel(value, score, information, information, _poisson_constant(outcome))


# --- negbinomial: mean m = rate mu, variance m + m^2 / k with k = rate shape ---


def _negbinomial(outcome: Outcome, link: Link) -> Kernel:
    y, rate, weights = outcome.y, outcome.rate, outcome.weights

    def value(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mean, k = rate * link.inverse(eta), rate * shape
        return weights * (special.xlogy(y, mean) - (y + k) * np.log(k + mean))

    def score(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mean, k = rate * np.maximum(link.inverse(eta), _EDGE), rate * shape
        return weights * rate * link.slope(eta) * (y / mean - (y + k) / (k + mean))

    def information(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mean, k = rate * np.maximum(link.inverse(eta), _EDGE), rate * shape
        return weights * (rate * link.slope(eta)) ** 2 / (mean + mean**2 / k)

    def constant(shape: np.ndarray) -> np.ndarray:
        k = rate * shape
        ways = special.gammaln(y + k) - special.gammaln(k) - special.gammaln(y + 1.0)
        return weights * (ways + k * np.log(k))

    return Kernel(value, score, information, _differenced(score), constant)


# --- gamma: mean mu, variance mu^2 / shape ---


def _gamma(outcome: Outcome, link: Link) -> Kernel:
    y, weights = outcome.y, outcome.weights

    def value(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mu = link.inverse(eta)
        return np.where(mu > 0, -weights * shape * (np.log(mu) + y / mu), -np.inf)

    def score(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mu = np.maximum(link.inverse(eta), _EDGE)
        return weights * shape * link.slope(eta) * (y - mu) / mu**2

    def information(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mu = np.maximum(link.inverse(eta), _EDGE)
        return weights * shape * (link.slope(eta) / mu) ** 2

    def constant(shape: np.ndarray) -> np.ndarray:
        norm = shape * np.log(shape) - special.gammaln(shape)
        return weights * (norm + (shape - 1.0) * np.log(y))

    return Kernel(value, score, information, _differenced(score), constant)


# --- beta: shapes mu phi and (1 - mu) phi ---


def _beta(outcome: Outcome, link: Link) -> Kernel:
    weights, log_y, log_not = outcome.weights, np.log(outcome.y), np.log1p(-outcome.y)

    def shapes(eta: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mu = np.clip(link.inverse(eta), _EDGE, 1.0 - _EDGE)
        return mu * phi, (1.0 - mu) * phi

    def value(eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
        a, b = shapes(eta, phi)
        inside = np.abs(link.inverse(eta) - 0.5) <= 0.5
        density = a * log_y + b * log_not - special.gammaln(a) - special.gammaln(b)
        return np.where(inside, weights * density, -np.inf)

    def score(eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
        a, b = shapes(eta, phi)
        by_mu = log_y - log_not - special.digamma(a) + special.digamma(b)
        return weights * phi * link.slope(eta) * by_mu

    def information(eta: np.ndarray, phi: np.ndarray) -> np.ndarray:
        a, b = shapes(eta, phi)
        # zeta(2, x) is the trigamma function.
        trigammas = special.zeta(2.0, a) + special.zeta(2.0, b)
        return weights * (phi * link.slope(eta)) ** 2 * trigammas

    def constant(phi: np.ndarray) -> np.ndarray:
        return weights * (special.gammaln(phi) - log_y - log_not)

    return Kernel(value, score, information, _differenced(score), constant)


BUILDERS: dict[str, Builder] = {
    "bernoulli": _binomial,
    "binomial": _binomial,
    "poisson": _poisson,
    "negbinomial": _negbinomial,
    "gamma": _gamma,
    "beta": _beta,
}

_CANONICAL: dict[tuple[str, str], Builder] = {
    ("bernoulli", "logit"): _binomial_logit,
    ("binomial", "logit"): _binomial_logit,
    ("poisson", "log"): _poisson_log,
}
