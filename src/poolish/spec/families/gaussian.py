"""Gaussian: mean `mu`, standard deviation `sigma`."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.checks import check_real
from poolish.spec.families.defaults import BRMS_SCALE, sigma_prior
from poolish.spec.families.graph import Native
from poolish.spec.families.rows import broadcast, build_family
from poolish.spec.family import Parameter, Parameters
from poolish.spec.links import Link

_LOG_2PI = np.log(2.0 * np.pi)
MU = Parameter("mu", ("identity", "log", "inverse"))
SIGMA = Parameter("sigma", ("log", "softplus", "identity"), sigma_prior, BRMS_SCALE)


def residual_sd(parameters: Parameters, response: ResponseDesign) -> Any:
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


def _mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return broadcast(response, parameters["mu"])[0]


def _variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    _, sd = broadcast(response, parameters["mu"], residual_sd(parameters, response))
    return np.square(sd)


def _latent_variance(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
    # Delta method: Var(y) / (d mu / d eta)^2; exact for the identity link.
    slope = link.slope(link.link(_mean(parameters, response)))
    return np.asarray(_variance(parameters, response) / slope**2)


def _distribution(parameters: Parameters, response: ResponseDesign) -> Any:
    return stats.norm(parameters["mu"], residual_sd(parameters, response))


def _native(pm: Any, parameters: Parameters, response: ResponseDesign) -> Native:
    sd = residual_sd(parameters, response)
    return pm.Normal, {"mu": parameters["mu"], "sigma": sd}


GAUSSIAN = build_family(
    "gaussian",
    (MU, SIGMA),
    check=check_real,
    log_density=_log_density,
    sample=_sample,
    mean=_mean,
    variance=_variance,
    native=_native,
    latent_variance=_latent_variance,
    distribution=_distribution,
    parameters_for=_active,
    response_kind="real",
    additions=("se", "weights", "cens", "trunc"),
    uses_weights=True,
)
