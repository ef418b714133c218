"""The mean of the response over the population distribution of groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.predict.blocks import Block
from poolish.predict.effects import effect_variance

# A linear combination of normal effects is normal, so each linear predictor needs one dimension
# only, whatever the number of groups and effects.
N_NODES = 41


def marginal_mean(block: Block, response: ResponseDesign) -> np.ndarray:
    """Return the mean of the response, averaged over the groups that are to be integrated out.

    Gauss-Hermite quadrature for each draw and row; without such groups, the plain mean.

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
    for weight, node in _nodes(tuple(spread)):
        moved = {name: spread[name] * x for name, x in node.items()}
        total += weight * block.spec.family.mean(_parameters(block, moved), response)
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


def _nodes(names: tuple[str, ...]) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield weights and standard normal values of the named predictors; one empty node for none."""
    x, w = np.polynomial.hermite_e.hermegauss(N_NODES)
    one = list(zip((w / w.sum()).tolist(), x.tolist(), strict=True))
    for nodes in product(one, repeat=len(names)):
        weight = float(np.prod([w for w, _ in nodes]))
        yield weight, dict(zip(names, (x for _, x in nodes), strict=True))
