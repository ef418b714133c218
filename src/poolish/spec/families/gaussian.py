"""Gaussian: mean `mu`, standard deviation `sigma`."""

from __future__ import annotations

import numpy as np
import scipy

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Native, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_real
from poolish.spec.families.defaults import BRMS_SCALE, positive, sigma_prior
from poolish.spec.families.graph import log_normal_cdf
from poolish.spec.families.latent import delta
from poolish.spec.families.rows import broadcast, build_family, location
from poolish.spec.family import Parameter, Parameters

_LOG_2PI = np.log(2.0 * np.pi)
REAL_LINKS = ("identity", "log", "inverse")
MU = Parameter("mu", REAL_LINKS, lower=-np.inf)
SIGMA = positive("sigma", sigma_prior, BRMS_SCALE)


def residual_sd(parameters: Tensors, response: ResponseDesign) -> Tensor:
    """Return the standard deviation of each row: `se` or `sigma`, over the root of the weights.

    With `se(s)` there is no `sigma`; `weights(w)` are precision weights, as in lme4.
    """
    sd = parameters["sigma"] if response.se is None else response.se
    return sd if response.weights is None else sd / np.sqrt(response.weights)


def _active(response: ResponseDesign) -> tuple[Parameter, ...]:
    return (MU, SIGMA) if response.se is None else (MU,)


def _log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    sd = residual_sd(parameters, response)
    return np.asarray(-0.5 * ((y - parameters["mu"]) / sd) ** 2 - np.log(sd) - 0.5 * _LOG_2PI)


def _sample(
    rng: np.random.Generator, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    mu, sd = broadcast(response, parameters["mu"], residual_sd(parameters, response))
    return mu + sd * rng.standard_normal(mu.shape)


def _variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    _, sd = broadcast(response, parameters["mu"], residual_sd(parameters, response))
    return np.square(sd)


def _distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    return scipy.stats.norm(parameters["mu"], residual_sd(parameters, response))


def _native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    sd = residual_sd(parameters, response)
    return pm.Normal, {"mu": parameters["mu"], "sigma": sd}


def _z(value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
    return (value - parameters["mu"]) / residual_sd(parameters, response)


def _log_cdf(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
    return log_normal_cdf(pm, _z(value, parameters, response))


def _log_survival(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
    return log_normal_cdf(pm, -_z(value, parameters, response))


GAUSSIAN = build_family(
    "gaussian",
    (MU, SIGMA),
    check=check_real,
    log_density=_log_density,
    sample=_sample,
    mean=location,
    variance=_variance,
    native=_native,
    log_cdf=_log_cdf,
    log_survival=_log_survival,
    latent_variance=delta(_variance),
    distribution=_distribution,
    parameters_for=_active,
    response_kind="real",
    additions=("se", "weights", "cens", "trunc"),
    uses_weights=True,
)
