"""The mean of the response over the population distribution of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import scipy
from scipy.special import ndtri

from poolish.design.arrays import ResponseDesign
from poolish.predict.blocks import Block
from poolish.predict.effects import effect_variance

# A linear combination of normal effects is normal, so each linear predictor needs one dimension
# only, whatever the number of groups and effects. On the whole line the trapezoidal rule with
# normal weights errs by exp(-2 pi d / h), d the distance of the nearest pole from the real axis
# (Trefethen & Weideman 2014, SIAM Review 56, theorem 5.1, doi:10.1137/130932132). The logistic
# curve has d = pi / sd, so the step h shrinks with the sd: here the error is below 1e-15, for
# complementary log-log 3e-9, for Cauchit 4e-6. Gauss-Hermite nodes would be as dense as this at
# their centre and wasted in the tails.
_STEP = 0.5
# Normal weights beyond are below 1e-10; exp(sd z) has its bulk around sd, so it reaches further.
_REACH = 6.5
_MOST_EXTRA_REACH = 8.0
_MOST_NODES = 1001
# For two predictors with groups: the error of the logistic curve is then 3e-9.
_COARSE_STEP = 1.0
# For more, as of a categorical outcome of four levels: quasi-random points, with errors of 1e-3.
_MOST_PRODUCT, _N_POINTS = 2, 1024


def marginal_mean(block: Block, response: ResponseDesign) -> np.ndarray:
    """Return the mean of the response, averaged over the groups that are to be integrated out.

    Quadrature for each draw and row; without such groups, the plain mean.

    Parameters
    ----------
    block : Block
        With linear predictors at zero for the groups that are integrated out.
    response : ResponseDesign

    Returns
    -------
    ndarray, shape (sample, obs)
    """
    spread = _spreads(block)
    total = np.zeros_like(next(iter(block.linear.values())))
    for weight, node in _nodes(spread):
        moved = {name: spread[name] * x for name, x in node.items()}
        total += weight * block.spec.family.mean(_parameters(block, moved), response)
    return total


def marginal_parameter(block: Block) -> np.ndarray:
    """Return the main parameter averaged over the groups that are to be integrated out.

    Returns
    -------
    ndarray, shape (sample, obs)
    """
    main = block.spec.main.parameter
    spread = {name: sd for name, sd in _spreads(block).items() if name == main}
    total = np.zeros_like(block.linear[main])
    for weight, node in _nodes(spread):
        moved = {name: spread[name] * x for name, x in node.items()}
        total += weight * _parameters(block, moved)[main]
    return total


def _parameters(block: Block, moved: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the family's parameters with some linear predictors moved."""
    linear = {name: eta + moved.get(name, 0.0) for name, eta in block.linear.items()}
    return replace(block, linear=linear).parameters


def _spreads(block: Block) -> dict[str, np.ndarray]:
    """Return, by parameter, the sd of the linear predictor between groups."""
    variances = {
        name: [effect_variance(g, block.draws) for g in p.groups if g.policy == "integrate"]
        for name, p in block.rows.predictors.items()
    }
    return {name: np.sqrt(np.sum(parts, axis=0)) for name, parts in variances.items() if parts}


def _nodes(spread: Mapping[str, np.ndarray]) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield weights and standard normal values, one for each predictor; one empty node for none."""
    if len(spread) > _MOST_PRODUCT:
        for z in ndtri(scipy.stats.qmc.Sobol(len(spread), rng=0).random(_N_POINTS)):
            yield 1.0 / _N_POINTS, dict(zip(spread, z.tolist(), strict=True))
        return
    step = _STEP if len(spread) < 2 else _COARSE_STEP
    rules = [normal_rule(float(sd.max(initial=0.0)), step=step) for sd in spread.values()]
    for nodes in product(*rules):
        weight = float(np.prod([w for w, _ in nodes]))
        yield weight, dict(zip(spread, (z for _, z in nodes), strict=True))


def normal_rule(sd: float, *, step: float = _STEP) -> list[tuple[float, float]]:
    """Return weights and nodes of the trapezoidal rule for means over a standard normal.

    Parameters
    ----------
    sd : float
        What the nodes will be multiplied by; the larger, the more nodes.
    step : float
        Between nodes, where `sd` is at most 1.

    Examples
    --------
    >>> round(sum(weight * node**2 for weight, node in normal_rule(1.0)), 8)
    1.0
    """
    reach = _REACH + min(sd, _MOST_EXTRA_REACH)
    n_nodes = min(_MOST_NODES, 2 * int(np.ceil(reach * max(1.0, sd) / step)) + 1)
    z = np.linspace(-reach, reach, n_nodes)
    w = np.exp(-0.5 * z**2)
    return list(zip((w / w.sum()).tolist(), z.tolist(), strict=True))
