"""How many quadrature nodes a model needs: as few as give the answer of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poolish.engines.exact.proposals import SplitT
from poolish.engines.quadrature.inner_mode import InnerMode
from poolish.engines.quadrature.problem import Problem
from poolish.engines.quadrature.proposals import places

START_NODES = 9
CHOICES = (5, 9, 15, 25, 41)
MANY_NODES = 61
# A log density off by this much where the posterior is moves no mean by 0.01 standard deviations.
GOOD_ERROR = 0.005


@dataclass(frozen=True, slots=True)
class Chosen:
    """A problem with its number of nodes.

    Parameters
    ----------
    problem : Problem
    error : float
        Standard deviation, over the places where the inner modes were found, of the difference
        between the log densities with these nodes and with many.
    """

    problem: Problem
    error: float


def choose_nodes(problem: Problem, around: SplitT, modes: Sequence[InnerMode]) -> Chosen:
    """Return the problem with the fewest nodes whose error is small, or the most there are.

    A constant difference changes no posterior, so only its variation counts. Each place counts by
    its density under the t around the mode.
    """
    if problem.terms.integrated is None:
        return Chosen(problem.with_nodes(1), 0.0)
    theta = places(around)
    w = np.array([mode.w for mode in modes])
    moved = np.array([m.w + m.root @ np.resize([1.0, -1.0], len(m.w)) for m in modes])
    theta, w = np.concatenate([theta, theta]), np.concatenate([w, moved])
    exact = problem.with_nodes(MANY_NODES).log_density(theta, w)
    share = np.exp(exact - exact.max())
    chosen = Chosen(problem, np.inf)
    for n_nodes in CHOICES:
        candidate = problem.with_nodes(n_nodes)
        difference = candidate.log_density(theta, w) - exact
        mean = np.average(difference, weights=share)
        error = float(np.sqrt(np.average((difference - mean) ** 2, weights=share)))
        chosen = Chosen(candidate, error)
        if error < GOOD_ERROR:
            break
    return chosen
