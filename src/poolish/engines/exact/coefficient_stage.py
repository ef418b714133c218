"""The last stage of every structure: what is left is a quadratic form in the coefficients.

R = [X r]' V^-1 [X r] with V the covariance of y given b; S = R + prior, C C' = S:
log p(y) = ... - sum_(i<p) log C_ii - C_pp^2 / 2, and c | theta, y ~ N(C_ff'^-1 C_pf', S_ff^-1).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from poolish.engines.exact.population import Population
from poolish.engines.exact.roots import cholesky_roots, inverse_from_root, solve_transposed


def factor_coefficients(R: np.ndarray, population: Population) -> np.ndarray:
    """Return the Cholesky factors of R with the prior, NaN where they do not exist.

    Parameters
    ----------
    R : ndarray, shape (value, size, size)
        The coefficients first, the residual last; not changed.
    population : Population
    """
    S = np.array(R)
    S[:, :-1, :-1] += population.precision
    S[:, -1, :-1] += population.pull
    S[:, -1, -1] += population.pull_norm
    return cholesky_roots(S)


def log_coefficients(roots: np.ndarray, *, integrates_b: bool) -> np.ndarray:
    """Return the terms of the log likelihood that the factors give, shape (value,)."""
    diagonal = np.diagonal(roots, axis1=1, axis2=2)
    value = -0.5 * diagonal[:, -1] ** 2
    return value - np.log(diagonal[:, :-1]).sum(axis=1) if integrates_b else value


def second_moment(root: np.ndarray, *, integrates_b: bool) -> np.ndarray:
    """Return H = E[(-c, 1) (-c, 1)'], with d log p / dR = -H / 2, for one factor."""
    p = len(root) - 1
    mean = solve_triangular(root[:p, :p], root[p, :p], lower=True, trans=1, check_finite=False)
    ct = np.append(-mean, 1.0)
    H = np.outer(ct, ct)
    if integrates_b:
        H[:p, :p] += inverse_from_root(root[:p, :p])
    return H


def draw_coefficients(roots: np.ndarray, index: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return one draw of c for each index into the factors, shape (draw, free coef)."""
    return solve_transposed(roots, index, roots[index, -1, :-1] + noise)
