"""The posterior mode of theta, the shape around it, and the first proposal made of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poolish.engines.exact.proposals import SplitT
from poolish.engines.exact.target import LogDensity

# A t with 5 degrees of freedom covers the exponential tails of log standard deviations near 0.
NU = 5.0
STEP = 1e-3
# At this slope the mode is within a hundredth of a standard deviation that is 1 or less.
GRADIENT_TOLERANCE = 0.01
MIN_CURVATURE = 1e-2
# Each side of the split t is as wide as the fall of the log density this many scales away says,
# where a normal's falls by half the square; the wider of the two, so that no tail is missed.
DISTANCES = (2.0, 3.5)
SIDE_LIMITS = (0.4, 6.0)
_WORST = 1e10


def find_mode(target: LogDensity, start: np.ndarray) -> np.ndarray:
    """Return a mode of the target by BFGS from `start`, shape (parameter,)."""

    def negative(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = target.gradient(theta)
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return _WORST, np.zeros_like(theta)
        return -value, -slope

    if not len(start):
        return start
    from scipy.optimize import minimize  # a sixth of a second, for targets that are not cheap

    return np.asarray(
        minimize(negative, start, jac=True, method="BFGS", options={"gtol": GRADIENT_TOLERANCE}).x
    )


def curvature_axes(target: LogDensity, mode: np.ndarray) -> np.ndarray:
    """Return columns along the eigenvectors of the Hessian, each one standard deviation long."""
    if not len(mode):
        return np.zeros((0, 0))
    rows = [
        (target.gradient(mode + e)[1] - target.gradient(mode - e)[1]) / (2 * STEP)
        for e in STEP * np.eye(len(mode))
    ]
    hessian = np.array(rows)
    return axes_of(0.5 * (hessian + hessian.T))


def axes_of(hessian: np.ndarray) -> np.ndarray:
    """Return the axes of a Hessian: its eigenvectors, each one standard deviation long."""
    values, vectors = np.linalg.eigh(-hessian)
    return np.asarray(vectors / np.sqrt(np.maximum(values, MIN_CURVATURE)))


def split_at_mode(target: LogDensity, mode: np.ndarray) -> SplitT:
    """Return the split t at a mode whose sides match the fall of the target."""
    return split_along(target.log_density, mode, curvature_axes(target, mode))


def split_along(
    log_density: Callable[[np.ndarray], np.ndarray], mode: np.ndarray, axes: np.ndarray
) -> SplitT:
    """Return the split t along some axes whose sides match the fall of the target."""
    distances = np.repeat(DISTANCES, 2 * len(mode))
    directions = np.tile(np.concatenate([axes.T, -axes.T]), (len(DISTANCES), 1))
    values = log_density(np.concatenate([mode[None], mode + distances[:, None] * directions]))
    fall = np.maximum(values[0] - values[1:], 0.1)
    widths = (distances / np.sqrt(2.0 * fall)).reshape(len(DISTANCES), 2, len(mode))
    above, below = np.clip(widths.max(axis=0), *SIDE_LIMITS)
    return SplitT(mode, axes, above, below, NU)
