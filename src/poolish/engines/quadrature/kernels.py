"""Log densities of rows as functions of the linear predictor, with two derivatives.

One builder per family, at any link of `spec/links`; some have faster forms at a link that suits
them. Likelihood weights and `rate()` are part of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from poolish.engines.quadrature.groups import Groups
from poolish.engines.quadrature.lines import BinaryLine, ExponentialLine, LineForm
from poolish.spec.family import Family, Parameter
from poolish.spec.links import ArrayFunction, Link

type RowFunction = Callable[[np.ndarray, np.ndarray], np.ndarray]
type RowDerivatives = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

# Means are kept this far inside their range where a link can leave it; the value there is -inf.
_EDGE = 1e-12
_STEP = 1e-4
# The product of so many odds overflows only where the density of the group, exp(-709), counts for
# nothing: a coin's would be exp(-177).
MAX_PRODUCT = 256


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
    value : callable
        The part that depends on eta; -inf or NaN outside the range of mu.
    derivatives : callable
        Its derivative, the score, and the expected information about eta, which is positive.
    curvature : callable
        Minus the second derivative.
    constant : callable
        `constant(auxiliary)`, shape (row, value).
    form : LineForm or None
        A faster form of `value` and `derivatives` along the effects of groups.
    """

    value: RowFunction
    derivatives: RowDerivatives
    curvature: RowFunction
    constant: ArrayFunction
    form: LineForm | None = None


type Builder = Callable[[Outcome, Link], Kernel]


def build_kernel(family: Family, link: Link, outcome: Outcome) -> Kernel:
    """Return the kernel of a family (one of `BUILDERS`) at a link."""
    build = _FAST.get((family.name, link.name), BUILDERS[family.name])
    kernel = build(outcome, link)
    support = find_support(family.main, link)
    return kernel if support is None else _within(support, kernel)


def find_support(main: Parameter, link: Link) -> tuple[float, float] | None:
    """Return where eta may be, None for links at which Gauss-Hermite nodes around one mode do.

    With a link that lets the mean leave its range the density of a group can end within reach of
    its effect; with `cauchit` its tails are flat.
    """
    limits = _SUPPORTS.get((link.name, bool(np.isfinite(main.upper))))
    return None if limits is None else limits(main.lower, main.upper)


# By link, and whether the mean is bounded above; from the range of the mean.
_SUPPORTS: dict[tuple[str, bool], Callable[[float, float], tuple[float, float]]] = {
    ("identity", False): lambda lower, upper: (lower, upper),
    ("identity", True): lambda lower, upper: (lower, upper),
    ("log", True): lambda lower, upper: (-np.inf, float(np.log(upper))),
    ("inverse", False): lambda lower, upper: (1.0 / upper, np.inf),
    ("sqrt", False): lambda lower, upper: (float(np.sqrt(lower)), np.inf),
    ("cauchit", True): lambda lower, upper: (-np.inf, np.inf),
}


def _within(support: tuple[float, float], kernel: Kernel) -> Kernel:
    lower, upper = support

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        is_possible = (eta >= lower) & (eta <= upper)
        return np.where(is_possible, kernel.value(eta, auxiliary), -np.inf)

    return replace(kernel, value=value)


def _differenced(derivatives: RowDerivatives) -> RowFunction:
    """Return minus the derivative of the score by central differences."""

    def curvature(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        above, _ = derivatives(eta + _STEP, auxiliary)
        below, _ = derivatives(eta - _STEP, auxiliary)
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

    def derivatives(eta: np.ndarray, auxiliary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mu, slope = np.clip(link.inverse(eta), _EDGE, 1.0 - _EDGE), link.slope(eta)
        score = slope * (successes / mu - failures / (1.0 - mu))
        return score, (successes + failures) * slope**2 / (mu * (1.0 - mu))

    return Kernel(value, derivatives, _differenced(derivatives), _binomial_constant(outcome))


def _binomial_logit(outcome: Outcome, link: Link) -> Kernel:
    successes, trials = outcome.weights * outcome.y, outcome.weights * outcome.trials

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        softplus = np.log(1.0 + np.exp(-np.abs(eta))) + np.maximum(eta, 0.0)
        return successes * eta - trials * softplus

    def derivatives(eta: np.ndarray, auxiliary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mu = 1.0 / (1.0 + np.exp(-eta))
        expected = trials * mu
        return successes - expected, expected * (1.0 - mu)

    def curvature(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return derivatives(eta, auxiliary)[1]

    return Kernel(value, derivatives, curvature, _binomial_constant(outcome))


def _bernoulli_logit(outcome: Outcome, link: Link) -> Kernel:
    """Return the binomial kernel with the value in fewer passes: -log(1 + exp(eta or -eta))."""
    away, weights = 1.0 - 2.0 * outcome.y, -outcome.weights

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        found = eta * away
        np.exp(found, out=found)
        found += 1.0
        np.log(found, out=found)
        found *= weights
        return found

    def line(
        groups: Groups, eta: np.ndarray, slope: np.ndarray, auxiliary: np.ndarray
    ) -> BinaryLine:
        return BinaryLine(groups, outcome.y[:, 0] == 1, np.exp(eta * away), slope)

    form = LineForm(line, MAX_PRODUCT) if (outcome.weights == 1.0).all() else None
    return replace(_binomial_logit(outcome, link), value=value, form=form)


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

    def derivatives(eta: np.ndarray, auxiliary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mu = np.maximum(link.inverse(eta), _EDGE)
        slope = weights * link.slope(eta)
        return slope * (y / mu - rate), rate * slope * link.slope(eta) / mu

    return Kernel(value, derivatives, _differenced(derivatives), _poisson_constant(outcome))


def _poisson_log(outcome: Outcome, link: Link) -> Kernel:
    counts, rate = outcome.weights * outcome.y, outcome.weights * outcome.rate

    def value(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return counts * eta - rate * np.exp(eta)

    def derivatives(eta: np.ndarray, auxiliary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = rate * np.exp(eta)
        return counts - mean, mean

    def curvature(eta: np.ndarray, auxiliary: np.ndarray) -> np.ndarray:
        return rate * np.exp(eta)

    def line(
        groups: Groups, eta: np.ndarray, slope: np.ndarray, auxiliary: np.ndarray
    ) -> ExponentialLine:
        linear = np.broadcast_to(groups.add(counts), slope.shape)
        mean = groups.add(rate * np.exp(eta))
        return ExponentialLine(groups.add(counts * eta), linear, mean, slope, 1.0)

    return Kernel(value, derivatives, curvature, _poisson_constant(outcome), LineForm(line))


# --- negbinomial: mean m = rate mu, variance m + m^2 / k with k = rate shape ---


def _negbinomial(outcome: Outcome, link: Link) -> Kernel:
    y, rate, weights = outcome.y, outcome.rate, outcome.weights

    def value(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mean, k = rate * link.inverse(eta), rate * shape
        # Together with the constant: no large terms cancel where k is large.
        spread = y * np.log(k + mean) + k * np.log1p(mean / k)
        return weights * (special.xlogy(y, mean) - spread)

    def derivatives(eta: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, k = rate * np.maximum(link.inverse(eta), _EDGE), rate * shape
        slope = rate * link.slope(eta)
        score = weights * slope * (y / mean - (y + k) / (k + mean))
        return score, weights * slope**2 / (mean + mean**2 / k)

    def constant(shape: np.ndarray) -> np.ndarray:
        # Gamma(y + k) / (Gamma(k) y!) = 1 / (y B(y, k))
        some = np.maximum(y, 1.0)
        ways = -special.betaln(some, rate * shape) - np.log(some)
        return weights * np.where(y > 0, ways, 0.0)

    return Kernel(value, derivatives, _differenced(derivatives), constant)


# --- gamma: mean mu, variance mu^2 / shape ---


def _gamma(outcome: Outcome, link: Link) -> Kernel:
    y, weights = outcome.y, outcome.weights

    def value(eta: np.ndarray, shape: np.ndarray) -> np.ndarray:
        mu = link.inverse(eta)
        return np.where(mu > 0, -weights * shape * (np.log(mu) + y / mu), -np.inf)

    def derivatives(eta: np.ndarray, shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mu = np.maximum(link.inverse(eta), _EDGE)
        relative = link.slope(eta) / mu
        return weights * shape * relative * (y / mu - 1.0), weights * shape * relative**2

    def constant(shape: np.ndarray) -> np.ndarray:
        norm = shape * np.log(shape) - special.gammaln(shape)
        return weights * (norm + (shape - 1.0) * np.log(y))

    return Kernel(value, derivatives, _differenced(derivatives), constant)


def _gamma_log(outcome: Outcome, link: Link) -> Kernel:
    y, weights = outcome.y, outcome.weights

    def line(
        groups: Groups, eta: np.ndarray, slope: np.ndarray, shape: np.ndarray
    ) -> ExponentialLine:
        constant = -shape * groups.add(weights * eta)
        scale = shape * groups.add(weights * y * np.exp(-eta))
        return ExponentialLine(constant, -shape * groups.add(weights), scale, slope, -1.0)

    return replace(_gamma(outcome, link), form=LineForm(line))


# --- beta: shapes mu phi and (1 - mu) phi ---


def _trigamma(x: np.ndarray) -> np.ndarray:
    """Return the trigamma function to two digits: only the scale of steps comes from it.

    trigamma(x) = 1 / x^2 + trigamma(x + 1), and the first terms of its asymptotic series
    (Abramowitz & Stegun 1964, equations 6.4.6 and 6.4.12).
    """
    z = x + 1.0
    return 1.0 / x**2 + (1.0 + (0.5 + 1.0 / (6.0 * z)) / z) / z


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

    def derivatives(eta: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a, b = shapes(eta, phi)
        slope = phi * link.slope(eta)
        by_mu = log_y - log_not - special.digamma(a) + special.digamma(b)
        return weights * slope * by_mu, weights * slope**2 * (_trigamma(a) + _trigamma(b))

    def constant(phi: np.ndarray) -> np.ndarray:
        return weights * (special.gammaln(phi) - log_y - log_not)

    return Kernel(value, derivatives, _differenced(derivatives), constant)


BUILDERS: dict[str, Builder] = {
    "bernoulli": _binomial,
    "binomial": _binomial,
    "poisson": _poisson,
    "negbinomial": _negbinomial,
    "gamma": _gamma,
    "beta": _beta,
}

_FAST: dict[tuple[str, str], Builder] = {
    ("bernoulli", "logit"): _bernoulli_logit,
    ("binomial", "logit"): _binomial_logit,
    ("poisson", "log"): _poisson_log,
    ("gamma", "log"): _gamma_log,
}
