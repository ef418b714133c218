"""Location-scale families with tails or skew: student and skew_normal."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Native, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_real
from poolish.spec.families.defaults import BRMS, fixed
from poolish.spec.families.gaussian import MU, REAL_LINKS, SIGMA
from poolish.spec.families.graph import log_normal_cdf
from poolish.spec.families.latent import delta
from poolish.spec.families.rows import broadcast, location, scipy_family
from poolish.spec.family import Parameter, Parameters
from poolish.spec.prior import Prior

NU = Parameter(
    "nu",
    ("logm1",),
    fixed("gamma", 2.0, 0.1),
    BRMS,
    lower=1.0,
    intercept_prior=Prior("normal", (2.7, 0.8)),
)
ALPHA = Parameter(
    "alpha",
    REAL_LINKS[:1],
    fixed("normal", 0.0, 4.0),
    BRMS,
    lower=-np.inf,
    intercept_prior=Prior("normal", (0.0, 4.0)),
)
_LOG_2PI = np.log(2.0 * np.pi)


def _student_scale(parameters: Parameters, response: ResponseDesign) -> Frozen:
    return parameters["sigma"] if response.se is None else response.se


def _student(parameters: Parameters, response: ResponseDesign) -> Frozen:
    return scipy.stats.t(parameters["nu"], parameters["mu"], _student_scale(parameters, response))


def _student_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    """Return sigma^2 nu / (nu - 2), infinite for nu <= 2."""
    _, nu, sd = broadcast(
        response, parameters["mu"], parameters["nu"], _student_scale(parameters, response)
    )
    return np.where(nu > 2.0, sd**2 * nu / np.where(nu > 2.0, nu - 2.0, 1.0), np.inf)


def _student_native(pm: Pymc, parameters: Tensors, response: ResponseDesign) -> Native:
    sd = _student_scale(parameters, response)
    return pm.StudentT, {"nu": parameters["nu"], "mu": parameters["mu"], "sigma": sd}


def _student_survival(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    # P(Y > y) = P(2 mu - Y < 2 mu - y), and the reflected variable has the same distribution.
    distribution, arguments = _student_native(pm, parameters, response)
    return pm.logcdf(distribution.dist(**arguments), 2.0 * parameters["mu"] - value)


STUDENT = scipy_family(
    "student",
    (MU, SIGMA, NU),
    check=check_real,
    distribution=_student,
    mean=location,
    variance=_student_variance,
    native=_student_native,
    log_survival=_student_survival,
    latent_variance=delta(_student_variance),
    parameters_for=lambda response: (MU, SIGMA, NU) if response.se is None else (MU, NU),
    response_kind="real",
    additions=("se", "weights", "cens", "trunc"),
)


def _location_and_scale(parameters: Tensors) -> tuple[Any, Any]:
    """Return xi and omega such that mu is the mean and sigma the standard deviation.

    omega = sigma / sqrt(1 - 2 delta^2 / pi), xi = mu - omega delta sqrt(2 / pi), with
    delta = alpha / sqrt(1 + alpha^2) (brms vignette "Parameterization of Response Distributions").
    """
    alpha = parameters["alpha"]
    shift = np.sqrt(2.0 / np.pi) * alpha / (1.0 + alpha**2) ** 0.5
    omega = parameters["sigma"] / (1.0 - shift**2) ** 0.5
    return parameters["mu"] - omega * shift, omega


def _skew_normal(parameters: Parameters, response: ResponseDesign) -> Frozen:
    xi, omega = _location_and_scale(parameters)
    return scipy.stats.skewnorm(parameters["alpha"], xi, omega)


def _skew_normal_log_density(
    y: np.ndarray, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    xi, omega = _location_and_scale(parameters)
    z = (y - xi) / omega
    skew = special.log_ndtr(parameters["alpha"] * z)
    return np.asarray(np.log(2.0 / omega) - 0.5 * (z**2 + _LOG_2PI) + skew)


def _skew_normal_graph(
    pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign
) -> Tensor:
    # pm.SkewNormal takes log(1 + erf), which is -inf in the short tail.
    xi, omega = _location_and_scale(parameters)
    z = (value - xi) / omega
    skew = log_normal_cdf(pm, parameters["alpha"] * z)
    return np.log(2.0) - pm.math.log(omega) - 0.5 * (z**2 + _LOG_2PI) + skew


def _skew_normal_variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    return broadcast(response, parameters["sigma"] ** 2, *parameters.values())[0]


SKEW_NORMAL = scipy_family(
    "skew_normal",
    (MU, SIGMA, ALPHA),
    check=check_real,
    distribution=_skew_normal,
    log_density=_skew_normal_log_density,
    mean=location,
    variance=_skew_normal_variance,
    graph=_skew_normal_graph,
    latent_variance=delta(_skew_normal_variance),
    response_kind="real",
    additions=("weights",),
)
