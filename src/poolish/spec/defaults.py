"""Default priors with their numbers, scaled by the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poolish.design.arrays import PredictorDesign, ResponseDesign
from poolish.spec.family import Family
from poolish.spec.links import Link
from poolish.spec.prior import Prior

# rstanarm's and brms's widths: 2.5 prior standard deviations (Gabry & Goodrich, "Prior
# distributions for rstanarm models"; brms `?set_prior`).
WIDTH = 2.5
LKJ_ETA = 2.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the linear predictor lies before seeing the predictors.

    Parameters
    ----------
    location : float
        Centre, on the link scale.
    spread : float
        One standard deviation of the response on the link scale; 1 where the link is not identity.
    deviation : float
        Scale of the half-Student prior of standard deviations: max(2.5, mad y), or 2.5.
    """

    location: float
    spread: float
    deviation: float


def median_absolute_deviation(y: np.ndarray) -> float:
    """Return 1.4826 times the median absolute deviation from the median, as R's `mad`."""
    return float(1.4826 * np.median(np.abs(y - np.median(y))))


def _rounded(value: float) -> float:
    """Return `value` to four digits: a prior is printed with the number that is used."""
    return float(f"{value:.4g}")


def response_scale(family: Family, response: ResponseDesign, link: Link) -> Scale:
    """Return the scale of the main predictor's default priors.

    Parameters
    ----------
    family : Family
        Says what the response is on the scale of `mu`: a count per unit, the log of a value.
    response : ResponseDesign
    link : Link
        The identity link takes mean and sd of the response; a log-like link the link of its mean;
        a link of probabilities is centred at 0.
    """
    y = response.y if family.main_scale is None else family.main_scale(response)
    return _LOCATIONS.get(link.name, _at_zero)(y)


def _identity(y: np.ndarray) -> Scale:
    return Scale(float(np.mean(y)), float(np.std(y, ddof=1)) if len(y) > 1 else 1.0, _mad(y))


def _mad(y: np.ndarray) -> float:
    return max(WIDTH, median_absolute_deviation(y))


def _at_zero(y: np.ndarray) -> Scale:
    return Scale(0.0, 1.0, WIDTH)


def _linked(link: Callable[[float], float]) -> Callable[[np.ndarray], Scale]:
    return lambda y: Scale(float(link(max(float(np.mean(y)), 0.1))), 1.0, WIDTH)


_LOCATIONS: dict[str, Callable[[np.ndarray], Scale]] = {
    "identity": _identity,
    "log": _linked(np.log),
    "softplus": _linked(lambda m: m + np.log(-np.expm1(-m))),
    "sqrt": _linked(np.sqrt),
    "inverse": _linked(lambda m: 1.0 / m),
    "1/mu^2": _linked(lambda m: m**-2.0),
}


def parameter_scale(name: str, link: Link, response: ResponseDesign) -> Scale:
    """Return the scale of the default priors of a distributional parameter's predictor.

    Notes
    -----
    On the link scale with spread 1. The predictor of `sigma` is centred at the linked standard
    deviation of the response, so that the prior does not depend on its unit; brms centres it at 0.
    """
    sd = float(np.std(response.y, ddof=1)) if len(response.y) > 1 else 1.0
    is_sd = name == "sigma" and sd > 0
    location = float(link.link(np.array([sd]))[0]) if is_sd else 0.0
    return Scale(location, 1.0, WIDTH)


def intercept_prior(scale: Scale) -> Prior:
    """Return the default prior of the intercept at average predictors."""
    return Prior("normal", (_rounded(scale.location), _rounded(WIDTH * (scale.spread or 1.0))))


def coef_priors(predictor: PredictorDesign, scale: Scale) -> tuple[Prior, ...]:
    """Return the default prior of each population coefficient but the intercept.

    Notes
    -----
    normal(0, 2.5 spread / sd x). Without an intercept the columns carry the level of the response
    too, so that spread is then its root mean square about zero, and a constant column counts
    with its root mean square.
    """
    columns = predictor.X[:, 1:] if predictor.has_intercept else predictor.X
    spread = scale.spread or 1.0
    if not predictor.has_intercept:
        spread = float(np.hypot(spread, scale.location))
    sds = columns.std(axis=0, ddof=1) if len(columns) > 1 else np.ones(columns.shape[1])
    sizes = np.where(sds > 0, sds, np.sqrt(np.mean(columns**2, axis=0)))
    return tuple(
        Prior("normal", (0.0, _rounded(WIDTH * spread / size if size > 0 else WIDTH * spread)))
        for size in sizes
    )


def sd_prior(scale: Scale) -> Prior:
    """Return the default prior of a standard deviation of group effects."""
    return Prior("half_student_t", (3.0, 0.0, _rounded(scale.deviation)))


def cor_prior() -> Prior:
    """Return the default prior of a correlation matrix."""
    return Prior("lkj", (LKJ_ETA,))
