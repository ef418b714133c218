"""How far the posterior moves when a prior, or the likelihood, counts a little more or less."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy.special import softmax

from poolish.posterior import Posterior
from poolish.predict.pointwise import log_likelihood
from poolish.spec.build import spec_priors
from poolish.spec.distributions import log_density
from poolish.summaries.numbers import Format
from poolish.summaries.prior_values import prior_values
from poolish.summaries.scalars import Scalars, collect_scalars
from poolish.summaries.table import TableResult

# Kallioinen et al. (2024), section 2.4: above, a change is worth a look.
NOTABLE = 0.05
_SCALES = (0.99, 1.01)
_FORMATS: dict[str, Format] = {"prior": "share", "likelihood": "share"}


def tabulate_sensitivity(posterior: Posterior) -> TableResult:
    """Return, for each parameter, how sensitive it is to its priors and to the likelihood.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    TableResult
        `prior` and `likelihood`: change of the distribution (cumulative Jensen-Shannon distance)
        per doubling of the power; `most_by`: the prior that moves the parameter most; `reading`.

    References
    ----------
    Kallioinen, Paananen, Bürkner & Vehtari (2024), Detecting and diagnosing prior and likelihood
    sensitivity with power-scaling, Statistics and Computing 34, 57, equations 3 and 10.
    doi:10.1007/s11222-023-10366-5
    """
    scalars = collect_scalars(posterior)
    values = scalars.values.reshape(-1, len(scalars.labels))
    priors = dict(_log_priors(posterior, scalars))
    likelihood = np.asarray(log_likelihood(posterior).values).sum(axis=2).reshape(-1)
    everything = np.sum(list(priors.values()), axis=0) if priors else np.zeros(len(values))
    by_prior = {name: _sensitivity(values, log) for name, log in priors.items()}
    frame = pd.DataFrame(
        {
            "parameter": list(scalars.labels),
            "prior": _sensitivity(values, everything),
            "likelihood": _sensitivity(values, likelihood),
            "most_by": [_strongest(by_prior, k) for k in range(len(scalars.labels))],
        }
    )
    frame["reading"] = [
        _read(prior, data) for prior, data in zip(frame["prior"], frame["likelihood"], strict=True)
    ]
    return TableResult(
        frame,
        "Prior sensitivity by power scaling",
        f"change per doubling of the power; {NOTABLE} and more is worth a look; group effects "
        "count as likelihood",
        _FORMATS,
    )


def _strongest(by_prior: Mapping[str, np.ndarray], k: int) -> str:
    """Return the prior that moves parameter `k` most; empty without proper priors."""
    return max(by_prior, key=lambda name: float(by_prior[name][k]), default="")


def _read(prior: float, likelihood: float) -> str:
    if not prior >= NOTABLE:
        return "the data decide"
    return "prior and data disagree" if likelihood >= NOTABLE else "the prior decides"


def _log_priors(posterior: Posterior, scalars: Scalars) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the log density of each proper prior but those of correlations, shape (sample,)."""
    for resolved in spec_priors(posterior.spec):
        values = prior_values(posterior, scalars, resolved)
        if values is not None:
            slot = resolved.slot
            log = log_density(resolved.prior, values, lower=slot.lower, upper=slot.upper)
            yield slot.names[0], np.asarray(log.sum(axis=2).reshape(-1))


def _sensitivity(values: np.ndarray, log: np.ndarray) -> np.ndarray:
    """Return the sensitivity of each quantity, shape (quantity,)."""
    from arviz_stats.base import array_stats

    with warnings.catch_warnings():  # of a few draws it says how many its tail has
        warnings.filterwarnings("ignore", message="Number of tail draws")
        weights = [
            softmax(np.asarray(array_stats.power_scale_lw(log, alpha=alpha)))[None]
            for alpha in _SCALES
        ]
    alphas = {"lower_alpha": _SCALES[0], "upper_alpha": _SCALES[1]}
    return np.array(
        [
            float(array_stats.power_scale_sense(column[None], *weights, **alphas))
            if np.ptp(column) > 0
            else 0.0
            for column in values.T
        ]
    )
