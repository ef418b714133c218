"""Where the searches begin: a generalised linear model's first step."""

from __future__ import annotations

import numpy as np

from poolish.design.arrays import Design
from poolish.engines.quadrature.problem import Problem
from poolish.spec.model import ModelSpec

START_SD = 0.5
START_AUXILIARY = 2.0


def starting_point(
    problem: Problem, spec: ModelSpec, design: Design
) -> tuple[np.ndarray, np.ndarray]:
    """Return theta and w: moderate variances, coefficients fitted to the linked outcome."""
    target = spec.main.link.link(starting_means(spec, design)) - design.main.offset
    b = np.linalg.lstsq(design.main.X @ problem.inner.to_typed, target, rcond=None)[0]
    return problem.outer.start(START_SD, START_AUXILIARY), problem.inner.start(b)


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
