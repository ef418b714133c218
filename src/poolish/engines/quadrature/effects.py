"""Draws of the integrated effects from their conditional given theta and w, group by group.

The values at the nodes of the quadrature give a density that is close to the conditional and easy
to draw from; independence Metropolis-Hastings steps between such draws remove what difference is
left.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from poolish.engines.quadrature.integral import NodeValues
from poolish.engines.quadrature.lines import Line
from poolish.engines.quadrature.piecewise import piecewise_log
from poolish.engines.quadrature.problem import Evaluated, Problem
from poolish.engines.quadrature.rows import integrand
from poolish.engines.quadrature.tilted import tilted_normal

# A share r of refused moves means a total variation of about r, and of r^(k + 1) after k moves;
# moves are made until that is below the limit for each group.
MAX_VARIATION, MAX_MOVES = 2e-4, 30


class EasyDensity(Protocol):
    """Densities of the effects, one per group and value."""

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return one draw per group and value, and its log density up to a constant of each."""

    def take(self, groups: np.ndarray) -> Self:
        """Return the densities of some groups."""


def draw_effects(
    rng: np.random.Generator, problem: Problem, found: Evaluated, values: np.ndarray
) -> np.ndarray:
    """Return one draw of every level's standard normal effect, shape (value, level).

    Parameters
    ----------
    rng : Generator
    problem : Problem
        With a term that is integrated.
    found : Evaluated
        Of this problem, at some values of theta and w.
    values : ndarray of int
        Which of these values to draw at.
    """
    # Levels without rows keep their prior.
    v = rng.standard_normal((len(values), problem.n_integrated_levels))
    with np.errstate(all="ignore"):
        line = found.line.take(values)
        proposal = _approximation(problem, found.nodes.take(values), line)
        if problem.full is not problem.merged:
            proposal = proposal.take(problem.classes)
            natural, beta = found.natural.take(values), found.beta[:, values]
            line = problem.full.rows.line(problem.predictors(problem.full, natural, beta))
        v[:, problem.levels] = walk(rng, line, proposal).T
    return v


def _approximation(problem: Problem, nodes: NodeValues, line: Line) -> EasyDensity:
    """Return the density of each merged group's effect, nearly."""
    if problem.merged.rows.support is None:
        return tilted_normal(nodes)
    return piecewise_log(line, nodes.centres)


def walk(rng: np.random.Generator, line: Line, proposal: EasyDensity) -> np.ndarray:
    """Return the ends of independence chains, one per group and value."""
    current, log_proposal = proposal.draw(rng)
    log_weight = integrand(line, current) - log_proposal
    for n_moves in range(1, MAX_MOVES + 1):
        v, log_proposal = proposal.draw(rng)
        proposed = integrand(line, v) - log_proposal
        chance = np.exp(np.minimum(proposed - log_weight, 0.0))
        is_moving = rng.random(v.shape) < chance
        current = np.where(is_moving, v, current)
        log_weight = np.where(is_moving, proposed, log_weight)
        refused = 1.0 - chance.mean(axis=1)
        if refused.max() ** (n_moves + 1) < MAX_VARIATION:
            break
    return current
