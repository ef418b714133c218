"""Link functions, one row each: `eta = link(mu)`, `mu = inverse(eta)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from poolish.errors import FamilyError

type ArrayFunction = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Link:
    """A link function.

    Parameters
    ----------
    name : str
    link, inverse : callable
        NumPy functions between the parameter's scale and the linear predictor's.
    slope : callable
        d inverse / d eta, as a function of eta.
    graph : callable
        `graph(pt, eta)`: the inverse as a tensor expression, `pt` being `pytensor.tensor`.
        Passed in, so that this module never imports it.
    """

    name: str
    link: ArrayFunction
    inverse: ArrayFunction
    slope: ArrayFunction
    graph: Callable[[Any, Any], Any]


_SQRT_HALF = np.sqrt(0.5)
_SQRT_2PI = np.sqrt(2.0 * np.pi)
_EXP_MAX = 700.0  # exp() of more than 709 overflows


def log_normal_cdf(pt: Any, z: Any) -> Any:  # noqa: ANN401 - PyTensor has no static types
    """Return log Phi(z) as a tensor, accurate in both tails.

    PyMC's own has a square root of two in single precision.
    """
    # Each branch sees only the side where it is finite, and so does its gradient.
    low, high = pt.minimum(z, -1.0), pt.maximum(z, -1.0)
    lower = pt.log(0.5 * pt.erfcx(-low * _SQRT_HALF)) - 0.5 * low**2
    return pt.switch(z < -1.0, lower, pt.log1p(-0.5 * pt.erfc(high * _SQRT_HALF)))


# A chance is the sigmoid of its log odds, whatever the link: of a sigmoid PyTensor rewrites
# log(mu) and log(1 - mu) so that neither tail loses its digits, nor its gradient.


def _probit_graph(pt: Any, eta: Any) -> Any:  # noqa: ANN401
    return pt.sigmoid(log_normal_cdf(pt, eta) - log_normal_cdf(pt, -eta))


def _cloglog_graph(pt: Any, eta: Any) -> Any:  # noqa: ANN401
    hazard = pt.exp(pt.minimum(eta, _EXP_MAX))
    return pt.sigmoid(hazard + pt.log1mexp(-hazard))


LINKS: dict[str, Link] = {
    row.name: row
    for row in (
        Link("identity", lambda m: m, lambda e: e, np.ones_like, lambda pt, e: e),
        # The linear predictor of ordinal and categorical families, which have no mean to link to.
        Link("latent", lambda m: m, lambda e: e, np.ones_like, lambda pt, e: e),
        Link("log", np.log, np.exp, np.exp, lambda pt, e: pt.exp(e)),
        Link(
            "logit",
            special.logit,
            special.expit,
            lambda e: special.expit(e) * special.expit(-e),
            lambda pt, e: pt.sigmoid(e),
        ),
        Link(
            "probit",
            special.ndtri,
            special.ndtr,
            lambda e: np.exp(-0.5 * e * e) / _SQRT_2PI,
            _probit_graph,
        ),
        Link(
            "cloglog",
            lambda m: np.log(-np.log1p(-m)),
            lambda e: -np.expm1(-np.exp(np.minimum(e, _EXP_MAX))),
            lambda e: np.exp(e - np.exp(np.minimum(e, _EXP_MAX))),
            _cloglog_graph,
        ),
        Link(
            "cauchit",
            # tan(pi (m - 1/2)) and 1/2 + arctan(e) / pi, without cancellation near 0.
            lambda m: -1.0 / np.tan(np.pi * m),
            lambda e: np.arctan2(1.0, -e) / np.pi,
            lambda e: 1.0 / (np.pi * (1.0 + e * e)),
            lambda pt, e: pt.arctan2(1.0, -e) / np.pi,
        ),
        Link(
            "inverse",
            lambda m: 1.0 / m,
            lambda e: 1.0 / e,
            lambda e: -1.0 / e**2,
            lambda pt, e: 1.0 / e,
        ),
        # The positive root only, as R's `make.link("sqrt")`: below 0 there is no mean. A square of
        # either sign would give every posterior a mirror image.
        Link(
            "sqrt",
            np.sqrt,
            lambda e: e * np.abs(e),
            lambda e: 2.0 * np.abs(e),
            lambda pt, e: e * pt.abs(e),
        ),
        Link(
            "softplus",
            lambda m: m + np.log(-np.expm1(-m)),
            lambda e: np.logaddexp(0.0, e),
            special.expit,
            lambda pt, e: pt.softplus(e),
        ),
        Link(
            "1/mu^2",
            lambda m: 1.0 / np.square(m),
            lambda e: 1.0 / np.sqrt(e),
            lambda e: -0.5 * e**-1.5,
            lambda pt, e: 1.0 / pt.sqrt(e),
        ),
        Link(
            "tan_half",
            lambda m: np.tan(m / 2.0),
            lambda e: 2.0 * np.arctan(e),
            lambda e: 2.0 / (1.0 + e * e),
            lambda pt, e: 2.0 * pt.arctan(e),
        ),
        Link(
            "logm1",
            lambda m: np.log(m - 1.0),
            lambda e: 1.0 + np.exp(e),
            np.exp,
            lambda pt, e: 1.0 + pt.exp(e),
        ),
    )
}


def parse_link(name: str) -> Link:
    """Return the link called `name`.

    Raises
    ------
    FamilyError
        If there is no such link.
    """
    if name not in LINKS:
        raise FamilyError(
            f"there is no link `{name}`",
            given=f"link `{name}`",
            expected=f"one of {', '.join(LINKS)}",
            fix='write, for example, `po.family("poisson", link="log")`',
        )
    return LINKS[name]
