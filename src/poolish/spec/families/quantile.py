"""Quantile regression: asymmetric_laplace, whose `mu` is the quantile of order `quantile`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Frozen, Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_real
from poolish.spec.families.defaults import probability
from poolish.spec.families.gaussian import MU, SIGMA
from poolish.spec.families.graph import log_complement
from poolish.spec.families.latent import delta
from poolish.spec.families.rows import broadcast, scipy_family
from poolish.spec.family import Parameters

QUANTILE = replace(probability("quantile"), links=("logit",))


def _distribution(parameters: Parameters, response: ResponseDesign) -> Frozen:
    # SciPy's kappa / scale and 1 / (kappa scale) are the two rates p / sigma and (1 - p) / sigma.
    p = parameters["quantile"]
    scale = parameters["sigma"] / np.sqrt(p * (1.0 - p))
    return scipy.stats.laplace_asymmetric(np.sqrt(p / (1.0 - p)), parameters["mu"], scale)


def _graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
    p, sigma = parameters["quantile"], parameters["sigma"]
    z = (value - parameters["mu"]) / sigma
    check_loss = z * pm.math.switch(pm.math.lt(z, 0), p - 1.0, p)
    return pm.math.log(p) + log_complement(pm, p) - pm.math.log(sigma) - check_loss


def _variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    """Return sigma^2 (1 - 2 p + 2 p^2) / (p (1 - p))^2 (Yu & Zhang 2005)."""
    sigma, p = broadcast(response, parameters["sigma"], parameters["quantile"], parameters["mu"])[
        :2
    ]
    return np.asarray(sigma**2 * (1.0 - 2.0 * p + 2.0 * p**2) / (p * (1.0 - p)) ** 2)


ASYMMETRIC_LAPLACE = scipy_family(
    "asymmetric_laplace",
    (MU, SIGMA, QUANTILE),
    check=check_real,
    distribution=_distribution,
    variance=_variance,
    graph=_graph,
    latent_variance=delta(_variance),
    response_kind="real",
    additions=("weights",),
)
