"""The posterior mode of theta, the shape around it, and the first proposal made of them."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from poolish.engines.exact.proposals import SplitT
from poolish.engines.exact.target import LogDensity

# A t with 5 degrees of freedom covers the exponential tails of log standard deviations near 0.
NU = 5.0
STEP = 1e-3
# At this slope the mode is within a hundredth of a standard deviation that is 1 or less.
GRADIENT_TOLERANCE = 0.01
MIN_CURVATURE = 1e-2
# A side of the split t: how far the log density falls two scales away; a normal's falls by 2.
SIDE_LIMITS = (0.4, 4.0)
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
    values, vectors = np.linalg.eigh(-0.5 * (hessian + hessian.T))
    return np.asarray(vectors / np.sqrt(np.maximum(values, MIN_CURVATURE)))


def split_at_mode(target: LogDensity, mode: np.ndarray) -> SplitT:
    """Return the split t whose sides match the fall of the target two scales from its mode."""
    axes = curvature_axes(target, mode)
    d = len(mode)
    around = np.concatenate([mode + 2 * axes.T, mode - 2 * axes.T])
    fall = target.log_density(mode[None]) - target.log_density(around)
    sides = np.clip(np.sqrt(2.0 / np.maximum(fall, 0.1)), *SIDE_LIMITS)
    return SplitT(mode, axes, sides[:d], sides[d:], NU)
