"""What the checks look at, each computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.special import ndtri

from poolish.design.arrays import Design
from poolish.formula.terms import Formula
from poolish.posterior import Posterior
from poolish.predict.replicates import fitted_means, replicate
from poolish.spec.family import Family
from poolish.summaries.diagnosis import Diagnosis, diagnose
from poolish.summaries.quantile_residuals import censor_replicates, rank_among
from poolish.summaries.scalars import Scalars, collect_scalars

N_REPLICATES = 400


@dataclass(frozen=True, slots=True)
class Case:
    """A fit on the doctor's table.

    Parameters
    ----------
    posterior : Posterior
    diagnosis : Diagnosis
    scalars : Scalars
        Coefficients, sds, correlations, family parameters.
    stats : xarray.Dataset
        Statistics of the sampler.
    replicates : ndarray, shape (draw, obs)
    mean, variance : ndarray, shape (obs,)
        Of each fitted row, averaged over draws.
    scores : ndarray, shape (obs,)
        Normal scores of the quantile residuals.
    """

    posterior: Posterior
    diagnosis: Diagnosis
    scalars: Scalars
    stats: xr.Dataset
    replicates: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    scores: np.ndarray

    @property
    def design(self) -> Design:
        """Return the arrays that were fitted."""
        return self.posterior.design

    @property
    def y(self) -> np.ndarray:
        """Return the outcome."""
        return self.posterior.design.response.y

    @property
    def family(self) -> Family:
        """Return the response family."""
        return self.posterior.spec.family

    @property
    def formula(self) -> Formula:
        """Return the formula."""
        return self.posterior.spec.formula

    @property
    def pearson(self) -> np.ndarray:
        """Return the Pearson residuals, shape (obs,)."""
        sd = np.sqrt(np.maximum(self.variance, np.finfo(float).tiny))
        return np.asarray((self.y - self.mean) / sd)

    @property
    def is_usable(self) -> bool:
        """Return whether the draws say enough of the posterior to judge the model by it."""
        rhat = self.diagnosis.worst("R-hat")
        return bool(np.isfinite(self.scalars.values).all()) and (rhat is None or rhat < 1.2)

    def draws_of(self, label: str) -> np.ndarray:
        """Return the draws of a scalar, shape (chain, draw)."""
        return np.asarray(self.scalars.values[:, :, self.scalars.labels.index(label)])


def open_case(posterior: Posterior, *, seed: int = 0) -> Case:
    """Return what the checks look at."""
    children = posterior.tree.children
    stats = children["sample_stats"].to_dataset() if "sample_stats" in children else xr.Dataset()
    with np.errstate(all="ignore"):
        replicates = replicate(posterior, n_draws=N_REPLICATES, seed=seed)
        mean, variance = fitted_means(posterior, n_draws=N_REPLICATES)
    rng = np.random.default_rng([seed, 2])
    response = posterior.design.response
    return Case(
        posterior,
        diagnose(posterior),
        collect_scalars(posterior),
        stats,
        replicates,
        mean,
        variance,
        np.asarray(ndtri(rank_among(response.y, censor_replicates(response, replicates), rng))),
    )
