"""Positive outcomes: lognormal, gamma, exponential, weibull, inverse_gaussian."""

from __future__ import annotations

import numpy as np
import scipy
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Native, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_non_negative, check_positive
from poolish.spec.families.defaults import BRMS_SCALE, half_student, positive, vague_gamma
from poolish.spec.families.graph import log_normal_cdf, where_positive
from poolish.spec.families.latent import GUMBEL, by_link, delta, lognormal
from poolish.spec.families.rows import broadcast, location, scipy_family
from poolish.spec.family import Parameter, Parameters
from poolish.spec.links import Link

_TERMS = ("weights", "cens", "trunc")
_LOG_2PI = np.log(2.0 * np.pi)
# In place of 0, whose logarithm no gradient can pass.
_TINY = np.finfo(float).tiny
SHAPE = positive("shape", vague_gamma)
MEAN = Parameter("mu", ("log", "identity", "inverse", "softplus"), lower=0.0)


# --- lognormal: mu and sigma are the mean and sd of log y. ---

LOG_MU = Parameter("mu", ("identity", "inverse"), lower=-np.inf)
LOG_SIGMA = positive(
    "sigma", lambda response: half_student(_log_y(response)), f"{BRMS_SCALE}, of log y"
)


def _log_y(response: ResponseDesign) -> np.ndarray:
    # Hurdle families have zeros, which are not on this scale.
    return np.log(response.y[response.y > 0])


def lognormal_distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    """Return SciPy's lognormal distribution."""
    return scipy.stats.lognorm(parameters["sigma"], scale=np.exp(parameters["mu"]))


def lognormal_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    """Return PyMC's lognormal distribution."""
    return pm.LogNormal, {"mu": parameters["mu"], "sigma": parameters["sigma"]}


def _lognormal_log_density(
    y: np.ndarray, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    log_y, sigma = np.log(y), parameters["sigma"]
    z = (log_y - parameters["mu"]) / sigma
    return np.asarray(-0.5 * (z**2 + _LOG_2PI) - np.log(sigma) - log_y)


def _log_variance(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
    _, sd = broadcast(response, parameters["mu"], parameters["sigma"])
    return np.square(sd)


def _lognormal_log_cdf(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return log_normal_cdf(pm, (np.log(value) - parameters["mu"]) / parameters["sigma"])


def lognormal_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    """Return log P(Y > value) as a tensor."""
    log_value = np.log(np.maximum(value, _TINY))
    return log_normal_cdf(pm, (parameters["mu"] - log_value) / parameters["sigma"])


LOGNORMAL = scipy_family(
    "lognormal",
    (LOG_MU, LOG_SIGMA),
    check=check_positive,
    distribution=lognormal_distribution,
    log_density=_lognormal_log_density,
    native=lognormal_native,
    log_cdf=_lognormal_log_cdf,
    log_survival=lognormal_survival,
    latent_variance=_log_variance,
    main_scale=_log_y,
    response_kind="positive",
    additions=_TERMS,
)


# --- gamma: mean mu, variance mu^2 / shape. ---


def gamma_distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    """Return SciPy's gamma distribution."""
    return scipy.stats.gamma(parameters["shape"], scale=parameters["mu"] / parameters["shape"])


def gamma_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    """Return PyMC's gamma distribution."""
    shape = parameters["shape"]
    return pm.Gamma, {"alpha": shape, "beta": shape / parameters["mu"]}


def gamma_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    """Return log P(Y > value) as a tensor."""
    shape = parameters["shape"]
    scaled = np.maximum(value, _TINY) / parameters["mu"]
    return pm.math.log(pm.math.gammaincc(shape, shape * scaled))


def _gamma_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    mu, shape = broadcast(response, parameters["mu"], parameters["shape"])
    return np.asarray(mu**2 / shape)


def _gamma_log_variance(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
    """Return Var(log y) = trigamma(shape), Nakagawa et al. (2017), Table 1."""
    _, shape = broadcast(response, parameters["mu"], parameters["shape"])
    return np.asarray(special.polygamma(1, shape))


GAMMA = scipy_family(
    "gamma",
    (MEAN, SHAPE),
    check=check_positive,
    distribution=gamma_distribution,
    mean=location,
    variance=_gamma_variance,
    native=gamma_native,
    log_survival=gamma_survival,
    latent_variance=by_link({"log": _gamma_log_variance}, delta(_gamma_variance)),
    response_kind="positive",
    additions=_TERMS,
)


# --- exponential: mean mu. ---


def _exponential(parameters: Parameters, response: ResponseDesign) -> Frozen:
    return scipy.stats.expon(scale=parameters["mu"])


def _exponential_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    return pm.Exponential, {"lam": 1.0 / parameters["mu"]}


def _exponential_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return -value / parameters["mu"]


def _exponential_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return np.square(location(parameters, response))


def _gumbel_variance(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
    """Return Var(log y) = pi^2 / 6, that of the Gumbel distribution."""
    return np.full_like(location(parameters, response), GUMBEL)


EXPONENTIAL = scipy_family(
    "exponential",
    (MEAN,),
    check=check_non_negative,
    distribution=_exponential,
    mean=location,
    variance=_exponential_variance,
    native=_exponential_native,
    log_survival=_exponential_survival,
    latent_variance=by_link({"log": _gumbel_variance}, delta(_exponential_variance)),
    response_kind="positive",
    additions=_TERMS,
)


# --- weibull: mean mu, so that the scale is mu / Gamma(1 + 1 / shape), as in brms. ---


def _log_scale(parameters: Parameters) -> np.ndarray:
    """Return the logarithm of the scale, which is beyond any double at shapes below 0.006."""
    return np.asarray(np.log(parameters["mu"]) - special.gammaln(1.0 + 1.0 / parameters["shape"]))


def _weibull(parameters: Parameters, response: ResponseDesign) -> Frozen:
    return scipy.stats.weibull_min(parameters["shape"], scale=np.exp(_log_scale(parameters)))


def _weibull_log_density(
    y: np.ndarray, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    shape, log_y = parameters["shape"], np.log(y)
    log_hazard = shape * (log_y - _log_scale(parameters))
    return np.asarray(np.log(shape) + log_hazard - log_y - np.exp(log_hazard))


def _weibull_graph(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    log_hazard = _log_hazard(pm, value, parameters)
    log_shape, log_y = pm.math.log(parameters["shape"]), pm.math.log(value)
    return log_shape + log_hazard - log_y - pm.math.exp(log_hazard)


def _log_hazard(pm: Pymc, value: Tensor, parameters: Tensors) -> Tensor:
    """Return the logarithm of the cumulative hazard, shape (log y - log scale)."""
    mu, shape = parameters["mu"], parameters["shape"]
    log_scale = pm.math.log(mu) - pm.math.gammaln(1.0 + 1.0 / shape)
    return shape * (pm.math.log(value) - log_scale)


def _weibull_log_cdf(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return pm.math.log1mexp(-pm.math.exp(_log_hazard(pm, value, parameters)))


def _weibull_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    return -pm.math.exp(_log_hazard(pm, value, parameters))


def _weibull_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return broadcast(response, _weibull(parameters, response).var(), *parameters.values())[0]


def _weibull_log_variance(
    parameters: Parameters, response: ResponseDesign, link: Link
) -> np.ndarray:
    """Return Var(log y) = pi^2 / (6 shape^2)."""
    _, shape = broadcast(response, parameters["mu"], parameters["shape"])
    return np.asarray(GUMBEL / shape**2)


WEIBULL = scipy_family(
    "weibull",
    (MEAN, SHAPE),
    check=check_positive,
    distribution=_weibull,
    log_density=_weibull_log_density,
    mean=location,
    variance=_weibull_variance,
    graph=_weibull_graph,
    log_cdf=_weibull_log_cdf,
    log_survival=_weibull_survival,
    latent_variance=by_link({"log": _weibull_log_variance}, delta(_weibull_variance)),
    response_kind="positive",
    additions=_TERMS,
)


# --- inverse_gaussian: mean mu, variance mu^3 / shape. ---


def _inverse_gaussian(parameters: Parameters, response: ResponseDesign) -> Frozen:
    shape = parameters["shape"]
    return scipy.stats.invgauss(parameters["mu"] / shape, scale=shape)


def _inverse_gaussian_graph(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    # PyMC's has y mu^2 in a denominator, which is 0 long before y or mu is.
    mu, shape = parameters["mu"], parameters["shape"]
    log_y, gap = pm.math.log(value), value / mu - 1.0
    density = 0.5 * (pm.math.log(shape) - _LOG_2PI - 3.0 * log_y - shape * gap * (gap / value))
    return where_positive(pm, mu, density)


def _wald(pm: Pymc, parameters: Tensors) -> Tensor:
    return pm.Wald.dist(mu=parameters["mu"], lam=parameters["shape"])


def _inverse_gaussian_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    mu, shape = broadcast(response, parameters["mu"], parameters["shape"])
    return np.asarray(mu**3 / shape)


INVERSE_GAUSSIAN = scipy_family(
    "inverse_gaussian",
    (Parameter("mu", ("log", "1/mu^2", "inverse", "identity", "softplus"), lower=0.0), SHAPE),
    check=check_positive,
    distribution=_inverse_gaussian,
    mean=location,
    variance=_inverse_gaussian_variance,
    graph=_inverse_gaussian_graph,
    log_cdf=lambda pm, value, p, response: pm.logcdf(_wald(pm, p), value),
    log_survival=lambda pm, value, p, response: pm.logccdf(_wald(pm, p), value),
    latent_variance=by_link(
        {"log": lognormal(location, _inverse_gaussian_variance)}, delta(_inverse_gaussian_variance)
    ),
    response_kind="positive",
    additions=_TERMS,
)
