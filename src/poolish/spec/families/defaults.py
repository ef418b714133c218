"""Default priors of family parameters, and where their numbers come from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.family import Parameter
from poolish.spec.prior import Prior

BRMS = "brms `?set_prior` (Bürkner 2017, doi:10.18637/jss.v080.i01)"
BRMS_SCALE = f"{BRMS}: half_student_t(3, 0, max(2.5, mad y))"
MINIMUM_SCALE = 2.5
UNIFORM_LOGIT = Prior("logistic", (0.0, 1.0))  # the logit of a uniform chance
POSITIVE_LINKS = ("log", "softplus", "identity")


def mad(y: np.ndarray) -> float:
    """Return R's `mad`: 1.4826 times the median absolute deviation from the median.

    Examples
    --------
    >>> import numpy as np
    >>> mad(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    1.4826
    """
    return float(1.4826 * np.median(np.abs(y - np.median(y))))


def half_student(values: np.ndarray) -> Prior:
    """Return half_student_t(3, 0, max(2.5, mad)), its scale to four digits as printed."""
    scale = max(MINIMUM_SCALE, mad(values))
    return Prior("half_student_t", (3.0, 0.0, float(f"{scale:.4g}")))


def sigma_prior(response: ResponseDesign) -> Prior | None:
    """Return brms's default for `sigma` when `mu` is on the scale of `y`, None beside `se`."""
    return half_student(response.y) if response.se is None else None


def fixed(distribution: str, *arguments: float) -> Callable[[ResponseDesign], Prior]:
    """Return a default prior that is the same for every response."""
    prior = Prior(distribution, arguments)
    return lambda response: prior


def positive(
    name: str, default_prior: Callable[[ResponseDesign], Prior | None], source: str = BRMS
) -> Parameter:
    """Return a parameter above 0, with a log link."""
    return Parameter(name, POSITIVE_LINKS, default_prior, source, lower=0.0)


def probability(name: str) -> Parameter:
    """Return a parameter between 0 and 1, uniform by default, with a logit link."""
    links = ("logit", "probit", "cloglog", "identity")
    return Parameter(
        name,
        links,
        fixed("beta", 1.0, 1.0),
        BRMS,
        lower=0.0,
        upper=1.0,
        intercept_prior=UNIFORM_LOGIT,
    )


# brms's vague default of a shape or precision, and the one it took for negative binomial shapes
# in version 2.20 because the former puts much mass near 0.
vague_gamma = fixed("gamma", 0.01, 0.01)
shape_prior = fixed("inverse_gamma", 0.4, 0.3)
