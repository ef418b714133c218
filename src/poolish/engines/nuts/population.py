"""Population-level coefficients: sampled centred and scaled, reported as typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from poolish.design.arrays import PredictorDesign
from poolish.engines.nuts.priors import LOCATIONS, ROWS, can_rescale, declare, rescale
from poolish.engines.nuts.tensors import Tensor, times
from poolish.spec.model import PredictorSpec


@dataclass(frozen=True, slots=True)
class Standardization:
    """How the predictors are moved and scaled inside: `(x - mean) / scale`.

    Parameters
    ----------
    X : ndarray, shape (obs, slope)
        Standardized columns.
    mean : ndarray, shape (slope,)
        Column means; zeros without an intercept, which has to take them up.
    scale : ndarray, shape (slope,)
        Standard deviations, or root mean squares without an intercept; 1 for constant columns
        and for a coefficient whose prior cannot be rescaled.
    """

    X: np.ndarray
    mean: np.ndarray
    scale: np.ndarray


def standardize(predictor: PredictorSpec, arrays: PredictorDesign) -> Standardization:
    """Return the slopes' columns on the scale they are sampled on."""
    first = int(predictor.has_intercept)
    slopes = arrays.X[:, first:]
    mean = slopes.mean(axis=0) if first else np.zeros(slopes.shape[1])
    size = np.sqrt(np.mean((slopes - mean) ** 2, axis=0))
    can = np.array([can_rescale(prior) for prior in predictor.priors[first:]], dtype=bool)
    scale = np.where((size > 0) & can, size, 1.0)
    return Standardization((slopes - mean) / scale, mean, scale)


@dataclass(frozen=True, slots=True)
class Coefs:
    """The population part of a predictor.

    Parameters
    ----------
    eta : Tensor, shape (obs,) or () when there is only an intercept
    values : Mapping of str to Tensor
        Each coefficient as typed, by its label.
    """

    eta: Tensor
    values: Mapping[str, Tensor]


def add_coefs(
    predictor: PredictorSpec, arrays: PredictorDesign, *, dim: str, start: float | None
) -> Coefs:
    """Return `X b` and its coefficients.

    Parameters
    ----------
    predictor : PredictorSpec
    arrays : PredictorDesign
    dim : str
        Dimension of the coefficients, already a coordinate of the open model.
    start : float or None
        Where the intercept starts, at average predictors.

    Notes
    -----
    With `(x - mean) / scale` as columns, the slopes sampled are `scale b` and the intercept is
    `b[Intercept] + mean' b`. Both maps have a Jacobian that does not depend on the parameters, so
    that a prior on `b` is carried over exactly: to `scale b` by rescaling its arguments, to the
    centred intercept by moving its location by `mean' b`.
    """
    if not predictor.coefs:
        return Coefs(pt.zeros(()), {})
    eta, b = _add_parts(predictor, arrays, dim, start)
    pm.Deterministic(predictor.variable("b"), b, dims=dim)
    return Coefs(eta, {label: b[k] for k, label in enumerate(predictor.coefs)})


def _add_parts(
    predictor: PredictorSpec, arrays: PredictorDesign, dim: str, start: float | None
) -> tuple[Tensor, Tensor]:
    """Return `X b` and b."""
    if predictor.coefs == ("Intercept",):
        intercept = declare(_intercept_name(predictor), predictor.priors, initial=start)
        return intercept, intercept[None]
    standard = standardize(predictor, arrays)
    scaled = _add_slopes(predictor, standard, dim)
    slopes, eta = scaled / standard.scale, times(standard.X, scaled)
    if not predictor.has_intercept:
        return eta, slopes
    shift = pt.sum(scaled * (standard.mean / standard.scale))
    intercept = _add_intercept(predictor, shift, start)
    return intercept + eta, pt.concatenate([(intercept - shift)[None], slopes])


def _add_slopes(predictor: PredictorSpec, standard: Standardization, dim: str) -> Tensor:
    first = int(predictor.has_intercept)
    priors = [
        rescale(prior, float(scale)) if can_rescale(prior) else prior
        for prior, scale in zip(predictor.priors[first:], standard.scale, strict=True)
    ]
    pm.modelcontext(None).add_coord(f"{dim}_scaled", predictor.coefs[first:])
    return declare(f"{predictor.variable('b')}_scaled", priors, dims=f"{dim}_scaled")


def _intercept_name(predictor: PredictorSpec) -> str:
    return predictor.variable("b").replace("b", "Intercept", 1)


def _add_intercept(predictor: PredictorSpec, shift: Tensor, start: float | None) -> Tensor:
    """Return the intercept at average predictors; `shift` is what they add to that at zero."""
    prior, name = predictor.priors[0], _intercept_name(predictor)
    if predictor.intercept_at == "average" or prior.distribution == "flat":
        return declare(name, [prior], initial=start)
    if prior.distribution not in LOCATIONS:
        return declare(f"{name}_at_zero", [prior]) + shift
    row, at = ROWS[prior.distribution], LOCATIONS[prior.distribution]
    keywords = map(str, row.keywords)
    arguments: dict[str, Any] = dict(zip(keywords, prior.arguments, strict=True))
    arguments[str(row.keywords[at])] = prior.arguments[at] + shift
    options = {} if start is None else {"initval": start}
    return getattr(pm, row.distribution)(name, **arguments, **options)
