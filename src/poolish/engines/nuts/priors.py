"""Priors as PyMC variables: one table row per distribution of `spec/distributions.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolish.engines.nuts.tensors import Tensor
from poolish.spec.distributions import DISTRIBUTIONS
from poolish.spec.prior import Prior


@dataclass(frozen=True, slots=True)
class Bounds:
    """The open interval a parameter lives in; a prior that is wider is truncated to it."""

    lower: float = -np.inf
    upper: float = np.inf


REAL = Bounds()
POSITIVE = Bounds(0.0, np.inf)

_SUPPORTS = {"real": REAL, "positive": POSITIVE, "unit": Bounds(0.0, 1.0)}


@dataclass(frozen=True, slots=True)
class Row:
    """How PyMC writes a distribution.

    Parameters
    ----------
    distribution : str
        Name of the class in `pymc`.
    keywords : tuple of (str or None)
        PyMC's names for the arguments, in our order; None for one that PyMC does not take.
    """

    distribution: str
    keywords: tuple[str | None, ...]


ROWS: dict[str, Row] = {
    "normal": Row("Normal", ("mu", "sigma")),
    "student_t": Row("StudentT", ("nu", "mu", "sigma")),
    "cauchy": Row("Cauchy", ("alpha", "beta")),
    "laplace": Row("Laplace", ("mu", "b")),
    "logistic": Row("Logistic", ("mu", "s")),
    "flat": Row("Flat", ()),
    "uniform": Row("Uniform", ("lower", "upper")),
    "half_normal": Row("HalfNormal", (None, "sigma")),
    "half_student_t": Row("HalfStudentT", ("nu", None, "sigma")),
    "half_cauchy": Row("HalfCauchy", (None, "beta")),
    "exponential": Row("Exponential", ("lam",)),
    "gamma": Row("Gamma", ("alpha", "beta")),
    "inverse_gamma": Row("InverseGamma", ("alpha", "beta")),
    "lognormal": Row("LogNormal", ("mu", "sigma")),
    "beta": Row("Beta", ("alpha", "beta")),
}

# A distribution centred at 0 and truncated there is its half version, which compiles cheaper.
_HALVES = {"normal": "half_normal", "student_t": "half_student_t", "cauchy": "half_cauchy"}

# Prior of `factor * x` given the prior of `x`, for factor > 0: exact, so that predictors can be
# scaled inside while the prior stays on the coefficient as typed.
_RESCALE: dict[str, Callable[..., tuple[float, ...]]] = {
    "normal": lambda f, m, s: (f * m, f * s),
    "student_t": lambda f, nu, m, s: (nu, f * m, f * s),
    "cauchy": lambda f, m, s: (f * m, f * s),
    "laplace": lambda f, m, s: (f * m, f * s),
    "logistic": lambda f, m, s: (f * m, f * s),
    "flat": lambda f: (),
    "constant": lambda f, value: (f * value,),
    "uniform": lambda f, low, high: (f * low, f * high),
    "half_normal": lambda f, m, s: (m, f * s),
    "half_student_t": lambda f, nu, m, s: (nu, m, f * s),
    "half_cauchy": lambda f, m, s: (m, f * s),
    "exponential": lambda f, rate: (rate / f,),
    "gamma": lambda f, shape, rate: (shape, rate / f),
    "inverse_gamma": lambda f, shape, scale: (shape, f * scale),
    "sqrt_inverse_gamma": lambda f, shape, scale: (shape, f**2 * scale),
    "lognormal": lambda f, m, s: (m + float(np.log(f)), s),
}

# Families that stay themselves when moved: argument that is the location.
LOCATIONS = {"normal": 0, "student_t": 1, "cauchy": 0, "laplace": 0, "logistic": 0}


def can_rescale(prior: Prior) -> bool:
    """Return whether the prior of a multiple of the parameter is in the same family."""
    return prior.distribution in _RESCALE


def rescale(prior: Prior, factor: float) -> Prior:
    """Return the prior of `factor * x` when `prior` is the prior of `x`; `factor` > 0."""
    return Prior(prior.distribution, _RESCALE[prior.distribution](factor, *prior.arguments))


def declare(
    name: str,
    priors: Sequence[Prior],
    *,
    bounds: Bounds = REAL,
    dims: str | None = None,
    initial: float | np.ndarray | None = None,
    is_ordered: bool = False,
) -> Tensor:
    """Return a tensor called `name` in the open model, one element per prior.

    Parameters
    ----------
    name : str
    priors : sequence of Prior
        One per element; exactly one when `dims` is None, and the tensor is then a scalar.
    bounds : Bounds
        The parameter's own range; a wider prior is truncated to it.
    dims : str, optional
        Dimension of the elements.
    initial : float or ndarray, optional
        Where sampling starts.
    is_ordered : bool
        Whether the elements increase.

    Returns
    -------
    Tensor
        A random variable when the priors are of one distribution, otherwise a deterministic
        made of one random variable per distribution.
    """
    halved = [_halve(prior, bounds) for prior in priors]
    kinds = list(dict.fromkeys(prior.distribution for prior in halved))
    if len(kinds) == 1 and kinds[0] not in _DERIVED:
        size: dict[str, Any] = {} if dims is None else {"dims": dims}
        return _random(name, halved, bounds, size | _options(initial, len(priors), is_ordered))
    elements: dict[int, Any] = {}
    for kind in kinds:
        at = [i for i, prior in enumerate(halved) if prior.distribution == kind]
        part = _part(f"{name}_{kind}", [halved[i] for i in at], bounds)
        elements |= {i: part[k] for k, i in enumerate(at)}
    if dims is None:
        return pm.Deterministic(name, elements[0])
    return pm.Deterministic(name, pt.stack([elements[i] for i in sorted(elements)]), dims=dims)


def _options(
    initial: float | np.ndarray | None, n_elements: int, is_ordered: bool
) -> dict[str, Any]:
    if is_ordered:
        increasing = np.linspace(-1.0, 1.0, n_elements) if n_elements > 1 else np.zeros(1)
        return {"transform": pm.distributions.transforms.ordered, "initval": increasing}
    return {} if initial is None else {"initval": initial}


def _halve(prior: Prior, bounds: Bounds) -> Prior:
    half = _HALVES.get(prior.distribution)
    if half is None or bounds != POSITIVE:
        return prior
    is_centred = prior.arguments[LOCATIONS[prior.distribution]] == 0
    return Prior(half, prior.arguments) if is_centred else prior


def _constants(name: str, priors: Sequence[Prior], bounds: Bounds) -> Tensor:
    return pt.as_tensor(np.array([prior.arguments[0] for prior in priors]))


def _square_roots(name: str, priors: Sequence[Prior], bounds: Bounds) -> Tensor:
    squares = [Prior("inverse_gamma", prior.arguments) for prior in priors]
    return pt.sqrt(_random(f"{name}_squared", squares, POSITIVE, {"shape": len(priors)}))


# What is not a random variable of its own name.
_DERIVED: dict[str, Callable[[str, Sequence[Prior], Bounds], Tensor]] = {
    "constant": _constants,
    "sqrt_inverse_gamma": _square_roots,
}


def _part(name: str, priors: Sequence[Prior], bounds: Bounds) -> Tensor:
    derive = _DERIVED.get(priors[0].distribution)
    if derive is not None:
        return derive(name, priors, bounds)
    return _random(name, priors, bounds, {"shape": len(priors)})


def _random(name: str, priors: Sequence[Prior], bounds: Bounds, options: dict[str, Any]) -> Tensor:
    """Return a random variable of priors that are all of one distribution."""
    if priors[0].distribution == "flat":
        return _flat(name, len(priors), bounds, options)
    row = ROWS[priors[0].distribution]
    is_vector = "dims" in options or "shape" in options
    columns = np.array([prior.arguments for prior in priors]).T
    arguments = {
        keyword: values if is_vector else values[0]
        for keyword, values in zip(row.keywords, columns, strict=True)
        if keyword is not None
    }
    distribution = getattr(pm, row.distribution)
    if all(_is_inside(prior, bounds) for prior in priors):
        return distribution(name, **arguments, **options)
    ends = {"lower": _finite(bounds.lower), "upper": _finite(bounds.upper)}
    return pm.Truncated(name, distribution.dist(**arguments), **ends, **options)


def _flat(name: str, n_elements: int, bounds: Bounds, options: dict[str, Any]) -> Tensor:
    ends = _finite(bounds.lower), _finite(bounds.upper)
    is_vector = "dims" in options or "shape" in options
    inside = np.full(n_elements, _inner_point(*ends)) if is_vector else _inner_point(*ends)
    options = {"initval": inside} | options
    if ends == (None, None):
        return pm.Flat(name, **options)
    interval = pm.distributions.transforms.Interval(*ends)
    return pm.Flat(name, **options, default_transform=interval)


def _inner_point(lower: float | None, upper: float | None) -> float:
    if lower is None:
        return 0.0
    return lower + 1.0 if upper is None else (lower + upper) / 2


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _is_inside(prior: Prior, bounds: Bounds) -> bool:
    support = _SUPPORTS.get(DISTRIBUTIONS[prior.distribution].support) or Bounds(*prior.arguments)
    return support.lower >= bounds.lower and support.upper <= bounds.upper
