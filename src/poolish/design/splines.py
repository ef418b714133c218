"""B-spline and natural cubic spline bases, as `bs` and `ns` of R's package splines.

References
----------
Hastie (1992), Generalized additive models, in Statistical Models in S, section 7.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from poolish.design.states import Spline

if TYPE_CHECKING:
    from scipy.interpolate import BSpline


def learn_spline(
    x: np.ndarray, n_knots: int, *, degree: int, has_intercept: bool, is_natural: bool
) -> Spline:
    """Return a spline with boundary knots at the range of `x` and the others at its quantiles."""
    shares = np.linspace(0.0, 1.0, n_knots + 2)[1:-1]
    knots = tuple(np.quantile(x, shares).tolist())
    boundary = (float(x.min()), float(x.max()))
    return Spline(knots, boundary, degree, has_intercept, is_natural)


def spline_basis(state: Spline, x: np.ndarray) -> np.ndarray:
    """Return the basis at `x`, shape (obs, column).

    Beyond the boundary knots a B-spline continues its outermost polynomial, and a natural spline
    its tangent.
    """
    return _natural(state, x) if state.is_natural else _columns(state, _b_spline(state)(x))


def _b_spline(state: Spline) -> BSpline:
    from scipy.interpolate import BSpline  # loads much of SciPy, for splines only

    low, high = state.boundary
    ends = state.degree + 1
    knots = np.concatenate([np.full(ends, low), state.knots, np.full(ends, high)])
    return BSpline(knots, np.eye(len(state.knots) + ends), state.degree)


def _columns(state: Spline, basis: np.ndarray) -> np.ndarray:
    return basis if state.has_intercept else basis[..., 1:]


def _natural(state: Spline, x: np.ndarray) -> np.ndarray:
    """Return the combinations of cubic B-splines without curvature at the boundary.

    The second derivatives at the two ends are two linear constraints on the coefficients. The
    columns of Q in the QR decomposition of these constraints, from the third on, span what
    satisfies them (as R does; Householder's Q is unique, so the columns are the same).
    """
    spline = _b_spline(state)
    curvature = _columns(state, spline(np.array(state.boundary), nu=2))
    q, _ = np.linalg.qr(curvature.T, mode="complete")
    inside = np.clip(x, *state.boundary)
    basis = spline(inside)
    is_outside = inside != x
    if is_outside.any():
        slope = spline(inside[is_outside], nu=1)
        basis[is_outside] += (x - inside)[is_outside, None] * slope
    return np.asarray(_columns(state, basis) @ q[:, 2:])
