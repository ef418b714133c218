"""The distribution-specific variance on the scale of the linear predictor, for ICC and R2.

References
----------
Nakagawa, Johnson & Schielzeth (2017), The coefficient of determination R2 and intra-class
correlation coefficient from generalized linear mixed-effects models revisited and expanded,
J. R. Soc. Interface 14: 20170213. doi:10.1098/rsif.2017.0213, Table 1 and section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.family import Parameters
from poolish.spec.links import Link

type Moment = Callable[[Parameters, ResponseDesign], np.ndarray]
type LatentVariance = Callable[[Parameters, ResponseDesign, Link], np.ndarray]

# Variance of the standard distribution whose distribution function is the inverse link.
LOGISTIC = np.pi**2 / 3.0
NORMAL = 1.0
GUMBEL = np.pi**2 / 6.0
_THRESHOLD = {"logit": LOGISTIC, "probit": NORMAL, "cloglog": GUMBEL}


def delta(variance: Moment, gain: Moment | None = None) -> LatentVariance:
    """Return the delta method: Var(y) / (d E(y) / d eta)^2, exact for the identity link.

    Parameters
    ----------
    variance : callable
    gain : callable, optional
        d E(y) / d mu; 1 when `mu` is the mean.
    """

    def latent(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
        slope = link.slope(link.link(parameters["mu"]))
        factor = 1.0 if gain is None else gain(parameters, response)
        return np.asarray(variance(parameters, response) / (factor * slope) ** 2)

    return latent


def lognormal(mean: Moment, variance: Moment) -> LatentVariance:
    """Return log(1 + Var(y) / E(y)^2): the variance of the lognormal with the same two moments.

    For a log link and families without a closed form of Var(log y).
    """
    return lambda parameters, response, link: np.asarray(
        np.log1p(variance(parameters, response) / mean(parameters, response) ** 2)
    )


def unknown(mean: Moment) -> LatentVariance:
    """Return NaN, for a link that no approximation has been published for."""
    return lambda parameters, response, link: np.full_like(mean(parameters, response), np.nan)


def threshold(mean: Moment, variance: Moment) -> LatentVariance:
    """Return the variance of the latent variable of a binary outcome: pi^2/3, 1 or pi^2/6.

    Other links have no latent variable of finite variance, and take the delta method.
    """

    def constant(value: float) -> LatentVariance:
        return lambda parameters, response, link: np.full_like(mean(parameters, response), value)

    table = {name: constant(value) for name, value in _THRESHOLD.items()}
    return by_link(table, delta(variance))


def by_link(table: Mapping[str, LatentVariance], otherwise: LatentVariance) -> LatentVariance:
    """Return a latent variance that is looked up by the name of the link."""

    def latent(parameters: Parameters, response: ResponseDesign, link: Link) -> np.ndarray:
        return table.get(link.name, otherwise)(parameters, response, link)

    return latent
