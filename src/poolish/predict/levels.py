"""The probability of each level of an ordinal or categorical outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xarray as xr

from poolish.design.arrays import ResponseDesign
from poolish.errors import UnsupportedError
from poolish.posterior import Posterior
from poolish.spec.family import Family, Parameters


def level_indicators(posterior: Posterior) -> dict[str, Posterior]:
    """Return, for each level of an ordinal or categorical outcome, the fit of its indicator.

    The mean of an indicator is the probability of the level; other families have none.
    """
    family = posterior.spec.family
    if family.probabilities is None:
        return {}
    return {
        level: replace(posterior, spec=replace(posterior.spec, family=_indicator(family, k)))
        for k, level in enumerate(posterior.design.response.levels)
    }


def by_level(posterior: Posterior, mean: Callable[[Posterior], xr.DataArray]) -> xr.DataArray:
    """Return the probability of every level, along a dimension `level`.

    Parameters
    ----------
    posterior : Posterior
    mean : callable
        The mean of the outcome that a fit predicts.

    Raises
    ------
    UnsupportedError
        If the outcome has no levels.
    """
    indicators = level_indicators(posterior)
    if not indicators:
        raise UnsupportedError(
            f"a {posterior.spec.family.name} outcome has no levels to give probabilities of",
            given='kind="probability"',
            expected="an ordinal or categorical outcome",
            fix='ask for `kind="mean"`, which of outcomes 0 and 1 is the probability',
        )
    parts = [mean(indicator) for indicator in indicators.values()]
    joined = xr.concat(parts, dim=xr.Variable("level", list(indicators)), join="override")
    return joined.transpose(..., "level").rename("probability")


def _indicator(family: Family, k: int) -> Family:
    probabilities = family.probabilities
    assert probabilities is not None

    def mean(parameters: Parameters, response: ResponseDesign) -> np.ndarray:
        return np.asarray(probabilities(parameters, response)[..., k])

    return replace(family, mean=mean, response_kind="binary")
