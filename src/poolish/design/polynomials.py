"""Orthogonal polynomials on the data, as R's `poly` and `contr.poly`.

The monic polynomials that are orthogonal on the points x satisfy, with p_{-1} = 0 and p_0 = 1,

    p_{k+1}(x) = (x - alpha_k) p_k(x) - (norm2_k / norm2_{k-1}) p_{k-1}(x),
    alpha_k = <x p_k, p_k> / <p_k, p_k>,   norm2_k = <p_k, p_k>.

References
----------
Kennedy and Gentle (1980), Statistical Computing, pp. 343-4 (the source R's `poly` names).
"""

from __future__ import annotations

import numpy as np

from poolish.design.states import Polynomial


def learn_polynomial(x: np.ndarray, degree: int) -> Polynomial:
    """Return the recurrence of the polynomials up to `degree` that are orthogonal on `x`."""
    before, current = np.zeros_like(x), np.ones_like(x)
    alpha: list[float] = []
    norm2 = [float(len(x))]
    for k in range(degree):
        alpha.append(float(x @ current**2) / norm2[k])
        ratio = norm2[k] / norm2[k - 1] if k else 0.0
        before, current = current, (x - alpha[k]) * current - ratio * before
        norm2.append(float(current @ current))
    return Polynomial(tuple(alpha), tuple(norm2))


def polynomial_basis(state: Polynomial, x: np.ndarray) -> np.ndarray:
    """Return the orthonormal polynomials of degree 1 and up at `x`, shape (obs, degree)."""
    basis = np.empty((len(x), len(state.alpha)))
    before, current = np.zeros_like(x), np.ones_like(x)
    for k, alpha in enumerate(state.alpha):
        ratio = state.norm2[k] / state.norm2[k - 1] if k else 0.0
        before, current = current, (x - alpha) * current - ratio * before
        basis[:, k] = current / np.sqrt(state.norm2[k + 1])
    return basis
