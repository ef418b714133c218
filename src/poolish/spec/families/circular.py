"""Angles: von_mises, with mean direction `mu` and concentration `kappa`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from poolish.design.arrays import ResponseDesign
from poolish.spec.families.aliases import Pymc, Tensor, Tensors
from poolish.spec.families.checks import check_angle
from poolish.spec.families.defaults import fixed, positive
from poolish.spec.families.graph import where_positive
from poolish.spec.families.rows import broadcast, build_family, location
from poolish.spec.family import Parameter, Parameters
from poolish.spec.prior import Prior

MU = Parameter("mu", ("tan_half", "identity"), lower=-np.pi, upper=np.pi)
KAPPA = replace(
    positive("kappa", fixed("gamma", 2.0, 0.01)), intercept_prior=Prior("normal", (5.0, 0.8))
)
_LOG_2PI = np.log(2.0 * np.pi)
_LARGE = 1e7


def _log_density(y: np.ndarray, parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    # i0e(k) = exp(-k) I0(k) does not overflow; cos - 1 keeps the digits near the mode.
    kappa = parameters["kappa"]
    gap = -2.0 * np.sin(0.5 * (y - parameters["mu"])) ** 2
    return np.asarray(kappa * gap - _LOG_2PI - np.log(special.i0e(kappa)))


def _graph(pm: Pymc, value: Tensor, parameters: Tensors, response: ResponseDesign) -> Tensor:
    kappa = parameters["kappa"]
    gap = -2.0 * pm.math.sin(0.5 * (value - parameters["mu"])) ** 2
    # AMOS gives no Bessel function beyond 1e9; there log ive(0, kappa) is its asymptote.
    pt = pm.math.pt
    bessel = pt.log(pt.ive(0, pt.minimum(kappa, _LARGE)))
    asymptote = -0.5 * (pt.log(pt.maximum(kappa, _LARGE)) + _LOG_2PI)
    density = kappa * gap - _LOG_2PI - pt.switch(kappa < _LARGE, bessel, asymptote)
    return where_positive(pm, kappa, density)


def _sample(
    rng: np.random.Generator, parameters: Parameters, response: ResponseDesign
) -> np.ndarray:
    mu, kappa = broadcast(response, parameters["mu"], parameters["kappa"])
    return np.asarray(rng.vonmises(mu, kappa))


def _variance(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
    """Return the circular variance 1 - I1(kappa) / I0(kappa), between 0 and 1."""
    _, kappa = broadcast(response, parameters["mu"], parameters["kappa"])
    return np.asarray(1.0 - special.i1e(kappa) / special.i0e(kappa))


VON_MISES = build_family(
    "von_mises",
    (MU, KAPPA),
    check=check_angle,
    log_density=_log_density,
    sample=_sample,
    mean=location,
    variance=_variance,
    graph=_graph,
    response_kind="angle",
    additions=("weights",),
)
