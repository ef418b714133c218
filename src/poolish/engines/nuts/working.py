"""How much the data tell about each effect at other links than identity, by working weights.

McCullagh & Nelder (1989), Generalized Linear Models, section 2.5: the data of a generalized linear
model inform its linear predictor as a normal working response with weights does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from poolish.design.arrays import Design, GroupDesign, PredictorDesign, ResponseDesign
from poolish.spec.model import ModelSpec

CONFIDENCE = 0.95

# Variance functions of quasi-likelihood by kind of response, up to a dispersion that is estimated.
_VARIANCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "count": lambda mu: mu,
    "binary": lambda mu: mu * (1.0 - mu),
    "binomial": lambda mu: mu * (1.0 - mu),
    "proportion": lambda mu: mu * (1.0 - mu),
    "positive": lambda mu: mu**2,
}


@dataclass(frozen=True, slots=True)
class Working:
    """A response on the scale of the linear predictor, without the offset, and its weights.

    Parameters
    ----------
    y, weights : ndarray, shape (obs,)
    dispersion : float or None
        Variance times weight, 1 for families whose mean gives their variance; None to estimate it.
    """

    y: np.ndarray
    weights: np.ndarray
    dispersion: float | None


def working_response(spec: ModelSpec, design: Design, group: GroupDesign) -> Working | None:
    """Return the working response at each group's own mean, None where that says nothing.

    Parameters
    ----------
    spec : ModelSpec
    design : Design
    group : GroupDesign

    Notes
    -----
    Each group's mean is taken with one unit at the overall mean beside its own, so that none is at
    the end of the range.
    """
    link, response = spec.main.link, design.response
    variance = _VARIANCES.get(spec.family.response_kind)
    offset = design.main.offset
    if variance is None or (offset.any() and link.name != "log"):
        return None
    units = _units(response) * np.exp(offset if link.name == "log" else 0.0)
    level = response.y.sum() / units.sum()
    sums = np.bincount(group.codes, weights=response.y, minlength=group.n_levels)
    sizes = np.bincount(group.codes, weights=units, minlength=group.n_levels)
    mean = ((sums + level) / (sizes + 1.0))[group.codes]
    with np.errstate(all="ignore"):
        eta = link.link(mean)
        slope = link.slope(eta)
        y = eta + (response.y / units - mean) / slope
        weights = units * slope**2 / variance(mean)
    is_known = np.isfinite(y).all() and np.isfinite(weights).all() and (weights > 0).all()
    dispersion = None if len(spec.family.parameters) > 1 else 1.0
    return Working(y, weights, dispersion) if is_known else None


def _units(response: ResponseDesign) -> np.ndarray:
    """Return what each outcome is a sum over: trials, exposure, or one."""
    units = np.ones(len(response.y))
    for values in (response.trials, response.rate):
        units = units if values is None else units * np.maximum(values, 1e-12)
    return units


def working_ratios(
    predictor: PredictorDesign, group: GroupDesign, working: Working
) -> tuple[float, ...]:
    """Return, by effect, a lower limit of its variance between groups over its sampling variance.

    Parameters
    ----------
    predictor : PredictorDesign
    group : GroupDesign
    working : Working

    Notes
    -----
    What X explains is taken out by weighted least squares. An effect's own estimate in a group is
    the weighted slope on its column, less the column's mean there; that of the intercept is the
    weighted mean: what is sampled of a centred intercept is its value at the averages of the
    predictors. The variance between groups is that of DerSimonian & Laird (1986), Controlled
    Clinical Trials 7, 177-188, equation 8, with Q at its lower limit.
    """
    root = np.sqrt(working.weights)
    fitted = np.linalg.lstsq(predictor.X * root[:, None], working.y * root, rcond=None)[0]
    residual = working.y - predictor.X @ fitted
    level = _mean_by_group(group, residual, working.weights)
    left, freedom = residual - level[group.codes], len(residual) - group.n_levels
    columns = [_within(group, column, working.weights) for column in group.Z.T]
    slopes = {}
    for k, column in enumerate(columns):
        if column.any():
            slopes[k] = _slope_by_group(group, column, left, working.weights)
            left = left - slopes[k][0][group.codes] * column
            freedom -= group.n_levels
    if working.dispersion is None and freedom < 1:
        return (0.0,) * group.n_effects
    dispersion = working.dispersion or float(np.sum(working.weights * left**2)) / freedom
    sizes = _sum_by_group(group, working.weights)
    own = [slopes.get(k, (level, sizes)) for k in range(group.n_effects)]
    return tuple(_least_ratio(*each, dispersion) for each in own)


def _sum_by_group(group: GroupDesign, values: np.ndarray) -> np.ndarray:
    return np.bincount(group.codes, weights=values, minlength=group.n_levels)


def _mean_by_group(group: GroupDesign, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    total = np.maximum(_sum_by_group(group, weights), np.finfo(float).tiny)
    return np.asarray(_sum_by_group(group, weights * values) / total)


def _within(group: GroupDesign, column: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return a column less its mean in each group; zeros for a constant."""
    return np.asarray(column - _mean_by_group(group, column, weights)[group.codes]).round(12)


def _slope_by_group(
    group: GroupDesign, column: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return each group's slope and its information; groups without either have 0."""
    information = _sum_by_group(group, weights * column**2)
    products = _sum_by_group(group, weights * column * y)
    is_known = information > 0
    slopes = np.divide(products, information, out=np.zeros_like(products), where=is_known)
    return slopes, information


def _least_ratio(estimates: np.ndarray, information: np.ndarray, dispersion: float) -> float:
    """Return the lower confidence limit of the ratio of an effect's variance to the sampling one.

    With J groups alike in information, Cochran's Q over 1 + ratio is chi-squared with J - 1
    degrees of freedom; unlike ones get the ratio of a group of median information.
    """
    is_known = information > 0
    n_known = int(is_known.sum())
    if n_known < 3 or not dispersion > 0:
        return 0.0
    precision = information[is_known] / dispersion
    total = precision.sum()
    mean = np.sum(precision * estimates[is_known]) / total
    Q = np.sum(precision * (estimates[is_known] - mean) ** 2)
    least = Q / (2.0 * special.gammaincinv((n_known - 1) / 2, 0.5 + CONFIDENCE / 2)) * (n_known - 1)
    between = (least - (n_known - 1)) / (total - np.sum(precision**2) / total)
    return float(max(0.0, between) * np.median(information) / dispersion)
