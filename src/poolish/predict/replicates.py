"""Replicated responses of the fitted rows: some draws only, so that memory stays small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.frame import take_rows
from poolish.posterior import Posterior
from poolish.predict.blocks import iterate_blocks
from poolish.predict.policies import Groups, parse_policies
from poolish.predict.rows import collect_rows
from poolish.spec.families.additions import log_density, sample
from poolish.spec.families.graph import take_rows as take_response
from poolish.spec.family import Parameters


def iterate_parameters(
    posterior: Posterior,
    *,
    n_draws: int,
    groups: Groups = "observed",
    seed: int = 0,
    rows: np.ndarray | None = None,
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
    rows : ndarray of int, optional
        Positions of some fitted rows; all when left out.

    Yields
    ------
    where : slice
        Places among the chosen draws.
    parameters : Mapping of str to ndarray, shape (draw, obs) or (draw, element)
    """
    table = None if rows is None else take_rows(posterior.table, rows)
    found = collect_rows(posterior, table, parse_policies(posterior.spec, groups))
    last = found.n_samples - 1
    chosen = np.unique(np.linspace(0, last, min(n_draws, found.n_samples)).astype(int))
    done = 0
    for block in iterate_blocks(posterior.spec, found, np.random.default_rng(seed)):
        start = block.draws.start
        inside = chosen[(chosen >= start) & (chosen < block.draws.stop)] - start
        if len(inside):
            parameters = {name: values[inside] for name, values in block.parameters.items()}
            yield slice(done, done + len(inside)), parameters
            done += len(inside)


def replicate(
    posterior: Posterior,
    *,
    n_draws: int = 500,
    groups: Groups = "observed",
    seed: int = 0,
    rows: np.ndarray | None = None,
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
    rows : ndarray of int, optional
        Positions of some fitted rows; all when left out.
    """
    rng = np.random.default_rng([seed, 1])
    response = fitted_response(posterior, rows)
    family = posterior.spec.family
    parts = [
        sample(family, rng, parameters, response)
        for _, parameters in iterate_parameters(
            posterior, n_draws=n_draws, groups=groups, seed=seed, rows=rows
        )
    ]
    return np.concatenate(parts)


def replicate_densities(
    posterior: Posterior, *, n_draws: int = 500, rows: np.ndarray | None = None
) -> np.ndarray:
    """Return the log density of fitted rows in the draws of `replicate`, shape (draw, obs).

    Parameters
    ----------
    posterior : Posterior
    n_draws : int
    rows : ndarray of int, optional
        Positions of some fitted rows; all when left out.
    """
    response, family = fitted_response(posterior, rows), posterior.spec.family
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        parts = [
            np.broadcast_to(
                log_density(family, response.y, parameters, response),
                (where.stop - where.start, len(response.y)),
            )
            for where, parameters in iterate_parameters(posterior, n_draws=n_draws, rows=rows)
        ]
    return np.concatenate(parts)


def fitted_response(posterior: Posterior, rows: np.ndarray | None) -> ResponseDesign:
    """Return the response of some fitted rows, or of all."""
    response = posterior.design.response
    return response if rows is None else take_response(response, rows)


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
