"""The mode of a log density that is cheap to evaluate, by Newton steps from values alone.

All values that the differences of a step need are evaluated in one batch; the curvature at the mode
comes with it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Central differences: their error is of order STEP^2, rounding's of order 1e-16 |value| / STEP^2.
STEP = 1e-2
# A rise of the log density that is not worth another step: a twentieth of a standard deviation.
NO_RISE = 1e-3
MAX_STEPS = 200
MAX_LENGTH = 3.0
MIN_CURVATURE = 1e-2
SHORTER = 4.0 ** -np.arange(1, 7)


def climb(
    log_density: Callable[[np.ndarray], np.ndarray], start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return a mode and the Hessian there, shapes (parameter,) and (parameter, parameter).

    Parameters
    ----------
    log_density : callable
        Of theta, shape (value, parameter); -inf where it cannot be computed.
    start : ndarray, shape (parameter,)
    """
    pairs = np.tril_indices(len(start), -1)
    around = _differences(len(start), pairs)
    theta, step, best = start, np.zeros_like(start), -np.inf
    hessian = -np.eye(len(start))
    for _ in range(MAX_STEPS):
        here = log_density(theta + step + around)
        if here[0] < best or not np.isfinite(here).all():
            ahead = log_density(theta + SHORTER[:, None] * step)
            if not ahead.max() > best:
                return theta, hessian
            step = SHORTER[ahead.argmax()] * step
            continue
        theta, best = theta + step, float(here[0])
        slope, hessian = _derivatives(here, pairs)
        step = _ascent(slope, hessian)
        if slope @ step < 2 * NO_RISE:
            return theta + step, hessian
    return theta, hessian


def _differences(d: int, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return where the differences are taken: 0, each axis up and down, each pair up and down."""
    axes = STEP * np.eye(d)
    both = axes[pairs[0]] + axes[pairs[1]]
    return np.concatenate([np.zeros((1, d)), axes, -axes, both, -both])


def _derivatives(
    values: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    n = len(pairs[0])
    up, down = np.split(values[1 : len(values) - 2 * n], 2)
    both_up, both_down = np.split(values[len(values) - 2 * n :], 2)
    sums = up + down - 2 * values[0]
    hessian = np.diag(sums / STEP**2)
    mixed = both_up + both_down - 2 * values[0] - sums[pairs[0]] - sums[pairs[1]]
    hessian[pairs] = hessian[pairs[::-1]] = mixed / (2 * STEP**2)
    return (up - down) / (2 * STEP), hessian


def _ascent(slope: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Return Newton's step, uphill along every eigenvector and not too far."""
    values, vectors = np.linalg.eigh(-hessian)
    step = vectors @ (vectors.T @ slope / np.maximum(np.abs(values), MIN_CURVATURE))
    return np.asarray(step / max(1.0, np.abs(step).max(initial=0.0) / MAX_LENGTH))
