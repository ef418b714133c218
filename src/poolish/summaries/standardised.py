"""The mean outcome of each group at one reference population: groups compared at equal case mix."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poolish.design.arrays import ResponseDesign
from poolish.frame import Table
from poolish.posterior import Posterior
from poolish.predict.blocks import Block, iterate_blocks
from poolish.predict.policies import Policy, group_names
from poolish.predict.response import response_of_rows
from poolish.predict.rows import PredictionRows, collect_rows
from poolish.summaries.effects import GroupEffects
from poolish.summaries.explained import thin_rows

# Means that are evaluated; with many groups and draws, fewer rows stand for the population.
_MOST_CELLS = 50_000_000
_FEWEST_ROWS, _MOST_ROWS = 20, 500


def standardised_means(
    posterior: Posterior, found: GroupEffects, reference: Table | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean outcome of every group over a reference population, and a typical group's.

    Direct standardisation: each group's effects are put to the same rows; groups of other kinds
    are typical. Counts are per trial, or per unit of `rate()`.

    Parameters
    ----------
    posterior : Posterior
    found : GroupEffects
        A group of the main formula.
    reference : Table or None
        Rows of the reference population; None for those that were fitted. Up to 500 of them,
        evenly spaced, are used.

    Returns
    -------
    values : ndarray, shape (sample, level)
    typical : ndarray, shape (sample,)
    """
    policies: dict[str, Policy] = dict.fromkeys(group_names(posterior.spec), "zero")
    # Integrated groups add nothing to the linear predictor, but have their columns evaluated.
    policies[found.group.name] = "integrate"
    every = collect_rows(posterior, reference, policies)
    cells = _MOST_CELLS // (every.n_samples * max(found.n_levels, 1))
    at_most = int(np.clip(cells, _FEWEST_ROWS, _MOST_ROWS))
    rows, response = thin_rows(every, response_of_rows(posterior, reference), at_most)
    Z = _columns(posterior, rows, found.group.name)
    size = _mean_size(response)
    main, family = posterior.spec.main.parameter, posterior.spec.family
    values = np.empty((rows.n_samples, found.n_levels))
    typical = np.empty(rows.n_samples)

    def mean_at(block: Block, moved: np.ndarray | float) -> np.ndarray:
        linear: Mapping[str, np.ndarray] = {**block.linear, main: block.linear[main] + moved}
        parameters = Block(block.spec, block.rows, block.draws, linear).parameters
        return np.asarray(family.mean(parameters, response).mean(axis=1) / size)

    blocks = list(iterate_blocks(posterior.spec, rows, np.random.default_rng(0)))
    for block in blocks:
        typical[block.draws] = mean_at(block, 0.0)
    for levels, r in found.chunks():
        flat = r.reshape(rows.n_samples, len(levels), -1)
        for block in blocks:
            for place, level in enumerate(levels):
                values[block.draws, level] = mean_at(block, flat[block.draws, place] @ Z.T)
    return values, typical


def _mean_size(response: ResponseDesign) -> float:
    """Return the mean number of trials or units of a row, 1 without."""
    sizes = response.rate if response.trials is None else response.trials
    return 1.0 if sizes is None else float(np.mean(sizes))


def _columns(posterior: Posterior, rows: PredictionRows, group: str) -> np.ndarray:
    names = [g.name for g in posterior.spec.main.groups]
    return rows.predictors[posterior.spec.main.parameter].groups[names.index(group)].Z
