"""The draws of what each prior is a prior of."""

from __future__ import annotations

import numpy as np

from poolish.posterior import Posterior
from poolish.spec.distributions import DISTRIBUTIONS
from poolish.spec.model import PredictorSpec
from poolish.spec.priors import ResolvedPrior
from poolish.summaries.scalars import Scalars

_WITHOUT_DENSITY = ("point", "correlation")


def prior_values(
    posterior: Posterior, scalars: Scalars, resolved: ResolvedPrior
) -> np.ndarray | None:
    """Return the draws that a prior applies to, shape (chain, draw, element).

    One element, or each threshold. Those of an intercept and of thresholds are at average
    predictors where the prior is. None for a prior without a density of its own (flat, constant,
    of a correlation).

    Parameters
    ----------
    posterior : Posterior
    scalars : Scalars
        Coefficients, sds and family parameters.
    resolved : ResolvedPrior
    """
    name, distribution = resolved.slot.names[0], resolved.prior.distribution
    if distribution == "flat" or DISTRIBUTIONS[distribution].support in _WITHOUT_DENSITY:
        return None
    if name in posterior.spec.lengths:
        return np.asarray(
            posterior.draws[name].values - _at_average(posterior, posterior.spec.main)[..., None]
        )
    if name not in scalars.labels:
        return None
    values = scalars.values[:, :, scalars.labels.index(name), None]
    for predictor in posterior.spec.predictors.values():
        is_own = name == f"{predictor.variable('b')}[Intercept]"
        if is_own and predictor.intercept_at == "average":
            return np.asarray(values + _at_average(posterior, predictor)[..., None])
    return values


def _at_average(posterior: Posterior, spec: PredictorSpec) -> np.ndarray:
    """Return what the predictors add at their average, but for the intercept, (chain, draw)."""
    sizes = posterior.draws.sizes
    if not spec.coefs:
        return np.zeros((sizes["chain"], sizes["draw"]))
    average = posterior.design.predictors[spec.parameter].X.mean(axis=0)
    slopes = np.where(np.array(spec.coefs) == "Intercept", 0.0, average)
    return np.asarray(posterior.draws[spec.variable("b")].values @ slopes)
