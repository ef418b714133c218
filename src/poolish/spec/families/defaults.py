"""Default priors of family parameters, and where their numbers come from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.spec.prior import Prior

BRMS = "brms `?set_prior` (Bürkner 2017, doi:10.18637/jss.v080.i01)"
BRMS_SCALE = f"{BRMS}: half_student_t(3, 0, max(2.5, mad y))"
MINIMUM_SCALE = 2.5


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


def sigma_prior(response: ResponseDesign) -> Prior:
    """Return brms's default for `sigma` when `mu` is on the scale of `y`."""
    return half_student(response.y)


def fixed(distribution: str, *arguments: float) -> Callable[[ResponseDesign], Prior]:
    """Return a default prior that is the same for every response."""
    prior = Prior(distribution, arguments)
    return lambda response: prior
