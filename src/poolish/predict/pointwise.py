"""Groups of the tree that are computed on demand: log likelihood, posterior predictive."""

from __future__ import annotations

import numpy as np
import xarray as xr

from poolish.posterior import Posterior, response_name, with_group
from poolish.predict.blocks import iterate_blocks
from poolish.predict.policies import parse_policies
from poolish.predict.predict import as_data_array, predict
from poolish.predict.rows import PredictionRows, collect_rows
from poolish.spec.families.additions import log_density


def log_likelihood(posterior: Posterior) -> xr.DataArray:
    """Return the log density of each fitted row, dims (chain, draw, obs).

    Given the group effects; by the family's own density, in NumPy, with censoring, truncation and
    weights.
    """
    rows = collect_rows(posterior, None, parse_policies(posterior.spec, "observed"))
    values = row_log_likelihood(posterior, rows)
    return as_data_array(values, posterior, rows, name=response_name(posterior.design))


def row_log_likelihood(posterior: Posterior, rows: PredictionRows) -> np.ndarray:
    """Return the log density of each fitted row, shape (sample, obs), whatever the draws are."""
    response = posterior.design.response
    values = np.empty((rows.n_samples, rows.shape[2]))
    family = posterior.spec.family
    # A density too small for a double has the logarithm -inf.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for block in iterate_blocks(posterior.spec, rows, np.random.default_rng(0)):
            values[block.draws] = log_density(family, response.y, block.parameters, response)
    return values


def with_log_likelihood(posterior: Posterior) -> Posterior:
    """Return the same fit with a group `log_likelihood` in its tree, as `az.loo` needs it."""
    return with_group(posterior, "log_likelihood", log_likelihood(posterior).to_dataset())


def with_posterior_predictive(posterior: Posterior, *, seed: int = 0) -> Posterior:
    """Return the same fit with a group `posterior_predictive` in its tree.

    Parameters
    ----------
    posterior : Posterior
    seed : int
        New observations of the fitted rows come from it.
    """
    draws = predict(posterior, kind="response", groups="observed", seed=seed)
    named = draws.rename(response_name(posterior.design))
    return with_group(posterior, "posterior_predictive", named.to_dataset())
