"""The maximum of a likelihood whose variances may be 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

# A relative standard deviation below this is tried at 0, and tried above, by each of the probes.
SMALL = 0.02
PROBES = (0.1, 0.01, 0.001)
NEWTON_STEPS = 2
STEP = 1e-4


class Smooth(Protocol):
    """A log likelihood with its gradient; some arguments are bounded below by 0."""

    @property
    def is_diagonal(self) -> np.ndarray:
        """Return which arguments are bounded below by 0."""

    @property
    def blocks(self) -> tuple[np.ndarray, ...]:
        """Return where the lower triangle of each factor of a covariance stands, by columns."""

    def start(self) -> np.ndarray:
        """Return where to begin."""

    def value(self, x: np.ndarray) -> float:
        """Return the log likelihood."""

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the log likelihood and its gradient."""


def maximise(criterion: Smooth) -> np.ndarray:
    """Return the arguments at the maximum.

    Quasi-Newton steps within the bounds; then singular covariances are tried less singular; then
    arguments near 0 are tried at 0; then Newton steps.
    """
    x = criterion.start()
    if not len(x):
        return x
    x = _climb(criterion, x)
    for _ in range(int(criterion.is_diagonal.sum())):
        lifted = _lifted(criterion, x)
        if lifted is None:
            break
        x = _climb(criterion, lifted)
    return _polished(criterion, _snapped(criterion, x))


def hessian(criterion: Smooth, x: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the second derivatives in some arguments, by differences of the gradient."""
    rows = []
    for i in free:
        ahead, behind = x.copy(), x.copy()
        ahead[i], behind[i] = x[i] + STEP, x[i] - STEP
        rows.append((criterion.gradient(ahead)[1] - criterion.gradient(behind)[1])[free])
    return np.array(rows).reshape(len(free), len(free)) / (2 * STEP)


def _climb(criterion: Smooth, start: np.ndarray) -> np.ndarray:
    from scipy.optimize import minimize

    bounds = [(0.0 if bounded else None, None) for bounded in criterion.is_diagonal]
    options = {"ftol": 1e-13, "gtol": 1e-6, "maxiter": 500}
    found = minimize(
        _negative(criterion), start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.asarray(found.x)


def _negative(criterion: Smooth) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    def negative(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = criterion.gradient(x)
        return -value, -slope

    return negative


def _snapped(criterion: Smooth, x: np.ndarray) -> np.ndarray:
    """Return x with the small bounded arguments at 0 where that is at least as likely."""
    best = criterion.value(x)
    for i in np.flatnonzero(criterion.is_diagonal & (x < SMALL) & (x > 0)):
        at_zero = x.copy()
        at_zero[i] = 0.0
        value = criterion.value(at_zero)
        if value >= best - 1e-10 * abs(best):
            x, best = at_zero, value
    return x


def _lifted(criterion: Smooth, x: np.ndarray) -> np.ndarray | None:
    """Return x with one covariance moved off singular where that is more likely, None if none is.

    Where a diagonal element is 0 its column is not determined, and no gradient by the factor tells
    a maximum. On the covariances themselves one does: a maximum has v' G v <= 0 for every v, with
    G the derivative by the covariance; the largest eigenvector is the direction to try.
    """
    here = criterion.value(x)
    for block in criterion.blocks:
        if (x[block][criterion.is_diagonal[block]] >= SMALL).all():
            continue
        direction = np.linalg.eigh(_covariance_slope(criterion, x, block))[1][:, -1]
        for probe in PROBES:
            above = _raised(x, block, probe * direction)
            if criterion.value(above) > here + 1e-8:
                return above
    return None


def _covariance_slope(criterion: Smooth, x: np.ndarray, block: np.ndarray) -> np.ndarray:
    """Return G by differences along v = e_i and e_i + e_j."""
    unit, here = np.eye(_order(block)), criterion.value(x)

    def along(v: np.ndarray) -> float:
        return (criterion.value(_raised(x, block, PROBES[-1] * v)) - here) / PROBES[-1] ** 2

    own = np.array([along(e) for e in unit])
    G = np.diag(own)
    for i, j in zip(*np.tril_indices(len(unit), -1), strict=True):
        G[i, j] = G[j, i] = 0.5 * (along(unit[i] + unit[j]) - own[i] - own[j])
    return G


def _raised(x: np.ndarray, block: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return x with L L' + v v' for the L L' of a block."""
    L = np.zeros((len(v), len(v)))
    columns, rows = np.triu_indices(len(v))  # the lower triangle, column by column
    L[rows, columns] = x[block]
    R = np.linalg.qr(np.column_stack([L, v]).T, mode="r")
    signs = np.where(np.diag(R) < 0, -1.0, 1.0)
    raised = x.copy()
    raised[block] = (signs[:, None] * R)[columns, rows]
    return raised


def _order(block: np.ndarray) -> int:
    """Return q of a triangle with q (q + 1) / 2 entries."""
    return int(np.sqrt(2 * len(block)))


def _polished(criterion: Smooth, x: np.ndarray) -> np.ndarray:
    """Return x after Newton steps in the arguments that are not at their bound."""
    free = np.flatnonzero(~criterion.is_diagonal | (x > SMALL))
    for _ in range(NEWTON_STEPS):
        if not len(free):
            return x
        value, slope = criterion.gradient(x)
        step = np.zeros_like(x)
        step[free] = np.linalg.lstsq(hessian(criterion, x, free), -slope[free], rcond=None)[0]
        candidate = x + step
        if criterion.value(candidate) < value or (candidate[criterion.is_diagonal] < 0).any():
            return x
        x = candidate
    return x
