"""Prior distributions, one row each: density, quantile function, distribution function.

Every function is NumPy and `scipy.special` only, and every density is analytic in `x`, so that a
complex step gives its exact derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from poolish.spec.prior import Prior

type ArrayFunction = Callable[..., np.ndarray]
type Support = Literal["real", "positive", "unit", "interval", "point", "correlation"]

_LOG_2PI = np.log(2.0 * np.pi)
NO_BOUND = -np.inf


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution that may be a prior.

    Parameters
    ----------
    name : str
    arguments : tuple of str
        What its numbers mean, in order.
    support : str
        `real`, `positive`, `unit` (0 to 1), `interval` (given by the arguments), `point`,
        `correlation`.
    log_density, quantile, cdf : callable
        `f(x, *arguments)`; the density is normalised.
    positive_arguments : tuple of str
        The arguments that must be above zero.
    fixed_zero : str or None
        An argument that must be 0 and may be left out: the location of half distributions.
    """

    name: str
    arguments: tuple[str, ...]
    support: Support
    log_density: ArrayFunction
    quantile: ArrayFunction
    cdf: ArrayFunction
    positive_arguments: tuple[str, ...] = ()
    fixed_zero: str | None = None


def _normal(x: np.ndarray, mean: float, sd: float) -> np.ndarray:
    return -0.5 * ((x - mean) / sd) ** 2 - np.log(sd) - 0.5 * _LOG_2PI


def _student_t(x: np.ndarray, nu: float, location: float, scale: float) -> np.ndarray:
    constant = special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
    return constant - np.log(scale) - (nu + 1) / 2 * np.log1p(((x - location) / scale) ** 2 / nu)


def _cauchy(x: np.ndarray, location: float, scale: float) -> np.ndarray:
    return -np.log(np.pi * scale) - np.log1p(((x - location) / scale) ** 2)


def _laplace(x: np.ndarray, location: float, scale: float) -> np.ndarray:
    # sqrt(z^2) is |z| and, unlike abs, keeps a complex step.
    return -np.sqrt(((x - location) / scale) ** 2) - np.log(2 * scale)


def _laplace_quantile(p: np.ndarray, location: float, scale: float) -> np.ndarray:
    return location - scale * np.sign(p - 0.5) * np.log1p(-2 * np.abs(p - 0.5))


def _laplace_cdf(x: np.ndarray, location: float, scale: float) -> np.ndarray:
    z = (x - location) / scale
    return np.where(z < 0, 0.5 * np.exp(np.minimum(z, 0)), 1 - 0.5 * np.exp(-np.maximum(z, 0)))


def _logistic(x: np.ndarray, location: float, scale: float) -> np.ndarray:
    z = np.sqrt(((x - location) / scale) ** 2)  # symmetric: the side without overflow
    return -z - 2 * np.log1p(np.exp(-z)) - np.log(scale)


def _uniform(x: np.ndarray, low: float, high: float) -> np.ndarray:
    inside = (np.real(x) >= low) & (np.real(x) <= high)
    return np.where(inside, -np.log(high - low) + 0 * x, -np.inf)


def _exponential(x: np.ndarray, rate: float) -> np.ndarray:
    return np.log(rate) - rate * x


def _gamma(x: np.ndarray, shape: float, rate: float) -> np.ndarray:
    constant = shape * np.log(rate) - special.gammaln(shape)
    return constant + (shape - 1) * np.log(x) - rate * x


def _inverse_gamma(x: np.ndarray, shape: float, scale: float) -> np.ndarray:
    constant = shape * np.log(scale) - special.gammaln(shape)
    return constant - (shape + 1) * np.log(x) - scale / x


def _sqrt_inverse_gamma(x: np.ndarray, shape: float, scale: float) -> np.ndarray:
    return _inverse_gamma(x**2, shape, scale) + np.log(2 * x)


def _lognormal(x: np.ndarray, mean: float, sd: float) -> np.ndarray:
    return _normal(np.log(x), mean, sd) - np.log(x)


def _beta(x: np.ndarray, a: float, b: float) -> np.ndarray:
    return (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - special.betaln(a, b)


def _half(density: ArrayFunction) -> ArrayFunction:
    return lambda x, *arguments: np.log(2.0) + density(x, *arguments)


def _unbounded(x: np.ndarray) -> np.ndarray:
    return 0.0 * x


def _undefined(p: np.ndarray, *arguments: float) -> np.ndarray:
    return np.full_like(np.asarray(p, dtype=float), np.nan)


DISTRIBUTIONS: dict[str, Distribution] = {
    row.name: row
    for row in (
        Distribution(
            "normal",
            ("mean", "sd"),
            "real",
            _normal,
            lambda p, m, s: m + s * special.ndtri(p),
            lambda x, m, s: special.ndtr((x - m) / s),
            ("sd",),
        ),
        Distribution(
            "student_t",
            ("nu", "location", "scale"),
            "real",
            _student_t,
            lambda p, nu, m, s: m + s * special.stdtrit(nu, p),
            lambda x, nu, m, s: special.stdtr(nu, (x - m) / s),
            ("nu", "scale"),
        ),
        Distribution(
            "cauchy",
            ("location", "scale"),
            "real",
            _cauchy,
            lambda p, m, s: m + s * np.tan(np.pi * (p - 0.5)),
            lambda x, m, s: 0.5 + np.arctan((x - m) / s) / np.pi,
            ("scale",),
        ),
        Distribution(
            "laplace",
            ("location", "scale"),
            "real",
            _laplace,
            _laplace_quantile,
            _laplace_cdf,
            ("scale",),
        ),
        Distribution(
            "logistic",
            ("location", "scale"),
            "real",
            _logistic,
            lambda p, m, s: m + s * special.logit(p),
            lambda x, m, s: special.expit((x - m) / s),
            ("scale",),
        ),
        Distribution("flat", (), "real", _unbounded, _undefined, _undefined),
        Distribution(
            "constant",
            ("value",),
            "point",
            lambda x, value: 0.0 * x,
            lambda p, value: np.full_like(np.asarray(p, dtype=float), value),
            lambda x, value: np.where(np.asarray(x) >= value, 1.0, 0.0),
        ),
        Distribution(
            "uniform",
            ("low", "high"),
            "interval",
            _uniform,
            lambda p, low, high: low + p * (high - low),
            lambda x, low, high: np.clip((x - low) / (high - low), 0.0, 1.0),
        ),
        Distribution(
            "half_normal",
            ("mean", "sd"),
            "positive",
            _half(_normal),
            lambda p, m, s: s * special.ndtri((1 + p) / 2),
            lambda x, m, s: 2 * special.ndtr(x / s) - 1,
            ("sd",),
            "mean",
        ),
        Distribution(
            "half_student_t",
            ("nu", "location", "scale"),
            "positive",
            _half(_student_t),
            lambda p, nu, m, s: s * special.stdtrit(nu, (1 + p) / 2),
            lambda x, nu, m, s: 2 * special.stdtr(nu, x / s) - 1,
            ("nu", "scale"),
            "location",
        ),
        Distribution(
            "half_cauchy",
            ("location", "scale"),
            "positive",
            _half(_cauchy),
            lambda p, m, s: s * np.tan(np.pi * p / 2),
            lambda x, m, s: 2 * np.arctan(x / s) / np.pi,
            ("scale",),
            "location",
        ),
        Distribution(
            "exponential",
            ("rate",),
            "positive",
            _exponential,
            lambda p, rate: -np.log1p(-p) / rate,
            lambda x, rate: -np.expm1(-rate * x),
            ("rate",),
        ),
        Distribution(
            "gamma",
            ("shape", "rate"),
            "positive",
            _gamma,
            lambda p, a, rate: special.gammaincinv(a, p) / rate,
            lambda x, a, rate: special.gammainc(a, rate * x),
            ("shape", "rate"),
        ),
        Distribution(
            "inverse_gamma",
            ("shape", "scale"),
            "positive",
            _inverse_gamma,
            lambda p, a, s: s / special.gammainccinv(a, p),
            lambda x, a, s: special.gammaincc(a, s / x),
            ("shape", "scale"),
        ),
        Distribution(
            "sqrt_inverse_gamma",
            ("shape", "scale"),
            "positive",
            _sqrt_inverse_gamma,
            lambda p, a, s: np.sqrt(s / special.gammainccinv(a, p)),
            lambda x, a, s: special.gammaincc(a, s / x**2),
            ("shape", "scale"),
        ),
        Distribution(
            "lognormal",
            ("mean", "sd"),
            "positive",
            _lognormal,
            lambda p, m, s: np.exp(m + s * special.ndtri(p)),
            lambda x, m, s: special.ndtr((np.log(x) - m) / s),
            ("sd",),
        ),
        Distribution(
            "beta",
            ("a", "b"),
            "unit",
            _beta,
            lambda p, a, b: special.betaincinv(a, b, p),
            lambda x, a, b: special.betainc(a, b, np.clip(x, 0.0, 1.0)),
            ("a", "b"),
        ),
        Distribution(
            "lkj", ("eta",), "correlation", lambda x, eta: 0.0 * x, _undefined, _undefined, ("eta",)
        ),
    )
}


# Supports within which no bound of a parameter cuts anything off.
_SUPPORTS: dict[Support, tuple[float, float]] = {
    "real": (-np.inf, np.inf),
    "interval": (-np.inf, np.inf),
    "positive": (0.0, np.inf),
    "unit": (0.0, 1.0),
    "point": (np.inf, -np.inf),
    "correlation": (np.inf, -np.inf),
}


def _kept_range(prior: Prior, lower: float, upper: float) -> tuple[float, float]:
    """Return the prior's distribution function at the bounds: what truncation keeps."""
    row = DISTRIBUTIONS[prior.distribution]
    low, high = _SUPPORTS[row.support]

    def cdf(bound: float, default: float) -> float:
        value = float(row.cdf(np.float64(bound), *prior.arguments))
        return default if np.isnan(value) else value

    return (
        0.0 if lower <= low else cdf(lower, 0.0),
        1.0 if upper >= high else cdf(upper, 1.0),
    )


def log_density(
    prior: Prior, x: np.ndarray, *, lower: float = NO_BOUND, upper: float = np.inf
) -> np.ndarray:
    """Return the log density of a prior truncated to between `lower` and `upper`.

    Parameters
    ----------
    prior : Prior
    x : ndarray
        Real or complex (a complex step passes through); values outside the bounds are not looked
        at specially: the caller's transform keeps them out.
    lower, upper : float
        The bounds of the parameter: 0 and inf for standard deviations.

    Returns
    -------
    ndarray, shape of `x`
        Normalised over the truncated support; 0 for `flat()` and `constant()`.
    """
    row = DISTRIBUTIONS[prior.distribution]
    below, under = _kept_range(prior, lower, upper)
    return row.log_density(x, *prior.arguments) - np.log(under - below)


def quantile(
    prior: Prior, p: np.ndarray, *, lower: float = NO_BOUND, upper: float = np.inf
) -> np.ndarray:
    """Return quantiles of a prior truncated to between the bounds; NaN for `flat()`."""
    below, under = _kept_range(prior, lower, upper)
    row = DISTRIBUTIONS[prior.distribution]
    return row.quantile(below + p * (under - below), *prior.arguments)


def sample_prior(
    prior: Prior,
    rng: np.random.Generator,
    *,
    shape: tuple[int, ...],
    lower: float = NO_BOUND,
    upper: float = np.inf,
) -> np.ndarray:
    """Return independent draws from a prior truncated to between the bounds."""
    return np.asarray(quantile(prior, rng.uniform(size=shape), lower=lower, upper=upper))


def correlation_quantile(prior: Prior, p: np.ndarray, *, n_effects: int) -> np.ndarray:
    """Return quantiles of one correlation of an `lkj(eta)` matrix of `n_effects` effects.

    References
    ----------
    Lewandowski, Kurowicka & Joe (2009), J. Multivariate Analysis 100, 1989-2001, section 3:
    (rho + 1) / 2 ~ Beta(eta + (d - 2) / 2, eta + (d - 2) / 2). doi:10.1016/j.jmva.2009.04.008
    """
    shape = prior.arguments[0] + (n_effects - 2) / 2
    return 2 * special.betaincinv(shape, shape, p) - 1
