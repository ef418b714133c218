"""Where sampling starts: an intercept that puts the model where the data are."""

from __future__ import annotations

import numpy as np

from poolish.design.arrays import Design, ResponseDesign
from poolish.spec.model import ModelSpec, PredictorSpec

# Kinds of response whose main parameter is their mean, or a location near it.
_MEAN_KINDS = frozenset({"real", "positive", "count", "binary", "binomial", "proportion"})


def intercept_start(spec: ModelSpec, predictor: PredictorSpec, design: Design) -> float | None:
    """Return the link of the mean response, less the mean offset; None where that says nothing.

    Parameters
    ----------
    spec : ModelSpec
    predictor : PredictorSpec
    design : Design
    """
    is_main = predictor is spec.main and spec.family.response_kind in _MEAN_KINDS
    if not is_main or not predictor.has_intercept:
        return None
    offset = design.predictors[predictor.parameter].offset
    with np.errstate(all="ignore"):
        mean = np.asarray(_mean(spec, design.response), dtype=float)
        start = float(predictor.link.link(mean) - offset.mean())
    return start if np.isfinite(start) else None


def _mean(spec: ModelSpec, response: ResponseDesign) -> float:
    y = response.y if spec.family.main_scale is None else spec.family.main_scale(response)
    if response.trials is not None:
        return float((y.sum() + 0.5) / (response.trials.sum() + 1.0))
    if response.rate is not None:
        return float(y.sum() / response.rate.sum())
    return float(np.mean(y))
