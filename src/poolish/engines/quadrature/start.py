"""Where the searches begin: a generalised linear model's first step."""

from __future__ import annotations

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.quadrature.problem import Problem
from poolish.spec.model import ModelSpec

START_SD = 0.5
START_AUXILIARY = 2.0
# Of each row's own outcome in the mean that the start is fitted to, until one is possible.
SHARES = (1.0, 0.5, 0.2, 0.05, 0.0)


def starting_point(
    problem: Problem, spec: ModelSpec, design: Design
) -> tuple[np.ndarray, np.ndarray]:
    """Return theta and w: moderate variances, coefficients fitted to the linked outcome.

    Where the fit puts a mean outside its range, it is drawn towards that of the average outcome.
    """
    theta = problem.outer.start(START_SD, START_AUXILIARY)
    means = starting_means(spec, design)
    X = design.main.X @ problem.inner.to_typed
    for share in SHARES:
        drawn = share * means + (1.0 - share) * means.mean()
        target = spec.main.link.link(drawn) - design.main.offset
        w = problem.inner.start(np.linalg.lstsq(X, target, rcond=None)[0])
        if np.isfinite(problem.log_density(theta[None], w[None])[0]):
            break
    return theta, w


def starting_means(spec: ModelSpec, design: Design) -> np.ndarray:
    """Return means near the outcome of each row and inside their range.

    Half a success and half a failure are added to binary rows, as R's `binomial()$initialize`
    does; outcomes that must be positive are drawn towards their mean.
    """
    response = design.response
    if spec.family.response_kind in ("binary", "binomial"):
        trials = 1.0 if response.trials is None else response.trials
        return (response.y + 0.5) / (trials + 1.0)
    if spec.family.response_kind == "proportion":
        return response.y
    rate = 1.0 if response.rate is None else response.rate
    return (response.y + response.y.mean() + 0.1) / (2.0 * rate)
