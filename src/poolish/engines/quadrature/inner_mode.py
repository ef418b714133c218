"""The mode of w at fixed theta, by Newton steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poolish.engines.quadrature.problem import InnerShape, Problem

MAX_STEPS = 40
# Of the rise that a Newton step promises; what is left after it is its square.
TOLERANCE = 1e-5
MAX_HALVINGS = 12
# Value and slope are those of different quadratures: a step may lower the log density by this much.
MAX_FALL = 1e-2
# Directions in which the log density does not fall get this curvature at least.
MIN_CURVATURE = 1e-6
_LOG_2PI = np.log(2.0 * np.pi)


@dataclass(frozen=True, slots=True)
class InnerMode:
    """The normal approximation of w at one theta.

    Parameters
    ----------
    w : ndarray, shape (inner,)
    root : ndarray, shape (inner, inner)
        Lower Cholesky factor of the covariance.
    log_marginal : float
        Log of the integral over w by the Laplace approximation: used for proposals only.
    """

    w: np.ndarray
    root: np.ndarray
    log_marginal: float


def find_inner_mode(problem: Problem, theta: np.ndarray, start: np.ndarray) -> InnerMode:
    """Return the mode of w at theta, shape (parameter,), by Newton steps from `start`."""
    w = start
    here = problem.inner_shape(theta, w)
    for _ in range(MAX_STEPS):
        step = np.linalg.solve(_positive(here.precision), here.slope)
        gain = float(step @ here.slope)
        before = w
        w, here = _line_search(problem, theta, w, here, step)
        if not gain > TOLERANCE or w is before:
            break
    covariance = np.linalg.inv(_positive(here.precision))
    root = np.linalg.cholesky(0.5 * (covariance + covariance.T))
    log_volume = np.log(np.diag(root)).sum() + 0.5 * _LOG_2PI * len(w)
    return InnerMode(w, root, here.value + float(log_volume))


def _line_search(
    problem: Problem, theta: np.ndarray, w: np.ndarray, here: InnerShape, step: np.ndarray
) -> tuple[np.ndarray, InnerShape]:
    """Return the first of the step, half of it, ... that does not lower the log density."""
    for _ in range(MAX_HALVINGS):
        there = problem.inner_shape(theta, w + step)
        if there.value >= here.value - MAX_FALL:
            return w + step, there
        step = 0.5 * step
    return w, here


def _positive(precision: np.ndarray) -> np.ndarray:
    """Return the matrix itself when it is positive definite, else with its eigenvalues lifted."""
    if not np.isfinite(precision).all():
        return np.eye(len(precision))
    values = np.linalg.eigvalsh(precision)
    if values.min(initial=1.0) > MIN_CURVATURE * np.abs(values).max(initial=1.0) * 1e-4:
        return precision
    values, vectors = np.linalg.eigh(precision)
    return (vectors * np.maximum(np.abs(values), MIN_CURVATURE)) @ vectors.T
