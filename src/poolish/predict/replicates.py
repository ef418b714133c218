"""Replicated responses of the fitted rows: some draws only, so that memory stays small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.posterior import Posterior
from poolish.predict.blocks import iterate_blocks
from poolish.predict.policies import Groups, parse_policies
from poolish.predict.rows import collect_rows
from poolish.spec.families.additions import sample
from poolish.spec.family import Parameters


def iterate_parameters(
    posterior: Posterior, *, n_draws: int, groups: Groups = "observed", seed: int = 0
) -> Iterator[tuple[slice, Parameters]]:
    """Yield the family's parameters for the fitted rows, for evenly spaced draws.

    Parameters
    ----------
    posterior : Posterior
    n_draws : int
        At most this many of all chains together.
    groups : str or Mapping of str to str
        As for `predict`; not `integrate`.
    seed : int
        For new groups.

    Yields
    ------
    where : slice
        Places among the chosen draws.
    parameters : Mapping of str to ndarray, shape (draw, obs) or (draw, element)
    """
    rows = collect_rows(posterior, None, parse_policies(posterior.spec, groups))
    chosen = np.unique(np.linspace(0, rows.n_samples - 1, min(n_draws, rows.n_samples)).astype(int))
    done = 0
    for block in iterate_blocks(posterior.spec, rows, np.random.default_rng(seed)):
        start = block.draws.start
        inside = chosen[(chosen >= start) & (chosen < block.draws.stop)] - start
        if len(inside):
            parameters = {name: values[inside] for name, values in block.parameters.items()}
            yield slice(done, done + len(inside)), parameters
            done += len(inside)


def replicate(
    posterior: Posterior, *, n_draws: int = 500, groups: Groups = "observed", seed: int = 0
) -> np.ndarray:
    """Return new responses of the fitted rows, shape (draw, obs).

    Parameters
    ----------
    posterior : Posterior
    n_draws : int
        At most this many, evenly spaced over all chains.
    groups : str or Mapping of str to str
        As for `predict`.
    seed : int
    """
    rng = np.random.default_rng([seed, 1])
    response = posterior.design.response
    family = posterior.spec.family
    parts = [
        sample(family, rng, parameters, response)
        for _, parameters in iterate_parameters(
            posterior, n_draws=n_draws, groups=groups, seed=seed
        )
    ]
    return np.concatenate(parts)


def fitted_means(
    posterior: Posterior, *, n_draws: int = 500, groups: Groups = "observed"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the posterior mean of each fitted row's mean, and its mean predictive variance.

    Returns
    -------
    mean, variance : ndarray, shape (obs,)
        The variance is that within a draw, averaged over draws.
    """
    response: ResponseDesign = posterior.design.response
    family = posterior.spec.family
    mean, variance, n = np.zeros_like(response.y), np.zeros_like(response.y), 0
    for where, parameters in iterate_parameters(posterior, n_draws=n_draws, groups=groups):
        n += where.stop - where.start
        shape = (where.stop - where.start, len(response.y))
        mean += np.broadcast_to(family.mean(parameters, response), shape).sum(axis=0)
        variance += np.broadcast_to(family.variance(parameters, response), shape).sum(axis=0)
    return mean / n, variance / n
