"""Functions of one numeric variable: elementwise ones, and those that remember the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from poolish.design.options import Options, bad_option
from poolish.design.polynomials import learn_polynomial, polynomial_basis
from poolish.design.splines import learn_spline, spline_basis
from poolish.design.states import Polynomial, RawPolynomial, Shift, Spline, State
from poolish.errors import DataError
from poolish.formula.terms import Call

ELEMENTWISE: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "I": lambda x: x,
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "sqrt": np.sqrt,
}


def _learn_center(x: np.ndarray, options: Options, call: Call) -> State:
    return Shift(float(x.mean()))


def _learn_scale(x: np.ndarray, options: Options, call: Call) -> State:
    sd = float(x.std(ddof=1)) if len(x) > 1 else 0.0
    if sd == 0.0:
        raise DataError(
            f"`{call}` has no spread to divide by",
            given=f"the single value {x[0]:g} in {len(x)} rows",
            expected="at least two different values",
            fix=f"remove `{call}` from the formula",
            source=call.source,
        )
    return Shift(float(x.mean()), sd)


def _learn_poly(x: np.ndarray, options: Options, call: Call) -> State:
    degree = int(options["degree"])
    n_unique = len(np.unique(x))
    if not 1 <= degree < n_unique:
        raise bad_option(
            call,
            f"a polynomial of degree {degree}",
            f"a degree from 1 to {n_unique - 1}, one less than the {n_unique} different values",
        )
    return RawPolynomial(degree) if options["raw"] else learn_polynomial(x, degree)


def _learn_bs(x: np.ndarray, options: Options, call: Call) -> State:
    degree, has_intercept = int(options["degree"]), bool(options["intercept"])
    smallest = degree + has_intercept
    df = int(options["df"]) if "df" in options else smallest
    if degree < 1 or df < smallest:
        raise bad_option(call, f"df = {df}, degree = {degree}", f"degree >= 1 and df >= {smallest}")
    return learn_spline(
        x, df - smallest, degree=degree, has_intercept=has_intercept, is_natural=False
    )


def _learn_ns(x: np.ndarray, options: Options, call: Call) -> State:
    has_intercept = bool(options["intercept"])
    smallest = 1 + has_intercept
    df = int(options["df"]) if "df" in options else smallest
    if df < smallest:
        raise bad_option(call, f"df = {df}", f"df >= {smallest}")
    return learn_spline(x, df - smallest, degree=3, has_intercept=has_intercept, is_natural=True)


LEARNERS: Mapping[str, Callable[[np.ndarray, Options, Call], State]] = {
    "bs": _learn_bs,
    "center": _learn_center,
    "ns": _learn_ns,
    "poly": _learn_poly,
    "scale": _learn_scale,
    "standardize": _learn_scale,
}


def transform(state: State, x: np.ndarray) -> np.ndarray:
    """Return the column or columns that a remembered transform makes of `x`."""
    match state:
        case Shift(center, scale):
            return (x - center) / scale
        case RawPolynomial(degree):
            return np.asarray(x[:, None] ** np.arange(1, degree + 1))
        case Polynomial():
            return polynomial_basis(state, x)
        case Spline():
            return spline_basis(state, x)
        case _:
            raise AssertionError(f"{state} does not transform numbers")
