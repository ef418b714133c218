"""Counts: poisson, negbinomial, geometric; `rate(d)` gives the denominator of each count."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Native, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_count
from poolish.spec.families.defaults import positive, shape_prior
from poolish.spec.families.latent import by_link, delta
from poolish.spec.families.rows import broadcast, scipy_family
from poolish.spec.family import Parameter, Parameters
from poolish.spec.links import Link

RATE = Parameter("mu", ("log", "identity", "sqrt", "softplus"), lower=0.0)
SHAPE = positive("shape", shape_prior)
_TERMS = ("rate", "weights", "cens", "trunc")


def _per_unit(response: ResponseDesign) -> np.ndarray:
    return response.y if response.rate is None else response.y / response.rate


def units(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    """Return the denominator of the rate, 1 without: how the mean count grows with `mu`."""
    return np.ones(len(response.y)) if response.rate is None else response.rate


def expected_count(parameters: Tensors, response: ResponseDesign) -> Tensor:
    """Return the mean count: `mu` times the denominator of the rate."""
    return parameters["mu"] if response.rate is None else parameters["mu"] * response.rate


def _mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return broadcast(response, expected_count(parameters, response), *parameters.values())[0]


# --- poisson ---


def poisson_distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    """Return SciPy's Poisson distribution."""
    return scipy.stats.poisson(expected_count(parameters, response))


def poisson_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    """Return PyMC's Poisson distribution."""
    return pm.Poisson, {"mu": expected_count(parameters, response)}


def poisson_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    """Return log P(Y > value) as a tensor."""
    # P(Y > k) is the regularised lower incomplete gamma function at (k + 1, mean).
    return pm.math.log(pm.math.gammainc(value + 1.0, expected_count(parameters, response)))


def _trigamma(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
    """Return trigamma(mean), Nakagawa et al. (2017), Table 1; near log(1 + 1 / mean)."""
    return np.asarray(special.polygamma(1, _mean(parameters, response)))


POISSON = scipy_family(
    "poisson",
    (RATE,),
    check=check_count,
    distribution=poisson_distribution,
    mean=_mean,
    variance=_mean,
    native=poisson_native,
    log_survival=poisson_survival,
    latent_variance=by_link({"log": _trigamma}, delta(_mean, units)),
    main_scale=_per_unit,
    response_kind="count",
    is_discrete=True,
    additions=_TERMS,
)


# --- negbinomial: variance mu + mu^2 / shape. ---


def _total_shape(parameters: Tensors, response: ResponseDesign) -> Tensor:
    """Return the shape of a count over `d` units: the sum of `d` counts has shape times d.

    As brms does for `rate(d)`; an offset of log(d) leaves the shape alone.
    """
    return parameters["shape"] if response.rate is None else parameters["shape"] * response.rate


def negbinomial_distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    """Return SciPy's negative binomial distribution."""
    shape = _total_shape(parameters, response)
    return scipy.stats.nbinom(shape, shape / (shape + expected_count(parameters, response)))


def negbinomial_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    """Return PyMC's negative binomial distribution."""
    mean, shape = expected_count(parameters, response), _total_shape(parameters, response)
    return pm.NegativeBinomial, {"mu": mean, "alpha": shape}


def negbinomial_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    """Return log P(Y > value) as a tensor."""
    # P(Y > k) is the regularised incomplete beta function at mean / (mean + shape).
    mean, shape = expected_count(parameters, response), _total_shape(parameters, response)
    return pm.math.log(pm.math.pt.betainc(value + 1.0, shape, mean / (mean + shape)))


def _negbinomial_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    mean, shape = broadcast(
        response, _mean(parameters, response), _total_shape(parameters, response)
    )
    return np.asarray(mean + mean**2 / shape)


def _negbinomial_trigamma(
    parameters: Parameters, response: ResponseDesign, link: Link
) -> np.ndarray:
    """Return trigamma(1 / (1 / mean + 1 / shape)), Nakagawa et al. (2017), Table 1."""
    shape = _total_shape(parameters, response)
    precision = 1.0 / (1.0 / _mean(parameters, response) + 1.0 / shape)
    return np.asarray(special.polygamma(1, precision))


def _negbinomial_log_density(
    y: np.ndarray, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    """Return the log density by Loader's (2000) expansion at the mean.

    A difference of log gamma functions, as in SciPy 1.18, loses its digits at large shapes.
    """
    y, mean, shape = np.broadcast_arrays(
        y, expected_count(parameters, response), _total_shape(parameters, response)
    )
    some, total = np.maximum(y, 1.0), y + shape
    errors = _stirling_error(total) - _stirling_error(shape) - _stirling_error(some)
    with np.errstate(divide="ignore"):
        at_mean = 0.5 * np.log(shape / (2.0 * np.pi * some * total)) + errors
        none = -shape * np.logaddexp(0.0, np.log(mean) - np.log(shape))
        further = _log_quotient(total, y - mean, shape + mean)
        away = shape * further + some * (np.log(mean / some) + further)
    return np.asarray(np.where(y > 0, at_mean + away, none))


def _log_quotient(a: np.ndarray, difference: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return log(a / b) from a - b."""
    change = difference / b
    return np.where(np.abs(change) < 0.5, np.log1p(np.maximum(change, -0.5)), np.log(a / b))


def _stirling_error(x: np.ndarray) -> np.ndarray:
    """Return log Gamma(x + 1) less Stirling's approximation to it."""
    large = np.maximum(x, 15.0) ** -2.0
    series = np.polyval([1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12], large) * np.sqrt(large)
    small = np.minimum(x, 15.0)
    exact = special.gammaln(small + 1.0) - special.xlogy(small + 0.5, small) + small
    return np.where(x < 15.0, exact - 0.5 * np.log(2.0 * np.pi), series)


NEGBINOMIAL = scipy_family(
    "negbinomial",
    (RATE, SHAPE),
    check=check_count,
    distribution=negbinomial_distribution,
    log_density=_negbinomial_log_density,
    mean=_mean,
    variance=_negbinomial_variance,
    native=negbinomial_native,
    log_survival=negbinomial_survival,
    latent_variance=by_link({"log": _negbinomial_trigamma}, delta(_negbinomial_variance, units)),
    main_scale=_per_unit,
    response_kind="count",
    is_discrete=True,
    additions=_TERMS,
)


# --- geometric: the negative binomial with shape 1. ---


def _with_shape(parameters: Tensors) -> Tensors:
    return {"mu": parameters["mu"], "shape": np.ones(())}


def _geometric_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return _negbinomial_variance(_with_shape(parameters), response)


def _geometric_trigamma(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
    return _negbinomial_trigamma(_with_shape(parameters), response, link)


GEOMETRIC = scipy_family(
    "geometric",
    (RATE,),
    check=check_count,
    distribution=lambda p, response: negbinomial_distribution(_with_shape(p), response),
    mean=_mean,
    variance=_geometric_variance,
    native=lambda pm, p, response: negbinomial_native(pm, _with_shape(p), response),
    latent_variance=by_link({"log": _geometric_trigamma}, delta(_geometric_variance, units)),
    main_scale=_per_unit,
    response_kind="count",
    is_discrete=True,
    additions=_TERMS,
)
